"""From raw real data to the columns of a problem: scaling, random Fourier features, a column of ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lpbench.arithmetic import products
from lpbench.arithmetic.arrays import Rows
from lpbench.arithmetic.elementary import to_cos
from lpbench.datasets.scaling import LARGEST, exponents_of, standardise
from lpbench.errors import ConfigError

SCALINGS = ("max_norm", "standard", "none")
MEDIAN_ROWS = 500  # rows whose pairwise distances give the bandwidth
_NAMED = 5  # columns that a remark names
_HIDING = 2.0**40  # times as large as another: what may round that one away


def n_columns(n_features: int, scaling: str, dimension: int | None) -> int:
    """Columns after `transform`: `dimension`, else the data's own and (unless `none`) one of ones."""
    if dimension is not None:
        return dimension
    return n_features + (scaling != "none")


def transform(X: Rows, scaling: str, dimension: int | None, data_seed: int) -> Rows:
    """X (N, d) as the problem uses it; dense stays dense and C-contiguous, sparse stays sparse.

    max_norm   columns standardised, a column of ones added, all divided by the largest row norm.
    standard   columns standardised, a column of ones added.
    none       as it is, no column of ones.
    Standardised: mean 0 and variance 1. Sparse columns are not centred, which would fill them, but divided by
    their root mean square. Constant columns become 0. Columns of very large or very small numbers are first
    multiplied by a power of two, which changes no bit of what comes out. Raises ConfigError where `none` would
    keep numbers whose squares overflow or vanish.

    dimension=D replaces the columns by random Fourier features of the data (standardised unless `none`):
    sqrt(2) cos(x . v / b + u), v normal, u uniform in [0, 2 pi), b the median distance of two samples, D - 1
    of them and the column of ones (D without that column for `none`); dense. For a Gaussian kernel of
    bandwidth b: Rahimi and Recht 2007, Random Features for Large-Scale Kernel Machines, algorithm 1, up to
    the factor 1/sqrt(D).
    """
    ones = scaling != "none"
    if not ones:
        in_range(X if isinstance(X, np.ndarray) else X.data, "the data")
        if dimension is None:
            return X
    else:
        X = _standardised(X, spare=dimension is None)
    if dimension is not None:
        X = _fourier(X, dimension, ones, data_seed)
    elif isinstance(X, np.ndarray):
        X[:, -1] = 1.0
    else:
        from scipy import sparse

        X = sparse.csr_array(sparse.hstack([X, np.ones((X.shape[0], 1))], format="csr"))
    if scaling == "max_norm":
        _divide(X, float(np.sqrt(squared_norms(X).max())))
    return X


def squared_norms(X: Rows) -> np.ndarray:
    """||x_i||^2 of every row of X, (N,)."""
    if isinstance(X, np.ndarray):
        return np.einsum("ij,ij->i", X, X)
    return np.asarray((X * X).sum(axis=1))


def standardised_target(y: np.ndarray) -> np.ndarray:
    """y (N,) with mean 0 and variance 1; raises ConfigError where it is constant."""
    first, y = y[0], np.ldexp(y, -exponents_of(np.abs(y).max()))
    spread = float(y.std())
    if not spread > 1e-12 * float(np.abs(y).max()):
        raise ConfigError(f"the target is constant ({first:g}): there is nothing to fit")
    return (y - y.mean()) / spread


def in_range(values: np.ndarray, what: str) -> np.ndarray:
    """`values`, which are used as they are; raises ConfigError where their squares overflow, or all vanish."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest and exponents_of(largest):
        raise ConfigError(
            f"{what}: the largest magnitude is {largest:.3g}, and scaling=none needs one between"
            f" {1 / LARGEST:.0e} and {LARGEST:.0e}, so that squares neither overflow nor vanish;"
            " use scaling=max_norm or standard"
        )
    return values


def remarks(X: Rows, names: Sequence[str | int]) -> list[str]:
    """What standardising takes from columns of X (N, d), in words: those that are constant, become 0, or are
    hidden by a single huge number.
    """
    n, d = X.shape
    if not isinstance(X, np.ndarray):
        full = np.flatnonzero(np.bincount(X.indices, minlength=d) == n)
        return _remark([j for j in full if np.ptp(X.data[X.indices == j]) == 0.0], names, "constant")
    out, sizes = _standardised(X, spare=False), np.abs(X)
    constant = (X[0] == X).all(axis=0)
    zeroed = ~out.any(axis=0) & ~constant
    wide = sizes.max(axis=0) / _HIDING > sizes.min(axis=0, where=sizes > 0, initial=np.inf)
    hidden = [
        j for j in np.flatnonzero(wide & ~zeroed) if len(np.unique(out[:, j])) <= len(np.unique(X[:, j])) / 2
    ]
    found = {
        "constant, and 0 once scaled": np.flatnonzero(constant),
        "0 once scaled: its values differ by less than 1e-12 of their size": np.flatnonzero(zeroed),
        "all but equal once scaled: a huge value (a mark for a missing one?) hides the others": hidden,
    }
    return [line for what, columns in found.items() for line in _remark(columns, names, what)]


def _remark(columns: Any, names: Sequence[str | int], what: str) -> list[str]:
    if not len(columns):
        return []
    shown = ", ".join(repr(names[j]) for j in columns[:_NAMED])
    more = f" and {len(columns) - _NAMED} more" if len(columns) > _NAMED else ""
    return [f"column {shown} is {what}" if len(columns) == 1 else f"columns {shown}{more} are {what}"]


def _standardised(X: Rows, spare: bool) -> Rows:
    """A standardised copy; dense with room for one more column where `spare`."""
    n, d = X.shape
    if not isinstance(X, np.ndarray):
        X = X.copy()
        sizes = np.zeros(d)
        np.maximum.at(sizes, X.indices, np.abs(X.data))
        X.data = np.ldexp(X.data, -exponents_of(sizes)[X.indices])
        square = np.bincount(X.indices, weights=X.data * X.data, minlength=d) / n
        inverse = np.zeros(d)
        np.divide(1.0, np.sqrt(square), out=inverse, where=square > 0)
        X.data *= inverse[X.indices]
        return X
    out = np.empty((n, d + spare))
    standardise(X, out[:, :d])
    return out


def _fourier(X: Rows, dimension: int, ones: bool, data_seed: int) -> np.ndarray:
    n, d = X.shape
    n_random = dimension - ones
    rng = np.random.default_rng([data_seed, 1])
    rows = rng.permutation(n)[:MEDIAN_ROWS]
    frequencies = rng.standard_normal((d, n_random)) / _median_distance(X[np.sort(rows)])
    phases = rng.uniform(0.0, 2.0 * np.pi, n_random)
    angles = products.margins(X, np.ascontiguousarray(frequencies.T))
    angles += phases
    to_cos(angles.reshape(-1))
    out = np.empty((n, dimension))
    np.multiply(angles, np.sqrt(2.0), out=out[:, :n_random])
    if ones:
        out[:, -1] = 1.0
    return out


def _median_distance(X: Rows) -> float:
    """Median of the l2 distances between two different rows; 1 where that is 0."""
    inner = products.row_products(X) if isinstance(X, np.ndarray) else (X @ X.T).toarray()
    squares = np.diag(inner)
    distances = squares[:, None] + squares[None, :] - 2.0 * inner
    pairs = distances[np.triu_indices(len(squares), 1)]
    median = float(np.median(pairs)) if len(pairs) else 0.0
    return median**0.5 if median > 0 else 1.0


def _divide(X: Rows, divisor: float) -> None:
    if isinstance(X, np.ndarray):
        X /= divisor
    else:
        X.data /= divisor
