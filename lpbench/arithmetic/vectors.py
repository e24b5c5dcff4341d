"""Loops over vectors that kernels share: numba checks the shapes of a slice assignment, and of these nothing."""

from lpbench.arithmetic.jit import inner


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
