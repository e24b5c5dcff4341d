"""Floating point: every split up to 8 bits against enumeration and search, and gfloat."""

import gfloat
import grids
import numpy as np
import pytest
import torch

from lpbench import quantize
from lpbench.errors import ConfigError
from lpbench.formats import Float
from lpbench.formats.quantize import round_tensor

SPLITS = [(e, b - 1 - e) for b in range(2, 9) for e in range(b) if e + (b - 1 - e) >= 1]


def magnitudes(e: int, m: int, subnormals: bool, bias: int) -> np.ndarray:
    """All non-negative numbers, code by code, as IEEE 754 says; e = 0 counts in steps of 2**(1 - bias - m)."""
    found = []
    for field in range(2**e):
        for fraction in range(2**m):
            if field:
                found.append((1 + fraction / 2**m) * 2.0 ** (field - bias))
            else:
                found.append(fraction / 2**m * 2.0 ** (1 - bias) * (subnormals or fraction == 0))
    return np.unique(found)


def bias_of(e: int) -> int:
    return 2 ** (e - 1) - 1 if e else 1


def check(form: Float, values: np.ndarray, dtype: type) -> None:
    assert np.array_equal(form.values(), values)
    assert (form.max, form.min_positive) == (values[-1], values[values > 0][0])
    with np.errstate(over="ignore"):
        x = grids.probes(values, dtype)
    inside = np.clip(x.astype(np.float64), values[0], values[-1])
    parities = grids.codes(values)
    if not form.subnormals:
        parities += np.where(
            parities > 0, 2**form.mantissa_bits - 1, 0
        )  # the codes of field 0 but zero are not used
    nearest = grids.nearest_even(values, inside, parities)
    nearest = np.where(
        2 * np.abs(inside) == form.min_positive, 0.0, nearest
    )  # zero, although both may be even
    assert np.array_equal(quantize(x, form, "nearest_even"), nearest)
    assert np.array_equal(quantize(x, form, "toward_zero"), grids.toward_zero(values, inside))


@pytest.mark.parametrize(("e", "m"), SPLITS)
@pytest.mark.usefixtures("by_tensors")
def test_every_split_up_to_8_bits_against_search(e, m):
    positive = magnitudes(e, m, True, bias_of(e))
    for dtype in (np.float32, np.float64):
        check(Float(e, m), np.unique(np.concatenate([-positive, positive])), dtype)


@pytest.mark.parametrize(("e", "m"), [split for split in SPLITS if split[0] > 0])
@pytest.mark.usefixtures("by_tensors")
def test_every_split_without_subnormals_against_search(e, m):
    positive = magnitudes(e, m, False, bias_of(e))
    for dtype in (np.float32, np.float64):
        check(Float(e, m, subnormals=False), np.unique(np.concatenate([-positive, positive])), dtype)


@pytest.mark.parametrize(("e", "m"), [(0, 3), (2, 1), (3, 2), (4, 3), (2, 5)])
@pytest.mark.usefixtures("by_tensors")
def test_power_of_two_scales_against_search(e, m):
    form = Float(e, m, limit=Float(e, m).max / 8)
    check(form, Float(e, m).values() / 8, np.float32)


@pytest.mark.parametrize("limit", [1.0, 0.3])
@pytest.mark.usefixtures("by_tensors")
def test_other_scales_keep_their_own_numbers_and_round_near_the_rest(limit):
    form = Float(3, 2, limit=limit)
    values = form.values()
    assert values[-1] == limit
    x = np.random.default_rng(0).uniform(-1.2 * limit, 1.2 * limit, 2000)
    inside = np.clip(x, -limit, limit)
    below, above = grids.brackets(values, inside)
    place = (inside - values[below]) / np.maximum(values[above] - values[below], 1e-300)
    clear = np.abs(place - 0.5) > 1e-9
    nearest = np.where(place > 0.5, values[above], values[below])
    assert np.allclose(quantize(x, form, "nearest_even")[clear], nearest[clear], rtol=1e-15, atol=0)
    u = np.random.default_rng(1).random(x.size)
    clear = np.abs(place - u) > 1e-9
    drawn = np.where(u < place, values[above], values[below])
    assert np.allclose(quantize(x, form, random=u)[clear], drawn[clear], rtol=1e-15, atol=0)
    for dtype in (np.float32, np.float64):
        own = values.astype(dtype)
        for mode in ("stochastic", "nearest_even", "toward_zero"):
            assert np.array_equal(quantize(own, form, mode, 1), own)


def gfloat_info(e: int, m: int, subnormals: bool) -> gfloat.FormatInfo:
    return gfloat.FormatInfo(
        name=f"e{e}m{m}", k=1 + e + m, precision=m + 1, bias=bias_of(e), is_signed=True,
        domain=gfloat.Domain.Finite, has_nz=True, num_high_nans=0, has_subnormals=subnormals, is_twos_complement=False,
    )  # fmt: skip


@pytest.mark.parametrize(("e", "m"), [s for s in SPLITS if s[0] >= 2])
@pytest.mark.usefixtures("by_tensors")
def test_every_split_against_gfloat(e, m):
    form, info = Float(e, m), gfloat_info(e, m, True)
    modes = {"nearest_even": gfloat.RoundMode.TiesToEven, "toward_zero": gfloat.RoundMode.TowardZero}
    for dtype in (np.float32, np.float64):
        with np.errstate(over="ignore"):
            x = grids.probes(form.values(), dtype)
        for mode, theirs in modes.items():
            expected = gfloat.round_ndarray(info, x, theirs, sat=True)
            assert quantize(x, form, mode).tobytes() == expected.astype(dtype).tobytes()


@pytest.mark.parametrize("overflow", ["saturate", "inf"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ties_of_powers_of_two_go_to_the_even_exponent_on_every_path(overflow, dtype):
    form = Float(3, 0, overflow=overflow)  # 0, 2**-2 (field 1) ... 2**4 (field 7)
    x = np.array([0.125, 0.375, 0.75, 1.5, 3.0, 6.0, 12.0], dtype)
    expected = np.array([0.0, 0.5, 0.5, 2.0, 2.0, 8.0, 8.0])
    for sign in (1, -1):
        assert np.array_equal(quantize(sign * x, form, "nearest_even"), sign * expected)
        tensor = round_tensor(torch.from_numpy(sign * x), form, "nearest_even")
        assert np.array_equal(tensor.numpy(), sign * expected)


@pytest.mark.parametrize(("e", "m"), [(2, 1), (4, 3), (3, 0)])
@pytest.mark.usefixtures("by_tensors")
def test_stochastic_over_all_random_words_against_gfloat(e, m):
    # gfloat goes away from zero where delta + (k + 1/2) / 2**r >= 1; ours up where u < place: equal with u = 1 - that.
    form, info, bits = Float(e, m), gfloat_info(e, m, True), 5
    x = grids.probes(form.values(), np.float64, beyond=False)
    x = x[np.abs(x) <= form.max]
    for k in range(2**bits):
        theirs = gfloat.round_ndarray(
            info, x, gfloat.RoundMode.StochasticFast, sat=True, srbits=np.full(x.shape, k), srnumbits=bits
        )
        away = (k + 0.5) / 2**bits
        u = np.where(x > 0, 1 - away, away)
        clear = np.abs(away - (1 - _place(form, x))) > 1e-9
        assert np.array_equal(quantize(x, form, random=u)[clear], theirs[clear])


def _place(form: Float, x: np.ndarray) -> np.ndarray:
    """How far |x| is on its way from the neighbour of smaller magnitude to the other."""
    values, a = form.values(), np.abs(x)
    below, above = grids.brackets(values, a)
    return (a - values[below]) / np.where(above > below, values[above] - values[below], 1)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"exponent_bits": 9, "mantissa_bits": 1}, "exponent_bits must be in 0..8"),
        ({"exponent_bits": 4, "mantissa_bits": 24}, "mantissa_bits must be in 0..23"),
        ({"exponent_bits": 0, "mantissa_bits": 0}, "at least one"),
        ({"exponent_bits": 0, "mantissa_bits": 3, "subnormals": False}, "subnormals must stay on"),
        ({"exponent_bits": 1, "mantissa_bits": 3, "specials": "ieee"}, "at least 2 exponent bits"),
        ({"exponent_bits": 4, "mantissa_bits": 0, "specials": "fn"}, "at least one mantissa bit"),
        ({"exponent_bits": 4, "mantissa_bits": 3, "overflow": "saturated"}, "saturate"),
        ({"exponent_bits": 4, "mantissa_bits": 3, "specials": "ocp"}, "unknown specials"),
        ({"exponent_bits": 4, "mantissa_bits": 3, "limit": -1.0}, "limit"),
    ],
)
def test_bad_arguments_are_named(arguments, part):
    with pytest.raises(ConfigError, match=part):
        Float(**arguments)
