"""One cell: from its choices to a row of `cells` and a trace."""

import functools
import hashlib
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lpbench import registry
from lpbench.algorithms import base
from lpbench.algorithms.base import Advance, Setup
from lpbench.cells.binding import number_format, resolve, setup
from lpbench.cells.measured import Measured
from lpbench.cells.points import points, stops
from lpbench.cells.theorems import columns as proofs
from lpbench.cells.theorems import noise_scale
from lpbench.choices.cell import Cell
from lpbench.convex.gap import judge_once
from lpbench.convex.step_sizes import mean_weight, weights
from lpbench.errors import Interrupted, LpbenchError
from lpbench.problems.base import QUADRATIC, SQUARED, Problem
from lpbench.problems.build import build
from lpbench.provenance import now, provenance

CALL_SECONDS = 0.05  # how long one kernel call should last, so that time-outs and Ctrl-C are answered
_DIVERGED = 1e6  # a gap this many times the larger of the initial gap and the gap at 0
_BEYOND_NOISE = 1e3  # and this many times what noise makes, where those are next to nothing beside it
_COORDINATE_SECONDS = 1e-8  # of a step or an evaluation, at the slowest: a log format
_MOST_PAUSES = 1_000_000  # of a cell: they lie in memory
_NOT_DIGESTED = ("seconds",)
PROVEN = frozenset({"ok", "diverged"})  # what a bound is about: runs that went as far as was asked, or off


@dataclass(frozen=True)
class Result:
    """A finished cell.

    row     the columns of `cells`, without `sweep`.
    trace   the columns of `traces` without `cell_id`: arrays of one length, one entry a recorded step.
    """

    row: dict[str, Any]
    trace: dict[str, np.ndarray]


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
    row = {**cell.choices, **cell.identity, "error": None}
    trace: dict[str, np.ndarray] = {"step": np.zeros(0, np.int64)}
    try:
        problem = build(cell.located, cell.problem_key)
        choices = resolve(cell.choices, problem)
        ready = setup(choices, problem)
        if isinstance(stop, Watch):
            stop.move_on()
        row |= {key: value for key, value in choices.items() if cell.choices[key] is not None}
        row |= _describe(choices, problem)
        advance = registry.algorithms.get(choices["algorithm"])().prepare(ready)
        record = _Record(ready, problem, advance, timeout, stop)
        row["status"] = record.run()
        seconds = float(record.seconds[record.count - 1])
        trace = record.trace()
        row |= record.metrics(trace)
        if row["status"] in PROVEN:
            row |= _proven(choices, problem, row)
    except (Interrupted, KeyboardInterrupt):
        raise
    except BaseException as error:  # a plug-in may call sys.exit, and the cell would be gone without a word
        row["status"] = "failed"
        row["error"] = str(error) if isinstance(error, LpbenchError) else _last_line(error)
    row["seconds"] = seconds
    row["steps_per_second"] = int(trace["step"][-1]) / seconds if seconds > 0 else None
    row["digest"] = _digest(trace)
    return Result({**row, "started_at": started_at, **provenance()}, trace)


def _proven(choices: dict[str, Any], problem: Problem, row: dict[str, Any]) -> dict[str, Any]:
    """The columns that hold proofs; why there are none, where they cannot be computed: the run is what it is."""
    try:
        return proofs(choices, problem, row)
    except Exception as error:
        return {"error": f"its bounds could not be computed: {_last_line(error)}"}


def _last_line(error: BaseException) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''} ({place.name})"


def _describe(choices: dict[str, Any], problem: Problem) -> dict[str, Any]:
    form = number_format(choices)
    constants = {key: value for key, value in problem.constants.items() if choices.get(key) is None}
    return {
        "dimension": problem.dimension,
        "n_samples": problem.n_samples,
        "steps": choices["steps"],
        "mantissa_bits": form.mantissa_bits,
        "bits_per_value": form.bits_per_value,
        "format_policy": form.policy,
        "optimum_gradient_norm": problem.optimum_gradient_norm,
        "weights": problem.w_star.size,
        "w_norm": float(np.linalg.norm(problem.w_star)),
        "quadratic": problem.loss in (SQUARED, QUADRATIC),
        **constants,
    }


class _Record:
    """Carries a cell on from point to point, and turns what was recorded into a trace and metrics."""

    def __init__(
        self,
        ready: Setup,
        problem: Problem,
        advance: Advance,
        timeout: float | None,
        stop: threading.Event | None,
    ):
        choices = ready.choices
        self.ready, self.problem = ready, problem
        self.timeout, self.stop = timeout, stop
        self.points = points(
            choices["steps"],
            choices["record_points"],
            choices["even_points"],
            choices["seed"],
            choices["inner_steps"],
        )
        count, output = self.points.steps.size, ready.run.look.output
        self.advance = Measured(advance, choices, problem, output, count)
        self.rows = np.zeros((count, base.RECORDED))
        self.seconds = np.zeros(self.points.steps.size)
        self.count = 0

    def run(self) -> str:
        """Run to the end, or until it diverges or the time is out; returns the status."""
        ready, coordinates = self.ready, self.ready.start.size
        inner = ready.choices["inner_steps"]
        samples = ready.choices["batch_size"] + (ready.samples / inner if inner else 0)  # a step, on average
        step_seconds = 1e-7 + _COORDINATE_SECONDS * coordinates * samples
        stride = max(1, int(CALL_SECONDS / step_seconds), int(self.points.steps[-1]) // _MOST_PAUSES)
        where, rows = stops(self.points.steps, stride)
        look_seconds = 1e-6 + _COORDINATE_SECONDS * coordinates * ready.samples
        stop_seconds = look_seconds + step_seconds * int(where[-1]) / where.size
        done, calls = 0, max(1, int(CALL_SECONDS / stop_seconds))
        self.advance(where, rows, 0, 0, self.rows)  # compiles; the clock starts behind it
        if isinstance(self.stop, Watch):
            self.stop.move_on()
        began = time.perf_counter()
        while done < where.size:
            if self.stop is not None and self.stop.is_set():
                raise Interrupted("stopped")
            last = min(done + calls, where.size)
            start = time.perf_counter()
            self.advance(where, rows, done, last, self.rows)
            spent = time.perf_counter() - start
            recorded = int(rows[:last].max()) + 1
            if recorded > self.count:
                steps = self.points.steps[self.count : recorded]
                share = np.linspace(0, 1, steps.size + 1)[1:]
                self.seconds[self.count : recorded] = start - began + spent * share
            seen, self.count = self.count, recorded
            bad = self._diverged(seen)
            if bad is not None:
                self.count = bad + 1
                return "diverged"
            late = self.timeout is not None and time.perf_counter() - began > self.timeout
            if late and last < where.size:
                return "timeout"
            done, calls = last, max(1, min(2 * calls, int(calls * CALL_SECONDS / max(spent, 1e-9))))
        return "ok"

    def _diverged(self, first: int) -> int | None:
        gaps = self.rows[first : self.count, [base.GAP, base.ITERATE_GAP]]
        bad = ~np.isfinite(gaps).all(axis=1) | (gaps.max(axis=1, initial=0) > self.limit)
        return first + int(np.argmax(bad)) if bad.any() else None

    @functools.cached_property
    def limit(self) -> float:
        """The largest gap of a run that has not diverged, from the initial gap and the gap at zero.

        With an optimum at 0 both may be 0, and what noise makes is larger without end: then that is the scale.
        """
        judge, look = self.ready.run.judge, self.ready.run.look
        at_zero = judge_once(judge, -judge.w_star, look.g, look.scratch)
        noise = noise_scale(self.ready.choices, self.problem)
        return max(_DIVERGED * max(self.rows[0, base.GAP], at_zero), _BEYOND_NOISE * noise)

    def trace(self) -> dict[str, np.ndarray]:
        """The trace of the points seen."""
        choices, rows, steps = self.ready.choices, self.rows[: self.count], self.points.steps[: self.count]
        batch, inner = choices["batch_size"], choices["inner_steps"]
        outer = np.zeros_like(steps) if inner is None else -(-steps // inner)
        # Coordinate updates with non-zero alpha g so far, from their share at the audited steps.
        updates = rows[:, base.MOVED] / np.maximum(rows[:, base.AUDITED], 1) * steps
        moved = np.maximum(rows[:, base.MOVED], 1)
        return {
            "step": steps,
            "epoch": steps * (batch / self.ready.samples),
            "outer": outer,
            "gradient_evaluations": outer * self.ready.samples + (1 if inner is None else 2) * batch * steps,
            "objective_gap": rows[:, base.GAP].copy(),
            "iterate_gap": rows[:, base.ITERATE_GAP].copy(),
            "gradient_norm": rows[:, base.GRADIENT_NORM].copy(),
            "distance": rows[:, base.DISTANCE].copy(),
            "saturation_rate": rows[:, base.SATURATED] / np.maximum(updates, 1),
            "stall_rate": rows[:, base.STALLED] / moved,
            "seconds": self.seconds[: self.count].copy(),
            **self.advance.trace(self.count),
        }

    def metrics(self, trace: dict[str, np.ndarray]) -> dict[str, Any]:
        """The row's results."""
        choices, rows, schedule = self.ready.choices, self.rows[: self.count], self.ready.run.schedule
        steps, gaps, drawn = trace["step"], trace["objective_gap"], self.points.even[: self.count]
        even = drawn > 0
        tail = even & (steps >= (1 - choices["tail"]) * choices["steps"])
        weight = drawn[even] * weights(schedule, steps[even].astype(np.float64))
        # Divided by what the weights of a whole run come to on average, which does not depend on the draw, the mean is
        # unbiased; of a run cut short it is that of what was seen.
        whole = self.count == self.points.steps.size
        total = drawn.sum() * mean_weight(schedule, choices["steps"]) if whole else weight.sum()
        low = rows[np.argmax(tail)] if tail.any() else rows[0]
        audits = rows[-1, base.AUDITED] - low[base.AUDITED]
        with np.errstate(all="ignore"):
            return {
                "initial_gap": float(gaps[0]),
                "final_gap": float(gaps[-1]),
                "noise_floor": _mean(gaps[tail], drawn[tail], drawn[tail].sum()),
                "mean_gap": _mean(gaps[even], weight, total),
                "iterate_gap": _mean(trace["iterate_gap"][tail], drawn[tail], drawn[tail].sum()),
                "best_gap": float(np.nanmin(gaps)) if not np.isnan(gaps).all() else float("nan"),
                "gradient_l1": float((rows[-1, base.L1] - low[base.L1]) / audits) if audits else None,
                "max_update": float(rows[-1, base.PEAK]),
                "saturation_rate": float(trace["saturation_rate"][-1]),
                "stall_rate": float(trace["stall_rate"][-1]),
                **self.advance.row(self.count),
            }


def _mean(values: np.ndarray, weight: np.ndarray, total: float) -> float | None:
    return float((values * weight).sum() / total) if values.size else None


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
    Returns the columns of `cells` as a dict, and under `trace` a DataFrame with the columns of `traces`. A cell that
    diverges, fails or takes longer than `timeout` seconds says so in `status` and `error`.
    Raises ConfigError for choices that cannot be run, TooLarge among them where memory does not suffice.
    """
    import pandas as pd

    from lpbench.cells.cost import check_memory, check_steps
    from lpbench.choices.cell import make_cell
    from lpbench.choices.grid import single
    from lpbench.store.schema import CELLS

    raw = single(choices, None if config_dir is None else Path(config_dir))
    cell = make_cell(raw)
    check_steps([cell])
    check_memory([cell], 1, max_memory)
    result = run_cell(cell, timeout=raw.get("timeout"))
    trace = {"cell_id": result.row["cell_id"], **result.trace}
    return {**dict.fromkeys(CELLS.names), **result.row, "trace": pd.DataFrame(trace)}
