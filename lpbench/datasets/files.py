"""Data files: where they are, what they hold, and the one line that says what is wrong with them."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from lpbench.datasets.base import CLASSIFICATION, REGRESSION, Data
from lpbench.errors import ConfigError

MAX_PARSED = 2  # files kept parsed in memory

_contents: dict[tuple[str, int, int, int], str] = {}
_parsed: OrderedDict[tuple[Any, ...], Data] = OrderedDict()
_lock = threading.RLock()


def chosen_path(choices: Mapping[str, Any], dataset: str, needs: str) -> Path:
    """The `path` of the choices, `~` expanded; raises ConfigError where it is null."""
    path = choices.get("path")
    if path is None:
        raise ConfigError(f"dataset={dataset} needs path={needs}")
    return Path(str(path)).expanduser()


def existing_file(path: Path) -> Path:
    """`path` where it is a file that holds something; raises ConfigError otherwise."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; a data file is needed")
    if size == 0:
        raise ConfigError(f"{path}: is empty")
    return path


def content_hash(path: Path) -> str:
    """Hash of a file's bytes, remembered while path, size and time of change stay the same."""
    try:
        state = path.stat()
        stamp = (str(path), state.st_ino, state.st_size, state.st_mtime_ns)
        known = _contents.get(stamp)
        if known is None:
            with path.open("rb") as file:
                known = _contents[stamp] = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
        return known
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None


def parsed(paths: list[Path], how: tuple[Any, ...], read: Callable[[], Data]) -> Data:
    """`read()`, remembered by the content of `paths` and by `how` for the last few files."""
    key = (*how, *(content_hash(path) for path in paths))
    with _lock:
        if key not in _parsed:
            _parsed[key] = read()
            while len(_parsed) > MAX_PARSED:
                _parsed.popitem(last=False)
        _parsed.move_to_end(key)
        return _parsed[key]


def compression(path: Path) -> str:
    """The suffix that says how a file is compressed, else nothing: part of how its content is read."""
    suffix = path.suffix.lower()
    return suffix if suffix in (".gz", ".bz2") else ""


def refuse(path: Path, what: str, line: int | None = None) -> NoReturn:
    """Raise ConfigError: the file, the line where there is one, and what is wrong."""
    place = f"{path}: line {line}" if line is not None else str(path)
    raise ConfigError(f"{place}: {what}")


def labelled(path: Path, X: Any, target: np.ndarray, task: str) -> Data:
    """Data of a file: the target as numbers (regression) or as class indices in the order of the labels.

    target (N,) float64 or str. Raises ConfigError for one class, for text in a regression, for fractional
    labels.
    """
    if task == REGRESSION:
        if target.dtype.kind != "f":
            refuse(path, f"the target holds {str(target[0])!r}, but least squares needs numbers")
        return Data(X, target, REGRESSION)
    if target.dtype.kind == "f" and not (target == np.round(target)).all():
        odd = target[target != np.round(target)][0]
        refuse(path, f"the target holds {odd:g}: whole numbers or names are needed as class labels")
    labels, y = np.unique(target, return_inverse=True)
    if len(labels) < 2:
        refuse(path, f"all {len(target)} samples have the label {labels[0]}: two classes or more are needed")
    return Data(X, y.astype(np.float64), CLASSIFICATION, len(labels))
