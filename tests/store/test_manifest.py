import json

import pytest

from lpbench.errors import StoreError
from lpbench.store.manifest import SCHEMA_VERSION, new_manifest, read_manifest, write_manifest


def test_each_write_raises_the_version(tmp_path):
    manifest = new_manifest("demo")
    write_manifest(tmp_path, manifest)
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path)["version"] == 2
    assert not list(tmp_path.glob("*.tmp"))


def test_no_manifest_is_none(tmp_path):
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"schema": "x"}',
        "\x00\x01",
        '{"schema": 1, "former": [3]}',
        '{"schema": 1, "calls": ["\\ud800"]}',
    ],
)
def test_a_damaged_manifest_is_one_line(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match=r"manifest\.json is damaged") as error:
        read_manifest(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("schema", "word"), [(SCHEMA_VERSION + 1, "newer"), (SCHEMA_VERSION - 1, "older")])
def test_another_schema_is_refused(tmp_path, schema, word):
    (tmp_path / "manifest.json").write_text(json.dumps({"schema": schema}))
    with pytest.raises(StoreError, match=f"written by {word} lpbench"):
        read_manifest(tmp_path)
