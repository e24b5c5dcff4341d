"""What a dataset offers to a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

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


class Dataset:
    """Base of the datasets; they are used as classes, never instantiated.

    name, version  set at registration; `version` rises when the numbers that `load` returns change.
    reads          the choices that decide the data.
    tasks          which of `regression`, `classification` it can serve.
    n_labels       number of classes where it is known without reading, else None.
    real           measured data: rows may be subsampled by `n_samples`, columns are scaled by `scaling`, and
                   `dimension` asks for random Fourier features. Synthetic data is used as it is drawn.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    reads: ClassVar[frozenset[str]] = frozenset({"dimension", "n_samples", "scaling", "data_seed"})
    tasks: ClassVar[frozenset[str]]
    n_labels: ClassVar[int | None] = None
    real: ClassVar[bool] = True

    @classmethod
    def keys(cls, choices: Mapping[str, Any], task: str) -> frozenset[str]:
        """The choices among `reads` that matter here: of real data the seed only does for random draws."""
        if cls.real and choices.get("dimension") is None and choices.get("n_samples") is None:
            return cls.reads - {"data_seed"}
        return cls.reads

    @classmethod
    def values(cls, choices: Mapping[str, Any], task: str) -> dict[str, Any]:
        """The dataset's own choices with defaults filled in; raises ConfigError. Reads no data."""
        return {}

    @classmethod
    def check(cls, choices: Mapping[str, Any], task: str = CLASSIFICATION) -> None:
        """Raise ConfigError for choices that cannot be run; reads no data."""
        cls.values(choices, task)

    @classmethod
    def files(cls, choices: Mapping[str, Any]) -> list[Path]:
        """The data files; their content, not their path, is part of the problem's identity."""
        return []

    @classmethod
    def size(cls, choices: Mapping[str, Any], task: str) -> Size:
        """Sizes of the raw data; a dataset that knows them without loading it says so."""
        data = cls.load(choices, task)
        return Size(data.X.shape[0], data.X.shape[1], data.n_labels)

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        """Read or draw the data; raises ConfigError for a file that cannot be used."""
        raise NotImplementedError
