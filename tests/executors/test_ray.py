"""executor=ray with real processes: the bits of local threads, whatever is killed, hangs or is full on the way."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from ray_cluster import Node

import lpbench
from lpbench.store import load_cells, load_traces, read_manifest

GRID = ["problem=family_s", "k=2,4", "dimension=8", "precision=6,8", "algorithm=lp_sgd", "steps=2000",
        "record_points=6", "even_points=6", "seed=range(4)"]  # fmt: skip
NETWORKS = ["problem=mlp,cnn", "dataset=digits", "dimension=8", "recipe=all", "format=fixed,block",
            "algorithm=lp_sgd,sgd", "precision=8", "steps=24", "even_points=3", "seed=range(2)"]  # fmt: skip
LONG = ["problem=family_s", "k=4", "dimension=16", "precision=6", "steps=1500000", "record_points=6", "even_points=6",
        "seed=range(60)"]  # fmt: skip
HERE = ["seconds", "steps_per_second", "started_at", "workers", "runs_dir", "executor"]
# These run in the driver and in every worker: a cell that kills its worker, one that never ends, a disk that is full.
POISON = """
import os
from lpbench.cells import run

run_cell = run.run_cell

def poisoned(cell, **options):
    if cell.choices["seed"] == 2:
        os.kill(os.getpid(), 9)
    return run_cell(cell, **options)

run.run_cell = poisoned
"""
HANGS = """
import time
import lpbench.executors.ray
from lpbench.cells import run

lpbench.executors.ray.Ray.grace = 1.0
run_cell = run.run_cell

def hanging(cell, **options):
    if cell.choices["seed"] == 5:
        time.sleep(1000)
    return run_cell(cell, **options)

run.run_cell = hanging
"""
FULL = """
import errno, os, sys

real = os.fsync

def fsync(file):
    if "default_worker" in " ".join(sys.argv) or "ray::" in open("/proc/self/cmdline").read():
        raise OSError(errno.ENOSPC, "No space left on device")
    real(file)

os.fsync = fsync
"""


STARTED: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def no_process_is_left():
    """A test that fails leaves no sweep running beside the next one."""
    yield
    while STARTED:
        process = STARTED.pop()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def cluster():
    node = Node(cpus=2)
    yield node
    node.close()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """GRID, run by threads."""
    folder = tmp_path_factory.mktemp("local")
    lpbench.sweep(GRID, name="grid", runs_dir=folder)
    return folder


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """LONG, run by threads."""
    folder = tmp_path_factory.mktemp("long")
    lpbench.sweep(LONG, name="long", runs_dir=folder)
    return folder


def start(address, folder, grid, *more, resume=False, cwd=None):
    """`lpbench sweep executor=ray` as a process of its own, in its own process group."""
    words = ["resume", "there"] if resume else ["sweep", *grid, "executor=ray", f"ray_address={address}"]
    words += [] if resume else ["shard_seconds=0.2", "--name", "there"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lpbench.cli", *words, *more, "--runs-dir", folder],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=cwd,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **({"RAY_ADDRESS": address} if resume else {})},
    )  # fmt: skip
    STARTED.append(process)
    return process


def finish(process, code=0, seconds=1500):  # a guard: kernels are compiled on the way
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == code, f"{process.returncode}\n{out}\n{err}"
    return err


def until(condition, seconds=60):
    """Wait for `condition`; a test that waits for nothing fails."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def stored(folder):
    """Cells that the manifest counts."""
    manifest = read_manifest(Path(folder) / "there") if Path(folder, "there").is_dir() else None
    return sum(manifest["counts"].values()) if manifest else 0


def same(folder, local, name):
    """The cells and the traces of both, bit by bit, but for where and how fast they ran."""
    ours, theirs = load_cells(f"{folder}/there"), load_cells(name, local)
    kept = [column for column in theirs.columns if column not in (*HERE, "sweep")]
    pd.testing.assert_frame_equal(ours[kept], theirs[kept], check_exact=True)
    traces = [load_traces(f"{folder}/there"), load_traces(name, runs_dir=local)]
    pd.testing.assert_frame_equal(*(trace.drop(columns="seconds") for trace in traces), check_exact=True)


def test_local_ray_and_resumed_sweeps_are_equal_bit_by_bit(cluster, local, tmp_path):
    # By threads; Ray runs the rest, in a relative folder, which is that of the driver.
    runs = tmp_path / "runs"
    lpbench.sweep([*GRID[:-1], "seed=range(2)"], name="there", runs_dir=runs)
    err = finish(start(cluster.address, "runs", GRID, cwd=tmp_path))
    assert "computed now: 8" in err
    same(runs, local, "grid")
    assert set(load_cells("there", runs)["executor"]) == {"local", "ray"}
    assert "computed now: 0" in finish(start(cluster.address, runs, [], resume=True))


def test_networks_have_the_bits_of_local_threads(cluster, tmp_path):
    lpbench.sweep(NETWORKS, name="nets", runs_dir=tmp_path)
    assert "computed now: 12" in finish(start(cluster.address, tmp_path, NETWORKS))
    same(tmp_path, tmp_path, "nets")
    stored = load_cells("there", tmp_path)
    assert set(stored["executor"]) == {"ray"}
    assert set(stored["status"]) == {"ok"}
    assert stored["test_error"].notna().all()


@pytest.mark.slow  # half a minute, until Ray has noticed and started another
def test_a_worker_that_is_killed_loses_nothing(cluster, long, tmp_path):
    process = start(cluster.address, tmp_path, LONG)
    until(lambda: stored(tmp_path) > 0)
    until(lambda: cluster.kill("ray::run_shard"))
    finish(process)
    same(tmp_path, long, "long")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trap", "seed", "status", "error"),
    [
        (POISON, 2, "failed", "its worker died 3 times"),
        (HANGS, 5, "timeout", "it hung: no answer for"),
    ],
)
def test_a_cell_that_kills_or_hangs_is_a_row_of_its_own(cluster, tmp_path, trap, seed, status, error):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "trap.py").write_text(trap)
    grid = [*GRID[:1], "k=4", "dimension=8", "precision=6", *GRID[4:-1], "seed=range(8)", "timeout=20"]
    err = finish(start(cluster.address, tmp_path, grid, "--config-dir", tmp_path / "mine"), code=3)
    cells = load_cells("there", tmp_path).set_index("seed")
    assert dict(cells["status"]) == {other: status if other == seed else "ok" for other in range(8)}
    assert error in cells["error"][seed]
    assert "7 ok" in err


@pytest.mark.slow
def test_a_full_disk_in_a_worker_is_one_line(cluster, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "full.py").write_text(FULL)
    err = finish(start(cluster.address, tmp_path, GRID, "--config-dir", tmp_path / "mine"), code=1)
    last = err.strip().splitlines()[-1]
    assert "No space left on device" in last
    assert "lpbench resume there" in last
    assert "Traceback" not in err
    finish(start(cluster.address, tmp_path, GRID))  # once there is room again


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_driver_that_is_killed_or_interrupted_is_resumed(cluster, long, tmp_path, how):
    process = start(cluster.address, tmp_path, LONG)
    until(lambda: stored(tmp_path) > 0)
    os.killpg(process.pid, how)
    _, err = process.communicate(timeout=60)
    kept = len(load_cells("there", tmp_path))
    assert 0 < kept < 60
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "interrupted:" in err
    err = finish(start(cluster.address, tmp_path, [], resume=True))
    assert f"computed now: {60 - kept}" in err
    same(tmp_path, long, "long")


@pytest.mark.slow
def test_two_drivers_on_one_sweep(cluster, long, tmp_path):
    first = start(cluster.address, tmp_path, LONG)
    until(lambda: stored(tmp_path) > 0)
    os.kill(first.pid, signal.SIGSTOP)  # so that it is not done before the second begins
    assert "is writing" in finish(start(cluster.address, tmp_path, LONG), code=1)
    os.kill(first.pid, signal.SIGCONT)
    finish(first)
    same(tmp_path, long, "long")


@pytest.mark.slow
def test_a_cluster_that_is_gone_is_one_line_and_finished_cells_are_kept(long, tmp_path):
    head = Node(cpus=2)
    try:
        process = start(head.address, tmp_path, LONG)
        until(lambda: stored(tmp_path) > 0)
        head.close()
        err = finish(process, code=1, seconds=60)
    finally:
        head.close()
    last = err.strip().splitlines()[-1]
    assert re.search(rf"the Ray cluster at \S+:{head.address.partition(':')[2]} is gone", last)
    assert "lpbench resume there" in last
    assert 0 < len(load_cells("there", tmp_path)) < 60
    lpbench.sweep(LONG, name="there", runs_dir=tmp_path)  # by threads
    same(tmp_path, long, "long")


@pytest.mark.slow
def test_two_nodes_that_share_an_object_store_alone_and_one_is_killed(tmp_path, bucket, object_store):
    """The demo, on a store that refuses every tenth request."""
    demo = ["+experiment=demo"]
    lpbench.sweep(demo, name="demo", runs_dir=tmp_path)
    head = Node(cpus=1)
    other = Node(head.address, cpus=1)
    object_store.refuse_every = 10
    try:
        process = start(head.address, bucket, demo)
        until(lambda: other.processes("ray::run_shard"))
        until(lambda: len(load_parts(bucket)) > 2, seconds=180)
        assert other.processes("ray::run_shard")
        other.close()
        finish(process, seconds=600)
    finally:
        object_store.refuse_every = 0
        other.close()
        head.close()
    assert object_store.refused > 0
    same(bucket, tmp_path, "demo")


def load_parts(bucket):
    """The parts in an object store."""
    from lpbench.store.address import locate

    return list((locate(bucket) / "there" / "parts").glob("*.cells.parquet"))
