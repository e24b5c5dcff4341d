"""The samples x_i of a problem, stored dense or sparse."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Matrix, Vector
from lpbench.arithmetic.dot import dot
from lpbench.arithmetic.jit import generic
from lpbench.arithmetic.ops import like
from lpbench.arithmetic.vectors import fill


class Dense(NamedTuple):
    """Rows of X (N, d), C-contiguous, in the arithmetic's dtype; y (N,) float64."""

    X: Matrix
    y: Vector


class Sparse(NamedTuple):
    """Rows of a CSR matrix."""

    starts: Vector
    columns: Vector
    values: Vector
    y: Vector


class Scaled(NamedTuple):
    """Integers of 16 bits times a unit: rows of X (N, m) int16, m >= d, filled up with zeros."""

    X: Matrix
    unit: Any
    y: Vector


@generic
def row_dot(rows, i, w):
    """x_i . w, float64."""


@generic
def add_row(rows, i, c, g):
    """g += c x_i."""


@generic
def place_row(rows, i, table):
    """The place of x_i in the table, after putting it there if it is stored otherwise."""


@row_dot.case(Dense)
def _row_dot_dense(rows, i, w):
    return np.float64(dot(rows.X[i], w))


@row_dot.case(Sparse)
def _row_dot_sparse(rows, i, w):
    z = 0.0
    for p in range(rows.starts[i], rows.starts[i + 1]):
        z += np.float64(rows.values[p]) * np.float64(w[rows.columns[p]])
    return z


@row_dot.case(Scaled)
def _row_dot_scaled(rows, i, w):
    return rows.unit * np.float64(dot(rows.X[i][: w.size], w))


@add_row.case(Dense)
def _add_row_dense(rows, i, c, g):
    x, c = rows.X[i], like(g[0], c)
    for j in range(g.size):
        g[j] += c * x[j]


@add_row.case(Sparse)
def _add_row_sparse(rows, i, c, g):
    c = like(g[0], c)
    for p in range(rows.starts[i], rows.starts[i + 1]):
        g[rows.columns[p]] += c * rows.values[p]


@add_row.case(Scaled)
def _add_row_scaled(rows, i, c, g):
    x, c = rows.X[i], like(g[0], c * rows.unit)
    for j in range(g.size):
        g[j] += c * like(c, x[j])


@place_row.case(Dense)
def _place_row_dense(rows, i, table):
    return i


@place_row.case(Sparse)
def _place_row_sparse(rows, i, table):
    fill(table[0], 0.0)
    add_row(rows, i, 1.0, table[0])
    return np.int64(0)
