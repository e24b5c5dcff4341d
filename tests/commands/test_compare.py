"""`lpbench compare`: the table, JSON, csv, figure, and what it refuses."""

import csv
import json
from pathlib import Path

import pytest
from fake_results import fake_cell, fake_result

import lpbench
from lpbench import cli
from lpbench.store import SweepWriter


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder with the sweeps `before`, `after` (twice the floor at 4 bits), `other` (another grid)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    for name, factor in (("before", 1.0), ("after", 2.0)):
        with SweepWriter(Path("runs") / name, [], 6) as store:
            for precision in (4, 8):
                for seed in range(3):
                    floor = (1 + seed) * (factor * (1 + seed / 100) if precision == 4 else 1)
                    store.put(fake_result(fake_cell(seed=seed, precision=precision), value=floor))
    with SweepWriter(Path("runs/other"), [], 1) as store:
        store.put(fake_result(fake_cell(precision=5, dimension=3)))


def run(capsys, *arguments, code=0):
    assert cli.run(["compare", *map(str, arguments)]) == code
    return capsys.readouterr()


def test_the_table(capsys):
    out, err = run(capsys, "before", "after")
    rows = [line.split() for line in out.splitlines() if line.strip().startswith(("4", "8"))]
    assert rows[0][:4] == ["4", "0.0202", "0.0404", "2"]
    assert rows[1][3:7] == ["1", "1", "...", "1"]
    assert err == ""


def test_json_is_the_function(capsys):
    found = json.loads(run(capsys, "before", "after", "--json").out)
    assert found["rows"] == lpbench.compare("before", "after").to_dict(orient="records")
    assert (found["alone_a"], found["alone_b"], found["statuses"]) == (0, 0, [])


def test_csv_and_figure(capsys):
    run(capsys, "before", "after", "--csv", "rows.csv", "--figure", "ratios.html")
    rows = list(csv.DictReader(Path("rows.csv").read_text().splitlines()))
    assert [row["precision"] for row in rows] == ["4", "8"]
    assert float(rows[0]["ratio"]) == pytest.approx(2.0)
    assert "precision 4" in Path("ratios.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("before", "aftr"), "Did you mean 'after'"),
        (("before", "after", "--metric", "flor"), "unknown metric"),
        (("before", "after", "--by", "algoritm"), "Did you mean 'algorithm'"),
        (("before", "other"), "before and other have no configuration in common"),
        (("before", "after", "--figure", "x.doc"), "ending must be one of"),
    ],
)
def test_what_is_refused_is_one_line(capsys, arguments, said):
    _, err = run(capsys, *arguments, code=2)
    assert said in err
    assert len(err.strip().splitlines()) == 1
