"""Choices and metrics of a user's own: an algorithm with `momentum`, and a dataset that keeps rows for `test_error`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench.extend import (
    CLASSIFICATION,
    Advance,
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
    kernel,
    like,
    record,
    round_step,
    step_size,
    step_words,
    to_native,
)


@kernel
def descend(run, w, v, momentum, scale, now, stops, rows, first, last, trace):
    """v <- momentum v + grad f_i(w), w <- Q(w - alpha v)."""
    model = run.model
    for p in range(first, last):
        for t in range(now[0], stops[p]):
            alpha = step_size(run.schedule, t)
            samples, words = step_words(run.keys.samples, t), step_words(run.keys.rounding, t)
            c, i = gradient(model, w, scale, samples[0], samples[1], run.batch, run.work)
            row = run.work.table[i]
            for j in range(w.size):
                v[j] = momentum * v[j] + c * row[j] + model.regularization * scale * w[j]
            a, b = like(w[0], alpha / scale), like(w[0], 0.0)
            round_step(
                run.fmt, run.rounding, w, v, a, b, None, words[0], words[1], t, scale, alpha, run.tally
            )
        now[0] = stops[p]
        if rows[p] >= 0:
            for j in range(w.size):
                run.look.output[j] = scale * w[j]
            record(run, True, rows[p], trace)


@algorithms.register("toy_momentum")
class ToyMomentum:
    """Low-precision SGD with momentum."""

    version = 1
    reads = frozenset({"format", "limit", "schedule"})
    choices = (Choice("momentum", Real(0, 1, closed=True), 0.5, "fraction of the last update that is kept"),)
    records = (Metric("largest_weight", better="lower", text="the largest coordinate, in magnitude"),)

    def prepare(self, setup: Setup) -> Advance:
        """On the grid point nearest to the start, at rest."""
        w, now = to_native(setup.format, setup.start, setup.dtype), np.zeros(1, np.int64)
        v, momentum, scale = np.zeros_like(w), setup.choices["momentum"], np.float64(setup.format.scale)

        def advance(stops: Any, rows: Any, first: int, last: int, trace: Any) -> None:
            descend(setup.run, w, v, momentum, scale, now, stops, rows, first, last, trace)

        return advance

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
