"""What a network is trained on: subsampled, standardised by the training samples, and loaded once in a process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.datasets import scaling
from lpbench.datasets.data import Samples
from lpbench.datasets.drawing import subsampled, training_of
from lpbench.datasets.reading.files import content_hash
from lpbench.errors import ConfigError

MAX_BYTES = 2**30  # of samples kept in memory; the newest ones always are

_kept: OrderedDict[tuple[Any, ...], Samples] = OrderedDict()
_lock = threading.RLock()


def remembered(asked: tuple[Any, ...], files: Sequence[Path], load: Callable[[], Samples]) -> Samples:
    """`load()`, kept by `asked` and by the content of `files` while others do not need the memory."""
    contents = tuple(map(content_hash, files))
    with _lock:  # threads that ask for the same ones wait for the first and share them
        found = _kept.get((asked, contents))
        if found is None:
            found = load()
            contents = found.content
            _kept[asked, contents] = found
            while len(_kept) > 1 and sum(kept.nbytes for kept in _kept.values()) > MAX_BYTES:
                _kept.popitem(last=False)
        _kept.move_to_end((asked, contents))
        return found


def finished(name: str, raw: Samples, n_samples: int | None, data_seed: int) -> Samples:
    """`raw` with `n_samples` training samples (None: all), standardised by them, in the dtypes of `Samples`; read-only.

    Bytes are pixels, standardised channel by channel; float64 are measured features, one by one (constant ones become
    0); float32 and tokens stay as they are. Raises ConfigError where the training samples are of one class.
    """
    X, y = subsampled(raw.X, raw.y, n_samples, data_seed, training_of(name))
    if len(y) == 0 or y.min() == y.max():
        raise ConfigError(
            f"the {len(y)} training samples taken from {name} are all of one class; take more, or another data_seed"
        )
    X, test_X = _standardised(X, raw.test_X)
    if not (np.isfinite(X).all() and np.isfinite(test_X).all()):
        raise ConfigError(
            f"a number of {name} is not finite in float32, once it is standardised as the training samples are"
        )
    samples = Samples(X, y.astype(np.int64), test_X, raw.test_y.astype(np.int64), raw.n_classes, raw.content)
    for array in (samples.X, samples.y, samples.test_X, samples.test_y):
        array.flags.writeable = False
    return samples


def _standardised(X: np.ndarray, test_X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as new arrays of float32."""
    if X.dtype == np.uint8:
        levels = scaling.pixel_levels(X)
        return scaling.in_levels(X, levels), scaling.in_levels(test_X, levels)
    if X.dtype in (np.float32, np.int64):
        return X.copy(), test_X.copy()
    columns, test_columns = (part.astype(np.float64).reshape(-1, X.shape[-1]) for part in (X, test_X))
    scaled = scaling.standardise(columns, columns)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled.apply(test_columns, test_columns)
        train, test = columns.astype(np.float32), test_columns.astype(np.float32)
    return train.reshape(X.shape), test.reshape(test_X.shape)
