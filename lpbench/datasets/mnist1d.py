"""MNIST-1D: signals that the package `mnist1d` makes."""

from __future__ import annotations

import builtins
import hashlib
import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import numpy as np

from lpbench.arithmetic.jit import cache_folder
from lpbench.datasets.base import CLASSIFICATION, Data, Dataset, Samples, Size
from lpbench.errors import ConfigError, StoreError
from lpbench.registry import datasets
from lpbench.store.files import write_atomic

log = logging.getLogger(__name__)

TRAINING, TEST, LENGTH, CLASSES = 4000, 1000, 40, 10
# The sines and sums behind them differ from machine to machine by a few 1e-16. Rounded to multiples of 2^-16 the
# numbers do not: none of them lies closer than 4e-11 to the middle between two multiples.
GRID = 2.0**-16
DIGEST = "958f3f49a5aa23d0"  # of the numbers, rounded, and of their classes


@datasets.register("mnist1d")
class Mnist1d(Dataset):
    """MNIST-1D, signals of ten classes of digits: 4000 training and 1000 test samples of 40 numbers (package mnist1d).

    The package's own default arguments and seed; the numbers are rounded to multiples of 2^-16, and are the same on
    every machine. Convex problems take the training samples. Source: Greydanus and Kobak 2024, Scaling Down Deep
    Learning with MNIST-1D.
    """

    tasks = frozenset({CLASSIFICATION})
    n_labels = CLASSES
    own_test = True
    package = "mnist1d"

    @classmethod
    def values(cls, choices: Mapping[str, Any], task: str) -> dict[str, Any]:
        _package()
        return {}

    @classmethod
    def size(cls, choices: Mapping[str, Any], task: str) -> Size:
        return Size(TRAINING, LENGTH, CLASSES)

    @classmethod
    def load(cls, choices: Mapping[str, Any], task: str) -> Data:
        whole = cls.samples({})
        return Data(
            whole.X.reshape(TRAINING, LENGTH).astype(np.float64),
            whole.y.astype(np.float64),
            CLASSIFICATION,
            CLASSES,
        )

    @classmethod
    def sample_size(cls, choices: Mapping[str, Any]) -> tuple[int, tuple[int, ...], int]:
        return cls.n_training(choices, TRAINING), (LENGTH, 1), CLASSES

    @classmethod
    def split(cls, choices: Mapping[str, Any]) -> Samples:
        X, y = _kept() or _made()
        X = X.reshape(-1, LENGTH, 1)
        return Samples(X[:TRAINING], y[:TRAINING], X[TRAINING:], y[TRAINING:], CLASSES)


def _package() -> Path:
    """The folder of the package; raises ConfigError where it is not installed. Imports nothing."""
    found = importlib.util.find_spec("mnist1d")
    if found is None or not found.submodule_search_locations:
        raise ConfigError("dataset=mnist1d needs the package mnist1d: pip install 'lpbench[mnist1d]'")
    return Path(found.submodule_search_locations[0])


def _made() -> tuple[np.ndarray, np.ndarray]:
    """X (5000, 40) float32 and y (5000,) int64 as the package makes them, rounded; raises ConfigError for others.

    The package draws from numpy's global generator, which is everybody's, and imports matplotlib and requests for what
    is not needed here. So its functions run in namespaces of their own, where numpy's generator is one of theirs alone
    and those modules are empty: nothing else in the process sees it, in whichever thread.
    """
    folder, random = _package(), np.random.RandomState()
    given: dict[str, Any] = {
        "numpy": _Numpy(random),
        "requests": None,
        "mnist1d": None,
        "mnist1d.utils": SimpleNamespace(
            set_seed=random.seed,
            ObjectView=lambda held: SimpleNamespace(**held),
            from_pickle=None,
            to_pickle=None,
        ),
    }

    def imported(name: str, *how: Any) -> Any:
        return given[name] if name in given else builtins.__import__(name, *how)

    def run(name: str) -> SimpleNamespace:
        path = folder / f"{name}.py"
        space = {"__name__": f"mnist1d.{name}", "__builtins__": {**vars(builtins), "__import__": imported}}
        exec(compile(path.read_bytes(), str(path), "exec"), space)
        return SimpleNamespace(**space)

    try:
        given["mnist1d.transform"] = run("transform")
        data = run("data")
        made = data.make_dataset(data.get_dataset_args())
        X = np.concatenate([made["x"], made["x_test"]])
        X, y = (np.rint(X / GRID) * GRID).astype(np.float32), np.concatenate([made["y"], made["y_test"]])
        y = y.astype(np.int64)
    except Exception as error:  # another version of the package may be anything
        raise ConfigError(
            f"{folder}: dataset=mnist1d cannot be made: {type(error).__name__}: {error}"
        ) from error
    if (found := _digest(X, y)) != DIGEST:
        raise ConfigError(
            f"{folder}: makes other numbers than those of dataset=mnist1d (their digest is {found}, not {DIGEST});"
            " pip install 'lpbench[mnist1d]' brings the version that makes them"
        )
    _keep(X, y)
    return X, y


class _Numpy:
    """numpy, but for its global generator."""

    def __init__(self, random: np.random.RandomState) -> None:
        self.random = random

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def _digest(X: np.ndarray, y: np.ndarray) -> str:
    return hashlib.blake2b(X.tobytes() + y.tobytes(), digest_size=8).hexdigest()


# Making them takes seconds, so they are kept on disk. What is read is known by its digest.


def _file() -> Path:
    return cache_folder() / "datasets" / f"mnist1d-{DIGEST}.npz"


def _kept() -> tuple[np.ndarray, np.ndarray] | None:
    """X and y from the disk; None where they are not there or damaged."""
    try:
        with _file().open("rb") as file, np.load(file, allow_pickle=False) as stored:
            X, y = stored["X"], stored["y"]
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever is wrong with a file, a cell does not fail for it
        log.warning("the cached mnist1d is not used (%s); it is made anew", error)
        return None
    return (X, y) if _digest(X, y) == DIGEST else None


def _keep(X: np.ndarray, y: np.ndarray) -> None:
    """Store both, whole or not at all; where that fails it costs only time later."""

    def write(file: IO[bytes]) -> None:
        np.savez(file, X=X, y=y)

    try:
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, write)
    except (OSError, StoreError) as error:
        log.warning("mnist1d is not cached: %s", error)
