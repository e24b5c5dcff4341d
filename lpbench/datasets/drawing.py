"""Which rows: subsamples and held-out samples, drawn from `data_seed`.

Of its streams 0 draws subsamples, 1 random features (`lpbench.problems.features`), 2 what is held out.
"""

from typing import Any

import numpy as np

from lpbench.errors import ConfigError

HELD_OUT = 5  # one sample in so many is for testing, where the data does not say which are


def wanted_samples(n_samples: int | None, n: int, whose: str = "the data's own") -> int:
    """`n_samples`, or all `n` for None; raises ConfigError for more than those."""
    if n_samples is not None and n_samples > n:
        raise ConfigError(f"n_samples must be at most {n}, {whose}, got {n_samples}")
    return n if n_samples is None else n_samples


def subsampled(
    X: Any, y: np.ndarray, n_samples: int | None, data_seed: int, whose: str = "the data's own"
) -> tuple[Any, np.ndarray]:
    """`n_samples` rows in their order, drawn without replacement; all of them for None.

    X is (N, ...), or sparse; y (N,). Raises ConfigError for more than there are.
    """
    n_wanted = wanted_samples(n_samples, len(y), whose)
    if n_wanted == len(y):
        return X, y
    rows = np.sort(np.random.default_rng([data_seed, 0]).permutation(len(y))[:n_wanted])
    return X[rows], y[rows]


def training_of(name: str) -> str:
    """Whose `n_samples` are where test samples are held out."""
    return f"the training samples of {name}"


def n_held_out(n: int, name: str) -> int:
    """How many of n samples are for testing; raises ConfigError where that would be none."""
    if n < HELD_OUT:
        raise ConfigError(f"{name}: {n} samples are too few to hold one in {HELD_OUT} out for testing")
    return n // HELD_OUT


def held_out(n: int, data_seed: int, name: str) -> np.ndarray:
    """(n,) bool: which of n samples are for testing; raises ConfigError for too few."""
    chosen = np.zeros(n, bool)
    chosen[np.random.default_rng([data_seed, 2]).permutation(n)[: n_held_out(n, name)]] = True
    return chosen
