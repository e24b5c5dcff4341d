"""What a worker does with a shard, in this process; with real workers: test_ray."""

import sys
import tempfile

import pytest
import ray
from fake_results import fake_cell, fake_network, fake_result

from lpbench import registry
from lpbench.cells import run
from lpbench.errors import ConfigError, LpbenchError
from lpbench.executors.ray_cluster import Cluster
from lpbench.executors.ray_task import Work, run_shard
from lpbench.provenance import version
from lpbench.store import read_tensors
from lpbench.store.parts import Target
from lpbench.store.sources import part_paths

CELLS = [fake_cell(seed) for seed in range(3)]


@pytest.fixture
def ran(monkeypatch):
    """The cells that were run, which cost nothing here."""
    found = []

    def run_cell(cell, **options):
        found.append(cell)
        if cell.seed == 1:
            raise SystemExit(0)
        return fake_result(cell)

    monkeypatch.setattr(run, "run_cell", run_cell)
    return found


def work(folder, plugins=(), release=None):
    return Work(Target(folder, {"sweep": "demo"}), 10.0, 1.0, plugins, release or version())


def test_a_shard_is_one_part_and_what_a_cell_raises_is_its_row(ran, tmp_path):
    rows, seconds = run_shard(work(tmp_path), 4, CELLS)
    assert ran == CELLS
    assert seconds > 0
    assert [row["status"] for row in rows] == ["ok", "failed", "ok"]
    assert rows[1]["error"] == "SystemExit: 0"
    assert [path.exists() for path in part_paths(tmp_path, 4)] == [True, True, False]


def test_tensors_are_part_of_the_part(tmp_path, monkeypatch):
    from lpbench.cells import run

    monkeypatch.setattr(run, "run_cell", lambda cell, stop=None, timeout=None: fake_network(cell))
    run_shard(work(tmp_path), 4, CELLS)
    assert all(path.exists() for path in part_paths(tmp_path, 4))
    wanted = sorted(cell.cell_id for cell in CELLS)
    assert read_tensors(tmp_path)["cell_id"].unique().to_pylist() == wanted


def test_a_shard_whose_part_is_there_does_not_run(ran, tmp_path):
    rows, _ = run_shard(work(tmp_path), 4, CELLS)
    ran.clear()
    again, seconds = run_shard(work(tmp_path), 4, CELLS)
    assert (ran, seconds) == ([], 0.0)
    assert {row["cell_id"] for row in again} == {row["cell_id"] for row in rows}


def test_a_part_that_is_damaged_is_written_again(ran, tmp_path):
    run_shard(work(tmp_path), 4, CELLS)
    cells = part_paths(tmp_path, 4)[0]
    cells.write_bytes(cells.read_bytes()[:50])
    ran.clear()
    run_shard(work(tmp_path), 4, CELLS)
    assert ran == CELLS


def test_another_lpbench_on_a_node_refuses(ran, tmp_path):
    with pytest.raises(LpbenchError, match=r"started by lpbench 0\.0\.7: install the same on all nodes"):
        run_shard(work(tmp_path, release="0.0.7"), 0, CELLS)
    assert ran == []


def test_modules_of_the_user_come_along(ran, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_plugins", dict(registry._plugins))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    plugins = (("comes_along.py", "from _beside.deep import LOADED\n"), ("_beside/deep.py", "LOADED = 7\n"))
    run_shard(work(tmp_path, plugins), 0, CELLS)
    assert sys.modules.pop("comes_along").LOADED == 7


def test_without_ray_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install 'lpbench\[ray\]'"):
        Cluster("auto", 1, 0)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "auto"])
def test_an_address_where_nothing_answers_is_told_at_once(monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")  # what auto looks for
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray itself would try for minutes"))
    with pytest.raises(
        LpbenchError, match=r"cannot reach a Ray cluster .*: nothing answers at 127\.0\.0\.1:1$"
    ):
        Cluster(address, 1, 0)
