"""Handwritten digits."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench.datasets.base import CLASSIFICATION, Samples
from lpbench.datasets.bundled import Bundled
from lpbench.registry import datasets

TRAINING = 1297  # samples; the other 500 are for testing


@datasets.register("digits")
class Digits(Bundled):
    """8 x 8 images of handwritten digits, ten classes: 1797 samples, 64 features (scikit-learn).

    Networks train on 1297 of them, in an order drawn once, and are tested on 500.
    """

    tasks = frozenset({CLASSIFICATION})
    n_labels = 10
    shape = (1797, 64)
    own_test = True

    @classmethod
    def sample_size(cls, choices: Mapping[str, Any]) -> tuple[int, tuple[int, ...], int]:
        return cls.n_training(choices, TRAINING), (8, 8, 1), 10

    @classmethod
    def split(cls, choices: Mapping[str, Any]) -> Samples:
        data = cls.load(choices, CLASSIFICATION)
        order = np.random.default_rng(0).permutation(len(data.y))
        X, y = data.X[order].astype(np.uint8).reshape(-1, 8, 8, 1), data.y[order]
        return Samples(X[:TRAINING], y[:TRAINING], X[TRAINING:], y[TRAINING:], 10)
