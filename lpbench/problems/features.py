"""From raw real data to the columns of a problem: scaling, random Fourier features, a column of ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lpbench import products
from lpbench.elementary import to_cos
from lpbench.errors import ConfigError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SCALINGS = ("max_norm", "standard", "none")
MEDIAN_ROWS = 500  # rows whose pairwise distances give the bandwidth


def n_columns(n_features: int, scaling: str, dimension: int | None) -> int:
    """Columns after `transform`: `dimension`, else the data's own and (unless `none`) one of ones."""
    if dimension is not None:
        return dimension
    return n_features + (scaling != "none")


def transform(
    X: np.ndarray | csr_array, scaling: str, dimension: int | None, data_seed: int
) -> np.ndarray | csr_array:
    """X (N, d) as the problem uses it; dense stays dense and C-contiguous, sparse stays sparse.

    max_norm   columns standardised, a column of ones added, all divided by the largest row norm.
    standard   columns standardised, a column of ones added.
    none       as it is, no column of ones.
    Standardised: mean 0 and variance 1. Sparse columns are not centred, which would fill them, but divided by
    their root mean square. Constant columns become 0.

    dimension=D replaces the columns by random Fourier features of the data (standardised unless `none`):
    sqrt(2) cos(x . v / b + u), v normal, u uniform in [0, 2 pi), b the median distance of two samples, D - 1
    of them and the column of ones (D without that column for `none`); dense. For a Gaussian kernel of
    bandwidth b: Rahimi and Recht 2007, Random Features for Large-Scale Kernel Machines, algorithm 1, up to
    the factor 1/sqrt(D).
    """
    ones = scaling != "none"
    if dimension is None and not ones:
        return X
    if ones:
        X = _standardised(X, spare=dimension is None)
    if dimension is not None:
        X = _fourier(X, dimension, ones, data_seed)
    elif isinstance(X, np.ndarray):
        X[:, -1] = 1.0
    else:
        X = _with_ones(X)
    if scaling == "max_norm":
        _divide(X, float(np.sqrt(_largest_square(X))))
    return X


def standardised_target(y: np.ndarray) -> np.ndarray:
    """y (N,) with mean 0 and variance 1; raises ConfigError where it is constant."""
    spread = float(y.std())
    if not spread > 1e-12 * float(np.abs(y).max()):
        raise ConfigError(f"the target is constant ({y[0]:g}): there is nothing to fit")
    return (y - y.mean()) / spread


def _standardised(X: np.ndarray | csr_array, spare: bool) -> np.ndarray | csr_array:
    """A standardised copy; dense with room for one more column where `spare`."""
    n, d = X.shape
    if not isinstance(X, np.ndarray):
        square = np.bincount(X.indices, weights=X.data * X.data, minlength=d) / n
        inverse = np.zeros(d)
        np.divide(1.0, np.sqrt(square), out=inverse, where=square > 0)
        X = X.copy()
        X.data *= inverse[X.indices]
        return X
    out = np.empty((n, d + spare))
    mean = X.mean(axis=0)
    np.subtract(X, mean, out=out[:, :d])
    spread = np.sqrt(np.einsum("ij,ij->j", out[:, :d], out[:, :d]) / n)
    constant = spread <= 1e-12 * np.abs(X).max(axis=0)
    out[:, :d] /= np.where(constant, 1.0, spread)
    out[:, :d][:, constant] = 0.0
    return out


def _fourier(X: np.ndarray | csr_array, dimension: int, ones: bool, data_seed: int) -> np.ndarray:
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


def _median_distance(X: np.ndarray | csr_array) -> float:
    """Median of the l2 distances between two different rows; 1 where that is 0."""
    inner = products.row_products(X) if isinstance(X, np.ndarray) else (X @ X.T).toarray()
    squares = np.diag(inner)
    distances = squares[:, None] + squares[None, :] - 2.0 * inner
    pairs = distances[np.triu_indices(len(squares), 1)]
    median = float(np.median(pairs)) if len(pairs) else 0.0
    return median**0.5 if median > 0 else 1.0


def _with_ones(X: csr_array) -> csr_array:
    from scipy import sparse

    return sparse.csr_array(sparse.hstack([X, np.ones((X.shape[0], 1))], format="csr"))


def _largest_square(X: np.ndarray | csr_array) -> float:
    if isinstance(X, np.ndarray):
        return float(np.einsum("ij,ij->i", X, X).max())
    return float(np.max((X * X).sum(axis=1)))


def _divide(X: np.ndarray | csr_array, divisor: float) -> None:
    if isinstance(X, np.ndarray):
        X /= divisor
    else:
        X.data /= divisor
