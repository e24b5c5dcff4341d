"""Products of matrices and the Cholesky factor, summed in one fixed order: what a digest depends on needs no BLAS.

A BLAS picks its kernels by the processor and cuts its work by the number of threads, and the last digits of its sums
follow. Here a sum runs over its terms in groups of eight, in their order, elementwise along the rows: compiled code may
take as many columns at a time as the machine can, the bits stay. Sparse products are scipy's, which are plain loops.
All arrays are float64.
"""

from __future__ import annotations

import math

import numpy as np

from lpbench.arithmetic.arrays import Matrix, Rows, Vector
from lpbench.arithmetic.dot import dot
from lpbench.arithmetic.jit import inner, kernel

_ROWS = 64  # of a block: what is summed on its own, and stays in the cache
_COLUMNS = 512
_GROUP = 8  # as the loops below spell out
_PANEL = 32  # rows of the Cholesky factor


def inner_product(x: Vector, y: Vector) -> float:
    """x . y, both (n,)."""
    return float(_inner_product(np.ascontiguousarray(x), np.ascontiguousarray(y)))


def norm(x: Vector) -> float:
    """||x||_2, x (n,)."""
    return math.sqrt(inner_product(x, x))


def margins(X: Rows, W: Matrix) -> Matrix:
    """X W', (N, K), from X (N, d) and W (K, d)."""
    if not isinstance(X, np.ndarray):
        return np.ascontiguousarray(X @ np.ascontiguousarray(W.T))
    Z = np.empty((X.shape[0], W.shape[0]))
    _margins(np.ascontiguousarray(X), np.ascontiguousarray(W), Z)
    return Z


def combinations(A: Matrix, X: Rows) -> Matrix:
    """A X, (m, d), from A (m, N) and X (N, d): sums of the rows of X."""
    if not isinstance(X, np.ndarray):
        return np.ascontiguousarray((X.T @ np.ascontiguousarray(A.T)).T)
    out = np.zeros((A.shape[0], X.shape[1]))
    _combine(A, np.ascontiguousarray(X), np.empty(X.shape[1]), out)
    return out


def second_moments(X: Matrix) -> Matrix:
    """X'X / N, (d, d), from X (N, d)."""
    H = np.zeros((X.shape[1], X.shape[1]))
    _add_outer(np.ascontiguousarray(X), H)
    _mirror(H)
    H /= len(X)
    return H


def row_products(X: Matrix) -> Matrix:
    """X X', (N, N), from X (N, d)."""
    H = np.zeros((len(X), len(X)))
    for start in range(0, X.shape[1], _ROWS):
        _add_outer(np.ascontiguousarray(X[:, start : start + _ROWS].T), H)
    _mirror(H)
    return H


def cholesky(H: Matrix) -> Matrix | None:
    """The upper triangular U with U'U = H, (n, n), zero below its diagonal; None where H is not positive definite.

    Of H its upper triangle is read. Backward stable: U'U differs from H by a few units in the last place of ||H||.
    Source: Higham 2002, Accuracy and Stability of Numerical Algorithms, section 10.1.
    """
    U = np.triu(H)
    return U if _factor(U) else None


def cholesky_solve(U: Matrix, b: Vector) -> Vector:
    """x (n,) with U'U x = b."""
    x = np.array(b)
    _solve(U, x)
    return x


@kernel
def _inner_product(x, y):
    return dot(x, y)


@kernel
def _margins(X, W, Z):
    for i in range(X.shape[0]):
        x = X[i]
        for k in range(W.shape[0]):
            Z[i, k] = dot(x, W[k])


@kernel
def _combine(A, X, part, out):
    """out += A X, block of rows by block of rows; part (d,) scratch."""
    n, d = X.shape
    for start in range(0, n, _ROWS):
        end = min(start + _ROWS, n)
        whole = end - (end - start) % _GROUP
        for m in range(A.shape[0]):
            for j in range(d):
                part[j] = 0.0
            for i in range(start, whole, _GROUP):
                a, b, c, e = A[m, i], A[m, i + 1], A[m, i + 2], A[m, i + 3]
                f, g, p, q = A[m, i + 4], A[m, i + 5], A[m, i + 6], A[m, i + 7]
                x, y, z, s = X[i], X[i + 1], X[i + 2], X[i + 3]
                t, u, v, w = X[i + 4], X[i + 5], X[i + 6], X[i + 7]
                for j in range(d):
                    low = (a * x[j] + b * y[j]) + (c * z[j] + e * s[j])
                    part[j] += low + ((f * t[j] + g * u[j]) + (p * v[j] + q * w[j]))
            for i in range(whole, end):
                a, x = A[m, i], X[i]
                for j in range(d):
                    part[j] += a * x[j]
            total = out[m]
            for j in range(d):
                total[j] += part[j]


@kernel
def _add_outer(X, H):
    """The upper triangle of H += X'X, block of rows by block of rows."""
    for start in range(0, X.shape[0], _ROWS):
        add_outer(X, start, min(start + _ROWS, X.shape[0]), 0, 1.0, H)


@inner
def add_outer(X, begin, end, first, sign, H):
    """The upper triangle of H from row and column `first` on += sign times that of X'X, of its rows begin ... end."""
    whole = end - (end - begin) % _GROUP
    for left in range(first, X.shape[1], _COLUMNS):
        right = min(left + _COLUMNS, X.shape[1])
        for i in range(begin, whole, _GROUP):
            for j in range(first, right):
                at = max(left, j)
                a, b, c, e = sign * X[i, j], sign * X[i + 1, j], sign * X[i + 2, j], sign * X[i + 3, j]
                f, g, p, q = sign * X[i + 4, j], sign * X[i + 5, j], sign * X[i + 6, j], sign * X[i + 7, j]
                x, y, z, s = X[i, at:right], X[i + 1, at:right], X[i + 2, at:right], X[i + 3, at:right]
                t, u, v, w = X[i + 4, at:right], X[i + 5, at:right], X[i + 6, at:right], X[i + 7, at:right]
                row = H[j, at:right]
                for k in range(row.size):
                    low = (a * x[k] + b * y[k]) + (c * z[k] + e * s[k])
                    row[k] += low + ((f * t[k] + g * u[k]) + (p * v[k] + q * w[k]))
        for i in range(whole, end):
            for j in range(first, right):
                at = max(left, j)
                a, x, row = sign * X[i, j], X[i, at:right], H[j, at:right]
                for k in range(row.size):
                    row[k] += a * x[k]


@kernel
def _mirror(H):
    for j in range(H.shape[0]):
        for k in range(j):
            H[j, k] = H[k, j]


@kernel
def _factor(U):
    """The Cholesky factor in place of the upper triangle; False where a pivot is not positive."""
    n = U.shape[0]
    for start in range(0, n, _PANEL):
        end = min(start + _PANEL, n)
        for p in range(start, end):
            if not U[p, p] > 0.0:
                return False
            root, row = math.sqrt(U[p, p]), U[p, p:n]
            for k in range(row.size):
                row[k] /= root
            for q in range(p + 1, end):
                c, x, lower = U[p, q], U[p, q:n], U[q, q:n]
                for k in range(lower.size):
                    lower[k] -= c * x[k]
        add_outer(U, start, end, end, -1.0, U)
    return True


@kernel
def _solve(U, x):
    """x <- the solution of U'U x = x, by rows of U both ways."""
    n = U.shape[0]
    for p in range(n):
        x[p] /= U[p, p]
        row, rest = U[p, p + 1 : n], x[p + 1 : n]
        for k in range(rest.size):
            rest[k] -= x[p] * row[k]
    for p in range(n - 1, -1, -1):
        x[p] = (x[p] - dot(U[p, p + 1 : n], x[p + 1 : n])) / U[p, p]
