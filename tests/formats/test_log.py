"""Logarithmic numbers against a search in the listed series."""

import grids
import numpy as np
import pytest

from lpbench import quantize
from lpbench.errors import ConfigError
from lpbench.formats import Log
from lpbench.formats.log import octave

pytestmark = pytest.mark.usefixtures("by_tensors")


def listed(bits: int, e: int, limit: float) -> np.ndarray:
    n, f = 2 ** (bits - 1) - 1, bits - 1 - e
    positive = [limit * 2.0 ** ((k - n) / 2**f) for k in range(1, n + 1)]
    return np.array([-v for v in reversed(positive)] + [0.0] + positive)


SPLITS = [(b, e) for b in range(4, 9) for e in range(1, b - 1)]


@pytest.mark.parametrize(("bits", "e"), SPLITS)
@pytest.mark.parametrize("limit", [1.0, 0.3])
def test_every_split_up_to_8_bits(bits, e, limit):
    form = Log(bits, e, limit)
    values = listed(bits, e, limit)
    assert np.allclose(form.values(), values, rtol=1e-14, atol=0)
    values = form.values()
    ratios = values[values > 0][1:] / values[values > 0][:-1]
    assert np.allclose(ratios, 2.0 ** (2.0 ** -(bits - 1 - e)), rtol=1e-14)
    for dtype in (np.float32, np.float64):
        x = grids.probes(values, dtype)
        inside = np.clip(x.astype(np.float64), values[0], values[-1])
        below, above = grids.brackets(values, inside)
        width = np.where(above > below, values[above] - values[below], np.inf)
        place = (inside - values[below]) / width
        tiny = (
            1e-4 if dtype == np.float32 else 1e-9
        )  # numbers are irrational: next to a threshold either will do
        clear = (np.abs(place - 0.5) > tiny) & (place > tiny) & (place < 1 - tiny)
        nearest = np.where(place > 0.5, values[above], values[below])
        assert np.array_equal(quantize(x, form, "nearest_even")[clear], nearest.astype(dtype)[clear])
        truncated = np.where(inside < 0, values[above], values[below])
        assert np.array_equal(quantize(x, form, "toward_zero")[clear], truncated.astype(dtype)[clear])
        u = np.random.default_rng(bits).random(x.size)
        far = clear & (np.abs(place - u) > tiny)
        drawn = np.where(u < place, values[above], values[below])
        assert np.array_equal(quantize(x, form, random=u)[far], drawn.astype(dtype)[far])


@pytest.mark.parametrize(("bits", "e"), SPLITS)
def test_numbers_stay_in_every_mode_and_dtype(bits, e):
    for dtype in (np.float32, np.float64):
        own = Log(bits, e, 0.7).values().astype(dtype)
        for mode in ("stochastic", "nearest_even", "toward_zero"):
            assert np.array_equal(quantize(own, Log(bits, e, 0.7), mode, 5), own)


def test_a_tie_goes_to_the_even_code():
    # f = 1: the octaves' ends are exact, so that the middle of zero and the smallest number is a tie with zero.
    form = Log(4, 2)
    smallest = form.min_positive
    assert smallest == 2.0**-3
    assert quantize(np.array([smallest / 2, -smallest / 2]), form, "nearest_even").tolist() == [0.0, 0.0]
    assert quantize(np.nextafter(smallest / 2, 1), form, "nearest_even") == smallest


def test_a_wide_range_is_rounded_in_float64():
    form = Log(16, 9)
    x = np.float32([form.min_positive, 1.0, 2.0**-20])
    assert np.array_equal(quantize(x, form, "nearest_even"), x)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((3,), "4..16"),
        ((17,), "4..16"),
        ((8, 0), "exponent_bits"),
        ((8, 7), "no mantissa"),
        ((8, 4, 0.0), "limit"),
    ],
)
def test_bad_arguments_are_named(arguments, part):
    with pytest.raises(ConfigError, match=part):
        Log(*arguments)


@pytest.mark.parametrize("f", [0, 1, 5, 14])
def test_knots_are_correctly_rounded(f):
    exact = np.exp2(np.arange(2**f + 1, dtype=np.longdouble) / 2**f)
    assert (np.abs(octave(f) - exact) <= 0.5005 * np.spacing(octave(f))).all()
