"""Cells as a check reads them, made up: floors of a configuration seed by seed."""

import hashlib
from typing import Any

import numpy as np

from lpbench.regression.measured import COLUMNS

CHOICES = {
    "problem": "least_squares",
    "algorithm": "lp_sgd",
    "format": "fixed",
    "precision": 8,
    "dimension": 16,
}


def cell(seed: int = 0, floor: float | None = 1e-3, status: str = "ok", **columns: Any) -> dict[str, Any]:
    """One cell with COLUMNS, `steps_to_target` and `target`; its configuration follows from its choices."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {
        **CHOICES,
        "seed": seed,
        "status": status,
        "noise_floor": floor,
        "mean_gap": floor,
        "definition": "one 1",
    }
    row |= {"initial_gap": 1.0, "steps": 1000, "steps_to_target": None, "target_gap": None, **columns}
    choices = {name: row[name] for name in (*CHOICES, "step_size")}
    row["group_id"] = row["config_id"] = _digest(repr(choices))
    row["cell_id"] = _digest(f"{choices} {seed}")
    row.setdefault("digest", None)
    row["digest"] = columns.get("digest", _digest(f"{choices} {seed} {floor!r} {status}"))
    return row


def network(
    seed: int = 0, error: float | None = 0.38, loss: float | None = 0.5, **columns: Any
) -> dict[str, Any]:
    """One cell of a network; its result is its test error, and it has no gaps."""
    found = cell(seed, None, **{"problem": "mlp", "initial_gap": None, **columns})
    found |= {"result": "test_error", "test_error": error, "train_loss": loss}
    if "digest" not in columns:
        found["digest"] = _digest(f"{found['cell_id']} {error!r} {loss!r} {found['status']}")
    return found


def networks(
    configurations: int, seeds: int, generator: np.random.Generator, points: Any = lambda i: 0.0
) -> list[dict[str, Any]]:
    """Configurations around 38 points of error and a loss of 0.5, seeds spread by one point and 3 % as they do.

    points   of error that a configuration has more, by its number.
    """
    return [
        network(
            seed,
            round(0.38 + points(i) / 100 + 0.01 * generator.standard_normal(), 3),
            0.5 * (1 + points(i) / 38) * float(np.exp(0.03 * generator.standard_normal())),
            step_size=i / 1000,
        )
        for i in range(configurations)
        for seed in range(seeds)
    ]


def grid(
    configurations: int, seeds: int, spread: float, generator: np.random.Generator
) -> list[dict[str, Any]]:
    """Configurations that differ in their step size, with log-normal floors around 1e-3 of `spread` decades."""
    noise = 10 ** (-3 + spread * generator.standard_normal((configurations, seeds)))
    return [
        cell(seed, float(noise[i, seed]), step_size=i / 1000)
        for i in range(configurations)
        for seed in range(seeds)
    ]


def changed(
    cells: list[dict[str, Any]], factor: Any, generator: np.random.Generator, spread: float = 0.02
) -> Any:
    """The cells again with other digests: floors times factor(cell), and noise of their own of `spread` decades."""
    return [
        cell(
            one["seed"],
            one["noise_floor"] * factor(one) * 10 ** (spread * generator.standard_normal()),
            step_size=one["step_size"],
        )
        for one in cells
    ]


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
