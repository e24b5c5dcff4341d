"""Sums in accumulators against a loop over `lpbench.quantize`, term by term."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lpbench
from lpbench.arithmetic import jit
from lpbench.arithmetic.generator import random_bits, step_words
from lpbench.errors import ConfigError
from lpbench.formats import Fixed, Float
from lpbench.formats.quantize import key_of

FORMS = {"float": Float(5, 3), "fixed": Fixed(6, 0.25), "bf16": "bf16", "e4m3": "fp8_e4m3"}
MODES = ("nearest_even", "toward_zero", "stochastic", "up", "to_odd")


def by_hand(rows, form, mode, chunk, seed):
    """rows (K, n)."""
    total = np.zeros(rows.shape[1], rows.dtype)
    for k, row in enumerate(rows):
        total = total + row
        if (k + 1) % chunk == 0 or k + 1 == len(rows):
            with np.errstate(over="ignore"):
                words = step_words(key_of(seed), k // chunk)
                bits = np.array([int(random_bits(*words, j)) for j in range(total.size)], np.uint32)
            few = 24 if rows.dtype == np.float32 else 32  # bits of a random number
            drawn = (bits >> np.uint32(32 - few)) / 2.0**few
            total = lpbench.quantize(total, form, mode, drawn if mode == "stochastic" else None)
    return total


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("mode", MODES)
def test_it_is_the_loop(dtype, name, mode, in_python):
    x = np.random.default_rng(0).standard_normal((7, 5)).astype(dtype)
    for chunk in (1, 3):
        with np.errstate(over="ignore"):
            found = lpbench.accumulate(x, FORMS[name], mode, chunk, axis=0, random=4)
        assert found.dtype == dtype
        assert np.array_equal(found, by_hand(x, FORMS[name], mode, chunk, 4))


@pytest.mark.parametrize(("name", "mode"), [("float", "stochastic"), ("fixed", "nearest_even")])
def test_compiled_is_interpreted(name, mode):
    x = np.random.default_rng(0).standard_normal((40, 21)).astype(np.float32)
    compiled = lpbench.accumulate(x, FORMS[name], mode, 3, axis=0, random=4)
    with jit.in_python(), np.errstate(over="ignore"):
        python = lpbench.accumulate(x, FORMS[name], mode, 3, axis=0, random=4)
    assert compiled.tobytes() == python.tobytes()


@given(st.integers(1, 12), st.integers(1, 15), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_whole_numbers_that_fit_are_summed_exactly(length, chunk, seed):
    x = np.random.default_rng(seed).integers(-9, 10, (3, length)).astype(float)
    for mode in ("nearest_even", "stochastic"):
        assert np.array_equal(lpbench.accumulate(x, Float(5, 9), mode, chunk, random=seed), x.sum(axis=1))


def test_axes_shapes_and_types():
    x = np.arange(24).reshape(2, 3, 4)
    for axis in range(-3, 3):
        assert np.array_equal(lpbench.accumulate(x, Float(5, 9), axis=axis), x.sum(axis=axis))
    assert lpbench.accumulate([1.0, 2.0], Float(5, 9)) == 3.0
    assert lpbench.accumulate(np.zeros((0, 3)), "bf16", axis=0).tolist() == [0, 0, 0]
    assert lpbench.accumulate(np.zeros((3, 0)), "bf16", axis=0).shape == (0,)


def test_the_same_seed_gives_the_same_sums_and_no_seed_others():
    x = np.random.default_rng(0).standard_normal((50, 40))
    one, same, other = (lpbench.accumulate(x, Float(5, 2), "stochastic", random=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, lpbench.accumulate(x, Float(5, 2), "stochastic"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("blocks",), "unknown format 'blocks'. Did you mean 'block'?"),
        (("mxfp4",), "its numbers share a scale, and a sum is one number: take float or fixed"),
        ((3,), "fmt must be a format or the name of one, got int"),
        (("bf16", "nearest"), "unknown rounding 'nearest'. Did you mean 'nearest_even'?"),
        (("bf16", "up", 0), "chunk must be a whole number from 1 on, got 0"),
        (("bf16", "up", 1, 2), "axis must be one of the 1 that x has, got 2"),
    ],
)
def test_what_cannot_be_is_one_line(arguments, said):
    with pytest.raises(ConfigError) as raised:
        lpbench.accumulate(np.ones(3), *arguments)
    assert said in str(raised.value)
