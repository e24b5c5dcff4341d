"""Bounds on sums of few bits, by enumeration of all roundings of short sums; VRR by its own definition."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from lpbench.theory.accumulation import (
    Sum,
    nearest_error,
    proven_bits,
    retaining_bits,
    stalls_at,
    stochastic_error,
    variance_retention,
)

M = 2  # mantissa bits of the accumulators that are enumerated


def neighbours(x):
    """The two numbers of M mantissa bits beside x, and how near the upper one is."""
    if x == 0:
        return Fraction(0), Fraction(0), Fraction(0)
    spacing = Fraction(2) ** (math.frexp(float(abs(x)))[1] - 1 - M)
    low = x // spacing * spacing
    return low, low + spacing, (x - low) / spacing


def square_error(terms, chunk, stochastic):
    """E (sum - exact)^2 over all roundings, exactly."""
    states = {Fraction(0): Fraction(1)}
    for end in range(chunk, len(terms) + chunk, chunk):
        part, after = sum(terms[end - chunk : end], Fraction(0)), {}
        for state, weight in states.items():
            low, high, up = neighbours(state + part)
            if not stochastic:  # ties away from the even one: the bound does not ask
                up = Fraction(int(up >= Fraction(1, 2)))
            for value, share in ((low, 1 - up), (high, up)):
                if share:
                    after[value] = after.get(value, Fraction(0)) + weight * share
        states = after
    exact = sum(terms, Fraction(0))
    return sum(weight * (value - exact) ** 2 for value, weight in states.items())


@pytest.mark.parametrize("mean", [0, 1])
@pytest.mark.parametrize(("length", "chunk"), [(1, 1), (2, 1), (5, 1), (6, 2), (7, 3)])
@pytest.mark.parametrize("stochastic", [False, True])
def test_no_sum_of_independent_terms_strays_farther(mean, length, chunk, stochastic):
    """All sums of terms mean +- 1, each as probable as the others: standard deviation 1."""
    every = [
        square_error([Fraction(mean + sign) for sign in signs], chunk, stochastic)
        for signs in itertools.product((-1, 1), repeat=length)
    ]
    error = math.sqrt(float(sum(every)) / len(every))
    bound = (stochastic_error if stochastic else nearest_error)(Sum(length, mean, chunk), M)
    assert error <= bound * math.sqrt(mean**2 * length**2 + length) * (1 + 1e-12)


def test_what_a_bound_comes_to():
    assert Sum(10, 1.0, 4).mean_squares().tolist() == [4 * 4 + 4, 8 * 8 + 8, 10 * 10 + 10]
    u = 2.0**-11
    assert stochastic_error(Sum(2, 0.0), 10) == pytest.approx(
        math.sqrt(u * u * ((1 + u * u) * 1 + 2) / 2), rel=1e-12
    )
    assert nearest_error(Sum(2, 0.0), 10) == pytest.approx(
        u * ((1 + u) + math.sqrt(2)) / math.sqrt(2), rel=1e-12
    )
    assert nearest_error(Sum(65536), 4) > 1e100  # no warning


def test_bits_grow_by_one_a_doubling_to_nearest_and_by_half_stochastically():
    lengths = [4**k for k in range(4, 10)]
    for rounding, each in (("nearest_even", 2), ("stochastic", 1)):
        bits = [proven_bits(Sum(n), rounding, 1e-3) for n in lengths]
        assert np.diff(bits).tolist() == [each] * 5
    assert proven_bits(Sum(64), "up", 0.01) is None
    assert proven_bits(Sum(2), "stochastic", 1e-30) is None


def test_the_fewest_bits_are_those():
    for rounding, error in (("nearest_even", nearest_error), ("stochastic", stochastic_error)):
        of = Sum(1000, 1.0, 8)
        bits = proven_bits(of, rounding, 0.003)
        assert error(of, bits) <= 0.003 < error(of, bits - 1)


def test_vrr_by_its_definition():
    def beyond(x):
        return math.erfc(x / math.sqrt(2))

    for n, m, chunk in ((100, 2, 1), (1000, 4, 1), (1000, 2, 10)):
        k = -(-n // chunk)
        q = {i: beyond(2**m / math.sqrt(i)) * (1 - beyond(2**m / math.sqrt(i - 1))) for i in range(2, k)}
        last = 1 - beyond(2**m / math.sqrt(k))
        expected = (sum(i * p for i, p in q.items()) + k * last) / (k * (sum(q.values()) + last))
        assert variance_retention(n, m, chunk) == pytest.approx(expected, rel=1e-12)
    assert variance_retention(1, 1) == 1.0
    assert variance_retention(64, 1, 64) == 1.0


def test_its_rule():
    bits = [retaining_bits(n) for n in (64, 1024, 65536)]
    assert bits == sorted(bits)
    for n, m in zip((64, 1024, 65536), bits, strict=True):
        assert n * (1 - variance_retention(n, m)) < math.log(50) <= n * (1 - variance_retention(n, m - 1))
    assert retaining_bits(65536, 64) < retaining_bits(65536)


@pytest.mark.parametrize(("largest", "bits"), [(1.0, 3), (1.5, 7), (2.73, 9), (0.3, 4)])
def test_where_sums_stop(largest, bits):
    at = stalls_at(largest, bits)
    assert at * 2.0**-bits / 2 > largest >= at / 2 * 2.0**-bits / 2
