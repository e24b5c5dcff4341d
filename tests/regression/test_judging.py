"""The order of the decisions, and the tests behind them."""

import math

import numpy as np
import pytest
from measuring import cell, changed, grid
from scipy import stats

from lpbench.regression import judging
from lpbench.regression.judging import judge


def verdicts(base, now, same_platform=True):
    groups, _ = judge(base, now, same_platform)
    return [group.verdict for group in groups]


def five(floor=1e-3, **columns):
    return [cell(seed, floor * (1 + seed / 10), **columns) for seed in range(5)]


def test_equal_digests_are_identical_and_need_no_statistics():
    groups, slices = judge(five(), five())
    assert [group.verdict for group in groups] == ["identical"]
    assert groups[0].tests == {}
    assert slices == []


def test_on_another_platform_equal_digests_are_tested_like_all_else():
    generator = np.random.default_rng(0)
    base = grid(30, 5, 0.1, generator)
    assert set(verdicts(base, base, same_platform=False)) == {"same"}
    last_bits = changed(base, lambda one: 1.0, generator, spread=1e-12)
    groups, _ = judge(base, last_bits, same_platform=False)
    assert {group.verdict for group in groups} == {"same"}
    assert all(group.tests for group in groups)


def test_a_changed_definition_is_not_compared_even_where_it_diverged():
    now = five(status="diverged", definition="one 2")
    groups, _ = judge(five(), now)
    assert (groups[0].verdict, groups[0].why) == ("definition changed", "one 1 -> one 2")


def test_missing_new_and_timed_out():
    assert verdicts(five(), []) == ["missing"]
    assert verdicts([], five()) == ["new"]
    assert verdicts(five(), [cell(seed, None, "timeout") for seed in range(5)]) == ["missing"]
    groups, _ = judge(five(), five()[:3])
    assert (groups[0].verdict, groups[0].missing) == ("identical", [3, 4])


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_a_lost_status_fails_without_statistics(status):
    now = [*five()[:4], cell(4, None, status, error="ValueError: no" if status == "failed" else None)]
    groups, _ = judge(five(), now)
    assert groups[0].verdict == "failed"
    assert groups[0].why.startswith(f"seed 4 {status}, ok before")


def test_what_was_bad_before_is_no_regression_and_what_is_cured_is_not_one():
    bad = [cell(seed, None, "diverged", digest=f"{seed}") for seed in range(5)]
    assert verdicts(bad, [cell(seed, None, "diverged", digest=f"other {seed}") for seed in range(5)]) == [
        "same"
    ]
    assert verdicts(bad, five()) == ["same"]


def test_worse_better_same_and_undecided():
    generator = np.random.default_rng(1)
    base = grid(40, 5, 0.1, generator)
    factors = {0.0: 1.5, 0.001: 1 / 1.5}
    now = changed(base, lambda one: factors.get(one["step_size"], 1.0), generator)
    assert verdicts(base, now) == ["worse", "better", *["same"] * 38]
    wide = changed(base, lambda one: 1.0, generator, spread=0.3)
    assert "undecided" in verdicts(base, wide)
    assert "worse" not in verdicts(base, wide)


def test_an_improvement_below_the_floor_is_none():
    generator = np.random.default_rng(2)
    base = grid(40, 10, 0.1, generator)
    assert set(verdicts(base, changed(base, lambda one: 1.05, generator, spread=0.001))) == {"same"}


def test_the_steps_to_the_target_alarm_alone():
    generator = np.random.default_rng(3)
    base = grid(30, 5, 0.1, generator)
    now = changed(base, lambda one: 1.0, generator)
    for rows, factor in ((base, 1.0), (now, 1.6)):
        for one in rows:
            slow = factor if one["step_size"] == 0.0 else 1.0
            one["steps_to_target"] = 200 * slow * 10 ** (0.02 * generator.standard_normal())
    groups, _ = judge(base, now)
    assert [group.verdict for group in groups][:2] == ["worse", "same"]
    assert groups[0].tests["steps_to_target"].worse
    assert not groups[0].tests["noise_floor"].worse


def test_numbers_of_a_test():
    """With few changed cells the prior is that of the baseline's seeds; by hand, beside it."""
    generator = np.random.default_rng(4)
    base = grid(30, 5, 0.1, generator)
    now = [*changed(base[:5], lambda one: 1.3, generator, spread=0.05), *base[5:]]
    group = judge(base, now)[0][0]
    d = np.log10([group.now[seed]["noise_floor"] / group.base[seed]["noise_floor"] for seed in range(5)])
    test = group.tests["noise_floor"]
    assert test.ratio == pytest.approx(10 ** d.mean())
    own = 2 * np.array([
        np.log10([one["noise_floor"] for one in base[i : i + 5]]).var(ddof=1) for i in range(0, 150, 5)
    ])  # fmt: skip
    prior = judging.fit_prior(own, np.full(30, 4.0))
    if math.isinf(prior.df):
        expected = stats.norm.sf(d.mean() / math.sqrt(prior.variance / 5))
    else:
        variance = (prior.df * prior.variance + 4 * d.var(ddof=1)) / (prior.df + 4)
        expected = stats.t.sf(d.mean() / math.sqrt(variance / 5), prior.df + 4)
    assert test.q == pytest.approx(expected)  # the only test of its family
    assert test.n == 5


def test_one_seed_says_nothing_of_its_noise():
    groups, _ = judge([cell(0, 1e-3)], [cell(0, 2e-3)])
    assert (groups[0].verdict, groups[0].why) == ("untested", "one seed: its noise is not known")


def test_a_gap_of_zero_counts_as_what_the_arithmetic_resolves():
    precise = {
        "compute_dtype": "float64", "step_size": 0.5, "steps": 10**6, "mu": 1.0, "L": 0.0, "L_f": 1.0, "sigma": 0.0,
        "w_norm": 1.0, "optimum_gradient_norm": 0.0,
    }  # fmt: skip
    assert judging.value(cell(0, 0.0, **precise), "noise_floor") == pytest.approx(math.log10(2.0**-103))


def test_a_slice_warns_of_what_no_configuration_shows():
    generator = np.random.default_rng(5)
    base = grid(100, 5, 0.3, generator)
    groups, slices = judge(base, changed(base, lambda one: 1.08, generator, spread=0.1))
    assert not [group for group in groups if group.verdict == "worse"]
    assert [one.name for one in slices if one.worse] == ["lp_sgd fixed"]
    _, clean = judge(base, changed(base, lambda one: 1.0, generator, spread=0.1))
    assert not any(one.worse for one in clean)


def test_labels_name_what_varies_and_are_unique():
    base = [*five(step_size=0.1), *five(step_size=0.2), *five(algorithm="halp", step_size=0.1)]
    labels = [group.label for group in judge(base, base)[0]]
    assert len(set(labels)) == 3
    assert all("seed" not in label and "problem" not in label for label in labels)
