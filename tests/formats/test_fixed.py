"""Fixed point against a search in the listed grid."""

import grids
import numpy as np
import pytest

from lpbench import quantize
from lpbench.errors import ConfigError
from lpbench.formats import Fixed

pytestmark = pytest.mark.usefixtures("by_tensors")

DTYPES = [np.float32, np.float64]


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("delta", [1.0, 2.0**-6, 2.0**9])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dyadic_grids_against_search(bits, delta, dtype):
    form = Fixed(bits, delta)
    values = delta * np.arange(-(2 ** (bits - 1)), 2 ** (bits - 1))
    assert np.array_equal(form.values(), values)
    x = grids.probes(values, dtype)
    inside = np.clip(x.astype(np.float64), values[0], values[-1])
    nearest = grids.nearest_even(values, inside, grids.codes(values, signed_codes=True))
    assert np.array_equal(quantize(x, form, "nearest_even"), nearest)
    assert np.array_equal(quantize(x, form, "toward_zero"), grids.toward_zero(values, inside))


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("dtype", DTYPES)
def test_stochastic_against_exact_fractions(bits, dtype):
    form = Fixed(bits, 0.25)
    values = form.values()
    generator = np.random.default_rng(bits)
    x = generator.choice(grids.probes(values, dtype, beyond=False), 200)
    x = np.clip(x, values[0], values[-1]).astype(dtype)
    frac = (x - np.floor(x / 0.25) * 0.25) / 0.25
    u = np.clip(frac + generator.choice([-(2.0**-22), 0, 2.0**-22, -0.4, 0.4], 200), 0, 1 - 2.0**-24).astype(
        dtype
    )
    expected = [grids.stochastic(values, float(a), float(b)) for a, b in zip(x, u, strict=True)]
    assert np.array_equal(quantize(x, form, random=u), expected)


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8])
@pytest.mark.parametrize("delta", [0.1, 1 / 3, 0.0123])
@pytest.mark.parametrize("dtype", DTYPES)
def test_other_quanta_against_search_away_from_the_thresholds(bits, delta, dtype):
    # x / delta is rounded itself: within 1e-6 of a tie either neighbour will do, numbers of the grid must still stay.
    form = Fixed(bits, delta)
    values = form.values()
    own = values.astype(dtype)
    for mode in ("stochastic", "nearest_even", "toward_zero"):
        assert np.array_equal(quantize(own, form, mode, 3), own)
    x = np.random.default_rng(0).uniform(1.3 * values[0], 1.3 * values[-1] + delta, 2000).astype(dtype)
    place = np.clip(x.astype(np.float64) / delta, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    clear = np.abs(place % 1 - 0.5) > 1e-6
    assert np.array_equal(
        quantize(x, form, "nearest_even")[clear], (np.rint(place) * delta).astype(dtype)[clear]
    )
    clear = np.abs((place + 0.5) % 1 - 0.5) > 1e-6
    assert np.array_equal(
        quantize(x, form, "toward_zero")[clear], (np.trunc(place) * delta).astype(dtype)[clear]
    )
    u = np.random.default_rng(1).random(x.size)
    clear = np.abs(place % 1 - u) > 1e-6
    expected = (np.floor(place) + (u < place % 1)) * delta
    assert np.array_equal(quantize(x, form, random=u)[clear], expected.astype(dtype)[clear])


def test_for_range_reaches_from_minus_limit_to_limit_less_a_quantum():
    form = Fixed.for_range(bits=8, limit=1.0)
    assert form == Fixed(bits=8, delta=2**-7)
    assert form.values()[0] == -1.0
    assert form.max == form.values()[-1] == 1 - 2**-7
    assert form.min_positive == 2**-7


def test_scaled_makes_the_largest_number_the_limit():
    assert Fixed(4, 0.3).scaled(7.0) == Fixed(4, 1.0)


@pytest.mark.parametrize("delta", [2.0**-140, 2.0**-120, 2.0**110])
def test_quanta_whose_reciprocal_float32_cannot_hold(delta):
    form = Fixed(6, delta)
    values = form.values().astype(np.float32)
    assert np.array_equal(quantize(values, form, "nearest_even"), values)
    assert np.array_equal(quantize(values[1:] - np.float32(delta / 4), form, "nearest_even"), values[1:])


@pytest.mark.parametrize(
    ("bits", "delta", "part"),
    [(1, 0.1, "2..24"), (25, 0.1, "2..24"), (8, 0.0, "delta"), (8, np.nan, "delta"), (8.0, 1.0, "2..24")],
)
def test_bad_arguments_are_named(bits, delta, part):
    with pytest.raises(ConfigError, match=part):
        Fixed(bits, delta)


def test_more_than_16_bits_are_not_listed():
    with pytest.raises(ValueError, match="16 bits"):
        Fixed(17, 1.0).values()
