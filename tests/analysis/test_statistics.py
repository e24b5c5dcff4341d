"""The moderated test, multiplicity and steps, beside scipy, brute force and simulation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from lpbench.analysis import statistics
from lpbench.analysis.statistics import Prior

P = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(st.floats(1e-8, 1e8))
def test_trigamma_inverse(y):
    assert special.polygamma(1, statistics.trigamma_inverse(y)) == pytest.approx(y, rel=1e-6)


@pytest.mark.parametrize(("df0", "variance"), [(4.0, 2.5), (20.0, 1e-4)])
def test_the_prior_is_found_again(df0, variance):
    generator = np.random.default_rng(1)
    true = df0 * variance / generator.chisquare(df0, 20_000)
    s2 = true * generator.chisquare(4, 20_000) / 4
    prior = statistics.fit_prior(s2, np.full(20_000, 4.0))
    assert prior.df == pytest.approx(df0, rel=0.15)
    assert prior.variance == pytest.approx(variance, rel=0.05)


def test_equal_variances_give_a_prior_that_is_sure():
    generator = np.random.default_rng(2)
    prior = statistics.fit_prior(3.0 * generator.chisquare(4, 20_000) / 4, np.full(20_000, 4.0))
    assert prior.df > 100
    assert prior.variance == pytest.approx(3.0, rel=0.02)


def test_no_variance_no_prior():
    with pytest.raises(ValueError, match="no cell has a variance"):
        statistics.fit_prior(np.array([np.nan, 0.0]), np.array([0.0, 3.0]))


def test_without_a_prior_it_is_the_t_test_of_scipy():
    generator = np.random.default_rng(3)
    d = [generator.normal(0.3, 1, n) for n in (3, 5, 12)]
    mean, s2, n = statistics.moments(d)
    found = statistics.moderated_t(mean, s2, n, Prior(0.0, 0.0))
    for i, one in enumerate(d):
        assert found.p_above[i] == pytest.approx(stats.ttest_1samp(one, 0, alternative="greater").pvalue)
        assert found.p_below[i] == pytest.approx(stats.ttest_1samp(one, 0, alternative="less").pvalue)
        interval = stats.ttest_1samp(one, 0).confidence_interval(0.98)
        low, high = found.interval()
        assert (low[i], high[i]) == pytest.approx(tuple(interval))


def test_a_sure_prior_is_the_z_test():
    found = statistics.moderated_t(np.array([0.2]), np.array([np.nan]), np.array([1]), Prior(np.inf, 0.01))
    assert found.p_above[0] == pytest.approx(stats.norm.sf(2.0))


def test_p_values_are_uniform_under_the_null():
    generator = np.random.default_rng(4)
    sigma = np.sqrt(8 / generator.chisquare(8, 4000))[:, None]
    mean, s2, n = statistics.moments(list(sigma * generator.standard_normal((4000, 5))))
    found = statistics.moderated_t(mean, s2, n, statistics.fit_prior(s2, n - 1.0))
    assert stats.kstest(found.p_above, "uniform").pvalue > 0.01


def test_detectable_is_what_a_simulation_finds_with_that_power():
    found = statistics.moderated_t(np.zeros(1), np.array([0.04]), np.array([5]), Prior(30.0, 0.04))
    shift = found.detectable(0.0)[0]
    generator = np.random.default_rng(5)
    d = shift + 0.2 * generator.standard_normal((20_000, 5))
    t = d.mean(axis=1) / np.sqrt((30 * 0.04 + 4 * d.var(axis=1, ddof=1)) / 34 / 5)
    assert (t > stats.t.isf(0.01, 34)).mean() == pytest.approx(0.8, abs=0.02)


@given(P)
def test_benjamini_hochberg_rejects_up_to_the_last_p_below_its_line(p):
    q, level = statistics.benjamini_hochberg(np.array(p)), 0.1
    last = max((k for k, one in enumerate(sorted(p), 1) if one <= level * k / len(p)), default=0)
    assert (q <= level + 1e-12).sum() >= last >= (q <= level - 1e-12).sum()
    assert statistics.benjamini_hochberg(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.04, 0.04])


def test_winsorised_brings_the_outlier_in_and_leaves_the_rest():
    values = np.array([1.0, 1.1, 0.9, 1.05, 0.95, 50.0])
    found = statistics.winsorised(values)
    assert (found[:5] == values[:5]).all()
    assert 1.1 < found[5] < 1.6
    assert (statistics.winsorised(np.ones(4)) == 1).all()


def brute_force(y, penalty):
    """Every way to cut the series."""
    best, found = np.inf, []
    for count in range(y.size):
        for cuts in itertools.combinations(range(1, y.size), count):
            pieces = np.split(y, cuts)
            cost = sum(np.abs(piece - np.median(piece)).sum() for piece in pieces) + penalty * count
            if cost < best - 1e-12:
                best, found = cost, list(cuts)
    return best, found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=8), st.floats(0.1, 4))
def test_steps_cost_no_more_than_the_best_of_all_cuts(y, penalty):
    y = np.array(y)
    found = statistics.steps(y, penalty)
    cost = sum(np.abs(piece - np.median(piece)).sum() for piece in np.split(y, found)) + penalty * len(found)
    assert cost == pytest.approx(brute_force(y, penalty)[0], abs=1e-9)


def test_a_step_in_noise_is_found_where_it_is_and_noise_alone_has_none():
    generator = np.random.default_rng(6)
    noise = 0.02 * generator.standard_normal(40)
    assert statistics.steps(noise) == []
    assert statistics.steps(noise + 0.2 * (np.arange(40) >= 25)) == [25]
    assert statistics.steps(np.array([1.0, 2.0])) == []


def test_a_difference_of_means_is_welchs():
    generator = np.random.default_rng(5)
    x, y = generator.normal(1.0, 1.0, 7), generator.normal(0.5, 3.0, 12)
    for level in (0.9, 0.99):
        found = statistics.difference(x, y, level)
        expected = stats.ttest_ind(x, y, equal_var=False).confidence_interval(level)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
        alone = statistics.difference(x, 0.5, level)
        expected = stats.ttest_1samp(x, 0.5).confidence_interval(level)
        assert (alone.low + 0.5, alone.high + 0.5) == pytest.approx((expected.low, expected.high))
    assert found.error == pytest.approx(np.sqrt(x.var(ddof=1) / 7 + y.var(ddof=1) / 12))
    assert alone.error == pytest.approx(stats.sem(x))


def test_a_difference_that_nothing_tells_the_error_of():
    one, several = np.array([2.0]), np.array([1.0, 1.5])
    for found in (statistics.difference(one, several, 0.9), statistics.difference(several, one, 0.9)):
        assert np.isnan(found.error)
        assert (found.low, found.high) == (-np.inf, np.inf)
    assert statistics.difference(several, 1.0, 0.9).mean == 0.25
    same = statistics.difference(np.ones(3), np.ones(2), 0.9)
    assert (same.mean, same.error, same.low, same.high) == (0, 0, 0, 0)


def test_what_is_not_finite_is_above_all():
    found = statistics.difference(np.array([1.0, np.inf]), np.ones(3), 0.9)
    assert found.mean == found.low == found.high == np.inf
