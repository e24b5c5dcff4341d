"""The page Reproduction: claims, their figures, and what it says where there are none or damaged ones."""

import json

import pytest
from lpbench.dashboard.data.sweeps import NoSweep
from lpbench.dashboard.page import state_of
from lpbench.dashboard.pages import reproduction

from lpbench.claims import reproduce
from lpbench.claims.base import claims


@pytest.fixture
def folder(tmp_path):
    """Two claims, of which one is made to fail."""
    for name in ("bits_flat", "log_log_bits"):
        reproduce.reproduce(claims.get(name)(), tmp_path)
    path = tmp_path / "reproduce" / "log_log_bits" / "claim.json"
    record = json.loads(path.read_text())
    record |= {"verdict": "FAIL", "why": ["too many bits"]}
    record["measures"][0]["passed"] = False
    path.write_text(json.dumps(record))
    return tmp_path


def drawn(folder, **query):
    sweep = NoSweep(folder)
    controls = reproduction.controls(sweep)
    (panel,) = reproduction.draw(sweep, state_of(controls, query), False)
    return panel


def test_a_claim_that_fails_says_why(folder):
    panel = drawn(folder, claim="log_log_bits")
    assert panel.title.startswith("log_log_bits")
    assert panel.notes[0].startswith("FAIL: ")
    assert "too many bits." in panel.notes
    assert panel.figure["data"]


def test_a_claim_is_drawn_with_its_statement_and_its_command(folder):
    panel = drawn(folder, claim="bits_flat")
    assert panel.notes[0] == f"PASS: {claims.get('bits_flat').statement}."
    assert "lpbench reproduce bits_flat" in panel.title
    record = json.loads((folder / "reproduce" / "bits_flat" / "claim.json").read_text())
    assert len(panel.data.rows) == sum(len(line["x"]) for line in record["plot"]["lines"]) > 0


def test_the_table_holds_every_statistic_and_links_every_claim(folder):
    class Store:
        runs_dir = folder

    heading, region = reproduction.body(Store, NoSweep(folder), {}, "/lab/")
    text = str(region.to_plotly_json())
    assert "/lab/reproduction?claim=bits_flat" in text
    assert text.count("'PASS'") == 4
    assert text.count("'FAIL'") == 1
    assert str(heading.to_plotly_json()["props"]["children"]) == "The claims: 1 PASS, 1 FAIL"


def test_without_claims_it_says_what_to_do(tmp_path):
    assert reproduction.controls(NoSweep(tmp_path)) == []
    panel = drawn(tmp_path)
    assert "`lpbench reproduce all`" in panel.notes[0]


@pytest.mark.parametrize(
    ("text", "said"), [("{", "cannot be read"), ("[]", "cannot be read"), ('{"schema": 9}', "schema 9")]
)
def test_damaged_and_newer_files_are_said(folder, text, said):
    (folder / "reproduce" / "bits_flat" / "claim.json").write_text(text)
    notes = drawn(folder).notes
    assert any(said in note and "bits_flat" in note for note in notes)
