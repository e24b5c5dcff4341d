"""The product of networks: one order of sums, one rounding a multiply-add, whatever is computed side by side."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpbench.arithmetic.jit import kernel
from lpbench.arithmetic.tiles import DEPTH, LANES, ROOM, WIDE, columns_into, fused, padded, rows_into

WIDTH = 2 * LANES


@kernel
def both(A, start, offset, m, n, B, width, C, D, room):
    """C by rows, m of them with K = n; D by columns, n of them with K = m."""
    rows_into(A, start, offset, m, B, width, width, C, np.int64(0), n, room)
    columns_into(A, start, offset, n, B, width, width, D, np.int64(0), m, room)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_is_the_definition_bit_for_bit(dtype):
    """Every remainder of rows, rows that overlap and lie in any order, and numbers that are none."""
    random = np.random.default_rng(0)
    for m in range(1, 14):
        n, start = m % 5 + 1, m % 3
        A, B = (random.standard_normal(size).astype(dtype) for size in (40, 20 * WIDTH))
        C, D = (random.standard_normal(14 * WIDTH).astype(dtype) for _ in range(2))
        if m % 4 == 0:
            A[random.integers(40, size=3)] = np.inf, -np.inf, np.nan
            B[random.integers(B.size, size=3)] = np.inf, 0.0, np.nan
        offset = random.integers(0, 30 - n, m)
        found, expected = (C.copy(), D.copy()), (C.copy(), D.copy())
        both(
            A,
            np.int64(start),
            offset,
            np.int64(m),
            np.int64(n),
            B,
            np.int64(WIDTH),
            *found,
            np.zeros(ROOM, dtype),
        )
        with np.errstate(all="ignore"):
            both.py_func(A, start, offset, m, n, B, WIDTH, *expected, None)
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one, other, equal_nan=True)
            assert np.array_equal(one[~np.isnan(one)].view(np.uint8), other[~np.isnan(one)].view(np.uint8))


def test_deep_and_wide_products_are_the_same_sums():
    """More rows of B than are gone through at a time, so wide that they are copied first, and a rest of columns."""
    random, width, n = np.random.default_rng(1), WIDE + 3 * LANES, DEPTH + 5
    for rows, sums in ((8, n), (n, 8)):
        A, B, C, D = (
            random.standard_normal(size).astype(np.float32)
            for size in (rows + sums + 40, (n + 1) * width, rows * width, sums * width)
        )
        offset = random.integers(0, 40, rows)
        found, expected = (C.copy(), D.copy()), (C.copy(), D.copy())
        both(
            A,
            np.int64(0),
            offset,
            np.int64(rows),
            np.int64(sums),
            B,
            np.int64(width),
            *found,
            np.zeros(ROOM, np.float32),
        )
        both.py_func(A, 0, offset, rows, sums, B, width, *expected, None)
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one, other)


def exact(a, x, c, dtype):
    """a x + c rounded to dtype once, by Fractions."""
    total = Fraction(float(a)) * Fraction(float(x)) + Fraction(float(c))
    if total == 0:
        return float(dtype(a) * dtype(x) + dtype(c))  # the sign of a zero
    info = np.finfo(dtype)
    exponent = max(math.frexp(float(total))[1] - 1 if abs(total) > 2**-1000 else -1022, info.minexp)
    while abs(total) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while exponent > info.minexp and abs(total) < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (exponent - info.nmant)
    rounded = round(total / unit) * unit  # ties to even
    if abs(rounded) > Fraction(float(info.max)):
        return math.copysign(math.inf, total)
    return math.copysign(float(rounded), total)  # what underflows keeps its sign


def numbers(width):
    """Wide and narrow ranges alike, zeros, subnormals, and neighbours of ties."""
    return st.one_of(
        st.floats(allow_nan=False, allow_infinity=False, width=width),
        st.floats(-4, 4, width=width),
        st.builds(
            lambda k, e: float(np.ldexp(k, e)), st.integers(-(2**12), 2**12), st.integers(-30, 30)
        ),
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fused_rounds_once(dtype):
    one = numbers(np.dtype(dtype).itemsize * 8)

    @given(one, one, one)
    def check(a, x, c):
        with np.errstate(all="ignore"):
            if not math.isfinite(float(a) * float(x) + float(c)):
                return  # the exponent of the Fraction is found by a float64
            expected = exact(a, x, c, dtype)
            found = fused(dtype(a), np.array([x], dtype), np.array([c], dtype))[0]
        assert found.dtype == dtype
        assert (float(found), math.copysign(1, found)) == (expected, math.copysign(1, expected))

    check()


def test_a_sum_between_two_float32_is_not_rounded_twice():
    """1 + 2^-24 is a tie, which a crumb below float64's last bit decides."""
    a, x, c = np.float32(2.0**-24), np.float32(1), np.float32(1)
    crumb = np.float32(1 + 2.0**-23)
    assert fused(a, np.array([x]), np.array([c]))[0] == 1  # the tie itself, to even
    # a crumb comes from a product that is 2^-24 (1 + 2^-46), beyond what float64 adds to 1
    product = np.float32(2.0**-12) * np.array([1 + 2.0**-23], np.float32)
    assert fused(np.float32(2.0**-12 * (1 + 2.0**-23)), product, np.array([c]))[0] == crumb


def test_rows_have_whole_groups():
    assert [padded(n) for n in (1, 15, 16, 17, 33)] == [16, 16, 16, 32, 48]
