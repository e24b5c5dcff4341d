"""The runner with cells that cost nothing: order, resume, force, interruption, fail-fast, a second writer."""

import os
import re
import signal
import threading
import time
from collections import Counter

import pytest
from fake_results import FakeResult, fake_cell, fake_result

from lpbench.errors import ConfigError, Interrupted, LpbenchError, StoreError, SweepBusy
from lpbench.executors.local import Local
from lpbench.store import SweepWriter, load_cells, load_traces, parts, read_manifest, read_statuses
from lpbench.store.sources import StoreWarning, part_paths
from lpbench.sweeps import sweep
from lpbench.sweeps.plan import Call, Plan, set_reasons
from lpbench.sweeps.sweep import make_shards, run_plan

GRID = [
    fake_cell(seed=seed, precision=bits, problem=p)
    for p in ("one", "two")
    for bits in (4, 8)
    for seed in range(5)
]


@pytest.fixture(autouse=True)
def ran(monkeypatch):
    """Cells are made up; `ran.status` says how those of a seed end, `ran.count` how often each cell ran."""

    class Ran:
        def __init__(self):
            self.count, self.status, self.before = Counter(), {}, lambda cell, stop: None

        def __call__(self, cell, stop=None, timeout=None):
            self.before(cell, stop)
            self.count[cell.cell_id] += 1
            return fake_result(cell, self.status.get(cell.choices["seed"], "ok"))

    held = Ran()
    monkeypatch.setattr("lpbench.cells.run.run_cell", held)
    monkeypatch.setattr("lpbench.cells.run.Result", FakeResult)
    monkeypatch.setattr(sweep, "cell_costs", lambda cells: [None] * len(cells))
    return held


@pytest.fixture
def cancelled(monkeypatch):
    """Set once no further cell is to start: what waits for it does not hang on how soon that is."""
    told, cancel = threading.Event(), Local.cancel

    def noted(executor, now=False):
        cancel(executor, now)
        told.set()

    monkeypatch.setattr(Local, "cancel", noted)
    return told


def plan_of(folder, cells=GRID, force=False, **more):
    plan = Plan("demo", folder, [Call(("precision=4,8",))], list(cells), [], runtime={"timeout": 5.0}, **more)
    set_reasons(plan, read_statuses(folder), force)
    return plan


def test_all_cells_are_stored_and_a_second_call_computes_nothing(tmp_path, ran):
    folder = tmp_path / "demo"
    outcome = run_plan(plan_of(folder), workers=2)
    assert outcome.ran == len(GRID)
    assert outcome.counts == {"ok": len(GRID)}
    assert not outcome.bad
    frame = load_cells(folder)
    assert set(frame["cell_id"]) == {cell.cell_id for cell in GRID}
    assert set(frame["timeout"]) == {5.0}
    assert set(frame["workers"]) == {2}
    assert set(frame["executor"]) == {"local"}
    version = read_manifest(folder)["version"]
    again = run_plan(plan_of(folder), workers=2)
    assert again.ran == 0
    assert again.counts == outcome.counts
    assert set(ran.count.values()) == {1}
    assert read_manifest(folder)["version"] == version


def test_results_do_not_depend_on_workers_or_order(tmp_path):
    run_plan(plan_of(tmp_path / "a"), workers=1)
    run_plan(plan_of(tmp_path / "b", GRID[::-1]), workers=4)
    a, b = (load_cells(tmp_path / name).drop(columns=["workers", "sweep", "runs_dir"]) for name in "ab")
    assert a.equals(b)
    assert load_traces(tmp_path / "a").equals(load_traces(tmp_path / "b"))


def test_only_new_failed_and_timed_out_cells_run_again(tmp_path, ran):
    folder = tmp_path / "demo"
    ran.status = {0: "failed", 1: "timeout", 2: "diverged"}
    first = run_plan(plan_of(folder, GRID[:5]))
    assert first.counts == {"failed": 1, "timeout": 1, "diverged": 1, "ok": 2}
    assert sorted(row["status"] for row in first.bad) == ["diverged", "failed", "timeout"]
    plan = plan_of(folder, GRID[:6])
    assert plan.counts == {"failed before": 1, "timed out before": 1, "stored": 3, "new": 1}
    ran.status = {}
    second = run_plan(plan)
    assert second.ran == 3
    assert second.counts == {"ok": 5, "diverged": 1}


def test_force_computes_stored_cells_again(tmp_path, ran):
    folder = tmp_path / "demo"
    run_plan(plan_of(folder, GRID[:4]))
    outcome = run_plan(plan_of(folder, GRID[:5], force=True), force=True)
    assert outcome.ran == 5
    assert [ran.count[cell.cell_id] for cell in GRID[:5]] == [2, 2, 2, 2, 1]
    assert len(load_cells(folder)) == 5


def test_a_sweep_adds_to_what_the_name_holds(tmp_path):
    folder = tmp_path / "demo"
    run_plan(plan_of(folder, GRID[:4]))
    outcome = run_plan(plan_of(folder, GRID[2:7]))
    assert outcome.ran == 3
    assert len(outcome.statuses) == 5
    assert len(load_cells(folder)) == 7


def test_fail_fast_stops_at_the_first_bad_cell(tmp_path, ran, cancelled):
    folder = tmp_path / "demo"
    ran.status = dict.fromkeys(range(5), "diverged")
    ran.before = lambda cell, stop: not ran.count or cancelled.wait(60)
    outcome = run_plan(plan_of(folder), workers=1, fail_fast=True)
    assert 1 <= outcome.ran < len(GRID)
    assert len(load_cells(folder)) == outcome.ran
    assert not outcome.interrupted


def press(number=signal.SIGINT):
    os.kill(os.getpid(), number)


def test_one_ctrl_c_ends_after_the_running_cells(tmp_path, ran, cancelled):
    folder, handler = tmp_path / "demo", signal.getsignal(signal.SIGINT)

    def before(cell, stop):
        press()
        assert cancelled.wait(60)
        assert not stop.is_set()

    ran.before = before
    told = []
    outcome = run_plan(plan_of(folder), workers=1, on_event=told.append)
    assert outcome.interrupted
    assert outcome.ran == 1
    assert [event.text for event in told if event.kind == "stopping"] == [
        "finishing the running cells (Ctrl-C again stops at once)"
    ]
    assert len(load_cells(folder)) == outcome.ran
    assert read_manifest(folder)["state"] == "interrupted"
    assert sweep.interrupted_line(outcome).endswith(f"lpbench resume demo --runs-dir {tmp_path}")
    assert signal.getsignal(signal.SIGINT) is handler  # ignored, if the tests run in the background
    ran.before = lambda cell, stop: None
    assert run_plan(plan_of(folder)).ran == len(GRID) - outcome.ran
    assert set(ran.count.values()) == {1}


@pytest.mark.parametrize(
    "numbers", [[signal.SIGINT] * 2, [signal.SIGTERM], [signal.SIGTERM] * 2, [signal.SIGHUP]]
)
def test_two_ctrl_c_a_sigterm_or_a_closed_terminal_stop_at_once(tmp_path, ran, numbers, request):
    ignored = signal.getsignal(signal.SIGHUP)  # where the tests run under nohup
    request.addfinalizer(lambda: signal.signal(signal.SIGHUP, ignored))
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def before(cell, stop):
        if cell.choices["seed"] == 3:
            for number in numbers:
                press(number)
                time.sleep(0.2)
            assert stop.wait(60)
            raise Interrupted("stopped")

    ran.before = before
    outcome = run_plan(plan_of(tmp_path / "demo", GRID[:5]), workers=1)
    assert outcome.interrupted
    assert outcome.ran == 3
    assert len(load_cells(tmp_path / "demo")) == 3


def test_a_running_writer_keeps_a_second_one_out(tmp_path):
    folder = tmp_path / "demo"
    holder = SweepWriter(folder, [], 0)
    with pytest.raises(SweepBusy, match=f"pid {os.getpid()}"):
        run_plan(plan_of(folder))
    holder.close()
    assert run_plan(plan_of(folder)).ran == len(GRID)


def test_cells_that_another_sweep_stored_meanwhile_do_not_run(tmp_path, ran):
    folder = tmp_path / "demo"
    stale = plan_of(folder)
    run_plan(plan_of(folder, GRID[:12]))
    assert run_plan(stale).ran == len(GRID) - 12
    assert set(ran.count.values()) == {1}


def test_parts_of_a_killed_sweep_are_compacted_even_if_nothing_is_missing(tmp_path):
    folder = tmp_path / "demo"
    store = SweepWriter(folder, [], 4)
    for cell in GRID[:4]:
        store.put(fake_result(cell))
    store._parts.close()
    store._lock.release()
    assert run_plan(plan_of(folder, GRID[:4])).ran == 0
    assert (folder / "rollup.parquet").exists()
    assert not list((folder / "parts").iterdir())
    assert read_manifest(folder)["state"] == "done"


def test_a_disk_that_refuses_stops_the_cells_too(tmp_path, ran, cancelled, monkeypatch):
    monkeypatch.setattr("lpbench.store.parts.MAX_CELLS", 1)
    refused = threading.Event()

    def refuse(path, table):
        refused.set()
        raise StoreError(f"cannot write {path}: No space left on device")

    def before(cell, stop):
        if len(ran.count) == 2:
            assert refused.wait(60)
        if len(ran.count) == 10:  # what comes after the refusal is told of it
            assert cancelled.wait(60)

    ran.before = before
    monkeypatch.setattr("lpbench.store.parts.write_table", refuse)
    with pytest.raises(StoreError, match="No space left"):
        run_plan(plan_of(tmp_path / "demo"), workers=1)
    assert sum(ran.count.values()) < len(GRID)


def test_invalid_combinations_stop_the_sweep_before_anything_is_written(tmp_path):
    plan = plan_of(tmp_path / "demo", invalid=[("precision=1", "too few")])
    with pytest.raises(ConfigError, match=r"1 combination makes no sense .*precision=1: too few"):
        run_plan(plan)
    assert not (tmp_path / "demo").exists()


def test_events_add_up(tmp_path, ran):
    ran.status = {0: "failed"}
    told = []
    run_plan(plan_of(tmp_path / "demo"), on_event=told.append)
    kinds = Counter(event.kind for event in told)
    assert kinds["start"] == kinds["end"] == 1
    assert kinds["cell"] == len(GRID)
    assert told[0].total == len(GRID)


def test_shards_hold_a_problem_each_and_the_dearest_come_first():
    cells = [fake_cell(seed=seed, problem=p) for seed in range(2) for p in ("cheap", "dear")]
    made = make_shards(cells, [1.0, 5.0, 2.0, 7.0])
    assert [[cell.choices["problem"] for cell in shard.cells] for shard in made] == [
        ["dear"] * 2,
        ["cheap"] * 2,
    ]
    assert [cell.choices["seed"] for cell in made[0].cells] == [1, 0]
    assert all(cell.problem_key == shard.problem_key for shard in made for cell in shard.cells)


def test_a_sweep_from_a_thread_that_gets_no_signals(tmp_path):
    found = []
    thread = threading.Thread(target=lambda: found.append(run_plan(plan_of(tmp_path / "demo"))))
    thread.start()
    thread.join(60)
    assert found
    assert found[0].ran == len(GRID)


def test_the_function_returns_the_cells_of_its_grid(tmp_path):
    overrides = ["problem=family_q", "dimension=4", "precision=4,8", "seed=range(3)", "steps=50"]
    frame = sweep.sweep(overrides, "demo", tmp_path)
    assert len(frame) == 6
    assert set(frame["status"]) == {"ok"}
    part = sweep.sweep([*overrides, "precision=8"], "demo", tmp_path)
    assert part["precision"].tolist() == [8, 8, 8]
    assert len(load_cells(tmp_path / "demo")) == 6
    with pytest.raises(ConfigError, match="6 cells, more than max_cells = 5"):
        sweep.sweep(overrides, "demo", tmp_path, max_cells=5)


def test_the_function_raises_after_ctrl_c_with_everything_finished_on_disk(tmp_path, ran, cancelled):
    def before(cell, stop):
        if cell.choices["seed"] == 5:
            press()
            assert cancelled.wait(60)

    ran.before = before
    overrides = ["problem=family_q", "dimension=4", "seed=range(40)", "steps=50"]
    with pytest.raises(Interrupted, match=r"of 40 cells are stored .* go on with: lpbench resume demo"):
        sweep.sweep(overrides, "demo", tmp_path, workers=1)
    assert len(load_cells(tmp_path / "demo")) == 6


def test_a_part_whose_damage_compaction_finds_is_told_and_its_cells_run_again(tmp_path, monkeypatch):
    folder, write = tmp_path / "demo", parts.Target.write

    def spoil(self, number, finished):
        rows = write(self, number, finished)
        traces = part_paths(self.folder, number)[1]
        data = bytearray(traces.read_bytes())
        data[8:200] = bytes(192)  # pages, which nobody reads before compaction
        traces.write_bytes(data)
        return rows

    monkeypatch.setattr(parts.Target, "write", spoil)
    with (
        pytest.warns(StoreWarning, match="000000"),
        pytest.raises(
            LpbenchError, match=r"20 cells of the sweep have no result; 0 of 20 .* lpbench resume demo"
        ),
    ):
        run_plan(plan_of(folder))
    monkeypatch.undo()


def test_an_executor_that_ends_early_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("lpbench.executors.local.Local.events", lambda self: iter(()))
    with pytest.raises(LpbenchError, match=r"20 cells of the sweep have no result"):
        run_plan(plan_of(tmp_path / "demo"))


def test_damage_that_shows_when_nothing_is_left_to_run_brings_the_cells_back(tmp_path, ran):
    folder = tmp_path / "demo"
    store = SweepWriter(folder, [], 4)
    for cell in GRID[:4]:
        store.put(fake_result(cell))
    store._parts.close()
    store._lock.release()
    traces = part_paths(folder, 0)[1]
    data = bytearray(traces.read_bytes())
    data[8:200] = bytes(192)
    traces.write_bytes(data)
    with pytest.warns(StoreWarning, match="000000"):
        outcome = run_plan(plan_of(folder, GRID[:4]))
    assert outcome.ran == 4
    assert outcome.counts == {"ok": 4}


def test_a_disk_that_refuses_is_told_with_the_number_of_cells_that_are_lost(tmp_path, monkeypatch):
    write = parts.Target.write

    def full(self, number, finished):
        if number:
            raise StoreError("cannot write part 1: No space left on device")
        return write(self, number, finished[:4])

    monkeypatch.setattr(parts, "MAX_CELLS", 4)
    monkeypatch.setattr(parts.Target, "write", full)
    with pytest.raises(StoreError) as error:
        run_plan(plan_of(tmp_path / "demo"), workers=1)
    found = re.search(r"; (\d+) of 20 cells are stored, (\d+) finished ones are not and", str(error.value))
    assert found, error.value
    assert int(found[1]) == len(load_cells(tmp_path / "demo")) == 4
    assert 1 <= int(found[2]) <= 16


def test_a_disk_that_is_full_at_compaction_loses_nothing_and_says_how_to_go_on(tmp_path, monkeypatch):
    def full(*arguments):
        raise StoreError("cannot write cells.parquet: No space left on device")

    monkeypatch.setattr("lpbench.store.compaction.write_pieces", full)
    with pytest.raises(
        StoreError, match=r"No space left on device; 20 of 20 cells are stored; go on with: lpbench"
    ):
        run_plan(plan_of(tmp_path / "demo"))
    monkeypatch.undo()
    assert len(load_cells(tmp_path / "demo")) == 20


def test_under_nohup_a_closed_terminal_stops_nothing(tmp_path, ran):
    ran.before = lambda cell, stop: press(signal.SIGHUP) if cell.choices["seed"] == 1 else None
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        outcome = run_plan(plan_of(tmp_path / "demo", GRID[:5]), workers=1)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (outcome.interrupted, outcome.ran) == (False, 5)
