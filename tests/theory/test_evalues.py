"""E-values against their definition, against betting that is simulated, and against hand-made families."""

import math
from fractions import Fraction

import numpy as np
import pytest

from lpbench.theory.evalues import BETS, LARGEST, e_value, rejected


def by_definition(ratios):
    """In exact arithmetic."""
    total = Fraction(0)
    for bet in map(Fraction, ("1/10", "1/4", "1/2", "3/4", "1")):
        product = Fraction(1)
        for x in map(Fraction, ratios):
            product *= 1 + bet * (x - 1)
        total += product
    return float(total / 5)


@pytest.mark.parametrize(
    "ratios", [[], [1.0], [2.0], [0.0, 3.0], [0.25, 0.5, 0.125], [4.0] * 10, [1.5, 0.0, 7.0]]
)
def test_it_is_the_mean_over_bets_of_the_products(ratios):
    assert e_value(ratios) == pytest.approx(by_definition(ratios), rel=1e-12)


def test_the_bets_are_those_of_the_design():
    assert BETS == (0.1, 0.25, 0.5, 0.75, 1.0)
    assert e_value([3.0]) == pytest.approx(1 + 2 * sum(BETS) / 5)


def test_on_average_it_is_at_most_one_where_the_bound_holds():
    generator = np.random.default_rng(5)
    x = generator.exponential(1.0, (200_000, 3))  # of mean 1: the bound is attained
    bets = np.array(BETS)[:, None]
    fast = np.prod(1 + bets[:, None] * (x - 1), axis=2).mean(axis=0)
    assert [e_value(row) for row in x[:50]] == pytest.approx(fast[:50])
    assert fast.mean() == pytest.approx(1.0, abs=0.02)


def test_large_products_do_not_overflow_and_small_ones_do_not_vanish():
    assert e_value([1e6] * 1000) == LARGEST
    assert e_value([1e200, 1e200]) == LARGEST
    assert e_value([0.0] * 1000) == pytest.approx(0.9**1000 / 5)
    assert e_value([0.0] * 20 + [1e8] * 20) == pytest.approx(by_definition([0.0] * 20 + [1e8] * 20))


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_gap_that_is_no_number_is_evidence_enough(bad):
    assert e_value([bad]) == LARGEST
    assert e_value([0.0, bad, 0.5]) == LARGEST


def test_four_times_the_bound_is_found_with_ten_seeds_and_half_of_it_never():
    generator = np.random.default_rng(3)
    spread = np.exp(generator.normal(0, 0.3, (100, 10)))
    assert np.mean([e_value(4 * row) > 1e4 for row in spread]) > 0.9
    assert max(e_value(0.5 * row) for row in spread) < 1


def test_the_largest_are_rejected_while_there_are_enough_of_them():
    # m = 4 at 1 %: one alone needs 400, each of two 200, of three 133.4, of four 100.
    assert rejected([401, 1, 1, 1]).tolist() == [True, False, False, False]
    assert rejected([399, 1, 1, 1]).tolist() == [False] * 4
    assert rejected([1, 201, 1, 201]).tolist() == [False, True, False, True]
    assert rejected([150, 134, 1, 134]).tolist() == [True, True, False, True]  # none could stand alone
    assert rejected([101] * 4).tolist() == [True] * 4
    assert rejected([]).tolist() == []
    assert rejected([99.0]).tolist() == [False]
    assert rejected([100.0]).tolist() == [True]
