import json

import pytest
from fake_results import fake_cell, fake_result

from lpbench import cli, formats
from lpbench.commands._completion import group_options
from lpbench.store import SweepWriter

CELLS = [fake_cell(seed=seed, precision=bits) for bits in (4, 8) for seed in range(2)]


@pytest.fixture
def runs(tmp_path):
    """A folder with the sweep `demo`: four cells, one of them diverged."""
    with SweepWriter(tmp_path / "demo", [{"overrides": ["precision=4,8"]}], 4) as store:
        for cell in CELLS:
            store.put(
                fake_result(cell, "diverged" if cell is CELLS[3] else "ok", float(cell.choices["precision"]))
            )
    return tmp_path


def show(capsys, *arguments, code=0):
    assert cli.run(["show", *map(str, arguments)]) == code
    return capsys.readouterr()


def test_a_sweep(capsys, runs):
    out, err = show(capsys, "demo", "--runs-dir", runs)
    assert "4.0e-02" in out
    assert "8.0e-02 (1 diverged)" in out
    assert "4 cells (3 ok, 1 diverged), done" in err
    found = json.loads(show(capsys, runs / "demo", "--json").out)
    assert found["counts"] == {"ok": 3, "diverged": 1}
    assert found["calls"] == [{"overrides": ["precision=4,8"]}]
    assert [record["noise_floor"] for record in found["noise_floors"]] == [0.04, 0.08]


def test_a_cell_by_the_start_of_its_identity(capsys, runs):
    cell = CELLS[0]
    out = show(capsys, "demo", cell.cell_id[:6], "--runs-dir", runs).out
    assert ["cell_id", cell.cell_id] in [line.split() for line in out.splitlines()]
    assert "bound " not in out  # null
    found = json.loads(show(capsys, "demo", cell.cell_id, "--runs-dir", runs, "--json").out)
    assert found["precision"] == 4
    assert found["trace"]["step"][-1] == 100


def test_a_cell_that_is_not_one(capsys, runs):
    assert "no cell" in show(capsys, "demo", "xyz", "--runs-dir", runs, code=2).err
    assert "4 cells" in show(capsys, "demo", "", "--runs-dir", runs, code=2).err


def test_bad_cells(capsys, runs):
    found = json.loads(show(capsys, "demo", "--bad", "--runs-dir", runs, "--json").out)
    assert [row["cell_id"] for row in found] == [CELLS[3].cell_id]


def test_how_two_cells_differ(capsys, runs):
    pair = [CELLS[0].cell_id, CELLS[2].cell_id]
    rows = json.loads(show(capsys, "demo", "--diff", *pair, "--runs-dir", runs, "--json").out)
    columns = [row["column"] for row in rows]
    assert columns[0] == "precision"
    assert {"noise_floor", "digest"} <= set(columns)
    assert not {"algorithm", "seed", "host"} & set(columns)
    assert rows[0] == {"column": "precision", pair[0]: 4, pair[1]: 8}


def test_a_figure(capsys, runs):
    path = runs / "floor.html"
    assert f"figure: {path}" in show(capsys, "demo", "--runs-dir", runs, "--figure", path).err
    assert path.stat().st_size > 100_000
    assert (
        "ending must be one of"
        in show(capsys, "demo", "--runs-dir", runs, "--figure", runs / "floor.doc", code=2).err
    )


def test_a_format(capsys):
    out = show(capsys, "fp8_e4m3").out
    for text in ("max              448\n", "min_positive     0.001953125\n", "policy ", "values  -448 -416 "):
        assert text in out
    found = json.loads(show(capsys, "fp8_e4m3", "--json").out)
    assert found["values"] == formats.get("fp8_e4m3").values().tolist()
    assert (found["least_spacing"], found["largest_spacing"]) == (2**-9, 32)
    assert found["spacing_at_1"] == 0.125


def test_every_format_can_be_shown(capsys):
    for name in group_options("format"):
        assert "policy" in show(capsys, name).out


def test_how_two_formats_differ(capsys):
    rows = {row[""]: row for row in json.loads(show(capsys, "--diff", "fp8_e4m3", "fp8_e5m2", "--json").out)}
    assert rows["max"] == {"": "max", "fp8_e4m3": "448", "fp8_e5m2": "57344"}
    both = rows["numbers in both"]["fp8_e4m3"]
    assert both + rows["numbers in this alone"]["fp8_e4m3"] == 253
    assert "bits" not in rows


def test_nothing_to_show(capsys):
    assert "unknown format 'fp9'" in show(capsys, "--diff", "fp9", "fp8_e4m3", code=2).err
    assert "belong to a sweep" in show(capsys, "fixed", "--bad", code=2).err
