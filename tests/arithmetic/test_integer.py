"""Steps in integers of 8 and 16 bits against whole numbers of Python, one coordinate after the other."""

import os
import subprocess
import sys

import numpy as np
import pytest

from lpbench.arithmetic.arrays import LINE, zeros
from lpbench.arithmetic.integer import (
    LANES,
    MOST_BITS,
    MOST_SHIFT,
    integer_dot,
    integer_step,
    padded,
    stored,
    wide,
)
from lpbench.arithmetic.jit import kernel

MASK = 2**32 - 1


@kernel
def compiled(z, h, X, i, j, ahead, first, second, a, b, bits, low, up):
    return integer_step(z, h, X, i, j, ahead, first, second, a, b, bits, low, up)


@kernel
def product(z, X, j):
    return integer_dot(z, X, j)


def saturated(x: int) -> int:
    return min(max(x, -(2**15)), 2**15 - 1)


def word(first: int, second: int, number: int) -> int:
    x = (first + number * 0x9E3779B9) & MASK
    x = ((x ^ x >> 16) * 0x7FEB352D) & MASK
    x = ((x ^ x >> 15 ^ second) * 0x846CA68B) & MASK
    return x ^ x >> 16


def scaled(x: int, a: int, up: bool) -> int:
    """x a / 2**16, rounded up or down."""
    return -(-x * a >> 16) if up else x * a >> 16


def slowly(z, h, x, following, unit, first, second, a, b, bits, low, up):
    """The new z and its product with the next sample; x and following in integers of their own, unit what 1 counts."""
    found, total = [], 0
    for j, w in enumerate(z):
        group, place = divmod(j, 64)
        pair = word(
            first, second, 16 * group + place % 32 // 2
        )  # two numbers of 16 bits, each for two coordinates
        half, drawn = pair >> 16 * (place % 2) & 0xFFFF, max(bits, 0)
        random = half >> 16 - drawn if place >= 32 else half & (1 << drawn) - 1
        t = saturated(random - scaled(unit * x[j], a, up))
        t = saturated(t - scaled(w, b, up))
        if h is not None:
            t = saturated(t - h[j])
        t = t >> bits - low if bits >= low else saturated(t << low - bits)
        w = saturated(w + t) >> low << low
        found.append(w)
        total += w * following[j]
    return found, total


def drawn(case: int):
    """A step: of few and many coordinates, of samples of 8 and 16 bits, with updates that fit and that do not."""
    random = np.random.default_rng(case)
    n, dtype = [3, 64, 200, 4200][case % 4], [np.int8, np.int16][case // 4 % 2]
    largest, low = np.iinfo(dtype).max, [0, 8][case // 8 % 2]
    bits = int(random.integers(low - MOST_SHIFT, MOST_BITS + 1))
    X = random.integers(-largest, largest + 1, (4, n)).astype(dtype)
    z, h = zeros(padded(n), np.int16), zeros(padded(n), np.int16)
    wild = case % 3 == 0
    z[:n] = random.integers(-(2**15), 2**15, n) >> low << low
    h[:n] = random.integers(-30000, 30001, n) if wild else random.integers(-90, 91, n)
    a = int(random.integers(-32767, 32768) if wild else random.integers(-200, 201))
    b = int(random.integers(-900, 901)) if case % 5 else 0
    words = [int(one) for one in random.integers(0, 2**32, 2)]
    return X, z, h if case % 7 else None, *words, a, b, bits, low, case % 2 == 1


@pytest.mark.parametrize("case", range(48))
def test_a_step_is_the_one_of_whole_numbers(case):
    X, z, h, first, second, a, b, bits, low, up = drawn(case)
    rows, n = stored(X), X.shape[1]
    unit = 256 if X.dtype == np.int8 else 1
    xs = [[*map(int, row), *[0] * (z.size - n)] for row in X]
    hs = None if h is None else h.tolist()
    expected, total = slowly(z.tolist(), hs, xs[1], xs[2], unit, first, second, a, b, bits, low, up)
    words, factors = np.uint32([first, second]), np.int16([a, b, bits, low])
    for run in (compiled, compiled.py_func):
        w = z.copy()
        with np.errstate(over="ignore"):
            found = run(w, h, rows, 1, 2, 0, *words, *factors, up)
        assert w.tolist() == expected
        assert found == total
        assert w[n:].tolist() == [0] * (z.size - n)  # what rows are filled up with never moves


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_sums_of_the_largest_numbers_are_exact(dtype):
    n, largest = 3 * 64 * LANES + LANES, np.iinfo(dtype).max
    z = np.full(n, -(2**15), np.int16)
    X = stored(np.full((1, n), largest, dtype))
    assert product(z, X, 0) == product.py_func(z, X, 0) == -(2**15) * int(largest) * n


def test_an_update_is_exact_on_average():
    """Over both directions of rounding, and over random bits: what is lost of a product and of an update."""
    n, steps = 64 * LANES, 400
    X = stored(np.random.default_rng(0).integers(-127, 128, (2, n)).astype(np.int8))
    z = zeros(n, np.int16)
    for t in range(steps):
        words = np.uint32([7 * t + 1, 13 * t + 5])
        compiled(z, None, X, 0, 1, 0, *words, *np.int16([3001, 0, 5, 0]), t % 2 == 1)
    moved = -steps * 3001 * wide(X[0]) / 2.0 ** (16 + 5)
    error = z - moved
    # Of one coordinate: rounding to whole quanta, of variance below 1/4 a step, and products by 1/32 at most.
    assert abs(error.mean()) < 4 * 0.5 * (steps / n) ** 0.5 + steps / 64 / 8
    assert error.std() < 1.1 * (steps / 4) ** 0.5 + 1


def test_rows_are_laid_out_for_whole_registers():
    X = np.arange(-60, 60, dtype=np.int8).reshape(2, 60)
    for rows in (stored(X), stored(X.astype(np.int16))):
        assert rows.shape == (2, 64)
        assert rows.ctypes.data % LINE == 0
        unit = 256 if rows.dtype == np.int8 else 1
        assert np.array_equal(wide(rows[1])[:60], unit * X[1].astype(np.int64))
        assert not wide(rows[1])[60:].any()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the names are those of x86-64 processors")
@pytest.mark.parametrize("processor", ["nehalem", "haswell"])
def test_other_processors_give_the_same_bits(tmp_path, processor):
    tests = "test_a_step_is_the_one_of_whole_numbers or test_sums"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", tests],
        env={**os.environ, "NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": "", "LPBENCH_CACHE": str(tmp_path)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
