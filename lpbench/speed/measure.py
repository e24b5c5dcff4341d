"""How much faster training is in integers: a step, an outer loop, and the time to reach a gap, beside float32.

All ratios are medians over rounds in which float32 and integers took turns, so they are of one machine at one time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from lpbench.arithmetic.arrays import zeros
from lpbench.arithmetic.assembler import instructions
from lpbench.cells.cost import machine_memory
from lpbench.errors import ConfigError, TooLarge
from lpbench.executors.base import cores as every_core
from lpbench.provenance import cpu, now, provenance
from lpbench.speed import machine
from lpbench.speed.problem import Problem, draw
from lpbench.speed.runs import BYTES, NUMBERS, PRECISIONS, SGD, SVRG, Data, Runner, runner
from lpbench.speed.turns import in_turns, ratio
from lpbench.store.measurements import PRECISION, SCHEMA_VERSION
from lpbench.terminal import size

DIMENSIONS = (1024, 4096, 16384)
ROUNDS = 9
GAPS = (1e-2, 1e-4, 1e-6)
FLOAT = NUMBERS[0]
LEAST = 2**26  # numbers of the data, where caches allow
# The problem on which gaps are reached: the step size is 0.2 / L, and mu for HALP's range 48 times that of the problem,
# whose own makes the range too wide (docs/integer.md). A loop is two passes over the data.
DIMENSION, CONDITION, STEP, RANGE, PASSES, MOST_LOOPS = 1024, 100.0, 0.2, 48.0, 2, 40
NAMES = {SGD: "SGD, LP-SGD", SVRG: "SVRG, HALP"}
_HELD = 24  # bytes of memory for each number of the data: in three types, and what converting them takes

Row = dict[str, Any]
Start = Callable[..., Runner]  # `runner`, with the bits of what it moves


@dataclass
class Speed:
    """What was measured: rows of tables, and of the gaps their course.

    machine   facts and GB/s.      steps, loops, gaps   a row for each measurement.
    courses   by type of number, (seconds, gap) after each outer loop; the seconds are medians over the rounds.
    precision   bits of HALP's offset and of LP-SGD's weights.     rounds   in which all took turns.
    measured_at in UTC, ISO 8601: when it began.
    """

    machine: Row
    steps: list[Row] = field(default_factory=list)
    loops: list[Row] = field(default_factory=list)
    gaps: list[Row] = field(default_factory=list)
    courses: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    precision: int = PRECISION
    rounds: int = ROUNDS
    measured_at: str = field(default_factory=now)

    def record(self) -> Row:
        """As plain values, what is kept (lpbench.store.measurements): with the machine and the version of lpbench."""
        courses = {
            name: [[seconds, gap if np.isfinite(gap) else None] for seconds, gap in course]
            for name, course in self.courses.items()
        }
        return {"schema": SCHEMA_VERSION, **vars(self), "courses": courses, **provenance()}


def measure(
    dimensions: Sequence[int] = DIMENSIONS,
    rounds: int = ROUNDS,
    cores: int | None = None,
    entries: int | None = None,
    on_progress: Callable[[float, str], None] = lambda share, what: None,
    precision: int = PRECISION,
) -> Speed:
    """Measure on one core and on `cores` of them (None: all that this process may use).

    entries      numbers of the data; None: so many that int8 fills the last-level cache twice, 2**26 at least.
    on_progress  is told the share that is done, and what comes next.
    precision    bits of HALP's offset and of LP-SGD's weights, 8 or 16.
    Raises ConfigError for a dimension that is no multiple of 64 or too large for the data, another precision, and more
    cores than there are; TooLarge where memory does not suffice.
    """
    check(dimensions, precision, entries, cores)
    cores, count = cores or every_core(), entries or data_entries()
    progress = _Progress(on_progress, rounds * (2 * len(dimensions) + 1 + 2 * (cores > 1)) + 4)
    with ThreadPoolExecutor(cores, "speed") as pool:
        progress.next("drawing the data")
        problem = draw(count // DIMENSION, DIMENSION, CONDITION)
        progress.next("reading and copying memory")
        found = Speed(
            {**_facts(count, cores), **_bandwidth(rounds, cores, pool)}, precision=precision, rounds=rounds
        )
        start = partial(runner, precision=precision)
        for d in dimensions:
            shaped = problem.data.reshaped(d)
            for used in dict.fromkeys((1, cores)):
                progress.what = f"steps of dimension {d} on {used} core{'s' * (used > 1)}"
                found.steps += _steps(start, shaped, used, rounds, pool, progress)
            progress.what = f"outer loops of dimension {d}"
            found.loops += _loops(start, shaped, rounds, progress)
        progress.what = "time to reach a gap"
        found.gaps, found.courses = _gaps(start, problem, rounds, progress)
    return found


def check(
    dimensions: Sequence[int],
    precision: int = PRECISION,
    entries: int | None = None,
    cores: int | None = None,
) -> None:
    """Raise before the work what `measure` raises."""
    count = entries or data_entries()
    if cores is not None and cores > every_core():
        raise ConfigError(f"cores must be at most {every_core()}, which this process may use, got {cores}")
    if precision not in PRECISIONS:
        nearest = min(PRECISIONS, key=lambda bits: abs(bits - precision))
        known = " or ".join(map(str, PRECISIONS))
        raise ConfigError(f"precision must be {known}, got {precision}: choose {nearest}")
    for d in dimensions:
        if d < 64 or d % 64:
            raise ConfigError(
                f"dimension must be a multiple of 64, got {d}: choose {max(64, round(d / 64) * 64)}"
            )
        if d > count:
            raise ConfigError(
                f"dimension must be at most {count // 64 * 64}, as the data has {count} numbers, got {d}"
            )
    if (needed := _HELD * count) > (memory := machine_memory()):
        raise TooLarge(f"about {size(needed)} of memory are needed, but this machine has {size(memory)}")


def data_entries() -> int:
    """Numbers of the data of which int8 fills the last-level cache twice: 2**26 at least, a power of two."""
    return max(LEAST, 2 ** int(np.ceil(np.log2(2 * machine.last_level_cache()))))


class _Progress:
    """Rounds that are done, of all."""

    def __init__(self, tell: Callable[[float, str], None], total: int):
        self.tell, self.total, self.done, self.what = tell, total, 0, ""

    def next(self, what: str) -> None:
        self.what = what
        self()

    def __call__(self) -> None:
        self.tell(min(1.0, self.done / self.total), self.what)
        self.done += 1


def _together(pool: ThreadPoolExecutor, actions: Sequence[Callable[[], object]]) -> None:
    """Run them at the same time, and wait for the last."""
    if len(actions) == 1:
        actions[0]()
        return
    for running in [pool.submit(action) for action in actions]:
        running.result()


def _facts(entries: int, cores: int) -> Row:
    return {
        "cpu": cpu(), "cores": cores, "instructions": instructions(),
        "last_level_cache": machine.last_level_cache(), "numbers": entries,
    }  # fmt: skip


def _bandwidth(rounds: int, cores: int, pool: ThreadPoolExecutor) -> Row:
    """GB/s: bytes read, and bytes read and written by a copy, on one core and on all."""
    length = max(2**24, machine.last_level_cache() // 2)  # of int64: four caches
    source, target = (zeros(length, np.int64) for _ in range(2))
    source[:], target[:] = 1, 1
    found: Row = {}
    for used in dict.fromkeys((1, cores)):
        parts = [slice(length * k // used, length * (k + 1) // used) for k in range(used)]
        totals = np.zeros((used, 1), np.int64)
        reading = [partial(machine.read, source[part], totals[k]) for k, part in enumerate(parts)]
        copying = [partial(machine.copy, source[part], target[part]) for part in parts]
        took = in_turns(
            {"read": partial(_together, pool, reading), "copy": partial(_together, pool, copying)},
            rounds,
            lambda: None,
        )
        for name, moved in (("read", 8 * length), ("copy", 16 * length)):
            found[f"{name}_gb_s_{used}"] = moved / float(np.median(took[name])) / 1e9
    return found


def _steps(
    start: Start, of: Data, cores: int, rounds: int, pool: ThreadPoolExecutor, progress: Callable[[], None]
) -> list[Row]:
    """A step of each algorithm in each type of number, on so many cores at once, each with weights of its own."""
    rows, d = of.X.shape
    count = max(1, rows // cores)
    actions = {}
    for algorithm in (SVRG, SGD):
        for numbers in NUMBERS:
            runners = [start(of, numbers, algorithm, _small_step(of), seed) for seed in range(cores)]
            _together(pool, [partial(one.advance, 1) for one in runners])  # the full gradient
            actions[algorithm, numbers] = partial(
                _together, pool, [partial(one.advance, count) for one in runners]
            )
    took = in_turns(actions, rounds, progress)
    found: list[Row] = []
    for (algorithm, numbers), seconds in took.items():
        ns = float(np.median(seconds)) / (cores * count * d) * 1e9
        found.append({
            "dimension": d, "algorithm": NAMES[algorithm], "numbers": numbers, "cores": cores, "ns_coordinate": ns,
            "bytes_coordinate": BYTES[numbers], "gb_s": BYTES[numbers] / ns,
            "ratio": ratio(took[algorithm, FLOAT], seconds),
        })  # fmt: skip
    return found


def _small_step(of: Data) -> float:
    """A step size that keeps weights in range for as long as time is taken."""
    return 0.05 / float(np.mean(np.square(of.X[:64], dtype=np.float64).sum(axis=1)))


def _loops(start: Start, of: Data, rounds: int, progress: Callable[[], None]) -> list[Row]:
    """An outer loop of SVRG and HALP, two passes over the data, with its full gradient; and that alone."""
    rows, d = of.X.shape
    count = PASSES * rows
    whole = {numbers: start(of, numbers, SVRG, _small_step(of), loop=count) for numbers in NUMBERS}
    alone = {numbers: start(of, numbers, SVRG, _small_step(of), loop=1) for numbers in NUMBERS}
    actions: dict[tuple[str, str], Callable[[], None]] = {}
    for numbers in NUMBERS:
        actions[numbers, "whole"] = partial(whole[numbers].advance, count)
        actions[numbers, "full"] = partial(alone[numbers].advance, 1)
    took = in_turns(actions, rounds, progress)
    return [
        {
            "dimension": d, "numbers": numbers, "loop_ms": 1e3 * float(np.median(took[numbers, "whole"])),
            "full_gradient_ms": 1e3 * float(np.median(took[numbers, "full"])),
            "ratio": ratio(took[FLOAT, "whole"], took[numbers, "whole"]),
        }
        for numbers in NUMBERS
    ]  # fmt: skip


def _gaps(
    start: Start, problem: Problem, rounds: int, progress: Callable[[], None]
) -> tuple[list[Row], dict[str, Any]]:
    """Loops and seconds to each of GAPS, as shares of the gap at 0; every round runs all of them from the start."""
    courses = {numbers: _course(start, problem, numbers) for numbers in NUMBERS}
    loops = {numbers: len(course) for numbers, course in courses.items()}
    took = in_turns(
        {numbers: partial(_run, start, problem, numbers, loops[numbers]) for numbers in NUMBERS},
        rounds,
        progress,
    )
    seconds = {numbers: took[numbers] / loops[numbers] for numbers in NUMBERS}
    found: list[Row] = []
    for gap in GAPS:
        needed = {
            numbers: next((k + 1 for k, one in enumerate(course) if one <= gap), None)
            for numbers, course in courses.items()
        }
        for numbers in NUMBERS:
            count, base = needed[numbers], needed[FLOAT]
            row: Row = {"gap": gap, "numbers": numbers, "loops": count, "ms": None, "ratio": None}
            if count is not None:
                row["ms"] = 1e3 * count * float(np.median(seconds[numbers]))
                if base is not None:
                    slow, fast = seconds[FLOAT] * base, seconds[numbers] * count
                    row["ratio"] = ratio(slow, fast)
            found.append(row)
    return found, {
        numbers: [(0.0, 1.0)]
        + [((k + 1) * float(np.median(seconds[numbers])), gap) for k, gap in enumerate(course)]
        for numbers, course in courses.items()
    }


def _course(start: Start, problem: Problem, numbers: str) -> list[float]:
    """The gap after each outer loop, until the least of GAPS or MOST_LOOPS."""
    walk = _begin(start, problem, numbers)
    found: list[float] = []
    while len(found) < MOST_LOOPS and (not found or GAPS[-1] < found[-1] < 1e3):
        walk.advance(PASSES * len(problem.data.y))
        found.append(problem.gap(walk.point()))
    return found


def _run(start: Start, problem: Problem, numbers: str, loops: int) -> None:
    walk = _begin(start, problem, numbers)
    for _ in range(loops):
        walk.advance(PASSES * len(problem.data.y))


def _begin(start: Start, problem: Problem, numbers: str) -> Runner:
    loop, mu = PASSES * len(problem.data.y), RANGE * problem.mu
    return start(problem.data, numbers, SVRG, STEP / problem.L, loop=loop, mu=mu)
