"""What is done to many numbers at once is what its definition in Python does, bit for bit."""

import numpy as np
import pytest

from lpbench.arithmetic.jit import kernel
from lpbench.arithmetic.lanes import LANES, largest, spread, turn

SPECIAL = [0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1e-40, -1e30]


@kernel
def every_largest(x, out):
    for start in range(out.size):
        out[start] = largest(x, start)


@kernel
def spread_at(x, start, value):
    spread(x, start, value)


@kernel
def turn_at(x, start, width, out, to, length):
    turn(x, start, width, out, to, length)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_largest(dtype):
    x = np.random.default_rng(0).standard_normal(200).astype(dtype)
    x[60 : 60 + len(SPECIAL)] = SPECIAL
    x[120:140] = np.nan
    found, expected = np.zeros((2, x.size - LANES + 1), np.int32 if dtype == np.float32 else np.int64)
    every_largest(x, found)
    every_largest.py_func(x, expected)
    assert found.tolist() == expected.tolist()
    sizes = np.where(np.isnan(x), 0, abs(x))
    assert [one.view(dtype) for one in found] == [
        sizes[start : start + LANES].max() for start in range(found.size)
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_spread(dtype):
    found, expected = np.zeros((2, 40), dtype)
    spread_at(found, 3, dtype(-1.5))
    spread_at.py_func(expected, 3, dtype(-1.5))
    assert found.tolist() == expected.tolist() == [0.0] * 3 + [-1.5] * LANES + [0.0] * (37 - LANES)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_turn(dtype):
    width, length, start, to = LANES + 5, LANES + 9, 2, 3
    x = np.random.default_rng(1).standard_normal(start + LANES * width).astype(dtype)
    x[start : start + len(SPECIAL)] = SPECIAL
    found, expected = np.zeros((2, to + LANES * length), dtype)
    turn_at(x, start, width, found, to, length)
    turn_at.py_func(x, start, width, expected, to, length)
    assert found.tobytes() == expected.tobytes()
    square = x[start:].reshape(LANES, width)[:, :LANES]
    assert expected[to:].reshape(LANES, length)[:, :LANES].tobytes() == square.T.tobytes()
