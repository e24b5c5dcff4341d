"""Rounding to integers: every format brings a number to its place between two neighbours and asks here which one.

Stochastic rounding goes up if and only if r < s - floor(s). It is never computed as floor(s + r): that moves numbers
that are on the grid and biases the mean when s is large.
"""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.generator import random_bits
from lpbench.arithmetic.jit import generic, inner
from lpbench.arithmetic.ops import floor, fraction, like, rint, trunc, where
from lpbench.declared.choices import ROUNDINGS
from lpbench.errors import ConfigError, did_you_mean

MODES = ROUNDINGS


@generic
def round_to_integer(rounding, s, r):
    """s rounded to a neighbouring integer; exact integers stay.

    s   the place of a number in units of its local spacing, with its sign; r in [0, 1), the random number.
    """


@generic
def round_sum(rounding, k, x, r):
    """k + x rounded to a neighbouring integer, k an integer itself: by the bits of x, which the sum may not hold."""


@generic
def offset(rounding, first, second, j):
    """The random number r of coordinate j, in [0, 1), for the two words of a step (uint32)."""


@generic
def overflow_result(rounding, largest, special):
    """What a finite number that rounds beyond the largest becomes: `special`, or `largest`, which has its sign."""


@generic
def as_place(rounding, t):
    """t, the rounded quotient that is a number's place between two neighbours, as rounding must see it."""


class Stochastic(NamedTuple):
    """Stochastic rounding in the type of the last three: r = (bits & mask) * 2**-32 + half."""

    mask: Any
    unit: Any
    half: Any
    one: Any


class StochasticGiven(NamedTuple):
    """Stochastic rounding by uniforms from outside, which may have more bits than ours: compared exactly."""

    half: Any
    one: Any


class NearestEven(NamedTuple):
    """To the nearest, ties to the even code: biased, and it stalls when steps are small."""


class TowardZero(NamedTuple):
    """To the neighbour of smaller magnitude: biased."""


class AwayFromZero(NamedTuple):
    """To the neighbour of larger magnitude: biased.

    least   the epsilon of the arithmetic's type, also of those below.
    """

    least: Any


class Up(NamedTuple):
    """To the upper neighbour: biased."""

    least: Any


class Down(NamedTuple):
    """To the lower neighbour: biased."""

    least: Any


class ToOdd(NamedTuple):
    """To the neighbour with the odd code: biased; rounding once more, to fewer bits, is as if it were the first."""

    least: Any


_DIRECTED: dict[str, Any] = {"away_from_zero": AwayFromZero, "up": Up, "down": Down, "to_odd": ToOdd}


def make(mode: str, dtype: Any = np.float64, random_bits: int | None = None) -> NamedTuple:
    """The rounding called `mode`, for arithmetic in `dtype` (float32 or float64).

    random_bits   r of r-bit stochastic rounding: the random number is (k + 1/2) / 2**r, k uniform in 0 .. 2**r - 1
                  (without the half, rounding would drift one way). None: 24 bits in float32, 32 in float64.
    Raises ConfigError for an unknown mode or random_bits outside 1 .. 32 (1 .. 23 in float32).
    """
    single = np.dtype(dtype) == np.float32
    if mode == "nearest_even":
        return NearestEven()
    if mode == "toward_zero":
        return TowardZero()
    if mode in _DIRECTED:
        found: NamedTuple = _DIRECTED[mode](np.finfo(dtype).eps)
        return found
    if mode != "stochastic":
        raise ConfigError(f"unknown rounding {mode!r}.{did_you_mean(str(mode), MODES)}")
    if random_bits is None:
        bits, half = (24 if single else 32), 0.0
    else:
        most = 23 if single else 32
        if not 1 <= random_bits <= most:
            raise ConfigError(
                f"random_bits must be in 1..{most} with compute_dtype {np.dtype(dtype)}, got {random_bits}"
            )
        bits, half = random_bits, 2.0 ** -(random_bits + 1)
    # A mask, not a shift: numba would widen a shift by a variable to 64 bits.
    mask = np.uint32(0xFFFFFFFF << (32 - bits) & 0xFFFFFFFF)
    real = np.dtype(dtype).type
    return Stochastic(mask, real(2.0**-32), real(half), real(1))


def given(dtype: Any = np.float64) -> StochasticGiven:
    """Stochastic rounding by uniforms of the caller's, for arithmetic in dtype."""
    real = np.dtype(dtype).type
    return StochasticGiven(real(0.5), real(1))


@round_to_integer.case(Stochastic)
def _stochastic(rounding, s, r):
    low, middle = floor(s), trunc(s)
    # s - middle is exact for every s, s - low is not for small negative ones; middle - low is 0 or 1.
    return where(r - (middle - low) < s - middle, low + rounding.one, low)


@round_to_integer.case(StochasticGiven)
def _stochastic_given(rounding, s, r):
    # Below zero "up" means r < 1 - f, and one of 1 - f and 1 - r is exact wherever it decides.
    low, middle = floor(s), trunc(s)
    f = abs(s - middle)
    below_zero = where(f < rounding.half, f < rounding.one - r, r < rounding.one - f)
    return where(where(low < middle, below_zero, r < f), low + rounding.one, low)


@round_to_integer.case(NearestEven)
def _nearest_even(rounding, s, r):
    return rint(s)


@round_to_integer.case(TowardZero)
def _toward_zero(rounding, s, r):
    return trunc(s)


@round_to_integer.case(AwayFromZero)
def _away_from_zero(rounding, s, r):
    return where(s < like(s, 0.0), floor(s), -floor(-s))


@round_to_integer.case(Up)
def _up(rounding, s, r):
    return -floor(-s)


@round_to_integer.case(Down)
def _down(rounding, s, r):
    return floor(s)


@round_to_integer.case(ToOdd)
def _to_odd(rounding, s, r):
    low = floor(s)
    return where(low == s, s, _odd(low))


@inner
def _odd(low):
    """Of two neighbouring integers, the lower one of which is `low`, the odd one."""
    one = like(low, 1.0)
    half = floor(low * like(low, 0.5))
    return half + half + one


@round_sum.case(Stochastic)
@round_sum.case(StochasticGiven)
@round_sum.case(Up)
@round_sum.case(Down)
def _rounded_sum(rounding, k, x, r):
    return k + round_to_integer(rounding, x, r)


@round_sum.case(NearestEven)
def _nearest_even_sum(rounding, k, x, r):
    # On a tie the sum is exact, and which neighbour is even depends on k: twice the integer nearest to its half.
    n, half = rint(x), like(x, 0.5)
    even = rint((k + x) * half)
    return where(abs(x - n) == half, even + even, k + n)


@round_sum.case(TowardZero)
def _toward_zero_sum(rounding, k, x, r):
    # A sum of two numbers may be inexact, its sign never is.
    return k + where(k + x < like(x, 0.0), -floor(-x), floor(x))


@round_sum.case(AwayFromZero)
def _away_from_zero_sum(rounding, k, x, r):
    return k + where(k + x < like(x, 0.0), floor(x), -floor(-x))


@round_sum.case(ToOdd)
def _to_odd_sum(rounding, k, x, r):
    low = floor(x)
    return where(low == x, k + x, _odd(k + low))


@as_place.case(object)
def _as_it_is(rounding, t):
    return t


@as_place.case(AwayFromZero)
@as_place.case(Up)
@as_place.case(Down)
@as_place.case(ToOdd)
def _strictly_inside(rounding, t):
    # What is not a neighbour itself must not be taken for one, however near.
    least, most = like(t, rounding.least), like(t, 1.0 - rounding.least)
    between = where(t > most, most, where(t < least, least, t))
    return where(t > like(t, 0.0), between, t)


@offset.case(Stochastic)
def _offset(rounding, first, second, j):
    bits = np.uint32(random_bits(first, second, j) & rounding.mask)
    return fraction(rounding.half, bits) + rounding.half


@offset.case(NearestEven)
@offset.case(TowardZero)
@offset.case(StochasticGiven)
@offset.case(AwayFromZero)
@offset.case(Up)
@offset.case(Down)
@offset.case(ToOdd)
def _no_offset(rounding, first, second, j):
    return np.float32(0)


@overflow_result.case(Stochastic)
@overflow_result.case(StochasticGiven)
@overflow_result.case(NearestEven)
@overflow_result.case(AwayFromZero)
def _special(rounding, largest, special):
    return special


@overflow_result.case(Up)
def _special_above(rounding, largest, special):
    return where(largest > like(largest, 0.0), special, largest)


@overflow_result.case(Down)
def _special_below(rounding, largest, special):
    return where(largest < like(largest, 0.0), special, largest)


@overflow_result.case(TowardZero)
@overflow_result.case(ToOdd)
def _largest(rounding, largest, special):
    return largest
