"""Evaluation steps."""

import itertools

import numpy as np
import pytest

import lpbench
from lpbench.cells.binding import resolve
from lpbench.cells.points import _power, points, stops
from lpbench.cells.theorems import setting
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import single
from lpbench.problems.build import build

pytestmark = pytest.mark.usefixtures("module_in_python")


@pytest.mark.parametrize("steps", [1, 2, 5, 63, 1000, 10**7])
def test_first_last_ascending_and_one_even_point_a_part(steps):
    found = points(steps, 64, 128, seed=0)
    assert found.steps[0] == 0
    assert found.steps[-1] == steps
    assert np.all(np.diff(found.steps) > 0)
    even = np.repeat(found.steps, found.even)
    assert even.max() < steps
    assert even.size == min(steps, 128)  # parts of 7.8 steps: two may fall on the step that they share
    if steps == 10**7:
        assert np.array_equal(np.floor(even * 128 / steps), np.arange(128))
    elif steps == 1000:
        assert np.diff(even).max() <= 16
    else:
        assert np.array_equal(even, np.arange(steps))


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
    drawn = [points(steps, 1, 8, seed) for seed in range(400)]
    means = [np.average(found.steps, weights=found.even) for found in drawn]
    sigma = steps / 8 / np.sqrt(12 * 8)
    assert abs(np.mean(means) - (steps - 1) / 2) < 4 * sigma / np.sqrt(400)
    assert len(set(means)) > 200


class Offsets:
    """A generator whose next random numbers are known."""

    def __init__(self, values):
        self.values = np.array(values)

    def random(self, count):
        return np.resize(self.values, count)


def every_draw(monkeypatch, steps, even_points):
    """All draws of even points that there are, each as likely as any other.

    The part that begins at i T / E draws step floor((i + u) T / E): as a function of u it jumps at multiples of 1 / T
    alone, so the middles of the stretches between those, in every part, are the whole distribution.
    """
    middles = (np.arange(steps) + 0.5) / steps
    for k, offsets in enumerate(itertools.product(middles, repeat=min(even_points, steps - 1))):
        generator = Offsets(offsets)
        monkeypatch.setattr(np.random, "default_rng", lambda seed, generator=generator: generator)
        yield k


@pytest.mark.parametrize(
    ("steps", "even_points"), [(3, 2), (4, 3), (5, 3), (5, 4), (7, 3), (6, 3), (5, 5), (4, 9), (1, 3)]
)
def test_every_step_is_drawn_as_often_as_any_other(monkeypatch, steps, even_points):
    total, draws = np.zeros(steps), 0
    for _ in every_draw(monkeypatch, steps, even_points):
        found = points.__wrapped__(steps, 8, even_points, 0)
        assert found.even.sum() == min(steps, even_points)
        assert found.even[-1] == 0  # the last iterate is not among those that the theorems average
        total[found.steps[:-1]] += found.even[:-1]
        draws += 1
    assert np.array_equal(total * steps, np.full(steps, draws * min(steps, even_points)))


@pytest.mark.parametrize("schedule", ["constant", "decreasing"])
@pytest.mark.parametrize("even_points", [3, 9])
def test_mean_gap_is_unbiased(monkeypatch, schedule, even_points):
    """Gradient descent, whose trace does not depend on the seed: the mean over all draws is that over all steps."""
    steps = 4
    choices = {
        "problem": "family_q", "dimension": 4, "noise": 0, "algorithm": "sgd", "steps": steps, "schedule": schedule,
    }  # fmt: skip
    exact = lpbench.run(**choices, even_points=steps)
    gaps, t = exact["trace"].objective_gap.to_numpy()[:-1], np.arange(steps)
    weight = t + 16 * exact["L"] / exact["mu"] - 1 if schedule == "decreasing" else np.ones(steps)
    assert exact["mean_gap"] == pytest.approx(np.average(gaps, weights=weight), rel=1e-12)
    draws = every_draw(monkeypatch, steps, even_points)
    means = [lpbench.run(**choices, even_points=even_points, seed=k)["mean_gap"] for k in draws]
    assert np.mean(means) == pytest.approx(exact["mean_gap"], rel=1e-12)


def test_a_step_that_is_drawn_twice_counts_twice(monkeypatch):
    monkeypatch.setattr(np.random, "default_rng", lambda seed: Offsets([0.99, 0.01]))
    choices = {
        "problem": "family_q",
        "dimension": 4,
        "noise": 0,
        "algorithm": "sgd",
        "steps": 10,
        "tail": 1.0,
    }
    row = lpbench.run(**choices, even_points=8, seed=77)
    assert row["noise_floor"] == row["mean_gap"]
    found = points(10, 64, 8, 77)
    assert found.even.max() == 2
    gaps = row["trace"].objective_gap.to_numpy()
    assert row["mean_gap"] == pytest.approx(np.average(gaps, weights=found.even), rel=1e-12)


@pytest.mark.parametrize("even_points", [3, 100])
@pytest.mark.parametrize("algorithm", ["svrg", "halp"])
def test_the_snapshots_that_are_averaged_are_those_of_the_bound(algorithm, even_points):
    choices = {
        "problem": "least_squares", "dimension": 4, "n_samples": 8, "algorithm": algorithm, "snapshot": "random",
        "inner_steps": 500, "steps": 3500, "even_points": even_points,
    }  # fmt: skip
    row = lpbench.run(**choices)
    cell = make_cell(single(choices))
    problem = build(cell.choices)
    loops = setting(resolve(cell.choices, problem), problem).loops
    trace = row["trace"]
    ends = trace[trace.step.isin(loops * 500)]
    assert len(ends) == len(loops) == min(7, even_points)
    assert row["mean_gap"] == pytest.approx(ends.objective_gap.mean(), rel=1e-12)


def test_the_same_seed_gives_the_same_points():
    assert np.array_equal(points(999, 8, 8, 4).steps, points(999, 8, 8, 4).steps)
    assert not np.array_equal(points(10**6, 1, 8, 4).steps, points(10**6, 1, 8, 5).steps)


@pytest.mark.parametrize(("loops", "even_points"), [(1, 4), (3, 8), (40, 8), (8, 8)])
def test_even_points_of_outer_loops_are_their_ends(loops, even_points):
    found = points(50 * loops, 16, even_points, seed=0, inner_steps=50)
    even = found.steps[found.even > 0]
    assert found.even.max() == 1
    assert np.all(even % 50 == 0)
    assert even[-1] == 50 * loops
    assert even[0] > 0
    assert even.size == min(loops, even_points)
    gaps = np.diff(even)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 50


def test_a_network_may_end_before_its_first_loop_does():
    found = points(30, 4, 8, seed=0, inner_steps=50)
    assert np.array_equal(found.steps, points(30, 4, 8, seed=0).steps)


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
