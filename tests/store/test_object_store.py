"""A store in an object store: the same commands, the same cells; leases, half-written parts, a store that refuses."""

import json
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pytest
from fake_results import fake_cell, fake_network, fake_result
from lpbench.dashboard.data.past import read as read_past
from lpbench.dashboard.data.sweeps import Store

import lpbench
from lpbench import cli
from lpbench.errors import ConfigError, StoreError, SweepBusy
from lpbench.store import SweepWriter, compact, load_cells, load_tensors, load_traces, read_manifest
from lpbench.store import lease as leases
from lpbench.store.address import is_remote, locate
from lpbench.store.files import open_parquet, write_atomic, write_table
from lpbench.store.lease import Lease
from lpbench.store.sources import StoreWarning

GRID = [
    "problem=family_s",
    "k=4",
    "dimension=8",
    "precision=6,8",
    "algorithm=lp_sgd,halp",
    "steps=400",
    "seed=range(3)",
]
HERE = ("seconds", "steps_per_second", "started_at", "runs_dir")


def same(frame: pd.DataFrame, other: pd.DataFrame) -> None:
    """All but when and how fast it ran."""
    kept = [name for name in frame.columns if name not in HERE]
    pd.testing.assert_frame_equal(frame[kept], other[kept])


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The folder of the same sweep on disk."""
    folder = tmp_path_factory.mktemp("local")
    lpbench.sweep(GRID, name="demo", runs_dir=folder)
    return folder


@pytest.fixture
def quick(monkeypatch):
    """Leases that are renewed, and given up, within fractions of a second."""
    monkeypatch.setattr(leases, "RENEW", 0.1)
    monkeypatch.setattr(leases, "PATIENCE", 0.6)


def run(capsys, *arguments, code=0):
    assert cli.run([str(argument) for argument in arguments]) == code
    return capsys.readouterr()


def test_every_command_works_on_it(local, bucket, capsys, tmp_path):
    where = ("--runs-dir", bucket)
    said = run(capsys, "sweep", *GRID, "--name", "demo", *where)
    assert f"results: {bucket}/demo" in said.err
    same(load_cells("demo", local), load_cells("demo", bucket))
    pd.testing.assert_frame_equal(
        load_traces("demo", runs_dir=local).drop(columns="seconds"),
        load_traces(f"{bucket}/demo").drop(columns="seconds"),
    )
    assert "computed now: 0" in run(capsys, "sweep", *GRID, "--name", "demo", f"runs_dir={bucket}").err
    assert "computed now: 0" in run(capsys, "resume", "demo", *where).err
    assert "lp_sgd" in run(capsys, "show", "demo", *where).out
    run(capsys, "baseline", "create", "main", "--from", "demo", *where)
    assert "main" in run(capsys, "baseline", "list", *where).out
    run(capsys, "check", "--baseline", "main", "demo", *where, "--history", f"{bucket}/history")
    assert len(read_past(locate(bucket)).runs) == 1
    run(capsys, "compact", "demo", *where)
    run(capsys, "bounds", "demo", *where)
    run(capsys, "doctor", *where)
    run(capsys, "export", "demo", *where, "--output", tmp_path / "out.csv")
    assert len(pd.read_csv(tmp_path / "out.csv")) == 12
    assert "a folder of this machine" in run(capsys, "reproduce", "sigma_1", *where, code=2).err


def test_the_dashboard_reads_it_in_place(local, bucket):
    lpbench.sweep(GRID, name="demo", runs_dir=bucket)
    there, here = Store(bucket).sweep("demo"), Store(local).sweep("demo")
    assert [info.name for info in Store(bucket).sweeps()] == ["demo"]
    ids = [group["group_id"] for group in here.groups]
    assert set(there._rolled) == set(ids)
    ours, theirs = here.curves(ids), there.curves(ids)
    for group in ids:
        assert ours[group]["q50"].tolist() == theirs[group]["q50"].tolist()


def test_a_store_that_refuses_every_tenth_request_loses_nothing(local, bucket, object_store):
    object_store.refuse_every = 10
    try:
        lpbench.sweep(GRID, name="demo", runs_dir=bucket)
        found = load_cells("demo", bucket)
    finally:
        object_store.refuse_every = 0
    assert object_store.refused > 0
    same(load_cells("demo", local), found)


def test_a_file_is_there_whole_or_not_at_all(bucket):
    path = locate(bucket) / "one" / "file"

    def half(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match=r"cannot write .*No space left"):
        write_atomic(path, half)
    assert not path.exists()
    write_atomic(path, lambda file: file.write(b"old"))
    with pytest.raises(StoreError):
        write_atomic(path, half)
    assert path.read_bytes() == b"old"


def test_a_truncated_part_is_computed_again(bucket):
    folder = locate(bucket) / "demo"
    store = SweepWriter(folder, [], 2)
    store.put(fake_result(fake_cell(0)))
    store.abandon()
    part = folder / "parts" / "000000.cells.parquet"
    part.write_bytes(part.read_bytes()[:100])
    with pytest.warns(StoreWarning, match="truncated or damaged"):
        assert len(load_cells("demo", bucket)) == 0
    with pytest.warns(StoreWarning):
        store = SweepWriter(folder, [], 2)
    assert store.statuses == {}
    store.put(fake_result(fake_cell(0)))
    with pytest.warns(StoreWarning):
        store.close()
    assert len(load_cells("demo", bucket)) == 1
    assert (folder / "parts" / "000000.cells.parquet.damaged").exists()


def test_a_part_that_two_workers_write_is_one_part(bucket):
    path = locate(bucket) / "demo" / "parts" / "000007.cells.parquet"
    for _ in range(2):
        write_table(path, pa.table({"cell_id": ["a"], "status": ["ok"]}))
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with open_parquet(path) as file:
        assert file.metadata.num_rows == 1


def test_one_writer_at_a_time(bucket, quick, capsys):
    folder = locate(bucket) / "demo"
    first = SweepWriter(folder, [], 1)
    with pytest.raises(SweepBusy, match="is writing s3://"):
        SweepWriter(folder, [], 1)
    first.close()
    assert not (folder / ".lock").exists()
    compact(folder)
    assert (read_manifest(folder) or {})["state"] == "done"


def test_a_writer_that_was_killed_here_is_not_waited_for(bucket, capsys):
    path = locate(bucket) / ".lock"
    dead = subprocess.run([sys.executable, "-c", "import os, socket; print(os.getpid(), socket.gethostname())"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    pid, host = dead.stdout.split()
    path.write_text(json.dumps({"token": "x", "beat": 3, "pid": int(pid), "host": host}))
    Lease(path).release()
    assert capsys.readouterr().err == ""  # who waits says so


def test_a_writer_of_another_machine_is_outlived_once_it_is_silent(bucket, quick, capsys):
    path = locate(bucket) / ".lock"
    path.write_text(json.dumps({"token": "x", "beat": 3, "pid": 1, "host": "elsewhere"}))
    lease = Lease(path)
    assert "pid 1 on elsewhere was writing it" in capsys.readouterr().err
    lease.check()
    path.write_text(json.dumps({"token": "y", "beat": 0, "pid": 2, "host": "there"}))
    lease._thread.join(60)
    with pytest.raises(SweepBusy, match="pid 2 on there writes it now"):
        lease.check()
    lease.release()
    assert json.loads(path.read_text())["token"] == "y"


def test_tensors_are_written_merged_replaced_and_set_aside(bucket, quick):
    folder = locate(bucket) / "demo"
    for seeds, finish in (((0, 1), True), ((1, 2), False)):
        store = SweepWriter(folder, [], 2)
        for seed in seeds:
            store.put(fake_network(fake_cell(seed)))
        (store.close if finish else store.abandon)()
    rows = len(fake_network(fake_cell(0)).tensors["step"])
    for _ in range(2):
        assert len(load_tensors("demo", runs_dir=bucket)) == 3 * rows
        assert len(load_tensors("demo", [fake_cell(1).cell_id], bucket)) == rows
        compact(folder)
    assert (folder / "tensors.parquet").exists()
    assert not list((folder / "parts").glob("*"))
    (folder / "tensors.parquet").write_bytes(b"nonsense")
    with pytest.warns(StoreWarning, match="Its cells stay"):
        assert load_tensors("demo", runs_dir=bucket).empty
    with pytest.warns(StoreWarning, match="Its cells stay"):
        compact(folder)
    assert len(load_cells("demo", bucket)) == 3
    assert (folder / "tensors.parquet.damaged").exists()
    with SweepWriter(folder, [], 1) as store:
        store.put(fake_network(fake_cell(0)))
    with SweepWriter(folder, [], 1) as store:
        store.put(fake_result(fake_cell(0)))
    assert not (folder / "tensors.parquet").exists()


def test_addresses_that_cannot_be_read(object_store, capsys):
    assert is_remote(locate("s3://bench/runs"))
    assert not is_remote(locate("runs"))
    assert str(locate("s3://bench/runs") / "demo") == "s3://bench/runs/demo"
    with pytest.raises(ConfigError, match="cannot read nosuch://x"):
        locate("nosuch://x")
    said = run(capsys, "sweep", *GRID, "--runs-dir", "s3://no-such-bucket/runs", code=1)
    assert said.err.count("\n") <= 2
    assert "s3://no-such-bucket/runs/default: cannot be written" in said.err


def test_a_sweep_is_renamed_and_deleted(bucket, quick, capsys):
    runs = locate(bucket)
    with SweepWriter(runs / "old", [], 2) as store:
        store.put(fake_result(fake_cell(0)))
        store.put(fake_result(fake_cell(1)))
    (runs / "old" / "mine.txt").write_text("mine")
    run(capsys, "annotate", "old", "--tag", "good", "--runs-dir", bucket)
    assert run(capsys, "rename", "old", "new", "--runs-dir", bucket).out == "old is new now\n"
    assert set(load_cells("new", runs_dir=bucket)["sweep"]) == {"new"}
    assert "it was renamed, to 'new'" in run(capsys, "show", "old", "--runs-dir", bucket, code=2).err
    (runs / "new" / "mine.txt").write_text("mine")
    assert "lpbench did not write mine.txt" in run(capsys, "delete", "new", "--yes", "--runs-dir", bucket).err
    assert sorted(path.name for path in runs.rglob("*") if path.is_file()) == ["mine.txt", "mine.txt"]
