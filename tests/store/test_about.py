"""Notes and tags: kept whole, bounded, and never in the way of a sweep."""

import json
import os

import pytest

from lpbench.errors import ConfigError, StoreError
from lpbench.store.about import MOST_NOTE, MOST_TAGS, About, annotate, read_about
from lpbench.store.files import StoreWarning


def test_a_note_and_tags_are_kept_and_taken_away(tmp_path):
    assert read_about(tmp_path) == About()
    annotate(tmp_path, "  Table 2\nof the paper ", ["paper", "größe:8"])
    assert read_about(tmp_path) == About("Table 2\nof the paper", ("paper", "größe:8"))
    annotate(tmp_path, None, ["old", "paper"], ["größe:8"])
    assert read_about(tmp_path) == About("Table 2\nof the paper", ("paper", "old"))
    assert annotate(tmp_path, "") == About("", ("paper", "old")) == read_about(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["about.json"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"note": "x" * (MOST_NOTE + 1)}, "note: at most 4000 characters, got 4001"),
        ({"note": "bad \udcff byte"}, r"note: a text in UTF-8, got '.udcff' at character 5"),
        ({"add": [str(i) for i in range(MOST_TAGS + 1)]}, "tags: at most 32"),
        ({"add": ["two words"]}, "got 'two words'"),
        ({"add": ["a,b"]}, "got 'a,b'"),
        ({"add": [""]}, "got ''"),
        ({"add": ["-x"]}, "got '-x'"),
        ({"add": ["x" * 41]}, "up to 40"),
        ({"add": ["a\n"]}, "got 'a"),
        ({"remove": ["nope"]}, "has no tag 'nope': its tags are good"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(tmp_path, asked, said):
    before = annotate(tmp_path, "kept", ["good"])
    with pytest.raises(ConfigError, match=said) as error:
        annotate(tmp_path, **asked)
    assert "\n" not in str(error.value)
    assert read_about(tmp_path) == before


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"note": 1, "tags": []}', '{"note": "", "tags": [1]}', '{"note": "", "tags": ["a b"]}',
     "\x00\x01", "[" * 10_000, json.dumps({"note": "x" * 5_000, "tags": []}),
     json.dumps({"note": "\ud800", "tags": []})],
)  # fmt: skip
def test_a_damaged_file_is_warned_of_and_set_aside_by_the_next_note(tmp_path, text):
    (tmp_path / "about.json").write_text(text)
    with pytest.warns(StoreWarning, match=r"about\.json is damaged") as warned:
        assert read_about(tmp_path) == About()
    assert "\n" not in str(warned[0].message)
    with pytest.raises(ConfigError):  # which writes nothing
        annotate(tmp_path, None, ["a b"])
    assert (tmp_path / "about.json").read_text() == text
    with pytest.warns(StoreWarning, match=r"it is now about\.json\.damaged"):
        annotate(tmp_path, "anew")
    assert read_about(tmp_path) == About("anew")
    assert (tmp_path / "about.json.damaged").read_text() == text


def test_a_pipe_is_not_waited_for_and_a_tag_counts_once(tmp_path):
    os.mkfifo(tmp_path / "about.json")
    with pytest.warns(StoreWarning, match="no regular file"):
        assert read_about(tmp_path) == About()
    (tmp_path / "about.json").unlink()
    (tmp_path / "about.json").write_text('{"note": "", "tags": ["a", "b", "a"]}')
    assert read_about(tmp_path).tags == ("a", "b")


def test_a_file_that_cannot_be_read_now_is_left_where_it_is(tmp_path, monkeypatch):
    annotate(tmp_path, "kept")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("lpbench.store.about.read_bytes", refuse)
        with pytest.raises(StoreError, match="cannot be read"):
            annotate(tmp_path, "other")
        with pytest.warns(StoreWarning, match="cannot be read"):
            assert read_about(tmp_path) == About()
    assert read_about(tmp_path) == About("kept")
