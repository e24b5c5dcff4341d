import pandas
import pytest
from fake_results import fake_cell, fake_network, fake_result

from lpbench import cli
from lpbench.store import SweepWriter, load_cells, load_tensors, load_traces


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


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tensors(tmp_path, kind):
    with SweepWriter(tmp_path / "demo", [], 2) as store:
        store.put(fake_network(fake_cell(0)))
        store.put(fake_result(fake_cell(1)))
    path = tmp_path / f"out.{kind}"
    export(tmp_path, "-o", path, "--tensors")
    read = pandas.read_csv(path) if kind == "csv" else pandas.read_parquet(path)
    expected = load_tensors(tmp_path / "demo")
    assert list(read.columns) == list(expected.columns)
    for name in ("layer", "role", "numbers"):
        assert read[name].tolist() == expected[name].tolist()
    assert read["snr"].tolist() == pytest.approx(expected["snr"].tolist(), rel=1e-6, nan_ok=True)


def test_tensors_that_are_not_there(runs, capsys):
    export(runs, "--tensors", code=2)
    assert capsys.readouterr().err == (
        "error: demo has no tensors: cells of networks have some, and none that an older lpbench stored\n"
    )
    export(runs, "--tensors", "--traces", code=2)
    assert "two tables" in capsys.readouterr().err
