"""Evaluation steps."""

import numpy as np
import pytest

from lpbench.points import _power, points, stops


@pytest.mark.parametrize("steps", [1, 2, 5, 63, 1000, 10**7])
def test_first_last_ascending_and_one_even_point_a_part(steps):
    found = points(steps, 64, 128, seed=0)
    assert found.steps[0] == 0
    assert found.steps[-1] == steps
    assert np.all(np.diff(found.steps) > 0)
    even = found.steps[found.even]
    assert even.max() < steps
    if steps == 10**7:
        assert np.array_equal(np.floor(even * 128 / steps), np.arange(128))
    elif steps == 1000:  # parts of 7.8 steps: two may fall on the step that they share
        assert even.size >= 120
        assert np.diff(even).max() <= 16


def test_log_points_are_evenly_spaced_in_the_logarithm():
    log = points(10**6, 64, 1, seed=0)
    ratios = np.diff(np.log(log.steps[1:].astype(float)))
    assert ratios[-20:].max() < 1.1 * np.log(10**6) / 63
    assert log.steps.size <= 66


def test_log_points_are_the_nearest_whole_numbers():
    for steps in (1, 2, 1000, 2**32 - 1):
        exact = np.rint(np.geomspace(1, steps, 40, dtype=np.longdouble)).astype(np.int64)
        assert set(exact) <= set(points(steps, 40, 1, seed=0).steps)
    # A power that a float holds as a half: (2 k + 1)**n is just beside 2**n base**i.
    base, k = 10**20 + 1, 10**10
    assert float(base) ** 0.5 == k  # the true root is above k by 5e-11
    assert _power(base, 1, 2) == k
    above, below = (k * k + k + side for side in (1, 0))  # (k + 1/2)**2 = k**2 + k + 1/4
    assert (_power(above, 1, 2), _power(below, 1, 2)) == (k + 1, k)


def test_even_points_are_an_unbiased_sample_of_all_steps():
    # The mean of t over them, averaged over seeds, is that over 0 .. T - 1.
    steps = 1000
    means = [points(steps, 1, 8, seed).steps[points(steps, 1, 8, seed).even].mean() for seed in range(400)]
    sigma = steps / 8 / np.sqrt(12 * 8)
    assert abs(np.mean(means) - (steps - 1) / 2) < 4 * sigma / np.sqrt(400)
    assert len(set(means)) > 200


def test_the_same_seed_gives_the_same_points():
    assert np.array_equal(points(999, 8, 8, 4).steps, points(999, 8, 8, 4).steps)
    assert not np.array_equal(points(10**6, 1, 8, 4).steps, points(10**6, 1, 8, 5).steps)


@pytest.mark.parametrize(("loops", "even_points"), [(1, 4), (3, 8), (40, 8), (8, 8)])
def test_even_points_of_outer_loops_are_their_ends(loops, even_points):
    found = points(50 * loops, 16, even_points, seed=0, inner_steps=50)
    even = found.steps[found.even]
    assert np.all(even % 50 == 0)
    assert even[-1] == 50 * loops
    assert even[0] > 0
    assert even.size == min(loops, even_points)
    gaps = np.diff(even)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 50


@pytest.mark.parametrize("pause", [1, 3, 7, 100, 10**9])
def test_pauses_cut_long_stretches_and_keep_every_point(pause):
    steps = np.array([0, 1, 2, 5, 50, 51, 1000])
    where, rows = stops(steps, pause)
    assert np.all(np.diff(where) > 0)
    assert np.diff(where).max() <= pause or pause >= 949
    assert np.array_equal(where[rows >= 0], steps)
    assert np.array_equal(rows[rows >= 0], np.arange(steps.size))
    if pause == 10**9:
        assert where.size == steps.size
