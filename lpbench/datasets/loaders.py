"""Data of the user's own: what a function of theirs gives, in batches or whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.datasets.base import Dataset, Samples
from lpbench.datasets.reading.files import content_hash
from lpbench.datasets.reading.named import called, file_of
from lpbench.datasets.samples import remembered
from lpbench.errors import ConfigError, last_line


class Loaders(Dataset):
    """`data=FILE.py:NAME`: called without arguments, it gives (training data, test data).

    Each is a pair of arrays (samples, classes), a `torch.utils.data.Dataset` of such pairs, or something that yields
    batches of them, such as a `DataLoader`; it is read once, and batches are made anew, in an order of the seed's.
    Samples are taken as they come: floating-point numbers in float32, integers as tokens.
    """

    name = "own"
    version = 1
    reads = frozenset({"data"})
    tasks = frozenset()
    own_test = True
    as_it_is = True

    @classmethod
    def sample_keys(cls, choices: Mapping[str, Any]) -> frozenset[str]:
        return cls.reads

    @classmethod
    def sample_values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        return {"data": choices["data"]}

    @classmethod
    def files(cls, choices: Mapping[str, Any]) -> list[Path]:
        return [file_of("data", choices["data"])]

    @classmethod
    def sample_size(cls, choices: Mapping[str, Any]) -> tuple[int, tuple[int, ...], int]:
        samples = cls.samples(choices)
        return len(samples.y), samples.X.shape[1:], samples.n_classes

    @classmethod
    def tokens(cls, choices: Mapping[str, Any]) -> int | None:
        samples = cls.samples(choices)
        if samples.X.dtype.kind != "i":
            return None
        return int(max(samples.X.max(), samples.test_X.max())) + 1

    @classmethod
    def targets(cls, choices: Mapping[str, Any]) -> tuple[int, ...]:
        return cls.samples(choices).y.shape[1:]

    @classmethod
    def samples(cls, choices: Mapping[str, Any]) -> Samples:
        text = choices["data"]
        return remembered((cls, text), cls.files(choices), lambda: _read(text, cls.files(choices)))


def _read(text: str, files: list[Path]) -> Samples:
    from lpbench.isolation import drawn_from

    with drawn_from(0):
        return _taken(text, tuple(map(content_hash, files)))


def _taken(text: str, content: tuple[str, ...]) -> Samples:
    try:
        given = called("data", text, {})
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"data={text}: {last_line(error)}") from error
    if not (isinstance(given, tuple | list) and len(given) == 2):
        raise ConfigError(
            f"data={text} gives {type(given).__name__}, and is to give (training data, test data)"
        )
    (X, y), (test_X, test_y) = (
        _arrays(text, which, one) for which, one in zip(("training", "test"), given, strict=True)
    )
    if X.shape[1:] != test_X.shape[1:] or X.dtype != test_X.dtype or y.shape[1:] != test_y.shape[1:]:
        raise ConfigError(
            f"data={text}: training samples are {X.dtype} {X.shape[1:]} with classes {y.shape[1:]}, test samples "
            f"{test_X.dtype} {test_X.shape[1:]} with {test_y.shape[1:]}: they are to be alike"
        )
    classes = int(max(y.max(), test_y.max())) + 1
    if min(y.min(), test_y.min()) < 0 or classes < 2:
        raise ConfigError(
            f"data={text}: classes are to be 0, 1, ...; got {min(y.min(), test_y.min())} ... {classes - 1}"
        )
    if X.dtype.kind == "i" and min(X.min(), test_X.min()) < 0:
        raise ConfigError(
            f"data={text}: whole numbers are tokens, 0, 1, ...; got {min(X.min(), test_X.min())}: give floating-point "
            "numbers where they are measurements"
        )
    for array in (X, y, test_X, test_y):
        array.flags.writeable = False
    return Samples(X, y, test_X, test_y, classes, content)


def _arrays(text: str, which: str, given: Any) -> tuple[np.ndarray, np.ndarray]:
    """All samples and their classes."""
    try:
        if (
            isinstance(given, tuple | list)
            and len(given) == 2
            and all(hasattr(one, "shape") for one in given)
        ):
            X, y = map(np.asarray, given)
        else:
            X, y = _collected(given)
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"data={text}: the {which} data is no pair of arrays, no Dataset and no batches: {last_line(error)}"
        ) from error
    if len(X) == 0 or len(X) != len(y):
        raise ConfigError(f"data={text}: the {which} data has {len(X)} samples and {len(y)} classes")
    if X.dtype.kind not in "fiub" or y.dtype.kind not in "iub":
        raise ConfigError(
            f"data={text}: samples are to be numbers and classes whole numbers, got {X.dtype} and {y.dtype}"
        )
    if not np.isfinite(X).all():
        raise ConfigError(f"data={text}: a number of the {which} samples is not finite")
    kind = np.float32 if X.dtype.kind == "f" else np.int64
    return np.array(X, kind, order="C"), np.array(y, np.int64, order="C")


def _collected(given: Any) -> tuple[np.ndarray, np.ndarray]:
    samples = hasattr(given, "__getitem__") and not hasattr(given, "batch_size")  # a Dataset, not a loader
    pairs = [given[i] for i in range(len(given))] if samples else list(given)
    if not pairs:
        return np.zeros(0), np.zeros(0, np.int64)
    Xs, ys = ([np.asarray(pair[i]) for pair in pairs] for i in range(2))
    return (np.stack(Xs), np.stack(ys)) if samples else (np.concatenate(Xs), np.concatenate(ys))
