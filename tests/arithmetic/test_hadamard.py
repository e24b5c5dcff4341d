"""Rotations against a matrix written out."""

import numpy as np
import pytest

from lpbench.arithmetic.generator import random_bits
from lpbench.arithmetic.hadamard import rotate
from lpbench.arithmetic.jit import kernel

FIRST, SECOND = np.uint32(123456789), np.uint32(987654321)


@kernel
def turn(x, period, width, span, order, first, second):
    rotate(x, period, width, span, order, first, second)


def matrix(order):
    """Sylvester's: doubled until it is large enough."""
    found = np.ones((1, 1))
    while len(found) < order:
        found = np.block([[found, found], [found, -found]])
    return found / np.sqrt(order)


def signs(n):
    with np.errstate(over="ignore"):
        return np.array([-1.0 if int(random_bits(FIRST, SECOND, j)) >= 2**31 else 1.0 for j in range(n)])


def expected(x, period, width, span, order):
    found = x.astype(np.float64).reshape(-1, period, width).copy()
    sign = signs(period)[None, :, None]
    for row in range(0, span - span % order, order):
        rows = slice(row, row + order)
        found[:, rows] = matrix(order) @ (sign[:, rows] * found[:, rows])
    return found.reshape(-1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("period", "width", "span"), [(16, 1, 16), (16, 1, 13), (40, 1, 40), (7, 3, 6), (70, 32, 64)]
)
@pytest.mark.parametrize("order", [2, 4, 32])
def test_as_the_matrix(dtype, period, width, span, order):
    x = np.random.default_rng(1).standard_normal(3 * period * width).astype(dtype)
    found = x.copy()
    turn(found, period, width, span, order, FIRST, SECOND)
    assert np.allclose(
        found, expected(x, period, width, span, order), atol=1e-6 if dtype == "float32" else 1e-14
    )
    rest = found.reshape(-1, period, width)[:, span - span % order :]
    assert np.array_equal(rest, x.reshape(-1, period, width)[:, span - span % order :])
    assert np.isclose(np.sum(found.astype(float) ** 2), np.sum(x.astype(float) ** 2))


def test_compiled_and_python_have_the_same_bits():
    x = np.random.default_rng(2).standard_normal(2 * 40 * 5).astype(np.float32)
    one, other = x.copy(), x.copy()
    turn(one, 40, 5, 40, 16, FIRST, SECOND)
    with np.errstate(over="ignore"):
        turn.py_func(other, 40, 5, 40, 16, FIRST, SECOND)
    assert np.array_equal(one, other)


def test_an_outlier_is_shared_by_its_part():
    x = np.zeros(32)
    x[5] = 8.0
    turn(x, 32, 1, 32, 16, FIRST, SECOND)
    assert np.array_equal(np.abs(x[:16]), np.full(16, 2.0))
    assert not x[16:].any()
