"""`lpbench baseline`: create, update, list, show, diff, and what they refuse."""

import json
import shutil
from pathlib import Path

import pytest

from lpbench import cli
from lpbench.regression import baselines

pytestmark = pytest.mark.usefixtures("module_in_python")

GRID = ["problem=family_s", "k=4", "dimension=8", "precision=6,8", "steps=200", "seed=range(3)"]
FOLDER = Path("runs/baselines/main") / baselines.platform_class()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)


def run(capsys, *arguments, code=0):
    assert cli.run([str(argument) for argument in arguments]) == code
    return capsys.readouterr()


def test_create_from_a_sweep_list_show_and_diff(capsys):
    run(capsys, "sweep", *GRID, "--name", "demo")
    _, err = run(capsys, "baseline", "create", "main", "--from", "demo")
    assert "baseline main: 6 cells" in err
    assert "lpbench check --baseline main" in err
    assert sorted(file.name for file in FOLDER.iterdir()) == ["cells.parquet", "meta.json"]
    out, _ = run(capsys, "baseline", "list")
    assert "main" in out
    assert baselines.platform_class() in out
    out, _ = run(capsys, "baseline", "show", "main")
    assert " ".join(GRID) in out
    shown = json.loads(run(capsys, "baseline", "show", "main", "--json").out)
    assert (shown["cells"], shown["configurations"], shown["seeds"]) == (6, 2, 3)
    out, _ = run(capsys, "baseline", "diff", "main", "demo")
    assert out.strip() == "2 identical"


def test_diff_with_another_grid_says_what_is_new_and_missing(capsys):
    run(capsys, "baseline", "create", "main", *GRID)
    run(capsys, "baseline", "create", "v2", *GRID[:3], "precision=8,10", *GRID[4:])
    out, _ = run(capsys, "baseline", "diff", "main", "v2")
    assert "precision=10" in out
    assert sorted(out.splitlines()[-1].split(", ")) == ["1 identical", "1 missing", "1 new"]


def test_create_runs_a_grid_and_update_runs_it_again(capsys):
    run(capsys, "baseline", "create", "main", *GRID)
    before = json.loads((FOLDER / "meta.json").read_text())
    assert before["calls"][0]["overrides"] == GRID
    run(capsys, "baseline", "update", "main")
    after = json.loads((FOLDER / "meta.json").read_text())
    assert after["created_at"] > before["created_at"]
    assert {**after, "created_at": ""} == {**before, "created_at": ""}
    assert len(baselines.load("main", Path("runs")).cells) == 6


@pytest.fixture(scope="module")
def made(module_in_python, tmp_path_factory):
    """A folder of sweeps with the sweep `demo` and the baseline `other`."""
    folder = str(tmp_path_factory.mktemp("made"))
    for asked in (["sweep", *GRID, "--name", "demo"], ["baseline", "create", "other", "--from", "demo"]):
        assert cli.run([*asked, "--quiet", "--runs-dir", folder]) == 0
    return folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create"], "lpbench baseline create needs a name"),
        (["create", "main"], "of what?"),
        (["create", "a/b", "--from", "demo"], "baseline name: letters"),
        (["create", "main", "--from", "dmo"], "demo"),
        (["create", "main", "--from", "demo", "precision=4"], "give one of them"),
        (
            ["create", "other", "--from", "demo"],
            "baseline other is there already: lpbench baseline update other",
        ),
        (["update", "mine", "--from", "demo"], "there is no baseline mine to update"),
        (["show", "othr"], "other"),
        (["diff", "other"], "with what?"),
        (["diff", "other", "dmo"], "demo"),
    ],
)
def test_what_is_refused_writes_nothing(capsys, made, arguments, said):
    shutil.copytree(made, "runs")
    before = {file: file.stat().st_mtime_ns for file in Path("runs").rglob("*")}
    _, err = run(capsys, "baseline", *arguments, code=2)
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert {file: file.stat().st_mtime_ns for file in Path("runs").rglob("*")} == before


def test_a_sweep_without_an_ok_cell_is_no_baseline(capsys):
    grid = ["problem=family_s", "k=4", "dimension=8", "algorithm=sgd", "step_size=1e6", "steps=2000"]
    run(capsys, "sweep", *grid, "--name", "bad", code=3)
    _, err = run(capsys, "baseline", "create", "main", "--from", "bad", code=2)
    assert "no cell that is ok" in err
