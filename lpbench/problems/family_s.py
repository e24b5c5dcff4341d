"""Family S: least squares whose noise sigma_1 is set by k and does not grow with the dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lpbench.arithmetic import products
from lpbench.arithmetic.arrays import SparseRows, Vector
from lpbench.datasets import values
from lpbench.errors import ConfigError
from lpbench.problems.base import SQUARED, Problem
from lpbench.problems.family import Family, without_data
from lpbench.problems.identity import problem_key
from lpbench.registry import problems
from lpbench.theory import constants


@problems.register("family_s")
class FamilyS(Family):
    """Least squares on Hadamard blocks of size k: sigma = s and sigma_1 = s sqrt(k) at every dimension.

    A = blockdiag(Hadamard_k / sqrt(k)), (d, d), with random column signs and a random permutation of the
    coordinates; w* uniform in [-1/2, 1/2]^d; X = [A; A], y = [A w* + s; A w* - s], so N = 2d, no regulariser,
    X'X/N = I/d and f* = s^2/2. k is a power of two that divides d (default 4), s is `noise` (default 1).
    X is sparse where at most a quarter of a row is non-zero.
    """

    version = 2
    reads = frozenset({"dimension", "k", "noise", "data_seed"})

    @classmethod
    def values(cls, choices: Mapping[str, Any]) -> dict[str, Any]:
        resolved = super().values(choices)
        resolved["k"] = k = values.whole(choices, "k", 4)
        resolved["noise"] = values.real(choices, "noise", 1.0)
        d = resolved["dimension"]
        if k & (k - 1):
            raise ConfigError(f"family_s: k must be a power of two, got {k}")
        if d % k:
            raise ConfigError(f"family_s: k must divide dimension, got k={k} and dimension={d}")
        return resolved

    @classmethod
    def row_entries(cls, choices: Mapping[str, Any]) -> int:
        """How many entries of a row of X are stored: k where X is sparse, else all d."""
        resolved = cls.values(choices)
        return resolved["k"] if _is_sparse(resolved) else resolved["dimension"]

    @classmethod
    def outline(cls, choices: Mapping[str, Any]) -> Problem:
        """The problem without its data (X is None, y empty): optimum and constants need none, at any dimension."""
        resolved = cls.values(choices)
        d, s = resolved["dimension"], resolved["noise"]
        w_star, _, perm = _draw(resolved)
        found = constants.family_s(d, resolved["k"], s, w_star, perm)
        return without_data(problem_key(choices), SQUARED, w_star, found, f_star=0.5 * s * s)

    @classmethod
    def build(cls, choices: Mapping[str, Any]) -> Problem:
        """Draw the problem from `data_seed`; optimum and constants in closed form."""
        resolved = cls.values(choices)
        d, k, s = resolved["dimension"], resolved["k"], resolved["noise"]
        w_star, signs, perm = _draw(resolved)
        A = hadamard_rows(d, k, signs, perm)
        clean = A @ w_star
        y = np.concatenate([clean + s, clean - s])
        if _is_sparse(resolved):
            from scipy import sparse

            X = sparse.csr_array(sparse.vstack([A, A], format="csr"))
        else:
            A = A.toarray()
            X = np.concatenate([A, A])
        residual = products.margins(X, w_star[None])[:, 0] - y
        norm = products.norm(products.combinations(residual[None], X)[0]) / (2 * d)
        return replace(cls.outline(choices), X=X, y=y, optimum_gradient_norm=norm)


def _is_sparse(resolved: Mapping[str, Any]) -> bool:
    return 4 * resolved["k"] <= resolved["dimension"]


def _draw(resolved: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w*, the signs and the permutation of the columns, each (d,), from `data_seed`."""
    rng, d = np.random.default_rng(resolved["data_seed"]), resolved["dimension"]
    return rng.uniform(-0.5, 0.5, d), rng.choice([-1.0, 1.0], d), rng.permutation(d)


def hadamard_rows(d: int, k: int, signs: Vector, perm: Vector) -> SparseRows:
    """A (d, d): block b takes the columns perm[b k : (b+1) k], and column j is multiplied by signs[j]."""
    from scipy import sparse

    block = np.ones((1, 1))
    while len(block) < k:  # Sylvester's construction
        block = np.block([[block, block], [block, -block]])
    columns = np.repeat(perm.reshape(d // k, 1, k), k, axis=1).reshape(d, k)
    entries = np.tile(block / np.sqrt(k), (d // k, 1)) * signs[columns]
    order = np.argsort(columns, axis=1)
    columns = np.take_along_axis(columns, order, axis=1)
    entries = np.take_along_axis(entries, order, axis=1)
    rows = np.arange(0, d * k + 1, k, dtype=np.int32)
    return sparse.csr_array((entries.ravel(), columns.ravel().astype(np.int32), rows), shape=(d, d))
