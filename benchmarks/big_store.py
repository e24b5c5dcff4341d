"""A sweep of made-up results as large as a store gets, written by the store's own writer and compaction."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.store import SweepWriter

ALGORITHMS = {"lp_sgd": 1.0, "swalp": 0.2, "lp_svrg": 0.4, "halp": 0.02}  # and how far apart their floors are
FORMATS = ("fixed", "float", "log", "block", "own")
DIMENSIONS = tuple(2**power for power in range(4, 14))
PRECISIONS = tuple(range(4, 14))
SEEDS, POINTS, STEPS = 10, 500, 1_000_000
DIVERGED = 0.01  # of the cells


@dataclass
class Made:
    """A finished cell, as the writer takes it."""

    row: dict[str, Any]
    trace: dict[str, np.ndarray]
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


def write(runs: Path, name: str, dimensions: int = len(DIMENSIONS), points: int = POINTS) -> tuple[int, int]:
    """Write the sweep `name` under `runs`; returns its cells and trace rows: 200 groups a dimension, 10 seeds each."""
    cells = rows = 0
    with SweepWriter(runs / name, [], dimensions * 200 * SEEDS) as store:
        for made in _cells(dimensions, points):
            store.put(made)
            cells += 1
            rows += len(made.trace["step"])
    return cells, rows


def _cells(dimensions: int, points: int) -> Iterator[Made]:
    random = np.random.default_rng(0)
    steps = _steps(points)
    groups = product(ALGORITHMS, FORMATS, DIMENSIONS[:dimensions], PRECISIONS)
    for number, (algorithm, number_format, dimension, precision) in enumerate(groups):
        floor = ALGORITHMS[algorithm] * 2.0**-precision * (1 + FORMATS.index(number_format)) * dimension**0.25
        choices = _choices(algorithm, number_format, dimension, precision) | _proven(floor, dimension)
        for seed in range(SEEDS):
            diverged = random.random() < DIVERGED
            fallen = np.exp(-steps / 300)
            gap = (fallen + floor * (1 - fallen)) * np.exp(0.1 * random.standard_normal(points))
            if diverged:
                gap = gap * np.exp(np.minimum(steps / 50, 600))
            identity = f"{number:06x}{seed:010x}"
            row = {
                **choices, "seed": seed, "cell_id": identity, "group_id": f"{number:016x}", "digest": identity,
                "status": "diverged" if diverged else "ok", "final_gap": float(gap[-1]), "seconds": 1.0,
            }  # fmt: skip
            if not diverged:
                row |= {"noise_floor": float(gap[-50:].mean()), "mean_gap": float(gap.mean())}
            yield Made(row, _trace(steps, gap, dimension, random))


def _choices(algorithm: str, number_format: str, dimension: int, precision: int) -> dict[str, Any]:
    reduced = algorithm in ("lp_svrg", "halp")
    exponents = 3 if number_format in ("float", "log") else None
    return {
        "problem": "least_squares", "dataset": "gaussian", "dimension": dimension, "n_samples": 1000,
        "algorithm": algorithm, "snapshot": "last" if reduced else None, "inner_steps": 2000 if reduced else None,
        "format": number_format, "precision": precision, "exponent_bits": exponents, "limit": 1.0,
        "mantissa_bits": precision - 1 - (exponents or 0), "bits_per_value": float(precision),
        "rounding": "stochastic", "step_size": 0.1, "schedule": "constant", "batch_size": 1, "steps": STEPS,
        "epochs": STEPS / 1000, "initial_gap": 1.0, "host": "made up",
    }  # fmt: skip


def _proven(floor: float, dimension: int) -> dict[str, Any]:
    """Bounds, and the constants that they are made of."""
    return {
        "noise_ball": 4 * floor, "noise_ball_earlier": 4 * floor * dimension**0.25,
        "noise_ball_dimension_free": 6 * floor, "bound": 1 + 5 * floor, "bound_kind": "1b",
        "bound_earlier": 5 * floor * dimension**0.25, "bound_dimension_free": 7 * floor, "L": 1.0, "mu": 0.1,
        "L_f": 0.5, "L_1": float(dimension) ** 0.5, "L_1_avg": 1.0, "gamma": 2.0, "sigma": 0.5, "sigma_1": 1.0,
        "s_1": 1.5, "sigma_w": 0.2, "L_w": 0.6, "w_max": 0.5, "w_norm": 1.0, "weights": dimension, "quadratic": True,
        "optimum_gradient_norm": 0.0,
    }  # fmt: skip


def _steps(points: int) -> np.ndarray:
    """`points` different steps, evenly spaced in their logarithm where there are enough of them."""
    more = np.unique(np.geomspace(1, STEPS, 2 * points).astype(np.int64))
    return np.r_[0, more[np.linspace(0, len(more) - 1, points - 1).astype(int)]]


def _trace(
    steps: np.ndarray, gap: np.ndarray, dimension: int, random: np.random.Generator
) -> dict[str, np.ndarray]:
    return {
        "step": steps, "epoch": steps / 1000, "outer": steps // 2000, "gradient_evaluations": steps,
        "objective_gap": gap, "iterate_gap": gap * 1.1, "gradient_norm": np.sqrt(gap),
        "distance": np.sqrt(gap * dimension), "saturation_rate": random.random(len(steps)) * 1e-3,
        "stall_rate": random.random(len(steps)), "seconds": steps * 1e-6,
    }  # fmt: skip
