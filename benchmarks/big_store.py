"""A sweep of made-up results as large as a store gets: written by the store's own writer and compaction."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.store import SweepWriter

ALGORITHMS = {
    "lp_sgd": 1.0,
    "swalp": 0.2,
    "lp_svrg": 0.4,
    "halp": 0.02,
}  # and how far their floors lie from each other
FORMATS = ("fixed", "float", "log", "block", "mx")
DIMENSIONS = tuple(2**power for power in range(4, 14))
PRECISIONS = tuple(range(4, 14))
SEEDS, POINTS, STEPS = 10, 500, 1_000_000
DIVERGED = 0.01  # of the cells, at 4 bits more of them than here


@dataclass
class Made:
    """A finished cell, as the writer takes it."""

    row: dict[str, Any]
    trace: dict[str, np.ndarray]


def write(runs: Path, name: str, dimensions: int = len(DIMENSIONS), points: int = POINTS) -> int:
    """Write the sweep `name` under `runs`; returns its trace rows: 200 groups for each dimension, 10 seeds a group."""
    rows = 0
    with SweepWriter(runs / name, [], dimensions * 200 * SEEDS) as store:
        for made in _cells(dimensions, points):
            store.put(made)
            rows += len(made.trace["step"])
    return rows


def _cells(dimensions: int, points: int) -> Iterator[Made]:
    random = np.random.default_rng(0)
    steps = _steps(points)
    groups = product(ALGORITHMS, FORMATS, DIMENSIONS[:dimensions], PRECISIONS)
    for number, (algorithm, number_format, dimension, precision) in enumerate(groups):
        delta = 2.0**-precision * (1 + FORMATS.index(number_format))
        floor = ALGORITHMS[algorithm] * delta * dimension**0.25
        choices = {
            "problem": "least_squares", "dataset": "gaussian", "dimension": dimension, "n_samples": 1000,
            "algorithm": algorithm, "format": number_format, "precision": precision, "rounding": "stochastic",
            "step_size": 0.1, "schedule": "constant", "batch_size": 1, "steps": STEPS, "epochs": STEPS / 1000,
            "exponent_bits": 3, "mantissa_bits": precision - 4, "bits_per_value": float(precision),
            "noise_ball": 4 * floor, "noise_ball_earlier": 4 * floor * dimension**0.25,
            "noise_ball_dimension_free": 6 * floor, "bound": 5 * floor, "bound_earlier": 5 * floor * dimension**0.25,
            "bound_dimension_free": 7 * floor, "bound_kind": "1b", "L": 1.0, "mu": 0.1, "L_1": float(dimension) ** 0.5,
            "w_max": 1.0, "sigma": 0.1, "host": "made up", "initial_gap": 1.0,
        }  # fmt: skip
        for seed in range(SEEDS):
            diverged = random.random() < DIVERGED
            noise = np.exp(0.1 * random.standard_normal(points))
            gap = (np.exp(-steps / 300) + floor * (1 - np.exp(-steps / 300))) * noise
            if diverged:
                gap = gap * np.exp(np.minimum(steps / 50, 600))
            identity = f"{number:06x}{seed:010x}"
            row = {
                **choices, "seed": seed, "cell_id": identity, "group_id": f"{number:016x}", "error": None,
                "status": "diverged" if diverged else "ok", "noise_floor": None if diverged else
                float(gap[-50:].mean()), "mean_gap": None if diverged else float(gap.mean()), "final_gap":
                float(gap[-1]), "seconds": 1.0, "digest": identity,
            }  # fmt: skip
            yield Made(row, _trace(steps, gap, dimension, random))


def _steps(points: int) -> np.ndarray:
    """`points` different steps, evenly spaced in their logarithm where there are enough of them."""
    more = np.unique(np.geomspace(1, STEPS, 2 * points).astype(np.int64))
    chosen = more[np.linspace(0, len(more) - 1, points - 1).astype(int)]
    return np.r_[0, chosen]


def _trace(
    steps: np.ndarray, gap: np.ndarray, dimension: int, random: np.random.Generator
) -> dict[str, np.ndarray]:
    return {
        "step": steps, "epoch": steps / 1000, "outer": steps // 2000, "gradient_evaluations": steps,
        "objective_gap": gap, "iterate_gap": gap * 1.1, "gradient_norm": np.sqrt(gap), "distance": np.sqrt(gap *
        dimension), "saturation_rate": random.random(len(steps)) * 1e-3, "stall_rate": random.random(len(steps)),
        "seconds": steps * 1e-6,
    }  # fmt: skip
