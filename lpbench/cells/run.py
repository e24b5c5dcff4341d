"""One cell: from its choices to a row of `cells` and a trace."""

import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.analysis.tables import RESULT
from lpbench.cells.engine import Trajectory, engine_of
from lpbench.cells.points import Points, points_of, stops
from lpbench.choices.cell import Cell
from lpbench.errors import Interrupted, LpbenchError, last_line
from lpbench.problems.build import build
from lpbench.provenance import now, provenance

CALL_SECONDS = 0.05  # how long one call of an engine should last, so that time-outs and Ctrl-C are answered
_MOST_PAUSES = 1_000_000  # of a cell: they lie in memory
_NOT_DIGESTED = ("seconds",)


@dataclass(frozen=True)
class Result:
    """A finished cell.

    row     the columns of `cells`, without `sweep`.
    trace   the columns of `traces` without `cell_id`: arrays of one length, one entry a recorded step.
    tensors the columns of `tensors` without `cell_id`, NaN where one does not apply; empty of cells without networks.
    """

    row: dict[str, Any]
    trace: dict[str, np.ndarray]
    tensors: Mapping[str, np.ndarray] = field(default_factory=dict)


class Watch(threading.Event):
    """Set to give one cell up. Tells who watches it how long the cell has been at what it does now.

    since   when it began that, by time.monotonic;  built   whether it is past the building of its problem
    """

    def __init__(self) -> None:
        super().__init__()
        self.since, self.built = time.monotonic(), False

    def move_on(self) -> None:
        """The problem is there, or the kernels are, and the run begins."""
        self.since, self.built = time.monotonic(), True


@np.errstate(over="ignore", divide="ignore", invalid="ignore")  # in a cell those are outcomes, no warnings
def run_cell(cell: Cell, stop: threading.Event | None = None, timeout: float | None = None) -> Result:
    """Run one cell in this thread; the same bits wherever and in whatever order it runs.

    stop      set it to give up: raises Interrupted at the next chance (0.1 s). A `Watch` is told how far the cell is.
    timeout   seconds; a cell that takes longer keeps the points seen so far and has status `timeout`.
    A cell that cannot be run, or raises whatever it may (`sys.exit` too), has status `failed` and the reason in
    `error`; nothing else is raised, but KeyboardInterrupt.
    """
    started_at, seconds = now(), 0.0
    asked = cell.choices
    row: dict[str, Any] = {**asked, **cell.identity, "error": None}
    trace: dict[str, np.ndarray] = {"step": np.zeros(0, np.int64)}
    tensors: Mapping[str, np.ndarray] = {}
    try:
        problem = build(cell.located, cell.problem_key)
        engine = engine_of(row)
        choices = engine.resolve(asked, problem)
        row |= {key: value for key, value in choices.items() if asked[key] is not None}
        row |= engine.describe(choices, problem)
        if engine.result != RESULT:
            row["result"] = engine.result
        where = points_of(choices)
        trajectory = engine.start(choices, problem, where)
        if isinstance(stop, Watch):
            stop.move_on()
        row["status"], spent = _run(trajectory, where, timeout, stop)
        seconds = float(spent[-1])
        trace = {"step": where.steps[: spent.size], **trajectory.observe(spent.size), "seconds": spent}
        row |= trajectory.metrics(trace, row)
        if hasattr(trajectory, "tensors"):  # a plug-in's engine may have none
            tensors = trajectory.tensors(spent.size)
    except (Interrupted, KeyboardInterrupt):
        raise
    except BaseException as error:  # a plug-in may call sys.exit, and the cell would be gone without a word
        row["status"] = "failed"
        row["error"] = str(error) if isinstance(error, LpbenchError) else last_line(error)
    row["seconds"] = seconds
    row["steps_per_second"] = int(trace["step"][-1]) / seconds if seconds > 0 else None
    row["digest"] = _digest(trace)
    return Result({**row, "started_at": started_at, **provenance()}, trace, tensors)


def _run(
    trajectory: Trajectory, points: Points, timeout: float | None, stop: threading.Event | None
) -> tuple[str, np.ndarray]:
    """Run to the end, or until it diverges or the time is out: the status, and the seconds at each point seen."""
    step_seconds, steps = trajectory.step_seconds, points.steps
    stride = max(1, int(CALL_SECONDS / step_seconds), int(steps[-1]) // _MOST_PAUSES)
    where, rows = stops(steps, stride)
    stop_seconds = trajectory.look_seconds + step_seconds * int(where[-1]) / where.size
    seconds, count = np.zeros(steps.size), 0
    done, calls = 0, max(1, int(CALL_SECONDS / stop_seconds))
    trajectory.advance(where, rows, 0, 0)  # compiles; the clock starts behind it
    if isinstance(stop, Watch):
        stop.move_on()
    began = time.perf_counter()
    while done < where.size:
        if stop is not None and stop.is_set():
            raise Interrupted("stopped")
        last = min(done + calls, where.size)
        start = time.perf_counter()
        while trajectory.advance(where, rows, done, last):
            if stop is not None and stop.is_set():
                raise Interrupted("stopped")
            if count and timeout is not None and time.perf_counter() - began > timeout:
                return "timeout", seconds[:count]
        spent = time.perf_counter() - start
        recorded = int(rows[:last].max()) + 1
        if recorded > count:
            share = np.linspace(0, 1, recorded - count + 1)[1:]
            seconds[count:recorded] = start - began + spent * share
        seen, count = count, recorded
        bad = trajectory.diverged(seen, count)
        if bad is not None:
            return "diverged", seconds[: bad + 1]
        late = timeout is not None and time.perf_counter() - began > timeout
        if late and last < where.size:
            return "timeout", seconds[:count]
        done, calls = last, max(1, min(2 * calls, int(calls * CALL_SECONDS / max(spent, 1e-9))))
    return "ok", seconds


def _digest(trace: dict[str, np.ndarray]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name, column in trace.items():
        if name not in _NOT_DIGESTED:
            digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def run(
    config_dir: str | Path | None = None, max_memory: float | None = None, **choices: Any
) -> dict[str, Any]:
    """Run one cell in this process: the same bits as in a sweep.

    choices      as keyword arguments what an override says on the command line (`problem="least_squares",
                 precision=8, step_size="0.1/L"`); what is left out has its default.
    config_dir   a folder with your own yamls and modules, as `--config-dir`.
    max_memory   GB that the cell may take (None: what this machine has).
    Returns the columns of `cells` as a dict, and as DataFrames under `trace` the columns of `traces`, under `tensors`
    those of `tensors`, which only networks fill. A cell that diverges, fails or takes longer than `timeout`
    seconds says so in `status` and `error`.
    Raises ConfigError for choices that cannot be run, TooLarge among them where memory does not suffice.
    """
    import pandas as pd

    from lpbench.cells.cost import check_memory, check_steps
    from lpbench.choices import keys
    from lpbench.choices.cell import make_cell
    from lpbench.choices.grid import single
    from lpbench.store.schema import CELLS, tensors_table

    raw = single(choices, None if config_dir is None else Path(config_dir))
    cell = make_cell(raw)
    check_steps([cell])
    check_memory([cell], 1, max_memory)
    result = run_cell(cell, timeout=keys.check("timeout", raw.get("timeout")))
    cell_id = result.row["cell_id"]
    looked_at = [result.tensors] if result.tensors else []
    tables = {
        "trace": pd.DataFrame({"cell_id": cell_id, **result.trace}),
        "tensors": tensors_table([cell_id], looked_at).to_pandas(),
    }
    return {**dict.fromkeys(CELLS.names), **result.row, **tables}
