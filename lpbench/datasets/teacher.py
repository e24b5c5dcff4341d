"""Labels of a random network: data whose difficulty is known."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench.datasets import values
from lpbench.datasets.base import CLASSIFICATION, Data, Dataset, Samples, Size
from lpbench.errors import ConfigError
from lpbench.registry import datasets

INPUTS, CLASSES, TEST = 32, 10, 2000
# Inputs are multiples of 2^-10, weights of 2^-6, none beyond 8. With at most 2^16 hidden units every product and every
# partial sum below is then a multiple of 2^-22 under 2^31, which float64 holds: no order of summation and no processor
# changes a label.
INPUT_GRID, WEIGHT_GRID, LARGEST = 2.0**-10, 2.0**-6, 8.0


@datasets.register("teacher")
class Teacher(Dataset):
    """Gaussian inputs in ten classes that a random network of `teacher_width` hidden units makes.

    32 inputs x of N(0, 1); the class is the largest of v_c . relu(W x + b) - its mean, W, b and v of N(0, 1). A share
    `noise` of the training labels is drawn anew, of any class; the 2000 test samples have none. Drawn from
    `data_seed`; defaults: teacher_width 8, 4000 training samples, noise 0.05.
    """

    reads = frozenset({"teacher_width", "n_samples", "noise", "data_seed"})
    tasks = frozenset({CLASSIFICATION})
    n_labels = CLASSES
    real = False
    own_test = True

    @classmethod
    def values(cls, choices: Mapping[str, Any], task: str) -> dict[str, Any]:
        noise = values.real(choices, "noise", 0.05)
        assert noise is not None
        if noise > 1.0:
            raise ConfigError(
                f"noise of dataset=teacher is the share of labels drawn anew: at most 1, got {noise:g}"
            )
        return {
            "teacher_width": values.whole(choices, "teacher_width", 8),
            "n_samples": values.whole(choices, "n_samples", 4000),
            "noise": noise,
            "data_seed": values.whole(choices, "data_seed", 0, least=0),
        }

    @classmethod
    def size(cls, choices: Mapping[str, Any], task: str) -> Size:
        return Size(cls.values(choices, task)["n_samples"], INPUTS, CLASSES)

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        X, y, *_ = cls.split(choices)
        return Data(X.astype(np.float64), y.astype(np.float64), CLASSIFICATION, CLASSES)

    @classmethod
    def sample_size(cls, choices: Mapping[str, Any]) -> tuple[int, tuple[int, ...], int]:
        return cls.sample_values(choices)["n_samples"], (INPUTS,), CLASSES

    @classmethod
    def split(cls, choices: Mapping[str, Any]) -> Samples:
        chosen = cls.values(choices, CLASSIFICATION)
        n, width, seed = chosen["n_samples"], chosen["teacher_width"], chosen["data_seed"]
        # A stream for each part: what does not depend on a choice stays the same under another one.
        weights, test, training, noise = (np.random.default_rng([seed, part]) for part in range(4))
        hidden, out = (
            _drawn(weights, (INPUTS + 1, width), WEIGHT_GRID),
            _drawn(weights, (width, CLASSES), WEIGHT_GRID),
        )
        test_X, X = _drawn(test, (TEST, INPUTS), INPUT_GRID), _drawn(training, (n, INPUTS), INPUT_GRID)

        def outputs(X: np.ndarray) -> np.ndarray:
            return np.maximum(X @ hidden[1:] + hidden[0], 0.0) @ out

        test_Z = outputs(test_X)
        # Without their means, which would make one class of most samples; fsum knows no order.
        means = np.array([math.fsum(column) / TEST for column in test_Z.T.tolist()])
        y, test_y = ((Z - means).argmax(axis=1) for Z in (outputs(X), test_Z))
        redrawn = noise.random((n, 2))
        y = np.where(redrawn[:, 0] < chosen["noise"], (CLASSES * redrawn[:, 1]).astype(np.int64), y)
        return Samples(X.astype(np.float32), y, test_X.astype(np.float32), test_y, CLASSES)


def _drawn(rng: np.random.Generator, shape: tuple[int, int], grid: float) -> np.ndarray:
    """Of N(0, 1), rounded to multiples of `grid` and kept within +-LARGEST."""
    return np.clip(np.rint(rng.standard_normal(shape) / grid) * grid, -LARGEST, LARGEST)
