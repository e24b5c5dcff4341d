"""Optima and constants on disk, so that a problem is solved once per machine and not once per process.

They are kept under the digest of the sources that made them, plug-ins included: what another version of the solver,
the data or the problem left is never read. Of what is read, value and gradient are computed anew, in one pass over the
data, and must be those that were stored, and those of an optimum.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from lpbench.arithmetic import products
from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.jit import cache_folder, source_digest
from lpbench.errors import StoreError
from lpbench.problems.solving.objective import Risk
from lpbench.problems.solving.optimum import TOLERANCE
from lpbench.store.files import write_atomic
from lpbench.theory.constants import NAMES, Constants

log = logging.getLogger(__name__)

_FAR = 1e-10  # of L ||w*||: a solver that leaves a larger gradient has failed, and is asked again


class Solved(NamedTuple):
    """What is expensive about a problem."""

    w_star: Vector
    f_star: float
    gradient_norm: float
    constants: Constants


def optimum_file(key: str) -> Path:
    """Where this version of the sources keeps the optimum of the problem `key`."""
    return cache_folder() / "optima" / source_digest() / f"{key}.npz"


def load(key: str, risk: Risk) -> Solved | None:
    """The optimum of `risk` that is stored for `key`; None where there is none, or one that is not that of `risk`."""
    try:
        path = optimum_file(key)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            w_star = stored["w_star"]
            f_star, gradient_norm = (float(x) for x in stored["scalars"])
            values = dict(zip(NAMES, (float(x) for x in stored["constants"]), strict=True))
            kinds = dict(zip(NAMES, (str(x) for x in stored["kinds"]), strict=True))
        if w_star.shape != (risk.n_weights,) or w_star.dtype != np.float64:
            raise ValueError(f"{w_star.dtype} weights of shape {w_star.shape}")
        if not np.isfinite(list(values.values())).all():
            raise ValueError("a constant that is not finite")
        value, norm = risk.value_and_gradient_norm(w_star)
        if (value, norm) != (f_star, gradient_norm):
            raise ValueError(f"gradient norm {norm:.3g} at its weights, not {gradient_norm:.3g}")
        if norm > TOLERANCE + _FAR * values["L"] * products.norm(w_star):
            raise ValueError(f"gradient norm {norm:.3g}: its weights are no optimum")
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever is wrong with a file, a cell does not fail for it
        log.warning("the optimum cached for problem %s is not used (%s); it is computed anew", key, error)
        return None
    return Solved(w_star, f_star, gradient_norm, Constants(values, kinds))


def save(key: str, solved: Solved) -> None:
    """Store `solved`, whole or not at all; where that fails it costs only time later."""

    def write(file: IO[bytes]) -> None:
        np.savez(
            file,
            w_star=solved.w_star,
            scalars=np.array([solved.f_star, solved.gradient_norm]),
            constants=np.array([solved.constants.values[name] for name in NAMES]),
            kinds=np.array([solved.constants.kinds[name] for name in NAMES]),
        )

    try:
        path = optimum_file(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, write)
    except (OSError, StoreError) as error:
        log.warning("the optimum is not cached: %s", error)
