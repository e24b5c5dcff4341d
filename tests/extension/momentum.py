"""Choices and metrics of a user's own: an algorithm with `momentum`, and a dataset that keeps rows for `test_error`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lpbench.extend import (
    CLASSIFICATION,
    Algorithm,
    Choice,
    Data,
    Dataset,
    Metric,
    Problem,
    Real,
    Setup,
    Size,
    algorithms,
    datasets,
    gradient,
    like,
    round_step,
    step,
    step_size,
    to_native,
)


class MomentumState(NamedTuple):
    """The point is scale * w: w (n,) native numbers of the format; v (n,) in full precision. Both in place."""

    w: Any
    v: Any
    scale: Any
    momentum: Any


@step.case(MomentumState)
def _step(state, run, t):
    """v <- momentum v + grad f_i(w), w <- Q(w - alpha v)."""
    w, v, scale, alpha = state.w, state.v, state.scale, step_size(run.schedule, t)
    c, i = gradient(run, w, scale, t)
    row = run.work.table[i]
    for j in range(w.size):
        v[j] = state.momentum * v[j] + c * row[j] + run.model.regularization * scale * w[j]
    round_step(run, w, v, like(w[0], alpha / scale), like(w[0], 0.0), None, t, scale, alpha)


@algorithms.register("toy_momentum")
class ToyMomentum(Algorithm):
    """Low-precision SGD with momentum."""

    version = 1
    reads = frozenset({"format", "limit", "schedule"})
    choices = (Choice("momentum", Real(0, 1, closed=True), 0.5, "fraction of the last update that is kept"),)
    records = (Metric("largest_weight", better="lower", text="the largest coordinate, in magnitude"),)

    def begin(self, setup: Setup) -> MomentumState:
        """On the grid point nearest to the start, at rest."""
        w = to_native(setup.format, setup.start, setup.dtype)
        return MomentumState(w, np.zeros_like(w), np.float64(setup.format.scale), setup.choices["momentum"])

    @staticmethod
    def measure(choices: Mapping[str, Any], problem: Problem, w: np.ndarray) -> dict[str, float]:
        """Of the output w."""
        return {"largest_weight": np.abs(w).max()}


def clouds(choices: Mapping[str, Any], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """60 rows of two Gaussian clouds whose centres lie `separation` apart."""
    y = np.arange(60) % 2 * 1.0
    X = np.random.default_rng(seed).standard_normal((60, 4))
    X[:, 0] += choices["separation"] * (y - 0.5)
    return X, y


@datasets.register("toy_clouds")
class ToyClouds(Dataset):
    """Two clouds, and as many rows again that nobody learns from."""

    tasks = frozenset({CLASSIFICATION})
    reads = frozenset({"data_seed"})
    choices = (Choice("separation", Real(0), 1.0, "of the two centres"),)
    records = (
        Metric("test_error", unit="share", better="lower", text="share of unseen rows on the wrong side"),
    )
    n_labels, real = 2, False

    @classmethod
    def size(cls, choices: Mapping[str, Any], task: str) -> Size:
        return Size(60, 4, 2)

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        return Data(*clouds(choices, choices["data_seed"]), CLASSIFICATION, n_labels=2)

    @staticmethod
    def measure(choices: Mapping[str, Any], problem: Problem, w: np.ndarray) -> dict[str, float]:
        X, y = clouds(choices, choices["data_seed"] + 1)
        return {"test_error": np.mean((X @ w > 0) != (y > 0))}
