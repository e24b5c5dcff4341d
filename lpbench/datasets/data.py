"""What datasets hand over: rows and labels for convex problems, training and test samples for networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Rows

REGRESSION = "regression"
CLASSIFICATION = "classification"


class Data(NamedTuple):
    """Raw data, before scaling.

    X     (N, d) float64, C-contiguous array or csr_array.
    y     (N,) float64: the target (regression) or the class index 0 ... n_labels-1 (classification).
    kind  `regression` or `classification`.
    n_labels  number of classes; 0 for regression.
    """

    X: Rows
    y: np.ndarray
    kind: str
    n_labels: int = 0


class FileData(Data):
    """Data of files, as `lpbench.datasets.reading.files.parsed` returns it.

    content   hashes of the files as they were read, one a file.
    columns   names of the features, or their indices in the file.
    remarks   what the reader did that its user may not expect, a line each.
    """

    content: tuple[str, ...] = ()
    columns: Sequence[str | int] = ()
    remarks: tuple[str, ...] = ()


class Size(NamedTuple):
    """Sizes of the raw data."""

    n_samples: int
    n_features: int
    n_labels: int  # 0 for regression


class Samples(NamedTuple):
    """Training and test samples of a classification, as networks take them.

    X        (N, *shape) float32, C-contiguous; shape is (features,) of a vector, (length, channels) of a signal,
             (height, width, channels) of an image: channels last. Of sequences (N, length) int64 tokens.
    y        (N,) int64, class indices 0 ... n_classes-1; (N, length) where each token has one.
    test_X, test_y   the same of the samples that are held out.
    n_classes
    content  hashes of the files as they were read, one a file; () without files.
    """

    X: np.ndarray
    y: np.ndarray
    test_X: np.ndarray
    test_y: np.ndarray
    n_classes: int
    content: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays hold in memory."""
        return self.X.nbytes + self.y.nbytes + self.test_X.nbytes + self.test_y.nbytes
