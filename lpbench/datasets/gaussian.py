"""Gaussian rows with a linear or logistic response."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench.arithmetic.elementary import to_exp
from lpbench.datasets import values
from lpbench.datasets.base import CLASSIFICATION, REGRESSION, Data, Dataset, Size
from lpbench.errors import ConfigError
from lpbench.registry import datasets

SCALE = 2.0


@datasets.register("gaussian")
class Gaussian(Dataset):
    """Gaussian rows x = 2 g / sqrt(d); linear response with noise, or labels with logistic probability.

    w_true is uniform in [-1, 1]^d. Regression: y = x . w_true + noise * N(0, 1). Classification:
    P(y = 1) = sigmoid(4 x . w_true). Drawn from `data_seed`; defaults: 1000 samples, dimension 64, noise 0.3.
    """

    reads = frozenset({"dimension", "n_samples", "noise", "data_seed"})
    tasks = frozenset({REGRESSION, CLASSIFICATION})
    n_labels = 2
    real = False

    @classmethod
    def keys(cls, choices: Mapping[str, Any], task: str) -> frozenset[str]:
        return cls.reads if task == REGRESSION else cls.reads - {"noise"}

    @classmethod
    def values(cls, choices: Mapping[str, Any], task: str) -> dict[str, Any]:
        resolved: dict[str, Any] = {
            "dimension": values.whole(choices, "dimension", 64),
            "n_samples": values.whole(choices, "n_samples", 1000),
            "data_seed": values.whole(choices, "data_seed", 0, least=0),
        }
        if task == REGRESSION:
            resolved["noise"] = values.real(choices, "noise", 0.3)
        return resolved

    @classmethod
    def size(cls, choices: Mapping[str, Any], task: str) -> Size:
        resolved = cls.values(choices, task)
        return Size(resolved["n_samples"], resolved["dimension"], 2 if task == CLASSIFICATION else 0)

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        resolved = cls.values(choices, task)
        n, d = resolved["n_samples"], resolved["dimension"]
        rng = np.random.default_rng(resolved["data_seed"])
        w_true = rng.uniform(-1.0, 1.0, d)
        X = rng.standard_normal((n, d))
        X *= SCALE / np.sqrt(d)
        response = np.einsum("ij,j->i", X, w_true)
        if task == REGRESSION:
            return Data(X, response + resolved["noise"] * rng.standard_normal(n), REGRESSION)
        odds = -4.0 * response
        to_exp(odds)
        y = (rng.random(n) < 1.0 / (1.0 + odds)).astype(np.float64)
        if y.min() == y.max():
            raise ConfigError(
                f"gaussian data with n_samples={n}, dimension={d}, data_seed={resolved['data_seed']} holds"
                " one class; take more samples or another data_seed"
            )
        return Data(X, y, CLASSIFICATION, n_labels=2)
