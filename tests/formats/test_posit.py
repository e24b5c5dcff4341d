"""Posits against an enumeration of all codes, by the standard's own words."""

import functools

import grids
import numpy as np
import pytest
import torch

from lpbench import quantize
from lpbench.errors import ConfigError
from lpbench.formats import Posit, get
from lpbench.formats.quantize import round_tensor

SIZES = [(bits, es) for bits in (3, 4, 5, 6, 8, 10) for es in (0, 1, 2)]


def decode(code: int, bits: int, es: int) -> float:
    """The number of a positive code, bit by bit; what lies beyond its end is 0."""
    word = [int(bit) for bit in f"{code:0{bits}b}"][1:] + [0] * (bits + es)
    run = next(i for i in range(1, bits) if i == bits - 1 or word[i] != word[0])
    k = run - 1 if word[0] else -run
    rest = word[run + 1 :] if run < bits - 1 else [0] * (bits + es)
    e = int("".join(map(str, rest[:es])) or "0", 2)
    fraction = sum(bit / 2 ** (i + 1) for i, bit in enumerate(rest[es:]))  # few bits: exact
    return 2.0 ** (k * 2**es + e) * (1 + fraction)


@functools.cache
def positive(bits: int, es: int) -> np.ndarray:
    """Ascending, by their codes."""
    return np.array([decode(code, bits, es) for code in range(1, 2 ** (bits - 1))])


def probes(values: np.ndarray, middles: np.ndarray, dtype: type) -> np.ndarray:
    """Beside and at the numbers, the middles that decide, those of the numbers, and what lies between and beyond."""
    inner = np.concatenate(
        [values, middles, (values[1:] + values[:-1]) / 2, 0.3 * values[1:] + 0.7 * values[:-1]]
    )
    ends = [values[0] / 2, values[0] / 100, values[-1] * 1.5, values[-1] * 1e3]
    x = np.concatenate([inner, ends]).astype(dtype)
    x = np.concatenate([x, np.nextafter(x, dtype(np.inf)), np.nextafter(x, dtype(0))])
    return np.unique(np.concatenate([x, -x, [0.0]]))


@pytest.mark.parametrize(("bits", "es"), [*SIZES, (16, 0), (16, 1), (16, 2)])
def test_numbers_are_those_of_all_codes(bits, es):
    form, expected = Posit(bits, es), positive(bits, es)
    assert np.array_equal(form.values(), np.concatenate([-expected[::-1], [0], expected]))
    assert (form.max, form.min_positive) == (expected[-1], expected[0])


@pytest.mark.parametrize(("bits", "es"), [*SIZES, (16, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_to_the_nearest_by_the_code_with_one_more_bit(bits, es, dtype, by_tensors):
    """4.1 of the standard: v between u and w is the number whose code is that of u and a 1; at v the code is even."""
    values = positive(bits, es)
    middles = positive(bits + 1, es)[2::2]  # codes 2 c + 1, between the codes c and c + 1
    x = probes(values, middles, dtype)
    a = np.abs(x).astype(np.float64)
    code = np.searchsorted(
        values, np.clip(a, values[0], values[-1]), side="right"
    )  # of u, the last at or below
    last = code == values.size
    v = middles[np.minimum(code - 1, middles.size - 1)]
    up = ~last & ((a > v) | ((a == v) & (code % 2 == 1))) & (a > values[0])
    expected = np.where(a == 0, 0, np.copysign(values[np.minimum(code - 1 + up, values.size - 1)], x))
    assert np.array_equal(quantize(x, Posit(bits, es), "nearest_even"), expected)


@pytest.mark.parametrize(("bits", "es"), SIZES)
def test_stochastic_and_toward_zero_are_between_neighbours(bits, es, by_tensors):
    form = Posit(bits, es)
    values = form.values()
    x = probes(values[values > 0], np.array([form.min_positive / 3]), np.float64)
    x = x[np.abs(x) <= form.max]
    for u in (0.0, 0.2, 0.5, 0.8, 1 - 2.0**-53):
        expected = [grids.stochastic(values, float(one), u) for one in x]
        found = quantize(x, form, random=np.full(x.shape, u))
        # Beside short codes the distance of neighbours is no power of two, and the place a rounded quotient.
        places = _places(values, x)
        near = np.minimum(np.abs(places - u), np.abs(1 - places - u)) < 1e-12
        assert np.all((found == expected) | near)
    assert np.array_equal(quantize(x, form, "toward_zero"), grids.toward_zero(values, x))


def _places(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    below, above = grids.brackets(values, x)
    gap = np.where(above > below, values[above] - values[below], 1)
    return (x - values[below]) / gap


def test_stochastic_rounding_is_unbiased_down_to_zero(by_tensors):
    for share in (0.3, 2.0**-7):
        n, smallest = 200_000, get("posit8").min_positive
        out = quantize(np.full(n, -share * smallest), "posit8", random=3)
        assert set(np.unique(out)) == {0.0, -smallest}
        assert abs(np.mean(out != 0) - share) < 4 * np.sqrt(share / n)


@pytest.mark.parametrize("mode", ["stochastic", "nearest_even"])
@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
def test_kernels_agree_with_tensors(mode, dtype):
    x = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(dtype)
    for form in (get("posit8"), get("posit16"), Posit(6, 0)):
        found = quantize(x, form, mode, 1)
        tensors = round_tensor(torch.from_numpy(x), form, mode, 1).numpy()
        assert np.array_equal(found, tensors, equal_nan=True)
        assert np.array_equal(np.signbit(found[x == 0]), np.signbit(x[x == 0]))
        assert np.isnan(found[~np.isfinite(x)]).all()


def test_softposit_agrees():
    softposit = pytest.importorskip("softposit")
    x = np.random.default_rng(0).standard_normal(3000) * 10.0 ** np.random.default_rng(1).integers(
        -6, 6, 3000
    )
    for kind, form in ((softposit.posit8, Posit(8, 0)), (softposit.posit16, Posit(16, 1))):
        assert np.array_equal(quantize(x, form, "nearest_even"), [float(kind(float(one))) for one in x])


@pytest.mark.parametrize(
    ("arguments", "part"), [((2,), "3..24"), ((8, 3), "0..2"), ((25,), "3..24"), ((8, 1.0), "0..2")]
)
def test_bad_arguments_are_named(arguments, part):
    with pytest.raises(ConfigError, match=part):
        Posit(*arguments)


def test_the_standard_has_two_exponent_bits():
    assert get("posit8") == Posit(8) == Posit(8, 2)
    assert (get("posit16").max, get("posit8").max) == (2.0**56, 2.0**24)
    assert get("posit16").mantissa_bits == 11
