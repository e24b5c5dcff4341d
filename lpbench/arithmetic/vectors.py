"""Loops over vectors that kernels share: numba checks the shapes of a slice assignment, and of these nothing."""

from lpbench.arithmetic.jit import inner
from lpbench.arithmetic.lanes import LANES, turn


@inner
def fill(x, value):
    """x = value, everywhere."""
    for j in range(x.size):
        x[j] = value


@inner
def copy(x, y):
    """x = y, both (n,)."""
    for j in range(x.size):
        x[j] = y[j]


@inner
def add(x, y):
    """x += y, both (n,)."""
    for j in range(x.size):
        x[j] += y[j]


@inner
def transpose(x, rows, columns, out):
    """out (columns, rows) = x (rows, columns)^T; both one-dimensional, x from its first number on."""
    tall, wide = rows - rows % LANES, columns - columns % LANES
    for i in range(0, tall, LANES):
        for j in range(0, wide, LANES):
            turn(x, i * columns + j, columns, out, j * rows + i, rows)
    for i in range(rows):
        for j in range(wide if i < tall else 0, columns):
            out[j * rows + i] = x[i * columns + j]
