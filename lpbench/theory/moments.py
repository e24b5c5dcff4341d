"""Row norms of X and extreme eigenvalues of its second moments: exact, or bounds where that is dear.

The eigenvalues are LAPACK's, whose last digits depend on the machine, and step sizes are made of them: so they are
moved outward to numbers of few digits, and where rounding errors leave open to which, arithmetic in a fixed order
decides. The result depends on X alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lpbench.arithmetic import products
from lpbench.arithmetic.arrays import Matrix, Rows, SparseRows, Vector

EXACT_SIDE = 4096  # eigenvalues of a dense matrix up to this size: seconds
EXACT_SPARSE_SIDE = 1024
EXACT_SPARSE_WORK = 3e8  # multiply-adds for the second moments of sparse rows
_DIGITS = 32  # bits that are kept of an eigenvalue
# Times the side and the largest eigenvalue: above the errors of eigenvalues and Cholesky factors.
_SLACK = 2.0**-46


class Moments(NamedTuple):
    """What the constants need of X (N, d), before any w* is known.

    r1, r2_squared   (N,) l1 norms and squared l2 norms of the rows.
    largest          at least the largest eigenvalue of X'X/N.
    smallest         at most the smallest one; 0 where N < d, and where it was not computed.
    exact            whether the two are exact, up to a relative 2**-32 or what an eigenvalue solver rounds.
    gram             X'X/N, (d, d), where it was formed, else None.
    """

    r1: Vector
    r2_squared: Vector
    largest: float
    smallest: float
    exact: bool
    gram: Matrix | None


def moments(X: Rows) -> Moments:
    """The moments of X (N, d): exact where the smaller side allows it, else certified bounds in O(nnz).

    Power iteration would give a lower bound of the largest eigenvalue, no use in an upper bound of the gap,
    so it is not used. Without eigenvalues: the largest one of X'X/N is at most the largest row sum of
    |X|'|X|/N and at most mean(r2^2), the trace.
    """
    return _dense(X) if isinstance(X, np.ndarray) else _sparse(X)


def row_blocks(n: int, d: int, entries: int) -> Iterator[slice]:
    """Slices of about `entries` / d rows that cover 0 ... n."""
    step = max(1, entries // max(d, 1))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def _dense(X: Matrix) -> Moments:
    n, d = X.shape
    r1, r2_squared = np.empty(n), np.empty(n)
    for rows in row_blocks(n, d, 2**17):
        block = X[rows]
        np.abs(block).sum(axis=1, out=r1[rows])
        np.einsum("ij,ij->i", block, block, out=r2_squared[rows])
    if min(n, d) > EXACT_SIDE:
        return _bounded(X, r1, r2_squared)
    if n < d:  # the n x n matrix X X'/n has the same non-zero eigenvalues
        _, largest = _extremes(products.row_products(X) / n)
        return Moments(r1, r2_squared, largest, 0.0, True, None)
    return _with_gram(products.second_moments(X), r1, r2_squared)


def _sparse(X: SparseRows) -> Moments:
    n, d = X.shape
    r1 = row_sums(np.abs(X.data), X.indptr)
    r2_squared = row_sums(X.data * X.data, X.indptr)
    work = float(np.sum(np.diff(X.indptr).astype(np.float64) ** 2))
    if n < d or d > EXACT_SPARSE_SIDE or work > EXACT_SPARSE_WORK:
        return _bounded(X, r1, r2_squared)
    return _with_gram((X.T @ X).toarray() / n, r1, r2_squared)


def row_sums(values: Vector, indptr: Vector, add: np.ufunc = np.add) -> Vector:
    """Sums of `values` between neighbours in `indptr`, or what `add` makes of them; 0 for empty rows."""
    sums = np.zeros(len(indptr) - 1)
    filled = np.flatnonzero(np.diff(indptr))
    if len(filled):
        sums[filled] = add.reduceat(values, indptr[filled])
    return sums


def _with_gram(gram: Matrix, r1: Vector, r2_squared: Vector) -> Moments:
    smallest, largest = _extremes(gram)
    return Moments(r1, r2_squared, largest, smallest, True, gram)


def _extremes(matrix: Matrix) -> tuple[float, float]:
    """Bounds of the smallest and the largest eigenvalue, from below (at least 0) and from above; (n, n) symmetric.

    They are numbers of a grid whose spacing is at least 16 e, e = _SLACK n times the largest eigenvalue. One that was
    found farther than e from all of the grid has the same neighbours on every machine. Near one, a Cholesky factor
    tells on which side the eigenvalue lies; its error is below e, as that of LAPACK is, so its answer is what a
    machine says on which the eigenvalue was found farther away.
    """
    from scipy.linalg import eigh

    n, identity = len(matrix), np.eye(len(matrix))
    values = eigh(matrix, eigvals_only=True, check_finite=False, driver="evr")
    low, high = float(values[0]), float(values[-1])
    slack = _SLACK * n
    if not high > 0.0:
        return 0.0, max(0.0, high)
    coarse = 2.0 ** max(-_DIGITS, math.frexp(16.0 * slack)[1])
    largest, above = (_up(high * (1.0 + sign * slack), coarse) for sign in (-1, 1))
    if largest != above and products.cholesky(largest * identity - matrix) is None:
        largest = above
    slack *= largest
    coarse = math.ldexp(1.0, math.frexp(16.0 * slack)[1])
    below, smallest = (_down(low + sign * slack, coarse) for sign in (-1, 1))
    if smallest != below and products.cholesky(matrix - smallest * identity) is None:
        smallest = below
    return max(0.0, smallest - slack), largest + slack


def _up(x: float, relative: float) -> float:
    """The next number at or above x > 0 of a grid: spacing `relative`, a power of two, times that at or below x."""
    spacing = relative * math.ldexp(1.0, math.frexp(x)[1] - 1)
    return math.ceil(x / spacing) * spacing


def _down(x: float, least: float) -> float:
    """The next number at or below x of a grid with _DIGITS bits and no spacing below `least`; 0 for x < 0."""
    if x <= 0.0:
        return 0.0
    spacing = max(least, math.ldexp(1.0, math.frexp(x)[1] - 1 - _DIGITS))
    return math.floor(x / spacing) * spacing


def _bounded(X: Rows, r1: Vector, r2_squared: Vector) -> Moments:
    largest = min(_absolute_columns(X, r1).max() / X.shape[0], np.mean(r2_squared))
    return Moments(r1, r2_squared, float(largest) * (1.0 + 1e-12), 0.0, False, None)


def _absolute_columns(X: Rows, weights: Vector) -> np.ndarray:
    """|X|' weights, (d,)."""
    if not isinstance(X, np.ndarray):
        values = np.abs(X.data)
        values *= np.repeat(weights, np.diff(X.indptr))
        return np.bincount(X.indices, weights=values, minlength=X.shape[1])
    total = np.zeros(X.shape[1])
    for rows in row_blocks(X.shape[0], X.shape[1], 2**17):
        total += products.combinations(weights[None, rows], np.abs(X[rows]))[0]
    return total
