"""Block floating point against its definition in exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from lpbench import quantize
from lpbench.arithmetic.rounding import NearestEven
from lpbench.convex.update import round_vector
from lpbench.errors import ConfigError
from lpbench.formats import Block
from lpbench.formats.quantize import round_tensor


def expected(x: np.ndarray, bits: int, size: int, mode: str, u: np.ndarray | None = None) -> np.ndarray:
    """Row by row, block by block: the smallest power of two that fits the largest, then integers. limit 2**(b-1)-1."""
    levels, out = 2 ** (bits - 1) - 1, np.empty_like(x)
    for place in np.ndindex(x.shape[:-1]):
        for start in range(0, x.shape[-1], size):
            block = [Fraction(float(v)) for v in x[place][start : start + size]]
            largest, unit = max(map(abs, block)), Fraction(1)
            while unit > Fraction(1, 2**90) and largest <= levels * unit / 2:
                unit /= 2
            for j, v in enumerate(block):
                s = min(max(v / unit, Fraction(-levels)), Fraction(levels))
                low = s.numerator // s.denominator
                if mode == "nearest_even":
                    k = round(s)
                elif mode == "toward_zero":
                    k = int(s)
                else:
                    k = low + (Fraction(float(u[place][start + j])) < s - low)
                out[place][start + j] = k * unit
    return out


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("columns", [22, 48])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_exact_arithmetic(bits, columns, dtype):
    generator = np.random.default_rng(bits)
    x = (generator.standard_normal((5, columns)) * 10.0 ** generator.integers(-4, 1, (5, 1))).astype(dtype)
    x[1] = np.rint(8 * x[1]) / 8
    u = generator.random(x.shape).astype(dtype)
    for size in (1, 4, 16, 32):
        form = Block(bits, size, 2.0 ** (bits - 1) - 1)
        for mode in ("nearest_even", "toward_zero", "stochastic"):
            result = quantize(x, form, mode, u)
            assert np.array_equal(result, expected(x, bits, size, mode, u)), (size, mode)


@pytest.mark.parametrize("size", [4, 16, 32])
@pytest.mark.parametrize("columns", [3, 40, 48, 2000])
def test_rows_know_nothing_of_each_other(columns, size):
    """So many numbers that they are gone through in several parts."""
    generator, form = np.random.default_rng(7), Block(6, size, 31.0)
    x = generator.standard_normal((5000 // columns + 2, columns)) * 2.0 ** generator.integers(-9, 4, columns)
    x[1, :3] = np.nan, np.inf, -np.inf
    u = generator.random(x.shape)
    alone = [quantize(row, form, random=uniforms) for row, uniforms in zip(x, u, strict=True)]
    assert np.array_equal(quantize(x, form, random=u), alone, equal_nan=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_another_limit_scales_the_grid(dtype):
    form = Block(5, 4, 1.0)
    assert form.max == 1.0
    x = np.random.default_rng(0).uniform(-1, 1, (40, 4)).astype(dtype)
    once = quantize(x, form, "nearest_even")
    unit = np.abs(x).max(1, keepdims=True) / form.scale / 15
    unit = form.scale * 2.0 ** np.ceil(np.log2(unit))
    assert np.all(np.abs(once - x) <= unit / 2 * (1 + 1e-6))
    assert np.array_equal(quantize(once, form, "nearest_even"), once)


def test_the_shared_exponent_never_clips_what_is_in_range():
    x = np.array([1.99, 1.0, -0.3, 0.01])  # 4 bits: 2 * 7/8 would clip 1.99, so that the unit is 1/2
    ups = quantize(np.tile(x, (20000, 1)), Block(4, 4, 7.0), random=0)
    assert set(np.unique(ups[:, 0])) == {1.5, 2.0}
    assert abs(ups[:, 0].mean() - 1.99) < 4 * 0.5 * np.sqrt(0.98 * 0.02 / 20000)


def test_zeros_stay_zero_and_nan_stays_in_its_place():
    x = np.zeros((2, 32), np.float32)
    x[1, 3] = np.nan
    out = quantize(x, Block(8, 16), "nearest_even")
    assert np.array_equal(out[0], np.zeros(32))
    assert np.isnan(out[1, 3])
    assert not np.isnan(out[1, 16:]).any()


def test_a_shared_exponent_is_counted_in_bits_per_value():
    assert Block(4, 16).bits_per_value == 4.5
    assert Block(8, 32).bits_per_value == 8.25


def test_blocks_start_anew_in_every_row():
    x = np.random.default_rng(0).standard_normal((3, 21))
    form = Block(4, 16, 7.0)
    rows = [quantize(row, form, "nearest_even") for row in x]
    assert np.array_equal(quantize(x, form, "nearest_even"), rows)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [((1,), "2..24"), ((8, 0), "block_size"), ((8, 16, np.inf), "limit"), ((8, 2.0), "block_size")],
)
def test_bad_arguments_are_named(arguments, part):
    with pytest.raises(ConfigError, match=part):
        Block(*arguments)


@pytest.mark.parametrize("form", [Block(5, 4, 15.0), Block(5, 4, 0.3)], ids=["exact", "inexact"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("place", range(4))
def test_a_nan_has_no_part_in_the_shared_exponent(form, dtype, place):
    x = (np.array([0.11, -0.031, 0.17, 0.07]) * form.max).astype(dtype)
    x[place] = 0
    expected = quantize(x, form, "nearest_even")
    expected[place] = x[place] = np.nan
    for found in (
        quantize(x, form, "nearest_even"),
        quantize(torch.from_numpy(x), form, "nearest_even").numpy(),
        round_tensor(torch.from_numpy(x), form, "nearest_even").numpy(),
    ):
        assert np.array_equal(found, expected, equal_nan=True)
    if form.scale == 1:
        out = np.empty(4)
        with np.errstate(over="ignore"):
            round_vector(form.kernel(), NearestEven(), x.astype(np.float64), np.uint32(0), np.uint32(0), out)
        assert np.array_equal(out, expected, equal_nan=True)


@pytest.mark.parametrize("form", [Block(5, 4, 15.0), Block(5, 4, 0.3)], ids=["exact", "inexact"])
def test_an_infinity_asks_for_the_largest_exponent(form):
    x = form.max * np.array([0.11, np.inf, -0.031, 0.07])
    expected = [form.scale * k for k in (2, 15, 0, 1)]
    for found in (quantize(x, form, "nearest_even"), round_tensor(torch.from_numpy(x), form, "nearest_even")):
        assert found.tolist() == expected
