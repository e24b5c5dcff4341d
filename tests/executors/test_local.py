import re
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from fake_results import FakeResult, fake_cell, fake_result

from lpbench.errors import Interrupted
from lpbench.executors import local
from lpbench.executors.base import Shard
from lpbench.executors.local import Local


@pytest.fixture
def run(monkeypatch):
    """A stand-in for `lpbench.cells.run.run_cell` whose behaviour each test sets."""
    held = SimpleNamespace(
        cell=lambda cell, stop, timeout: fake_result(cell), calls=[], lock=threading.Lock()
    )

    def run_cell(cell, stop=None, timeout=None):
        with held.lock:
            held.calls.append((threading.current_thread().name, cell))
        return held.cell(cell, stop, timeout)

    monkeypatch.setattr("lpbench.cells.run.run_cell", run_cell)
    monkeypatch.setattr("lpbench.cells.run.Result", FakeResult)
    return held


def shards(problems, seeds):
    made = []
    for problem in problems:
        cells = tuple(fake_cell(seed=seed, problem=problem) for seed in range(seeds))
        made.append(Shard(cells[0].problem_key, cells))
    return made


def drain(executor):
    return [result for result in executor.events() if result is not None]


@pytest.mark.parametrize("workers", [1, 4])
def test_every_cell_runs_once(run, workers):
    executor = Local(workers)
    work = shards("ab", 5)
    executor.submit(work)
    found = sorted(result.row["cell_id"] for result in drain(executor))
    assert found == sorted(cell.cell_id for shard in work for cell in shard.cells)


def test_the_timeout_reaches_the_cells(run):
    seen = []
    run.cell = lambda cell, stop, timeout: seen.append(timeout) or fake_result(cell)
    executor = Local(1)
    executor.submit(shards("a", 1), timeout=12.5)
    drain(executor)
    assert seen == [12.5]


def test_workers_begin_different_problems_and_help_each_other_in_the_end(run):
    helped = threading.Event()

    def cell(cell, stop, timeout):
        if cell.choices["problem"] == "a":
            if cell.choices["seed"] == 0:
                assert helped.wait(60)
            helped.set()
        return fake_result(cell)

    run.cell = cell
    executor = Local(2)
    executor.submit(shards("ab", 6)[:1] + shards("b", 1))
    drain(executor)
    first = {name: cell.choices["problem"] for name, cell in reversed(run.calls)}
    assert sorted(first.values()) == ["a", "b"]
    assert {name for name, cell in run.calls if cell.choices["problem"] == "a"} == {"lpbench-0", "lpbench-1"}


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("by zero"), SystemExit(0), KeyboardInterrupt(), GeneratorExit(), Interrupted("I say")],
)
def test_a_cell_that_raises_is_a_failed_row_and_the_others_run(run, error):
    def cell(cell, stop, timeout):
        if cell.choices["seed"] == 1:
            raise error
        return fake_result(cell)

    run.cell = cell
    executor = Local(2)
    executor.submit(shards("a", 3))
    rows = {result.row["seed"]: result for result in drain(executor)}
    assert [rows[seed].row["status"] for seed in range(3)] == ["ok", "failed", "ok"]
    assert rows[1].row["error"] == f"{type(error).__name__}: {error}"
    assert rows[1].trace["step"].size == 0


def test_cancel_lets_the_running_cells_finish(run):
    begun, finish = threading.Event(), threading.Event()

    def cell(cell, stop, timeout):
        begun.set()
        assert finish.wait(60)
        assert not stop.is_set()
        return fake_result(cell)

    run.cell = cell
    executor = Local(1)
    executor.submit(shards("ab", 4))
    assert begun.wait(60)
    executor.cancel()
    finish.set()
    assert len(drain(executor)) == 1


def test_cancel_now_drops_the_running_cells(run):
    begun, told = threading.Event(), []

    def cell(cell, stop, timeout):
        begun.set()
        told.append(stop.wait(60))
        raise Interrupted("stopped")

    run.cell = cell
    executor = Local(2)
    executor.submit(shards("ab", 4))
    assert begun.wait(60)
    executor.cancel(now=True)
    assert drain(executor) == []
    assert told
    assert all(told)


def test_a_worker_that_cannot_stop_is_left_behind(run):
    release = threading.Event()
    left = threading.Event()

    def cell(cell, stop, timeout):
        release.wait(60)
        left.set()
        return fake_result(cell)

    run.cell = cell
    executor = Local(1)
    executor.submit(shards("a", 1))
    executor.cancel(now=True)
    assert drain(executor) == []
    assert not left.is_set()
    release.set()


def test_events_yield_nothing_now_and_then_while_cells_run(run):
    release, events = threading.Event(), []
    run.cell = lambda cell, stop, timeout: release.wait(60) and fake_result(cell)
    executor = Local(1)
    executor.submit(shards("a", 1))
    for event in executor.events():
        events.append(event)
        if events.count(None) == 2:
            release.set()
    assert len(events) - events.count(None) == 1


def test_no_cells_at_all(run):
    executor = Local(3)
    executor.submit([])
    assert drain(executor) == []


@pytest.fixture
def passed(monkeypatch):
    """Seconds that have passed beside real ones, of which no machine takes so many.

    A cell hangs 100 after its time-out, 10,000 after it while its problem is built.
    """
    beside, real = [0.0], time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + beside[0])
    monkeypatch.setattr(local, "RUN", 100.0)
    monkeypatch.setattr(local, "BUILD", 10_000.0)
    monkeypatch.setattr(local, "HEARTBEAT", 0.02)
    return beside


def test_a_cell_that_hangs_is_given_up_and_the_others_run(run, passed, capsys):
    release = threading.Event()

    def cell(cell, stop, timeout):
        stop.move_on()
        if cell.choices["seed"] == 1:
            passed[0] += 300
            assert release.wait(60)
        return fake_result(cell)

    run.cell = cell
    executor = Local(1)
    executor.submit(shards("a", 4), timeout=100)
    rows = {result.row["seed"]: result.row for result in drain(executor)}
    assert [rows[seed]["status"] for seed in range(4)] == ["ok", "timeout", "ok", "ok"]
    assert re.search(r"it hung: no answer for 3\d\d s", rows[1]["error"])
    assert "hangs: given up" in capsys.readouterr().err
    left = next(thread for thread in threading.enumerate() if thread.name == "lpbench-0")
    release.set()
    left.join(60)
    assert not left.is_alive()
    assert not executor._done  # what comes too late is nobody's


def test_several_cells_that_hang_leave_a_thread_each(run, passed):
    release = threading.Event()

    def cell(cell, stop, timeout):
        stop.move_on()
        passed[0] += 300
        return release.wait(60) and fake_result(cell)

    run.cell = cell
    executor = Local(2)
    executor.submit(shards("ab", 2), timeout=100)
    assert [result.row["status"] for result in drain(executor)] == ["timeout"] * 4
    release.set()


def test_a_problem_that_is_built_and_a_kernel_that_is_compiled_have_more_time(run, passed, monkeypatch):
    compiling, looked = [False], threading.Event()
    monkeypatch.setattr("lpbench.arithmetic.jit.compiling", lambda: looked.set() or compiling[0])

    def passes(seconds):
        """So many, and whoever watches the cells has seen it: at the second look, the first may have begun before."""
        passed[0] += seconds
        for _ in range(2):
            looked.clear()
            assert looked.wait(60)

    def cell(cell, stop, timeout):
        passes(5000)  # builds
        stop.move_on()
        compiling[0] = True
        passes(5000)
        compiling[0] = False
        stop.move_on()
        return fake_result(cell)

    run.cell = cell
    executor = Local(1)
    executor.submit(shards("a", 1), timeout=100)
    assert [result.row["status"] for result in drain(executor)] == ["ok"]


def test_without_a_timeout_nothing_hangs(run, passed):
    def cell(cell, stop, timeout):
        stop.move_on()
        passed[0] += 1e6
        time.sleep(0.1)  # several looks
        return fake_result(cell)

    run.cell = cell
    executor = Local(1)
    executor.submit(shards("a", 1))
    assert [result.row["status"] for result in drain(executor)] == ["ok"]


def test_what_runs_cells_is_imported_before_threads_would_wait_for_each_other_to_do_it():
    code = (
        "import sys; from lpbench.executors.base import Shard; from lpbench.executors.local import Local\n"
        "there = lambda: {'lpbench.cells.run', 'lpbench.cells.convex'} <= set(sys.modules)\n"
        "Local._start = lambda self, name: print(there())\n"
        "print(there()); Local(workers=1).submit([Shard('key', (None,))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
