import pandas
import pytest
from fake_results import fake_cell, fake_result

from lpbench import cli
from lpbench.store import SweepWriter, load_cells, load_traces


@pytest.fixture
def runs(tmp_path):
    with SweepWriter(tmp_path / "demo", [], 2) as store:
        for seed in range(2):
            store.put(fake_result(fake_cell(seed=seed)))
    return tmp_path


def export(runs, *arguments, code=0):
    assert cli.run(["export", "demo", "--runs-dir", str(runs), *map(str, arguments)]) == code


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("traces", [False, True])
def test_the_file_holds_what_the_sweep_holds(runs, kind, traces):
    path = runs / f"out.{kind}"
    export(runs, "-o", path, *(["--traces"] if traces else []))
    read = pandas.read_csv(path) if kind == "csv" else pandas.read_parquet(path)
    expected = load_traces(runs / "demo") if traces else load_cells(runs / "demo")
    assert list(read.columns) == list(expected.columns)
    assert read["cell_id"].tolist() == expected["cell_id"].tolist()
    name = "objective_gap" if traces else "noise_floor"
    assert read[name].tolist() == pytest.approx(expected[name].tolist(), rel=1e-15)


def test_the_format_may_differ_from_the_ending(runs):
    export(runs, "-o", runs / "out.dat", "--format", "parquet")
    assert len(pandas.read_parquet(runs / "out.dat")) == 2


def test_csv_goes_to_stdout_without_a_file(runs, capfdbinary):
    export(runs)
    lines = capfdbinary.readouterr().out.splitlines()
    assert len(lines) == 3
    assert b'"noise_floor"' in lines[0]


def test_a_folder_that_is_not_there(runs, capsys):
    export(runs, "-o", runs / "none" / "out.csv", code=1)
    assert "no folder" in capsys.readouterr().err
