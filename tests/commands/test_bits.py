"""`lpbench bits` as its user meets it: what is printed where, and with which exit code."""

import csv
import io
import json
import math
import warnings

import pytest
from fake_results import FakeResult, fake_result

from lpbench import cli
from lpbench.store import load_cells

GRID = ["problem=family_q", "dimension=4,8", "steps=50", "limit=1"]
FORMULAS = ["problem=family_s", "k=4,d", "dimension=16,256,4096,65536", "--no-measure"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)


@pytest.fixture
def made_up(monkeypatch):
    """Cells that cost nothing, whose floor halves with every bit; `made_up[bits]` is a status."""
    statuses = {}

    def run_cell(cell, stop=None, timeout=None):
        bits = cell.choices["precision"]
        result = fake_result(cell, statuses.get(bits, "ok"), cell.choices["dimension"] * 2.0**-bits)
        if cell.choices["problem"] == "mlp":  # a point and half of one more in 6 bits than in full precision
            more = 0.0 if cell.choices["format"] == "none" else 0.96 * 2.0**-bits
            error = 0.1 + more + 0.001 * (cell.seed % 2)
            result.row |= {"result": "test_error", "noise_floor": None, "limit": None, "test_error": error}
        return result

    monkeypatch.setattr("lpbench.cells.run.run_cell", run_cell)
    monkeypatch.setattr("lpbench.cells.run.Result", FakeResult)
    return statuses


def lpbench(*arguments, code=0):
    assert cli.run(["bits", "--target", "0.01", *map(str, arguments)]) == code


def cells_of(out):
    """The rows of the printed table, as lists of words."""
    return [line.split() for line in out.splitlines() if line.strip() and line.split()[0].isdigit()]


def test_formulas_alone_print_the_table_and_run_nothing(tmp_path, capsys):
    lpbench(*FORMULAS)
    out, err = capsys.readouterr()
    assert cells_of(out) == [
        line.split()
        for line in (
            "16 4 8 9 9 9 9", "256 4 8 9 9 11 11", "4096 4 8 9 11 13 13", "65536 4 8 9 13 15 15",
            "16 d 9 10 10 9 9", "256 d 11 12 12 11 11", "4096 d 13 14 16 13 13", "65536 d 15 16 20 15 15",
        )
    ]  # fmt: skip
    assert out.startswith("fewest bits that reach an objective gap of 0.01 (family_s, lp_sgd, fixed)")
    assert "k=4: from d = 16 to 65,536, in bits: proven dimension-free +0, earlier +6" in out
    assert "optimistic" in err
    assert "measured" not in out + err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal(made_up, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lpbench(*GRID)
    _, *lines = capsys.readouterr().out.splitlines()  # the title is a sentence, which may wrap
    assert max(map(len, lines)) <= width


def test_measured_bits_stand_beside_the_proofs(made_up, capsys):
    lpbench(*GRID)
    out, err = capsys.readouterr()
    expected = {d: math.ceil(math.log2(d)) for d in (4, 8)}  # the floor is a hundredth of the value
    assert {int(row[0]): int(row[1]) for row in cells_of(out)} == expected
    assert "measured +1" in out
    assert "round 1: 2 combinations" in err
    assert "cells: runs/bits; computed now:" in err
    lpbench(*GRID)
    assert "computed now: 0" in capsys.readouterr().err


def test_json_and_csv_are_data_alone(made_up, capsys):
    lpbench(*GRID, "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["target"] == 0.01
    assert [row["dimension"] for row in found["rows"]] == [4, 8]
    assert all(row["measured"] <= row["dimension_free"] for row in found["rows"])
    assert found["ran"] == len(load_cells("bits"))
    lpbench(*GRID, "--csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["dimension"], row["measured"]) for row in rows] == [
        (str(row["dimension"]), str(row["measured"])) for row in found["rows"]
    ]
    lpbench(*GRID, "--json", "--csv", code=2)


def test_quiet_prints_the_table_alone(made_up, capsys):
    lpbench(*GRID, "--quiet")
    out, err = capsys.readouterr()
    assert len(cells_of(out)) == 2
    assert err == ""


def test_cells_that_end_badly_are_listed_and_the_exit_code_is_3(made_up, capsys):
    made_up[3] = "diverged"
    lpbench(*GRID, code=3)
    out, err = capsys.readouterr()
    assert {int(row[0]): int(row[1]) for row in cells_of(out)} == {4: 4, 8: 4}
    assert err.count("5 of 5 seeds diverged at 3 bits, dimension=") == 2
    lpbench(*GRID, code=3)  # they are stored, and still not good


def test_what_is_missing_is_explained(capsys):
    lpbench("problem=family_s", "step_size=0.1", "format=fixed,block", "--no-measure")
    out, err = capsys.readouterr()
    assert "none" in out
    assert "it takes a step_size below" in err
    assert "no theorem is about format=block" in err


def test_a_format_that_never_gets_there(made_up, capsys):
    made_up.update(dict.fromkeys(range(2, 25), "diverged"))
    lpbench(*GRID, code=3)
    out, err = capsys.readouterr()
    assert [row[1:3] for row in cells_of(out)] == [[">", "24"]] * 2
    assert "24 bits, the most of this format" in err


def test_the_figure_is_drawn_or_refused_before_the_work(made_up, tmp_path, capsys):
    lpbench(*GRID, "--figure", "bits.jpeg", code=2)
    lpbench(*GRID, "--figure", "none/bits.html", code=1)
    assert not (tmp_path / "runs").exists()
    lpbench(*GRID, "--figure", "bits.html")
    assert "figure: bits.html" in capsys.readouterr().err
    assert "bits needed" in (tmp_path / "bits.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["precision=8"], "leave it out"),
        (["algorithm=sgd"], "does not round"),
        (["dimensoin=8"], "Did you mean 'dimension'"),
        (["--seeds", "0"], "seeds"),
    ],
)
def test_wrong_usage(arguments, said, tmp_path, capsys):
    lpbench(*arguments, code=2)
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_target_is_needed(capsys):
    assert cli.run(["bits", "problem=family_s"]) == 2
    assert "--target" in capsys.readouterr().err


NETWORKS = ["--within", "0.01", "problem=mlp", "dataset=digits", "dimension=16,64", "recipe=all"]


def networks(*arguments, code=0):
    assert cli.run(["bits", *NETWORKS, *map(str, arguments)]) == code


@pytest.mark.parametrize("width", [80, 120])
def test_the_bits_of_networks_by_width(made_up, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    networks()
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert out.replace("\n", " ").startswith(
        "fewest bits whose test error is within 0.01 of full precision's (mlp, digits, lp_sgd, fixed, recipe=all)"
    )
    assert max(map(len, lines[2:])) <= width
    assert [row[0] for row in cells_of(out)][:2] == ["16", "64"]
    assert cells_of(out)[0][1:4] == ["0.10050", "±", "0.00019"]
    assert "from width 16 to 64, in bits: +0" in out
    assert "full precision: algorithm=sgd, with the same seeds" in err
    assert "by the mean test error of 8 seeds" in err
    assert "round 1: 2 combinations at 13 bits and in full precision, 32 cells" in err
    networks()
    assert "computed now: 0" in capsys.readouterr().err


def test_networks_as_json_csv_and_figure(made_up, tmp_path, capsys):
    networks("--json", "--figure", "bits.html")
    found = json.loads(capsys.readouterr().out)
    assert (found["metric"], found["within"], found["target"], found["seeds"]) == (
        "test_error",
        0.01,
        None,
        8,
    )
    assert [(row["dimension"], row["measured"]) for row in found["rows"]] == [(16, 7), (64, 7)]
    drawn = (tmp_path / "bits.html").read_text(encoding="utf-8")
    assert "Bits whose test error is within 0.01 of full precision" in drawn
    networks("--csv")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["measured"] for row in rows] == ["7", "7"]


def test_networks_that_end_badly_are_listed_once(made_up, capsys):
    made_up[7] = "diverged"
    networks("format=fixed,block", code=3)
    err = capsys.readouterr().err
    assert err.count("8 of 8 seeds diverged at 7 bits, dimension=16, format=fixed: counted as missing") == 1


def test_networks_are_asked_how_near(capsys):
    assert cli.run(["bits", "problem=mlp"]) == 2
    assert "say one of --within 0.01" in capsys.readouterr().err
    assert cli.run(["bits", "problem=mlp", "--within", "0.01", "--metric", "noise_floor"]) == 2
    assert "networks are by test_error" in capsys.readouterr().err
