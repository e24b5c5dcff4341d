"""Rounding to integers."""

from fractions import Fraction

import numpy as np
import pytest

from lpbench.arithmetic import rounding
from lpbench.arithmetic.generator import step_words
from lpbench.arithmetic.rounding import given, make, offset, overflow_result, round_sum, round_to_integer
from lpbench.errors import ConfigError

DTYPES = [np.float32, np.float64]


def places(dtype: type) -> np.ndarray:
    x = np.concatenate(
        [np.arange(-6, 6.25, 0.25), [1e6 + 0.5, -1e6 - 0.5, 1e-30, -1e-30, 0.49999997, -0.49999997]]
    )
    x = x.astype(dtype)
    return np.concatenate([x, np.nextafter(x, dtype(9e9)), np.nextafter(x, dtype(-9e9))])


@pytest.mark.parametrize("dtype", DTYPES)
def test_modes_without_randomness(dtype):
    for s in places(dtype):
        exact = Fraction(float(s))
        low = exact.numerator // exact.denominator
        high = low + (exact != low)
        expected = {
            "nearest_even": round(exact), "toward_zero": int(exact), "away_from_zero": low if exact < 0 else high,
            "up": high, "down": low, "to_odd": low if low == high or low % 2 else high,
        }  # fmt: skip
        assert {*expected, "stochastic"} == set(rounding.MODES)
        for mode, integer in expected.items():
            found = round_to_integer(make(mode, dtype), s, dtype(0))
            assert found == integer, mode
            assert np.signbit(found) == np.signbit(s) or found != 0, mode


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", [mode for mode in rounding.MODES if mode != "stochastic"])
def test_sums_are_rounded_as_the_exact_sum(dtype, mode):
    one = make(mode, dtype)
    for k in (-8_000_001, -4, -3, -1, 0, 1, 2, 5, 8_000_000):
        for x in [s for s in places(dtype) if abs(s) < 1e5]:
            exact = k + Fraction(float(x))
            low = exact.numerator // exact.denominator
            high = low + (exact != low)
            expected = {
                "nearest_even": round(exact), "toward_zero": int(exact), "up": high, "down": low,
                "away_from_zero": low if exact < 0 else high, "to_odd": low if low == high or low % 2 else high,
            }[mode]  # fmt: skip
            assert round_sum(one, dtype(k), x, dtype(0)) == expected, (k, x)


@pytest.mark.parametrize("dtype", DTYPES)
def test_stochastic_goes_up_if_and_only_if_r_is_below_the_fraction(dtype):
    bits = 24 if dtype is np.float32 else 32
    words = np.random.default_rng(0).integers(0, 2**bits, 60)
    for s in places(dtype):
        exact = Fraction(float(s))
        floor = exact.numerator // exact.denominator
        threshold = int((exact - floor) * 2**bits)
        near = [k for k in range(threshold - 2, threshold + 3) if 0 <= k < 2**bits]
        for word in [*words, 0, 2**bits - 1, *near]:
            r = dtype(float(word) / 2**bits)
            up = Fraction(int(word), 2**bits) < exact - floor
            assert round_to_integer(make("stochastic", dtype), s, r) == floor + up


@pytest.mark.parametrize("dtype", DTYPES)
def test_given_uniforms_of_any_fineness_are_compared_exactly(dtype):
    generator = np.random.default_rng(1)
    for s in np.concatenate(
        [places(dtype), -generator.random(200).astype(dtype), -(generator.random(50) ** 9).astype(dtype)]
    ):
        exact = Fraction(float(s))
        floor = exact.numerator // exact.denominator
        threshold = dtype(float(exact - floor))
        for r in (
            threshold,
            np.nextafter(threshold, dtype(0)),
            np.nextafter(threshold, dtype(1)),
            dtype(1e-9),
        ):
            if 0 <= r < 1:
                up = Fraction(float(r)) < exact - floor
                assert round_to_integer(given(dtype), s, r) == floor + up


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bits", [None, 1, 2, 5, 12, 23])
def test_offsets_are_uniform_on_their_own_grid(dtype, bits):
    mode = make("stochastic", dtype, bits)
    with np.errstate(over="ignore"):
        first, second = step_words(np.uint32(77), 3)
        r = np.array([offset(mode, first, second, j) for j in range(4000)])
    assert r.dtype == dtype
    assert r.min() >= 0
    assert r.max() < 1
    if bits is not None:
        # (k + 1/2) / 2**bits: the mean is a half, so that rounding does not drift.
        k = r.astype(np.float64) * 2**bits - 0.5
        assert np.array_equal(k, np.rint(k))
        if bits <= 5:
            assert np.array_equal(np.unique(k), np.arange(2**bits))
    assert abs(r.mean(dtype=np.float64) - 0.5) < 4 * np.sqrt(1 / 12 / r.size) * 1.2


@pytest.mark.parametrize("dtype", DTYPES)
def test_few_bits_are_rounding_to_their_grid_first(dtype):
    # Moves smaller than half of 2**-r never happen; larger ones do, with the probability of the nearest grid place.
    mode, r = make("stochastic", dtype, 4), (np.arange(16) + 0.5) / 16
    for s, ups in ((1 / 33, 0), (1 / 31, 1), (0.25, 4), (0.28, 4), (0.29, 5), (-0.25, 12), (1 - 1 / 33, 16)):
        found = [round_to_integer(mode, dtype(s), dtype(x)) - np.floor(s) for x in r]
        assert sum(found) == ups


def test_without_randomness_there_is_no_offset():
    for mode in [mode for mode in rounding.MODES if mode != "stochastic"]:
        assert offset(make(mode), np.uint32(1), np.uint32(2), 3) == 0


def test_what_is_beyond_the_largest_number_becomes():
    for largest in (np.float64(7), np.float64(-7)):
        for mode, stops in (
            ("toward_zero", True), ("to_odd", True), ("away_from_zero", False), ("up", largest < 0),
            ("down", largest > 0),
        ):  # fmt: skip
            assert overflow_result(make(mode), largest, np.inf) == (largest if stops else np.inf), mode
    for mode in (make("nearest_even"), make("stochastic"), make("stochastic", np.float32), given()):
        assert overflow_result(mode, 7.0, np.inf) == np.inf


def test_nan_stays_nan():
    for mode in (*map(make, rounding.MODES), given()):
        assert np.isnan(round_to_integer(mode, np.float64(np.nan), np.float64(0.3)))


def test_unknown_names_and_impossible_bits():
    with pytest.raises(ConfigError, match="Did you mean 'stochastic'"):
        make("stochastik")
    for dtype, bits, allowed in (
        (np.float32, 24, "1..23"),
        (np.float64, 33, "1..32"),
        (np.float64, 0, "1..32"),
    ):
        with pytest.raises(ConfigError, match=allowed):
            make("stochastic", dtype, bits)
