"""`lpbench bounds`, and what `sweep`, `resume` and `show` say of bounds, with planted broken ones."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest
from fake_results import FakeResult, fake_cell, fake_result

from lpbench import cli
from lpbench.registry import bounds as theorems
from lpbench.store import SweepWriter, load_cells
from lpbench.store.folder import CELLS

GRID = ["problem=family_s", "k=4", "dimension=8,16", "precision=6,8", "steps=200"]


def instead(grid, *chosen):
    """The overrides of `grid` with others in place of those of the same keys."""
    keys = {one.partition("=")[0] for one in chosen}
    return [*(one for one in grid if one.partition("=")[0] not in keys), *chosen]


PROVEN = {"bound": 1.0, "bound_kind": "1b", "bound_basis": "certified", "bound_1b": 1.0}
OWN = '''"""A theorem of the user's own."""

from lpbench.theory.theorem import OTHER, SGD, theorem


@theorem("mine", OTHER, SGD)
def mine(s):
    """F <= 1e-9, says the user."""
    return 1e-9
'''


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty folder to run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)


def planted(gap, **columns):
    """Five seeds at 4 bits with this mean gap under a bound of 1, and five at 8 bits that keep their bound."""
    with SweepWriter(Path("runs/demo"), [], 10) as store:
        for bits, value in ((4, gap), (8, 0.5)):
            for seed in range(5):
                result = fake_result(fake_cell(seed=seed, precision=bits))
                result.row |= {**PROVEN, "mean_gap": value, **columns}
                store.put(result)


def run(capsys, *arguments, code=0):
    assert cli.run([str(argument) for argument in arguments]) == code
    return capsys.readouterr()


# -- a grid ------------------------------------------------------------------------------------------------------


def test_constants_and_bounds_of_a_grid(capsys):
    out, err = run(capsys, "bounds", *GRID)
    constants, bounds = out.split("bounds:")
    assert "constants: family_s, k=4" in constants
    assert [line.split() for line in constants.splitlines() if "=0.125" in line] == [
        ["8", "=0.125", "=1", "=0.707", "=2", "=1", "=2"]
    ]
    assert "lp_sgd, fixed, step_size=0.25, steps=200" in bounds
    rows = [line.split() for line in bounds.splitlines() if line.split()[:2] in (["8", "6"], ["16", "8"])]
    assert len(rows) == 2
    assert all(len(row) == 9 for row in rows)
    assert "--why" in err
    assert not list(Path().iterdir())  # nothing is run or written


def test_json_has_every_theorem_and_every_refusal(capsys):
    found = json.loads(run(capsys, "bounds", *GRID, "--json").out)
    assert len(found["constants"]) == 2
    assert found["constants"][0]["constants"]["sigma_1"] == {"value": 2.0, "kind": "exact"}
    assert found["constants"][0]["weights"] == 8
    assert len(found["bounds"]) == 4
    for group in found["bounds"]:
        assert set(group["theorems"]) == set(theorems.names())
        kind = group["theorems"][group["bound_kind"]]
        assert kind["bound"] == group["bound"]
        assert kind["certified"] is True
        assert group["theorems"]["5c"]["refused"] == "theorem 5c: it is about halp, not lp_sgd"
        assert all((one["bound"] is None) != (one["refused"] is None) for one in group["theorems"].values())


def test_csv_on_stdout_and_files_by_their_ending(capsys, tmp_path):
    out, err = run(capsys, "bounds", *GRID, "--csv", "--quiet")
    assert err == ""
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["dimension"] for row in rows] == ["8", "8", "16", "16"]
    assert float(rows[0]["sigma_1"]) == 2.0
    assert rows[0]["L_kind"] == "exact"
    assert rows[0]["bound_5c"] == ""
    out, err = run(capsys, "bounds", *GRID, "-o", tmp_path / "b.csv")
    assert out == ""
    assert "written: " in err
    assert list(csv.DictReader(io.StringIO((tmp_path / "b.csv").read_text()))) == rows
    run(capsys, "bounds", *GRID, "-o", tmp_path / "b.json")
    assert len(json.loads((tmp_path / "b.json").read_text())["bounds"]) == 4


def test_why_groups_equal_reasons(capsys):
    out = run(capsys, "bounds", *GRID, "step_size=1.5/L,3/L,0.1/L", "--why").out
    line = next(line for line in out.splitlines() if "alpha L must be below 1" in line)
    assert "it is 1.5 ... 3" in line
    assert "1a-ii, 1b, 1b-L1, 1c" in line
    assert "8 of 12" in line


def test_all_shows_every_theorem_that_applies_and_names_the_rest(capsys):
    out, err = run(capsys, "bounds", *GRID, "--all")
    header = next(line.split() for line in out.splitlines() if "dim-free" in line)
    assert {"1a-i", "1a-ii", "1b", "1b-L1", "1c"} <= set(header)
    assert "5c" not in header
    assert "L_w" in out
    assert "5c" in next(line for line in err.splitlines() if "do not apply" in line)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_number_is_broken_over_two_lines(capsys, monkeypatch, width):
    whole = run(capsys, "bounds", *GRID, "algorithm=lp_sgd,halp", "--all").out.split()
    monkeypatch.setenv("COLUMNS", str(width))
    out = run(capsys, "bounds", *GRID, "algorithm=lp_sgd,halp", "--all").out
    assert max(map(len, out.splitlines())) <= width
    assert set(whole) - set(out.split()) <= {word for word in whole if set(word) == {"─"}}


def test_a_bound_is_not_shown_where_there_is_none(capsys):
    out, err = run(capsys, "bounds", *instead(GRID, "format=fixed,block", "precision=8"))
    row = next(line.split() for line in out.splitlines() if line.split()[:2] == ["16", "block"])
    assert row[2:] == ["-"] * 7
    assert "2 of 4 cell groups have no bound" in err


def test_cells_that_cannot_be_run_exit_3(capsys):
    out, err = run(capsys, "bounds", *instead(GRID, "precision=8", "step_size=0.25/L,0.25-L"), code=3)
    assert "warning: 2 of 4 cell groups cannot be run: step_size" in err
    assert sum(line.split()[:1] in (["8"], ["16"]) for line in out.split("bounds:")[1].splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["nothing"],
            "unknown sweep 'nothing'. There are no sweeps in runs. (an override is written KEY=VALUE)",
        ),
        (["nothing", "precision=4"], "cannot read override 'nothing'"),
        (["precison=4"], "Did you mean 'precision'?"),
        (["problem=family_s", "dimension=16", "k=3"], "k must be a power of two"),
        ([*GRID, "--max-cells", 3], "the grid has 4 cells, more than --max-cells 3: use --yes"),
        ([*GRID, "--json", "--csv"], "choose one"),
        ([*GRID, "-o", "b.txt"], "the ending must be .json or .csv"),
        (["demo", "--why"], "--why needs overrides"),
        (["--config-dir", "nowhere"], "is not a folder"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments, said):
    out, err = run(capsys, "bounds", *arguments, code=2)
    assert out == ""
    assert err.count("\n") == 1
    assert said in err


def test_a_theorem_of_the_users_own(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own_theorem.py").write_text(OWN)

    def process(*arguments):  # what is registered here would stay for the tests that follow
        command = [sys.executable, "-m", "lpbench.cli", *arguments, "--config-dir", "mine", "--json"]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    listed = {row["name"]: row for row in process("list", "bounds")}
    assert listed["mine"]["statement"] == "F <= 1e-9, says the user."
    (group,) = process("bounds", *instead(GRID, "dimension=8", "precision=6"))["bounds"]
    assert (group["bound"], group["bound_kind"]) == (1e-9, "mine")


# -- a sweep ------------------------------------------------------------------------------------------------------


def test_a_sweep_measured_beside_proven(capsys):
    planted(0.25)
    out, err = run(capsys, "bounds", "demo")
    assert "sweep demo: least_squares, dimension=16, lp_sgd, fixed" in out
    rows = [line.split() for line in out.splitlines() if line.split()[:1] in (["4"], ["8"])]
    assert rows[0][:6] == ["4", "5", "0.250", "1.00", "1b", "0.250"]
    assert "2 of 2 cell groups have a proven bound; measured/proven 0.25 ... 0.5" in err
    assert "none broken" in err


def test_a_broken_bound_exits_5_everywhere(capsys):
    planted(9.0)
    err = run(capsys, "bounds", "demo", code=5).err
    assert (
        "dimension=16 algorithm=lp_sgd format=fixed precision=4 (5 seeds): mean gap 9, proven at most 1 ("
        in err
    )
    assert "lpbench bounds demo" not in err  # that is what was typed
    found = json.loads(run(capsys, "bounds", "demo", "--json", code=5).out)
    assert [group["broken"] for group in found["bounds"]] == [True, False]
    assert found["broken"][0]["precision"] == 4
    rows = list(csv.DictReader(io.StringIO(run(capsys, "bounds", "demo", "--csv", code=5).out)))
    assert [row["broken"] for row in rows] == ["True", "False"]
    assert float(rows[0]["bound_1b"]) == 1.0
    err = run(capsys, "show", "demo", code=5).err
    cell = found["broken"][0]["cell_id"]
    assert f"see: lpbench show demo {cell}" in err
    assert "lpbench bounds demo" in err
    assert (
        json.loads(run(capsys, "show", "demo", "--json", code=5).out)["bounds"]["broken"][0]["cell_id"]
        == cell
    )
    assert "bound" in run(capsys, "show", "demo", cell).out


def test_broken_rows_are_red_on_a_terminal(capsys, monkeypatch):
    planted(9.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = run(capsys, "bounds", "demo", code=5).out
    red = [line for line in out.splitlines() if "\x1b[31m" in line]
    assert len(red) == 1
    assert "9.00" in red[0]


def test_a_sweep_without_bounds(capsys):
    planted(0.5, bound=None, bound_kind=None, bound_basis=None, bound_1b=None)
    out, err = run(capsys, "bounds", "demo")
    assert next(line for line in out.splitlines() if line.split()[:1] == ["4"]).split()[3:7] == ["-"] * 4
    assert "no cell has a proven bound" in err
    assert "bounds:" not in run(capsys, "show", "demo").err


def test_a_sweep_older_than_bounds(capsys):
    planted(0.5)
    path = f"runs/demo/{CELLS}"
    table = pyarrow.parquet.read_table(path)
    old = [name for name in table.column_names if "bound" not in name and name not in ("w_norm", "weights")]
    pyarrow.parquet.write_table(table.select(old), path)
    assert run(capsys, "show", "demo").err.startswith("runs/demo: 10 cells")
    assert json.loads(run(capsys, "bounds", "demo", "--json").out)["groups_with_bound"] == 0


# -- while sweeping ------------------------------------------------------------------------------------------------


@pytest.fixture
def made_up(monkeypatch):
    """Cells that cost nothing, with a bound of 1; `made_up[seed]` are columns of the cells of that seed."""
    columns = {}

    def run_cell(cell, stop=None, timeout=None):
        more = columns.get(cell.choices["seed"], {})
        result = fake_result(cell, more.get("status", "ok"))
        result.row |= {**PROVEN, "mean_gap": 0.5, **more}
        return result

    monkeypatch.setattr("lpbench.cells.run.run_cell", run_cell)
    monkeypatch.setattr("lpbench.cells.run.Result", FakeResult)
    return columns


SWEEP = ["problem=family_q", "dimension=4", "precision=4,8", "seed=range(3)", "steps=50"]


def test_a_sweep_says_how_its_bounds_did(made_up, capsys):
    err = run(capsys, "sweep", *SWEEP).err
    assert (
        "bounds: 2 of 2 cell groups have a proven bound; measured/proven 0.5 ... 0.5 (median 0.5); none broken"
        in err
    )
    assert run(capsys, "sweep", *SWEEP, "--quiet") == ("", "")


def test_a_broken_bound_outranks_bad_cells(made_up, capsys):
    made_up.update({0: {"mean_gap": 1e9}, 1: {"status": "failed", "bound": None, "mean_gap": None}})
    err = run(capsys, "sweep", *SWEEP, code=5).err
    assert err.count("broken bound: ") == 2
    assert "mean gap 5e+08" in err
    assert "next: lpbench show default" in err
    out, err = run(capsys, "sweep", *SWEEP, "--quiet", code=5)
    assert out == ""
    assert err.count("broken bound: ") == 2
    found = json.loads(run(capsys, "sweep", *SWEEP, "--json", code=5).out)
    assert len(found["bounds"]["broken"]) == 2
    assert found["bounds"]["groups_with_bound"] == 2
    assert run(capsys, "resume", "default", code=5).err.count("broken bound: ") == 2


def test_cells_outside_the_plan_are_not_judged(made_up, capsys):
    made_up.update({7: {"mean_gap": 1e9}})
    run(capsys, "sweep", *instead(SWEEP, "seed=7"), code=5)
    assert "none broken" in run(capsys, "sweep", *instead(SWEEP, "precision=6")).err
    assert len(load_cells("runs/default")) == 5
    run(capsys, "show", "default", code=5)


def test_quiet_keeps_what_is_broken_when_all_cells_are_ok(made_up, capsys):
    made_up.update({seed: {"mean_gap": 50.0} for seed in range(3)})
    out, err = run(capsys, "sweep", *SWEEP, "--quiet", code=5)
    assert out == ""
    assert "none broken" not in err
    assert err.count("broken bound: ") == 2
    assert "6 cells" not in err


def test_of_networks_nothing_is_proven(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["bounds", "problem=mlp", "dataset=digits"]) == 2
    assert "problem=mlp: nothing is proven of networks" in capsys.readouterr().err
    grid = ["problem=mlp", "dataset=digits", "dimension=16", "steps=2", "even_points=2"]
    assert cli.run(["sweep", *grid, "--name", "nets", "--quiet"]) == 0
    capsys.readouterr()
    assert cli.run(["bounds", "nets"]) == 2
    assert (
        "sweep nets is of networks, of which nothing is proven: lpbench show nets" in capsys.readouterr().err
    )
    for command in (["show", "nets"], ["compare", "nets", "nets"]):
        assert cli.run([*command, "--metric", "noise_floor"]) == 2
        assert "no cell of nets has a noise_floor; their result is test_error" in capsys.readouterr().err
