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
# What a step costs at least, in operations on vectors of 16 float32, loads and stores aside. Rounding: 8 for the
# update and what is counted, 12 for the hash (3 of them multiplications), 14 to clip and round. A Zen 4 core, which
# does 512 bits as two halves, starts 2 of them a cycle; other processors differ.
ROUNDING_OPERATIONS, DOT_OPERATIONS, OPERATIONS_A_CYCLE, LANES = 34, 2, 2, 16


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
        figures.append(_limit(dimension, ours.best / steps, clock(10_000 if smoke else 20_000_000)))
    return figures


def clock(steps: int) -> float:
    """The core's clock in GHz, from a chain of multiplications of 3 cycles and xors of 1."""
    import numba

    @numba.njit
    def chain(x: Any, factor: Any, steps: int) -> Any:
        for _ in range(steps):
            x = (x * factor) ^ factor
        return x

    odd = np.uint64(0x9E3779B97F4A7C15)
    return 4 * steps / repeat(lambda: chain(odd, odd, steps), 5).best / 1e9


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


def _limit(dimension: int, seconds: float, giga_hertz: float) -> Figure:
    """How far a step is from the cycles that its vector operations need at least."""
    cycles = (ROUNDING_OPERATIONS + DOT_OPERATIONS) / OPERATIONS_A_CYCLE / LANES * dimension
    note = (
        f"best repetition; {cycles:.0f} cycles of vector operations at {giga_hertz:.2f} GHz (measured by "
        "dependent multiplications); memory is no limit: 12 bytes and 5 flops a coordinate, all in cache"
    )
    what = f"d={dimension}: LP-SGD, share of the arithmetic limit"
    return Figure("steps", what, cycles / giga_hertz / (seconds * 1e9), "of 1", note=note)
