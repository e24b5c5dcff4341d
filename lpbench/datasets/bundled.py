"""Data that ships inside scikit-learn; its sizes are known without importing it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from lpbench.datasets.base import CLASSIFICATION, REGRESSION, Data, Dataset, Size


class Bundled(Dataset):
    """Base of the datasets that `sklearn.datasets.load_<name>` returns."""

    shape: ClassVar[tuple[int, int]]

    @classmethod
    def size(cls, choices: Mapping[str, Any], task: str) -> Size:
        return Size(*cls.shape, cls.n_labels or 0)

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        X, y = _read(cls.name)
        return Data(X, y, CLASSIFICATION if cls.n_labels else REGRESSION, cls.n_labels or 0)


@functools.cache
def _read(name: str) -> tuple[np.ndarray, np.ndarray]:
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, f"load_{name}")()
    return np.ascontiguousarray(bunch.data, dtype=np.float64), bunch.target.astype(np.float64)
