"""Whatever the files of a sweep contain: no internal error, no good row lost, and the sweep goes on."""

import json
import shutil
import warnings
from collections import Counter
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_results import FakeResult, fake_cell, fake_network, fake_tensors, write

from lpbench import cli
from lpbench.errors import LpbenchError, StoreError
from lpbench.store import (
    SweepWriter,
    load_cells,
    load_tensors,
    load_traces,
    read_manifest,
    read_statuses,
)
from lpbench.store.files import StoreWarning
from lpbench.sweeps import sweep
from lpbench.sweeps.plan import Call, Plan, set_reasons

CELLS = [fake_cell(seed=seed) for seed in range(9)]
CALL = {"overrides": ["precision=8"], "config_dir": None}
IN = {
    "cells": CELLS[:3],
    "traces": CELLS[:3],
    "tensors": CELLS[:3],
    "000001": CELLS[3:6],
    "000002": CELLS[6:],
}  # the cells of each file


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A sweep with compacted files and two parts, as a killed one leaves it."""
    folder = tmp_path_factory.mktemp("whole") / "demo"
    for cells in (CELLS[:3], CELLS[3:6], CELLS[6:]):
        write(folder, map(fake_network, cells), cells == IN["cells"], [CALL], len(CELLS))
    return folder


@pytest.fixture(autouse=True)
def ran(monkeypatch):
    """Which cells ran."""
    count = Counter()

    def run_cell(cell, stop=None, timeout=None):
        count[cell.cell_id] += 1
        return fake_network(cell)

    monkeypatch.setattr("lpbench.cells.run.run_cell", run_cell)
    monkeypatch.setattr("lpbench.cells.run.Result", FakeResult)
    monkeypatch.setattr(sweep, "cell_costs", lambda cells: [None] * len(cells))
    return count


def go_on(folder):
    plan = Plan("demo", folder, [Call(("precision=8",))], list(CELLS), [])
    set_reasons(plan, read_statuses(folder))
    return sweep.run_plan(plan, workers=1)


def flip(path, rng):
    data = bytearray(path.read_bytes())
    for place in rng.integers(0, len(data), rng.integers(1, 20)):
        data[place] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)


def cut(path, rng):
    path.write_bytes(path.read_bytes()[: int(rng.integers(0, path.stat().st_size))])


def retype(table, name, rng):
    values = table[name].to_pylist()
    kinds = [
        lambda: pa.array([str(value) for value in values]),
        lambda: pa.array([f"x{value}" for value in values]),
        lambda: pa.array([[1]] * len(values)),
        lambda: pa.array([b"\xff\xfe"] * len(values)),
        lambda: pa.array([1.5] * len(values)),
        lambda: pa.array([True] * len(values)),
        lambda: pa.array([2**64 - 1] * len(values), pa.uint64()),
        lambda: pa.nulls(len(values)),
        lambda: pa.array([{"a": 1}] * len(values)),
        lambda: pa.array(values).dictionary_encode(),
    ]
    return table.set_column(table.column_names.index(name), name, kinds[rng.integers(len(kinds))]())


def some(table, rng, value):
    """`table` with `value` in some rows of a column that every file has to have."""
    name = ("cell_id", "status" if "status" in table.column_names else "step")[rng.integers(2)]
    values = table[name].to_pylist()
    for i in rng.integers(0, len(values), 2):
        values[i] = value
    if name == "step" and value is not None:
        values = [-1 if other == value else other for other in values]
    return table.set_column(table.column_names.index(name), name, pa.array(values, table[name].type))


def columns(path, rng):
    table = pq.read_table(path)
    name = table.column_names[rng.integers(table.num_columns)]
    if rng.random() < 0.3:
        name = ("cell_id", "status" if "status" in table.column_names else "step")[rng.integers(2)]
    made = [
        lambda: table.drop_columns([name]),
        lambda: table.rename_columns({name: f"{name}_"}),
        lambda: table.append_column(name, table[name]),
        lambda: retype(table, name, rng),
        lambda: table.append_column("further", pa.array([[{"a": 1}]] * table.num_rows)),
        lambda: some(table, rng, None),
        lambda: some(table, rng, "nonsense"),
        lambda: pa.concat_tables([table, table]),
        lambda: table.slice(0, 0),
        lambda: table.take(rng.permutation(table.num_rows)),
    ][rng.integers(10)]()
    pq.write_table(made, path)


def directory(path, rng):
    path.unlink()
    path.mkdir()


def gone(path, rng):
    path.unlink()


def tell(path, rng):
    """A manifest, another JSON or none."""
    manifest = json.loads(path.read_text())
    key = sorted(manifest)[rng.integers(len(manifest))]
    manifest[key] = (None, "x", [1], {"a": "b"}, -7, 1.5, True, [{"overrides": 3}])[rng.integers(8)]
    path.write_text(("[" * 100_000) if rng.random() < 0.05 else json.dumps(manifest))


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_sweep_goes_on_and_loses_no_good_row(whole, tmp_path, ran, seed, capsys):
    rng = np.random.default_rng(seed)
    folder = tmp_path / "demo"
    shutil.copytree(whole, folder)
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".parquet", ".json"))
    victim = files[rng.integers(len(files))]
    ways = (
        (columns, columns, flip, cut, directory, gone)
        if victim.suffix == ".parquet"
        else (tell, tell, flip, cut)
    )
    ways[rng.integers(len(ways))](victim, rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StoreWarning)
        if victim.name == "manifest.json":
            try:
                read_manifest(folder)
            except StoreError as error:
                if "schema" in str(error) and "damaged" not in str(error):
                    return  # of another version, as far as anybody can know
        for look in (load_cells, load_traces, load_tensors):
            with suppress(StoreError):
                look(folder)
        assert cli.run(["list", "sweeps", "--runs-dir", str(tmp_path)]) == 0
        try:
            outcome = go_on(folder)
        except LpbenchError as error:  # what only compaction finds is told, and runs the next time
            if "no result" not in str(error):
                raise
            outcome = go_on(folder)
        assert outcome.counts == {"ok": len(CELLS)}
        frame = load_cells(folder).set_index("cell_id")
        traces, tensors = load_traces(folder), load_tensors(folder)
    touched = {cell.cell_id for cell in IN.get(victim.name.partition(".")[0], [])}
    spoiled = set() if "tensors" in victim.name else touched
    assert set(ran) <= spoiled  # the others were good, and did not run again
    for cell in CELLS:
        assert frame.loc[cell.cell_id, "digest"] == fake_network(cell).row["digest"]
        steps = traces[traces["cell_id"] == cell.cell_id]["step"].tolist()
        assert steps
        if cell.cell_id not in spoiled:
            assert steps == fake_network(cell).trace["step"].tolist()
        if cell.cell_id not in touched:
            mine = tensors[tensors["cell_id"] == cell.cell_id]
            assert mine["numbers"].tolist() == fake_tensors(cell)["numbers"].tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # all of it was said, and set aside: nobody is bothered again
        assert read_statuses(folder).keys() >= {cell.cell_id for cell in CELLS}


def test_what_cannot_be_read_is_kept_under_another_name(whole, tmp_path):
    folder = tmp_path / "demo"
    shutil.copytree(whole, folder)
    before = {}
    for name in ("cells.parquet", "manifest.json", "parts/000001.cells.parquet"):
        (folder / name).write_bytes(before.setdefault(name, f"nonsense in {name}".encode()))
        (folder / f"{name}.damaged").write_bytes(b"an earlier one")
    with pytest.warns(StoreWarning):
        go_on(folder)
    for name, content in before.items():
        assert (folder / f"{name}.damaged").read_bytes() == b"an earlier one"
        assert (folder / f"{name}.2.damaged").read_bytes() == content


def test_good_rows_beside_bad_ones_are_kept(whole, tmp_path, ran):
    folder = tmp_path / "demo"
    shutil.copytree(whole, folder)
    for path in (folder / "cells.parquet", folder / "parts" / "000001.cells.parquet"):
        table = pq.read_table(path)
        statuses = ["no such status", *table["status"].to_pylist()[1:]]
        index = table.column_names.index("status")
        pq.write_table(table.set_column(index, "status", pa.array(statuses)), path)
    with pytest.warns(StoreWarning, match="1 rows without cell_id, group_id or a known status"):
        go_on(folder)
    assert len(ran) == 2
    assert len(load_cells(folder)) == len(CELLS)
    assert (folder / "cells.parquet.damaged").exists()
    assert (folder / "parts" / "000001.cells.parquet.damaged").exists()


def test_a_file_that_nobody_may_read_now_is_left_where_it_is(whole, tmp_path, ran, monkeypatch):
    folder = tmp_path / "demo"
    shutil.copytree(whole, folder)
    from lpbench.store import sources

    open_parquet = sources.open_parquet

    def refuse(path, **options):
        if path.name == "cells.parquet":
            raise PermissionError(13, "Permission denied", str(path))
        return open_parquet(path, **options)

    monkeypatch.setattr(sources, "open_parquet", refuse)
    with pytest.raises(LpbenchError, match=r"cells\.parquet cannot be read: Permission denied"):
        go_on(folder)
    assert not ran
    assert not list(folder.rglob("*.damaged"))


@pytest.mark.parametrize(("one", "other"), [(2**60, 0.5), (True, "x"), (True, 3)])
def test_further_columns_of_any_two_types_are_joined(tmp_path, one, other):
    folder = tmp_path / "demo"
    for value, cell in ((one, CELLS[0]), (other, CELLS[1])):
        result = fake_network(cell)
        result.row["mine"] = value
        with SweepWriter(folder, [], 1) as store:
            store.put(result)
    assert load_cells(folder)["mine"].notna().all()


def test_a_folder_under_a_name_that_no_sweep_is_given_does_not_hide_the_others(whole, tmp_path, capsys):
    shutil.copytree(whole, tmp_path / "runs" / "good")
    shutil.copytree(whole, tmp_path / "runs" / "my sweep")
    shutil.copytree(whole, tmp_path / "runs" / "bad")
    (tmp_path / "runs" / "bad" / "manifest.json").write_text('{"schema": 1, "counts": 3}')
    assert cli.run(["list", "sweeps", "--runs-dir", str(tmp_path / "runs")]) == 0
    out, err = capsys.readouterr()
    assert "good" in out
    assert "my sweep" in out
    assert "bad/manifest.json is damaged or of another program (counts cannot be 3)" in err
