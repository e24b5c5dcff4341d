"""The table `tensors`: beside the cells, a by-product of them. It comes back whole, or is gone and said to be."""

import pickle
import shutil
import warnings

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fake_results import fake_cell, fake_network, fake_result, fake_tensors, write
from hypothesis import given, settings
from hypothesis import strategies as st

import lpbench
from lpbench.cells.run import Result
from lpbench.errors import ConfigError
from lpbench.store import (
    SweepWriter,
    compact,
    files,
    load_cells,
    load_tensors,
    load_traces,
    parts,
    read_statuses,
    read_tensors,
    schema,
)
from lpbench.store.files import StoreWarning
from lpbench.store.moving import delete, rename
from lpbench.store.sources import part_paths


def networks(*seeds, **options):
    return [fake_network(fake_cell(seed), **options) for seed in seeds]


def expected(*cells):
    """What is read of these cells, by hand."""
    frames = [pd.DataFrame({"cell_id": cell.cell_id, **fake_tensors(cell)}) for cell in cells]
    return pd.concat(frames).sort_values(["cell_id", "step"], kind="stable").reset_index(drop=True)


def same(found, *cells):
    wanted = expected(*cells)
    assert found.columns.tolist() == schema.TENSORS.names
    for name in wanted.columns:
        numbers = pd.api.types.is_numeric_dtype(wanted[name])
        if numbers:
            np.testing.assert_allclose(found[name].to_numpy(float), wanted[name].to_numpy(float), rtol=1e-6)
        else:
            assert found[name].tolist() == wanted[name].tolist()
    assert found["stall_momentum"].isna().all()  # the engine said nothing of it


def of(seeds):
    return [fake_cell(seed) for seed in seeds]


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if "tensors" in path.name)


def test_what_goes_in_comes_out_live_and_compacted(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "MAX_CELLS", 2)
    folder = tmp_path / "demo"
    results = [*networks(3, 1, 2, 0), fake_result(fake_cell(9))]
    write(folder, results, finish=False)
    assert names(folder) == ["parts/000000.tensors.parquet", "parts/000001.tensors.parquet"]
    same(load_tensors(folder), *of(range(4)))
    compact(folder)
    assert names(folder) == ["tensors.parquet"]
    same(load_tensors(folder), *of(range(4)))
    same(load_tensors("demo", [fake_cell(2).cell_id], tmp_path), fake_cell(2))
    assert load_tensors(folder, [fake_cell(9).cell_id]).empty
    assert read_tensors(folder, columns=["role", "step"]).column_names == ["step", "role"]
    types = pq.read_schema(folder / "tensors.parquet")
    assert types.types == schema.TENSORS.types
    assert len(load_cells(folder)) == 5


def test_a_sweep_without_tensors_has_no_file_and_an_empty_table(tmp_path):
    folder = tmp_path / "demo"
    write(folder, [fake_result(fake_cell(seed)) for seed in range(3)], finish=False)
    for _ in range(2):
        assert names(folder) == []
        assert load_tensors(folder).columns.tolist() == schema.TENSORS.names
        assert read_tensors(folder).num_rows == 0
        assert read_tensors(folder, columns=["snr"]).column_names == ["snr"]
        compact(folder)
    with pytest.raises(ConfigError, match="unknown sweep"):
        load_tensors("none", runs_dir=tmp_path)


def test_the_same_file_whatever_the_order_the_parts_and_the_passes(tmp_path, monkeypatch):
    results = networks(*range(9))
    write(tmp_path / "a", results)
    monkeypatch.setattr(parts, "MAX_CELLS", 2)
    monkeypatch.setattr("lpbench.store.compaction.TENSOR_ROWS", 30)
    write(tmp_path / "b", results[::-1][:4], finish=False)
    write(tmp_path / "b", results[::-1][4:])
    a, b = (pq.read_table(tmp_path / name / "tensors.parquet") for name in "ab")
    assert a.equals(b)
    assert a.num_rows == sum(len(result.tensors["step"]) for result in results)
    assert not list(tmp_path.rglob("*.tmp"))


def test_of_one_cell_few_row_groups_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ROW_GROUP", 50)
    folder = tmp_path / "demo"
    write(folder, networks(*range(30)))
    with pq.ParquetFile(folder / "tensors.parquet") as file:
        assert file.num_row_groups > 10
    read, groups = pq.ParquetFile.read_row_groups, []

    def counted(self, chosen, *rest):
        groups.append(list(chosen))
        return read(self, chosen, *rest)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", counted)
    for seed in (0, 17):
        same(load_tensors(folder, [fake_cell(seed).cell_id]), fake_cell(seed))
        assert len(groups[-1]) <= 2


def test_rows_come_by_their_steps_whatever_the_engine_hands_over(tmp_path):
    result = fake_network(fake_cell(1))
    order = np.lexsort((np.arange(len(result.tensors["step"])), result.tensors["role"].astype(str)))
    result.tensors = {name: values[order] for name, values in result.tensors.items()}
    by_step = np.argsort(result.tensors["step"], kind="stable")
    write(tmp_path / "demo", [result])
    table = read_tensors(tmp_path / "demo")
    assert table["step"].to_pylist() == result.tensors["step"][by_step].tolist()
    assert table["role"].to_pylist() == result.tensors["role"][by_step].tolist()


def test_the_newest_row_of_a_cell_wins_with_its_own_tensors(tmp_path):
    folder, cell = tmp_path / "demo", fake_cell()
    older, newer = fake_network(cell, status="timeout"), fake_network(cell)
    older.tensors = {name: values[:5] for name, values in older.tensors.items()}
    write(folder, [older, *networks(5)])
    assert len(load_tensors(folder, [cell.cell_id])) == 5
    write(folder, [newer], finish=False)
    for _ in range(2):
        same(load_tensors(folder), cell, fake_cell(5))
        compact(folder)
    write(folder, [fake_result(cell)], finish=False)  # and none where it has none
    for _ in range(2):
        same(load_tensors(folder), fake_cell(5))
        compact(folder)
    write(folder, [fake_result(fake_cell(5))])
    assert names(folder) == []
    assert load_tensors(folder).empty


class Killed(BaseException):
    pass


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.parametrize("after", range(6))
def test_a_compaction_that_is_killed_leaves_all_there_is(tmp_path, monkeypatch, after, replaced):
    from lpbench.store import compaction

    folder = tmp_path / "demo"
    write(folder, networks(*([0, 1, 2] if replaced else [0])))
    write(folder, networks(2, 3), finish=False)
    write(folder, [fake_result(fake_cell(1))], finish=False)
    left = [after]

    def killed_after(real):
        def call(*arguments, **options):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("write_pieces", "write_manifest", "_clear"):  # traces, tensors, cells, rollup
            patch.setattr(compaction, name, killed_after(getattr(compaction, name)))
        with pytest.raises(Killed):
            compact(folder)
    for _ in range(2):
        same(load_tensors(folder), *of([0, 2, 3]))
        traces = load_traces(folder)
        for cell in of(range(4)):  # each once
            steps = traces[traces["cell_id"] == cell.cell_id]["step"].tolist()
            assert steps == fake_result(cell).trace["step"].tolist()
        assert len(traces["cell_id"].unique()) == len(load_cells(folder)) == 4
        compact(folder)
    assert names(folder) == ["tensors.parquet"]


def test_killed_between_two_files_that_it_takes_away(tmp_path, monkeypatch):
    from pathlib import Path

    folder, unlink = tmp_path / "demo", Path.unlink
    for left in range(6):
        shutil.rmtree(folder, ignore_errors=True)
        write(folder, networks(0))
        write(folder, networks(1), finish=False)
        write(folder, networks(2), finish=False)
        count = [left]

        def killed(path, count=count, **options):
            if path.parent.name == "parts":
                if count[0] == 0:
                    raise Killed
                count[0] -= 1
            unlink(path, **options)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", killed)
            with pytest.raises(Killed):
                compact(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            same(load_tensors(folder), *of(range(3)))
            compact(folder)
            same(load_tensors(folder), *of(range(3)))
        assert not list((folder / "parts").iterdir())


def test_tensors_whose_cells_were_never_written_vanish(tmp_path, monkeypatch):
    folder = tmp_path / "demo"
    write(folder, networks(0))
    store = SweepWriter(folder, [], 2)
    store.put(fake_network(fake_cell(1)))
    real = parts.write_table

    def killed(path, table):
        if "cells" in path.name:
            raise Killed
        real(path, table)

    monkeypatch.setattr(parts, "write_table", killed)
    with pytest.raises(Killed):
        store.target.write(7, networks(1))
    monkeypatch.undo()
    assert part_paths(folder, 7)[2].exists()
    store._parts._waiting.clear()
    store.abandon()
    same(load_tensors(folder), fake_cell(0))
    store = SweepWriter(folder, [], 1)
    assert store.reserve(1) == 8  # nobody else's tensors get into this part
    store.close()
    assert names(folder) == ["tensors.parquet"]
    same(load_tensors(folder), fake_cell(0))


def test_a_part_that_is_written_again_has_no_tensors_of_before(tmp_path):
    store = SweepWriter(tmp_path / "demo", [], 1)
    number = store.reserve(1)
    store.target.write(number, networks(0))
    store.target.write(number, [fake_result(fake_cell(0))])
    assert not part_paths(tmp_path / "demo", number)[2].exists()
    store.close()


def spoil(path, how):
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:100])
    elif how == "pages":
        data = bytearray(path.read_bytes())
        data[8:400] = bytes(392)
        path.write_bytes(data)
    elif how == "another":
        pq.write_table(pq.read_table(path).drop_columns(["role"]), path)
    else:
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize("where", ["part", "compacted"])
@pytest.mark.parametrize("how", ["truncated", "pages", "another", "folder"])
def test_damaged_tensors_are_told_and_set_aside_and_their_cells_stay(tmp_path, where, how):
    folder = tmp_path / "demo"
    write(folder, networks(0, 1))
    write(folder, networks(2, 3), finish=False)
    path, kept = part_paths(folder, 1)[2], [0, 1]
    if where == "compacted":
        path, kept = folder / "tensors.parquet", [2, 3]
    spoil(path, how)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # who reads cells is not bothered
        assert len(load_cells(folder)) == len(read_statuses(folder)) == 4
        assert len(load_traces(folder)["cell_id"].unique()) == 4
    with pytest.warns(
        StoreWarning, match=r"Its cells stay, but what it held of their tensors is gone"
    ) as seen:
        same(load_tensors(folder), *of(kept))
    assert len(seen) == 1
    assert str(path) in str(seen[0].message)
    assert "computed again" not in str(seen[0].message)
    with pytest.warns(StoreWarning, match="Its cells stay"):
        write(folder, [])  # what resume does
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(load_cells(folder)["status"]) == {"ok"}
        assert len(load_cells(folder)) == 4
        same(load_tensors(folder), *of(kept))
        compact(folder)
    assert path.with_name(f"{path.name}.damaged").exists()


def test_damage_is_found_where_there_is_nothing_else_to_compact(tmp_path):
    folder = tmp_path / "demo"
    write(folder, networks(0, 1))
    (folder / "tensors.parquet").write_bytes(b"nonsense")
    with pytest.warns(StoreWarning, match="Its cells stay"):
        compact(folder)
    assert names(folder) == ["tensors.parquet.damaged"]
    assert load_tensors(folder).empty


def test_a_row_without_its_tensor_is_damage(tmp_path):
    folder = tmp_path / "demo"
    write(folder, networks(0))
    table = pq.read_table(folder / "tensors.parquet")
    layers = [None, *table["layer"].to_pylist()[1:]]
    pq.write_table(table.set_column(2, schema.TENSORS.field("layer"), [layers]), folder / "tensors.parquet")
    with pytest.warns(StoreWarning, match="a point without its cell_id or its step or its layer"):
        assert load_tensors(folder).empty


def test_tensors_that_are_gone_are_gone(tmp_path):
    folder = tmp_path / "demo"
    write(folder, networks(0))
    write(folder, networks(1), finish=False)
    (folder / "tensors.parquet").unlink()
    same(load_tensors(folder), fake_cell(1))
    compact(folder)
    same(load_tensors(folder), fake_cell(1))
    assert len(load_cells(folder)) == 2


def test_cells_that_are_computed_again_take_their_tensors_along(tmp_path):
    folder = tmp_path / "demo"
    write(folder, networks(0, 1))
    (folder / "traces.parquet").write_bytes(b"nonsense")
    with pytest.warns(StoreWarning, match="computed again"):
        write(folder, networks(0))
    assert names(folder) == ["tensors.parquet", "tensors.parquet.damaged"]
    same(load_tensors(folder), fake_cell(0))


def test_an_unfinished_read_starts_again_when_parts_are_compacted_away(tmp_path, monkeypatch):
    from lpbench.store import read

    folder = tmp_path / "demo"
    write(folder, networks(0, 1), finish=False)
    real, once = read.newest, [True]

    def found_then_compacted(sources, strict=True):
        found = real(sources, strict)
        if once.pop() if once else False:
            compact(folder)
        return found

    monkeypatch.setattr(read, "newest", found_then_compacted)
    same(load_tensors(folder), *of([0, 1]))


def test_a_sweep_is_renamed_and_deleted_with_them(tmp_path):
    folder = tmp_path / "old"
    write(folder, networks(0))
    write(folder, networks(1), finish=False)
    (folder / "parts" / "000007.tensors.parquet.damaged").write_text("")
    (folder / "tensors.parquet.0a1b2c3d.tmp").write_text("half")
    new = rename(folder, "new")
    same(load_tensors("new", runs_dir=tmp_path), *of([0, 1]))
    assert delete(new).foreign == ()
    assert list(tmp_path.iterdir()) == []


def test_a_result_travels():
    plain = Result({"cell_id": "a"}, {"step": np.zeros(1, np.int64)})
    assert pickle.loads(pickle.dumps(plain)).tensors == {}
    full = pickle.loads(pickle.dumps(Result(plain.row, plain.trace, fake_tensors(fake_cell()))))
    assert full.tensors["role"].tolist() == fake_tensors(fake_cell())["role"].tolist()


def test_one_cell_gives_them_as_a_frame():
    found = lpbench.run(steps=10, dimension=4)["tensors"]
    assert found.columns.tolist() == schema.TENSORS.names
    assert found.empty


numbers = st.one_of(st.floats(), st.integers(-(2**40), 2**40).map(float))
columns = st.sampled_from(schema.TENSORS.names[5:])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_an_engine_hands_over_the_table_has_the_schema(data):
    count = data.draw(st.integers(0, 5))
    points = {"step": np.array(data.draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)), int)}
    for name in ("layer", "tensor", "role"):
        texts = data.draw(st.lists(st.text(max_size=3), min_size=count, max_size=count))
        points[name] = np.array(texts, data.draw(st.sampled_from([object, str])))
    short = {"exponent_min", "exponent_q10", "exponent_q50", "exponent_q90", "exponent_max"}
    for name in data.draw(st.sets(columns)):
        limits = st.integers(-1100, 1100).map(float) | st.just(np.nan) if name in short else numbers
        drawn = data.draw(st.lists(limits, min_size=count, max_size=count))
        points[name] = np.array(drawn, np.float64)
    table = schema.tensors_table(["a"], [points])
    assert table.schema.names == schema.TENSORS.names
    assert table.schema.types == schema.TENSORS.types
    order = np.argsort(points["step"], kind="stable")
    assert table["step"].to_pylist() == points["step"][order].tolist()
    assert table["role"].to_pylist() == points["role"][order].tolist()
    for name in schema.TENSORS.names[5:]:
        mine = points.get(name, np.full(count, np.nan))[order]
        for found, value in zip(table[name].to_pylist(), mine, strict=True):
            if np.isnan(value):
                assert found is None
            elif name == "numbers" or name in short:
                assert found == (np.trunc(value) if abs(value) < 2**63 else None)
            else:
                with np.errstate(over="ignore"):
                    assert found == np.float32(value)
