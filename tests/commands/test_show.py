import json

import pytest
from fake_results import fake_cell, fake_network, fake_result, fake_tensors

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


NETWORK = fake_cell(problem="mlp")


@pytest.fixture
def networks(tmp_path):
    """A folder with the sweep `demo`: a network whose output stalls, and a cell without tensors."""
    result = fake_network(NETWORK)
    tensors = result.tensors
    stalls = (tensors["role"] == "weights") & (tensors["step"] == 100)
    tensors["stall_rate"][stalls] = [0.2, 0.971]
    tensors["stall_gradient"][stalls] = [0.1, 0.4]
    tensors["stall_decay"][stalls] = [0.0, 1.0]
    with SweepWriter(tmp_path / "demo", [], 2) as store:
        store.put(result)
        store.put(fake_result(CELLS[0]))
    return tmp_path


def test_tensors_of_a_cell(capsys, networks, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    out, err = show(capsys, "demo", NETWORK.cell_id[:6], "--tensors", "--runs-dir", networks)
    lines = out.splitlines()
    assert f"cell {NETWORK.cell_id} after 100 steps" in lines[0]
    (output,) = [line.split() for line in lines if line.split()[:2] == ["output", "weights"]]
    assert "97 % 40 % 100 %" in " ".join(output)
    assert "decay lost" in out
    assert "momentum lost" not in out  # null in every row
    assert lines[-1] == (
        "weights of output: 97 % of updates left the weight where it was; weight decay lost 100 % of what it moved"
    )
    assert err == ""


def test_of_many_findings_the_worst_are_printed(capsys, tmp_path):
    result = fake_network(NETWORK)
    result.tensors["underflow_rate"][:] = 0.5
    result.tensors["underflow_rate"][-1] = 0.9
    with SweepWriter(tmp_path / "demo", [], 1) as store:
        store.put(result)
    lines = show(capsys, "demo", NETWORK.cell_id, "--tensors", "--runs-dir", tmp_path).out.splitlines()
    said = [line for line in lines if "became 0" in line]
    assert said[0] == "gradients of output: 90 % of the numbers became 0"
    assert len(said) == 4
    assert "... and 4 with underflow beyond its limit" in lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "float(precision=16,exponent_bits=6)",
            {"bits": 16, "mantissa_bits": 9, "max": (2 - 2.0**-9) * 2.0**32},
        ),
        ("fixed(precision=4)", {"bits": 4, "max": 0.875}),
        ("fixed(precision=4,limit=2)", {"bits": 4, "max": 1.75}),
        ("mxfp4(block_size=16)", {"bits_per_value": 4.5, "blocks_clipped": "41.7 % of blocks of N(0, 1)"}),
    ],
)
def test_a_format_with_choices_of_its_own(capsys, text, expected):
    found = json.loads(show(capsys, text, "--json").out)
    assert {key: found[key] for key in expected} == expected


def test_a_format_with_impossible_choices_is_one_line(capsys):
    assert "unknown choice 'blocksize' of mxfp4. Did you mean 'block_size'?" in show(
        capsys, "mxfp4(blocksize=16)", code=2
    ).err  # fmt: skip
    assert "does not end with its bracket" in show(capsys, "mxfp4(block_size=16", code=2).err
    assert "unknown format 'same'" in show(capsys, "same(rounding=up)", code=2).err
    rows = {
        row[""]: row
        for row in json.loads(show(capsys, "--diff", "mxfp4", "mxfp4(scale_rule=rceil)", "--json").out)
    }
    assert rows["blocks_clipped"]["mxfp4(scale_rule=rceil)"].startswith("0.0 %")


def test_tensors_at_another_step(capsys, networks):
    out, err = show(capsys, "demo", NETWORK.cell_id, "--tensors", "--step", "12", "--runs-dir", networks)
    assert "after 10 steps" in out
    assert err == "step 12 was not recorded; the nearest is 10\n"
    assert "after 0 steps" in show(
        capsys, "demo", NETWORK.cell_id, "--tensors", "--step", "0", "--runs-dir", networks
    ).out  # fmt: skip


def test_tensors_as_json(capsys, networks):
    where = ("demo", NETWORK.cell_id, "--tensors", "--json", "--runs-dir", networks)
    rows, tensors = json.loads(show(capsys, *where).out), fake_tensors(NETWORK)
    assert [row["step"] for row in rows] == tensors["step"].tolist()
    assert [row["numbers"] for row in rows] == tensors["numbers"].tolist()
    assert {row["cell_id"] for row in rows} == {NETWORK.cell_id}
    assert rows[1]["stall_rate"] is None
    assert {row["step"] for row in json.loads(show(capsys, *where, "--step", "12").out)} == {10}


def test_tensors_that_are_not_there(capsys, networks):
    where = ("--tensors", "--runs-dir", networks)
    err = show(capsys, "demo", CELLS[0].cell_id, *where, code=2).err
    assert f"cell {CELLS[0].cell_id} of problem=least_squares has no tensors: cells of networks" in err
    assert err.count("\n") == 1
    assert "--tensors shows one cell" in show(capsys, "demo", *where, code=2).err
    assert "no cell" in show(capsys, "demo", "xyz", *where, code=2).err
    assert "belong to a sweep" in show(capsys, "fixed", "--tensors", code=2).err
    assert "belong to a sweep" in show(capsys, "problem=mlp", "--tensors", code=2).err
    assert "--step says which" in show(capsys, "demo", "--step", "3", "--runs-dir", networks, code=2).err
