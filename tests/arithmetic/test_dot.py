"""The compiled dot product equals its definition in Python, bit for bit, and is accurate."""

import math
from fractions import Fraction

import numpy as np
import pytest

from lpbench.arithmetic.dot import dot, lanes
from lpbench.arithmetic.jit import kernel

SIZES = [0, 1, 2, 3, 7, 15, 16, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 500, 1000, 4096, 4097]


@kernel
def compiled(x, w):
    return dot(x, w)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_compiled_is_python_bit_for_bit(dtype, size):
    generator = np.random.default_rng(size)
    for spread in (1, 20):
        x, w = (
            np.exp(generator.normal(0, spread / 4, size)) * generator.choice([-1, 1], size) for _ in range(2)
        )
        x, w = x.astype(dtype), w.astype(dtype)
        one, other = compiled(x, w), dot(x, w)
        assert np.asarray(one, dtype).tobytes() == np.asarray(other, dtype).tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_order_is_lanes_then_a_tree(dtype):
    count = lanes(dtype)
    x = np.random.default_rng(0).standard_normal(3 * count + 5).astype(dtype)
    w = np.random.default_rng(1).standard_normal(x.size).astype(dtype)
    sums = [dtype(0)] * count
    for j in range(x.size):
        sums[j % count] = dtype(sums[j % count] + dtype(x[j] * w[j]))
    while len(sums) > 1:
        half = len(sums) // 2
        sums = [dtype(sums[k] + sums[k + half]) for k in range(half)]
    assert sums[0] == dot(x, w) == compiled(x, w)


def test_rows_of_a_matrix_need_no_alignment():
    X = np.random.default_rng(0).standard_normal((5, 67))
    w = np.random.default_rng(1).standard_normal(67)
    for row in X:
        assert compiled(row, w) == dot(row, w)
    assert compiled(X[0, 1:], w[1:]) == dot(X[0, 1:], w[1:])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_accuracy(dtype):
    for size in (10, 1000, 20_000):
        x = np.random.default_rng(size).standard_normal(size).astype(dtype)
        w = np.random.default_rng(size + 1).standard_normal(size).astype(dtype)
        exact = float(sum(Fraction(float(a)) * Fraction(float(b)) for a, b in zip(x, w, strict=True)))
        additions = size / lanes(dtype) + math.log2(lanes(dtype)) + 1
        allowed = np.finfo(dtype).eps * additions * float(np.abs(x.astype(np.float64) * w).sum())
        assert abs(float(compiled(x, w)) - exact) <= allowed


def test_nan_and_inf_come_through():
    x = np.ones(100)
    for place in (0, 50, 99):
        for value in (np.nan, np.inf):
            y = x.copy()
            y[place] = value
            assert np.array_equal(compiled(x, y), value, equal_nan=True)
