"""Optima and constants on disk, so that a problem is solved once per machine and not once per process."""

from __future__ import annotations

import logging
import os
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lpbench.jit import cache_folder
from lpbench.theory.constants import NAMES, VERSION, Constants

log = logging.getLogger(__name__)


class Solved(NamedTuple):
    """What is expensive about a problem."""

    w_star: np.ndarray
    f_star: float
    gradient_norm: float
    constants: Constants


def optimum_file(key: str) -> Path:
    """Where the optimum of the problem `key` is kept."""
    return cache_folder() / "optima" / f"{key}.npz"


def load(key: str, n_weights: int) -> Solved | None:
    """What is stored for `key`; None where there is nothing, or nothing that can be trusted."""
    path = optimum_file(key)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if int(stored["version"]) != VERSION:
                return None
            w_star = stored["w_star"]
            f_star, gradient_norm = (float(x) for x in stored["scalars"])
            values = dict(zip(NAMES, (float(x) for x in stored["constants"]), strict=True))
            kinds = dict(zip(NAMES, (str(x) for x in stored["kinds"]), strict=True))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        log.warning("%s is damaged (%s); the optimum is computed anew", path, error)
        return None
    finite = np.isfinite([f_star, gradient_norm, *values.values()]).all() and np.isfinite(w_star).all()
    if w_star.shape != (n_weights,) or w_star.dtype != np.float64 or not finite:
        log.warning("%s is damaged (wrong shape or not finite); the optimum is computed anew", path)
        return None
    return Solved(w_star, f_star, gradient_norm, Constants(values, kinds))


def save(key: str, solved: Solved) -> None:
    """Store `solved` by a temporary name and a rename; where that fails it costs only time later."""
    path = optimum_file(key)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{key}-", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            np.savez(
                file,
                version=VERSION,
                w_star=solved.w_star,
                scalars=np.array([solved.f_star, solved.gradient_norm]),
                constants=np.array([solved.constants.values[name] for name in NAMES]),
                kinds=np.array([solved.constants.kinds[name] for name in NAMES]),
            )
        os.replace(temporary, path)
    except OSError as error:
        log.warning("the optimum is not cached: %s", error)
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
