import json
import subprocess
import sys
from pathlib import Path

import pytest

from lpbench import cli, registry
from lpbench.store import SweepWriter

EXTENSION = Path(__file__).parent.parent / "extension"


def listed(capsys, *arguments):
    assert cli.run(["list", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("kind", ["formats", "algorithms", "problems", "datasets", "executors"])
def test_everything_registered_is_named_and_described(capsys, kind):
    rows = listed(capsys, kind)
    assert [row["name"] for row in rows] == getattr(registry, kind).names()
    for row in rows:
        assert row["version"] >= 1
        assert row["description"], row["name"]


def test_a_users_own_things_are_listed():
    # In a process of its own: what is once registered stays for the tests that follow.
    command = [
        sys.executable,
        "-m",
        "lpbench.cli",
        "list",
        "problems",
        "--json",
        "--config-dir",
        str(EXTENSION),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "toy" in {row["name"] for row in json.loads(done.stdout)}


def test_bounds_state_what_they_bound(capsys, monkeypatch):
    rows = {row["name"]: row for row in listed(capsys, "bounds")}
    assert list(rows) == registry.bounds.names()
    assert rows["1b"]["form"] == "dimension-free"
    assert rows["1b"]["algorithms"] == "lp_sgd, sgd, swalp"
    assert rows["1e"]["bounds"] == "final_gap"
    assert all(row["statement"] for row in rows.values())
    monkeypatch.setenv("COLUMNS", "70")
    assert cli.run(["list", "bounds"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 70
    assert lines[0].endswith("earlier; bounds mean_gap of lp_sgd, sgd, swalp")
    assert len([line for line in lines if not line.startswith(" ")]) == len(rows)


def test_experiments_say_what_they_are(capsys, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\n# My own grid.\ngrid: [seed=1]\n"
    )
    rows = {row["name"]: row for row in listed(capsys, "experiments", "--config-dir", tmp_path)}
    assert {"default", "demo", "mine"} <= set(rows)
    assert rows["mine"]["description"] == "My own grid."


def test_recipes_say_what_they_round(capsys, tmp_path):
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "mine.yaml").write_text(
        "# @package _global_\n# My own,\n# of two lines.\nrecipe: mine\n"
    )
    rows = {row["name"]: row for row in listed(capsys, "recipes", "--config-dir", tmp_path)}
    assert {"all", "ibm8", "mxfp4", "mine"} <= set(rows)
    assert all(row["description"].endswith((".", ").")) for row in rows.values())
    assert rows["mine"]["description"] == "My own, of two lines."
    assert rows["fp8"]["command"] == "lpbench show recipe=fp8 problem=mlp"


def test_sweeps_with_their_state(capsys, tmp_path):
    SweepWriter(tmp_path / "demo", [], 0).close()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    assert cli.run(["list", "sweeps", "--runs-dir", str(tmp_path), "--json"]) == 0
    out, err = capsys.readouterr()
    assert [(row["sweep"], row["cells"], row["state"]) for row in json.loads(out)] == [("demo", 0, "done")]
    assert "broken" in err


def test_for_people_it_is_a_table(capsys):
    assert cli.run(["list", "formats"]) == 0
    assert "fp8_e4m3" in capsys.readouterr().out
