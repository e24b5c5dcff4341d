"""The store from outside: cells go in, the same cells come out, whatever happens in between."""

import errno
import shutil
import threading
import warnings
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fake_results import fake_cell, fake_result
from fake_results import write as put_in

from lpbench.errors import StoreError, SweepBusy
from lpbench.store import (
    SweepWriter,
    compact,
    files,
    load_cells,
    load_traces,
    parts,
    read_manifest,
    read_statuses,
    writer,
)
from lpbench.store.sources import StoreWarning

CALL = {"overrides": ["precision=4,8"], "config_dir": None}


def write(folder, results, finish=True):
    """As a call of a command line."""
    put_in(folder, results, finish, [CALL], stamp={"workers": 2})


def put_all(store, results, pause=0.0):
    """Put `results` as a sweep does: with the store as a context."""
    with store:
        for result in results:
            store.put(result.row and result)
            threading.Event().wait(pause)


def results_of(count, **options):
    return [fake_result(fake_cell(seed=seed), **options) for seed in range(count)]


def by_id(folder):
    frame = load_cells(folder)
    assert frame["cell_id"].is_unique
    return frame.set_index("cell_id")


def test_what_goes_in_comes_out(tmp_path):
    folder = tmp_path / "demo"
    results = results_of(7)
    write(folder, results)
    frame = by_id(folder)
    assert len(frame) == 7
    assert set(frame["sweep"]) == {"demo"}
    assert set(frame["workers"]) == {2}
    for result in results:
        row = frame.loc[result.row["cell_id"]]
        assert row["digest"] == result.row["digest"]
        trace = load_traces(folder, [result.row["cell_id"]])
        assert trace["step"].tolist() == result.trace["step"].tolist()
        assert trace["objective_gap"].tolist() == result.trace["objective_gap"].tolist()
    assert sorted(f.name for f in folder.iterdir()) == [
        ".lock", "cells.parquet", "manifest.json", "parts", "rollup.parquet", "traces.parquet",
    ]  # fmt: skip
    assert not list((folder / "parts").iterdir())
    manifest = read_manifest(folder)
    assert manifest["state"] == "done"
    assert manifest["counts"] == {"ok": 7}
    assert manifest["calls"] == [CALL]


def test_a_running_sweep_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "MAX_CELLS", 2)
    folder = tmp_path / "live"
    store = SweepWriter(folder, [CALL], 9)
    store.expect(map(str, range(9)))
    before = read_manifest(folder)["version"]
    for result in results_of(4):
        store.put(result)
    store._parts.close()
    assert not (folder / "cells.parquet").exists()
    assert len(by_id(folder)) == 4
    assert load_traces(folder)["cell_id"].nunique() == 4
    manifest = read_manifest(folder)
    assert manifest["version"] == before + 2
    assert manifest["counts"] == {"ok": 4}
    assert manifest["planned"] == 9
    assert (manifest["total"], manifest["began"]["stored"]) == (9, 0)
    assert manifest["began"]["at"] <= manifest["updated_at"]
    store._lock.release()


def test_parts_are_written_while_cells_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "FIRST_INTERVAL", 0.05)
    store = SweepWriter(tmp_path / "live", [CALL], 9)
    store.put(results_of(1)[0])
    for _ in range(1200):
        if read_statuses(tmp_path / "live"):
            break
        threading.Event().wait(0.05)
    assert len(read_statuses(tmp_path / "live")) == 1
    store.close()


def test_a_writer_without_work_takes_no_time_from_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "FIRST_INTERVAL", 0.01)
    asked, looked = [], threading.Semaphore(0)

    class Wake(threading.Event):
        def wait(self, timeout=None):
            if threading.current_thread().name == "lpbench-parts":
                asked.append(timeout)
                looked.release()
            return super().wait(timeout)

    monkeypatch.setattr(parts.threading, "Event", Wake)
    store = SweepWriter(tmp_path / "live", [CALL], 9)
    for _ in range(10):
        looked.acquire()
    assert set(asked) == {0.01}
    store.close()


def test_compaction_gives_the_same_files_whatever_the_order_and_the_parts(tmp_path, monkeypatch):
    results = results_of(9)
    write(tmp_path / "a" / "demo", results)
    monkeypatch.setattr(parts, "MAX_CELLS", 2)
    write(tmp_path / "b" / "demo", results[::-1][:4], finish=False)
    write(tmp_path / "b" / "demo", results[::-1][4:])
    for name in ("cells", "traces", "rollup"):
        a, b = (pq.read_table(tmp_path / x / "demo" / f"{name}.parquet") for x in "ab")
        assert a.equals(b), name
    traces = pq.read_table(tmp_path / "a" / "demo" / "traces.parquet").select(["cell_id", "step"]).to_pylist()
    assert traces == sorted(traces, key=lambda row: (row["cell_id"], row["step"]))


def test_compaction_in_several_passes_gives_the_same_file(tmp_path, monkeypatch):
    results = results_of(20)
    write(tmp_path / "a", results)
    monkeypatch.setattr("lpbench.store.compaction.TRACE_ROWS", 30)
    monkeypatch.setattr("lpbench.store.compaction.CELL_ROWS", 3)
    monkeypatch.setattr("lpbench.store.rollup.POINT_ROWS", 25)
    monkeypatch.setattr("lpbench.store.rollup.BATCH", 7)
    write(tmp_path / "b", results)
    for name in ("cells", "traces", "rollup"):
        a, b = (pq.read_table(tmp_path / x / f"{name}.parquet") for x in "ab")
        assert a.drop_columns("sweep").equals(b.drop_columns("sweep")) if name == "cells" else a.equals(b), (
            name
        )
    assert not list(tmp_path.rglob("*.tmp"))


def test_the_newest_row_of_a_cell_wins_with_its_own_trace(tmp_path):
    folder = tmp_path / "demo"
    cell = fake_cell()
    write(folder, [fake_result(cell, "failed", steps=[0])])
    write(folder, [fake_result(cell, "timeout", 5.0, steps=[0, 1])], finish=False)
    assert read_statuses(folder) == {cell.cell_id: "timeout"}
    assert load_traces(folder)["step"].tolist() == [0, 1]
    write(folder, [fake_result(cell, "ok", 7.0, steps=[0, 1, 2])], finish=False)
    assert by_id(folder)["status"].tolist() == ["ok"]
    assert load_traces(folder)["step"].tolist() == [0, 1, 2]
    compact(folder)
    assert by_id(folder)["status"].tolist() == ["ok"]
    assert load_traces(folder)["objective_gap"].tolist()[0] == 7.0
    assert read_manifest(folder)["state"] == "interrupted"


def test_a_crash_in_the_middle_of_compaction_loses_nothing(tmp_path, monkeypatch):
    folder = tmp_path / "demo"
    write(folder, results_of(3))
    newer = [fake_result(fake_cell(seed=seed), value=9.0) for seed in range(2, 5)]
    write(folder, newer, finish=False)
    copy = tmp_path / "parts"
    shutil.copytree(folder / "parts", copy)
    compact(folder)
    shutil.copytree(copy, folder / "parts", dirs_exist_ok=True)  # as if the parts had not been deleted yet
    frame = by_id(folder)
    assert len(frame) == 5
    assert (frame.loc[[r.row["cell_id"] for r in newer], "noise_floor"] == 0.09).all()
    assert len(load_traces(folder)) == len(load_traces(folder).drop_duplicates(["cell_id", "step"]))


@pytest.mark.parametrize("kind", ["cells", "traces"])
@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_truncated_part_is_named_left_out_and_its_cells_are_missing(tmp_path, kind, keep):
    folder = tmp_path / "demo"
    good, lost = results_of(4)[:2], results_of(4)[2:]
    write(folder, good, finish=False)
    write(folder, lost, finish=False)
    victim = sorted((folder / "parts").glob(f"*.{kind}.parquet"))[1]
    data = victim.read_bytes()
    victim.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    with pytest.warns(StoreWarning, match=victim.name):
        found = read_statuses(folder)
    assert set(found) == {result.row["cell_id"] for result in good}
    with pytest.warns(StoreWarning, match=victim.name):
        write(folder, lost)  # what resume does
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the part was set aside: nobody is bothered again
        assert len(by_id(folder)) == 4
    assert (folder / "parts" / f"{victim.name}.damaged").exists()


def test_a_part_with_broken_pages_is_left_out_at_compaction(tmp_path):
    folder = tmp_path / "demo"
    write(folder, results_of(2), finish=False)
    write(folder, results_of(4)[2:], finish=False)
    victim = sorted((folder / "parts").glob("*.traces.parquet"))[0]
    data = bytearray(victim.read_bytes())
    data[8:200] = bytes(192)
    victim.write_bytes(data)
    with pytest.warns(StoreWarning, match="000000"):
        compact(folder)
    assert len(by_id(folder)) == 2


def test_a_part_whose_identities_are_broken_is_set_aside_and_not_deleted(tmp_path):
    folder = tmp_path / "demo"
    write(folder, results_of(2), finish=False)
    write(folder, results_of(4)[2:], finish=False)
    victim = sorted((folder / "parts").glob("*.cells.parquet"))[0]
    group = pq.read_metadata(victim).row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    start = next(c.dictionary_page_offset for c in columns if c.path_in_schema == "cell_id")
    data = bytearray(victim.read_bytes())
    data[start + 4 : start + 40] = bytes(36)
    victim.write_bytes(data)
    with pytest.warns(StoreWarning, match="000000"):
        compact(folder)
    assert len(by_id(folder)) == 2
    assert (folder / "parts" / f"{victim.name}.damaged").read_bytes() == data


def test_a_foreign_file_is_named_and_never_touched(tmp_path):
    folder = tmp_path / "demo"
    write(folder, results_of(2), finish=False)
    note = folder / "parts" / "notes.txt"
    note.write_text("mine")
    pq.write_table(
        pq.read_table(next((folder / "parts").glob("*.traces.parquet"))), folder / "parts" / "other.parquet"
    )
    with pytest.warns(StoreWarning) as seen:
        assert len(read_statuses(folder)) == 2
    assert {name for name in ("notes.txt", "other.parquet") if any(name in str(w.message) for w in seen)} == {
        "notes.txt", "other.parquet",
    }  # fmt: skip
    with pytest.warns(StoreWarning):
        compact(folder)
    assert note.read_text() == "mine"


def test_a_parquet_file_of_something_else_under_our_name(tmp_path):
    folder = tmp_path / "demo"
    write(folder, results_of(2), finish=False)
    import pyarrow as pa

    pq.write_table(pa.table({"x": [1]}), folder / "parts" / "000007.cells.parquet")
    with pytest.warns(StoreWarning, match=r"000007.*not a part of lpbench"):
        assert len(read_statuses(folder)) == 2


def test_a_damaged_main_file_is_one_line(tmp_path):
    folder = tmp_path / "demo"
    write(folder, results_of(2))
    (folder / "cells.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(StoreError, match=r"cells\.parquet cannot be read .* the next `lpbench resume demo`"):
        load_cells(folder)
    (folder / "traces.parquet").unlink()
    with pytest.raises(StoreError, match=r"traces\.parquet is missing"):
        load_traces(folder)
    with pytest.warns(StoreWarning, match=r"traces\.parquet is missing"):  # whoever plans computes it again
        assert read_statuses(folder) == {}


def test_leftover_temporary_files_go(tmp_path):
    folder = tmp_path / "demo"
    write(folder, results_of(1), finish=False)
    (folder / "parts" / "000009.cells.parquet.tmp").write_bytes(b"half")
    (folder / "cells.parquet.tmp").write_bytes(b"half")
    compact(folder)
    assert not list(folder.rglob("*.tmp"))


def test_two_writers_on_one_sweep(tmp_path):
    store = SweepWriter(tmp_path / "demo", [CALL], 1)
    with pytest.raises(SweepBusy):
        SweepWriter(tmp_path / "demo", [CALL], 1)
    with pytest.raises(SweepBusy):
        compact(tmp_path / "demo")
    store.close()


def test_a_full_disk_is_one_line_and_keeps_the_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "MAX_CELLS", 2)
    folder = tmp_path / "demo"
    real, allowed = (
        files.os.fsync,
        [6],
    )  # files that may still be written: manifest, then two parts with theirs

    def fsync(number):
        allowed[0] -= 1
        if allowed[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(number)

    monkeypatch.setattr(files.os, "fsync", fsync)
    store = SweepWriter(folder, [CALL], 10)
    with pytest.raises(StoreError, match="No space left on device") as error:
        put_all(store, results_of(10), pause=0.02)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 1
    monkeypatch.setattr(files.os, "fsync", real)
    assert 0 < len(read_statuses(folder)) < 10
    assert not list(folder.rglob("*.tmp"))
    write(folder, results_of(10))
    assert len(by_id(folder)) == 10


def test_a_file_in_the_folders_place(tmp_path):
    (tmp_path / "demo").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        SweepWriter(tmp_path / "demo", [CALL], 1)


def test_an_error_in_the_sweep_keeps_what_was_finished(tmp_path):
    folder = tmp_path / "demo"
    with pytest.raises(AttributeError):
        put_all(SweepWriter(folder, [CALL], 3), [*results_of(2), None])
    assert len(by_id(folder)) == 2
    assert read_manifest(folder)["state"] == "interrupted"


def test_a_result_that_cannot_be_written_ends_the_sweep_and_does_not_hang(tmp_path):
    broken = fake_result(fake_cell())
    broken.trace["objective_gap"] = broken.trace["objective_gap"][:-1]
    store = SweepWriter(tmp_path / "demo", [CALL], 1)
    store.put(broken)
    with pytest.raises(ValueError, match="length"):
        store.close()
    SweepWriter(tmp_path / "demo", [CALL], 1).close()


def test_calls_are_kept_once_each(tmp_path):
    folder = tmp_path / "demo"
    other = {"overrides": ["precision=6"], "config_dir": None}
    for calls in ([CALL], [CALL, other], [other]):
        SweepWriter(folder, calls, 0).close()
    assert read_manifest(folder)["calls"] == [CALL, other]


def test_an_unfinished_read_starts_again_when_parts_are_compacted_away(tmp_path, monkeypatch):
    from lpbench.store import read

    folder = tmp_path / "demo"
    write(folder, results_of(3), finish=False)
    real, once = read.find_sources, [True]

    def find_then_compact(where, strict):
        found = real(where, strict)
        if once.pop() if once else False:
            compact(folder)
        return found

    monkeypatch.setattr(read, "find_sources", find_then_compact)
    assert len(read_statuses(folder)) == 3


def test_parts_that_a_worker_stored_elsewhere_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "SHARED_SECONDS", 0.2)
    store = SweepWriter(tmp_path / "demo", [CALL], 1)
    number, result = store.reserve(1), fake_result(fake_cell())
    with pytest.raises(StoreError, match="does not share this folder"):
        store.adopt(number, [result.row])
    assert store.statuses == {}
    store.adopt(number, store.target.write(number, [result]))
    store.close()
    assert len(by_id(tmp_path / "demo")) == 1


def test_workers_get_the_folder_whatever_their_own_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = SweepWriter(Path("demo"), [CALL], 1)
    assert store.target.folder == tmp_path / "demo"
    store.close()
