"""Steps a second of LP-SGD: least squares, batch 1, 8-bit fixed point, float32 arithmetic, one core."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.report import Figure
from benchmarks.timing import Times, in_turns, repeat

# dimension: (rows, steps of one repetition, steps of the peers, target in steps a second). The rows fit the L2 cache.
SIZES = {256: (1024, 1_000_000, 4_000, 8e6), 4096: (64, 60_000, 2_000, 0.45e6)}
RATIO = 200.0  # at d = 256, over a torch loop that calls qtorch
REPETITIONS = 15
VARIANTS: dict[str, dict[str, Any]] = {
    "LP-SGD, stochastic rounding": {"rounding": "stochastic"},
    "LP-SGD, nearest rounding": {"rounding": "nearest_even"},
    "SGD in float32, no rounding": {"algorithm": "sgd", "format": "none", "rounding": None, "precision": 32},
}
CHOICES: dict[str, Any] = {
    "algorithm": "lp_sgd", "format": "fixed", "precision": 8, "limit": 1.0, "random_bits": None, "batch_size": 1,
    "compute_dtype": "float32", "schedule": "constant", "start": "zero", "seed": 0, "inner_steps": None,
}  # fmt: skip
# What a step costs at least a coordinate, in operations on 32-bit numbers, loads and stores aside. Rounding: 8 for the
# update and what is counted, 12 for the hash (3 of them multiplications), 14 to clip and round.
ROUNDING_OPERATIONS, DOT_OPERATIONS = 34, 2


@dataclass(frozen=True)
class Data:
    """A least-squares problem: X (N, d), y (N,), L = max ||x_i||^2."""

    X: np.ndarray
    y: np.ndarray
    w: np.ndarray

    @property
    def L(self) -> float:
        """The smoothness constant of the worst sample."""
        return float((self.X**2).sum(1).max())


def data(dimension: int, rows: int) -> Data:
    """Gaussian rows of length about 1; the same for lpbench and for the peers."""
    random = np.random.default_rng(0)
    X = random.standard_normal((rows, dimension)) / np.sqrt(dimension)
    w = random.uniform(-0.5, 0.5, dimension)
    return Data(X, X @ w + 0.01 * random.standard_normal(rows), w)


def kernel(found: Data, **changes: Any) -> Callable[[int], None]:
    """A function that carries the cell on by so many steps, as a sweep does between two evaluation points."""
    from lpbench.cells.binding import setup
    from lpbench.problems.base import Problem
    from lpbench.registry import algorithms

    constants = {"L": found.L, "L_f": found.L, "mu": 0.1, "w_max": 0.5}
    n_samples, dimension = found.X.shape
    problem = Problem(
        "benchmark", "squared", found.X, found.y, 1, 0.0, found.w, 0.0, 0.0, constants, n_samples, dimension
    )
    choices = CHOICES | {"step_size": 0.25 / found.L} | changes
    advance = algorithms.get(choices["algorithm"])().prepare(setup(choices, problem))
    now, unrecorded, nothing = 0, np.array([-1]), np.zeros((1, 10))

    def run(steps: int) -> None:
        nonlocal now
        now += steps
        advance(np.array([now]), unrecorded, 0, 1, nothing)

    return run


def measure(python: str, smoke: bool) -> list[Figure]:
    """Ours beside plain float32 SGD, a memory copy, and torch loops with and without qtorch's quantizer."""
    figures = []
    for dimension, (rows, steps, peer_steps, target) in SIZES.items():
        steps, peer_steps = (200, 20) if smoke else (steps, peer_steps)
        found = data(dimension, rows)
        runs = {name: kernel(found, **changes) for name, changes in VARIANTS.items()}
        times = in_turns(
            {name: lambda run=run, steps=steps: run(steps) for name, run in runs.items()},
            2 if smoke else REPETITIONS,
        )
        ours = next(iter(times.values()))
        for name, taken in times.items():
            goal = target if taken is ours else None
            figures.append(
                _rate(f"d={dimension}: {name}", taken, steps, goal, _per_coordinate(taken, steps, dimension))
            )
        copied = _copy(dimension, smoke)
        figures.append(
            Figure("steps", f"d={dimension}: memory copy of d numbers", copied / dimension, "ns/coordinate")
        )
        figures += _beside_torch(python, dimension, rows, peer_steps, smoke, steps / ours.median)
        figures.append(_limit(dimension, ours.best / steps, operations(10 if smoke else 20_000)))
    return figures


def operations(turns: int) -> float:
    """32-bit operations a second that this core reaches where nothing else is in the way: additions and exclusive ors.

    Each number of a vector in the L1 cache goes through 8 that depend on each other; its neighbours do not wait for it.
    """
    import numba

    @numba.njit
    def work(x: Any, a: Any, b: Any, turns: int) -> None:
        for _ in range(turns):
            for j in range(x.size):
                y = x[j]
                for _ in range(4):
                    y = np.uint32(np.uint32(y ^ a) + b)
                x[j] = y

    x, a, b = np.arange(1024, dtype=np.uint32), np.uint32(0x9E3779B9), np.uint32(0x7FEB352D)
    return turns * x.size * 8 / repeat(lambda: work(x, a, b, turns), REPETITIONS).best


def _rate(what: str, times: Times, steps: int, target: float | None, note: str) -> Figure:
    return Figure("steps", what, steps / times.median, "steps/s", steps / times.best, target, True, note)


def _per_coordinate(times: Times, steps: int, dimension: int) -> str:
    return f"{times.median / steps / dimension * 1e9:.3f} ns/coordinate"


def _copy(dimension: int, smoke: bool) -> float:
    """Nanoseconds of a copy of d float32 numbers in cache, measured on many rows at once (a call costs more than d)."""
    rows = 16 if smoke else max(1, 2**17 // dimension)
    source = np.ones((rows, dimension), np.float32)
    target = np.empty_like(source)
    taken = in_turns({"copy": lambda: np.copyto(target, source)}, 3 if smoke else 200)["copy"]
    return taken.median / rows * 1e9


def _beside_torch(
    python: str, dimension: int, rows: int, steps: int, smoke: bool, ours: float
) -> list[Figure]:
    settings = {"dimension": dimension, "rows": rows, "steps": steps, "repetitions": 1 if smoke else 5}
    found, reason = peers.ask(python, "steps", settings)
    if found is None:
        return [Figure("steps", f"d={dimension}: torch loop with qtorch", None, "steps/s", note=reason)]
    figures = []
    for name, seconds in found.items():
        if seconds is None:
            figures.append(Figure("steps", f"d={dimension}: {name}", None, "steps/s", note="not installed"))
            continue
        times = Times(tuple(seconds))
        figures.append(
            _rate(f"d={dimension}: {name}", times, steps, None, _per_coordinate(times, steps, dimension))
        )
        if "qtorch" in name:
            target = RATIO if dimension == 256 and "quantizer" in name else None
            ratio = ours * times.median / steps
            figures.append(
                Figure("steps", f"d={dimension}: lpbench / {name}", ratio, "times", None, target, True)
            )
    return figures


def _limit(dimension: int, seconds: float, rate: float) -> Figure:
    """How far a step is from the time that its arithmetic takes at least, at the rate that the core was measured at."""
    needed = (ROUNDING_OPERATIONS + DOT_OPERATIONS) * dimension
    note = (
        f"best repetition; {needed} operations at {rate / 1e9:.0f} G/s, measured in this run with additions and "
        "exclusive ors in L1; memory is no limit: 12 bytes and 5 flops a coordinate, all in cache"
    )
    what = f"d={dimension}: LP-SGD, share of the arithmetic limit"
    return Figure("steps", what, needed / rate / seconds, "of 1", note=note)
