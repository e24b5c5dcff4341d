"""Pareto fronts: nothing on one is dominated, everything off it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpbench.analysis.pareto import front, fronts

# Few different numbers, so that many are equal.
COORDINATES = st.one_of(st.integers(0, 5).map(float), st.floats(allow_nan=True, allow_infinity=True))
POINTS = st.lists(st.tuples(COORDINATES, COORDINATES), max_size=30)


def dominates(a, b):
    """By the definition: as small in both, smaller in one."""
    return a[0] <= b[0] and a[1] <= b[1] and a != b


@given(POINTS)
def test_no_member_is_dominated_and_all_others_are(points):
    members = front(points)
    there = [i for i, point in enumerate(points) if all(map(math.isfinite, point))]
    assert set(members) <= set(there)
    for i in there:
        by = [j for j in members if dominates(points[j], points[i])]
        assert bool(by) == (i not in members)
        assert (i in members) == (not any(dominates(points[j], points[i]) for j in there))


@given(POINTS)
def test_members_go_up_in_cost_and_down_in_error(points):
    members = [points[i] for i in front(points)]
    assert members == sorted(members, key=lambda point: (point[0], -point[1]))


@given(POINTS, st.randoms())
def test_the_order_of_the_points_does_not_matter(points, random):
    shuffled = list(points)
    random.shuffle(shuffled)
    assert [points[i] for i in front(points)] == [shuffled[i] for i in front(shuffled)]


@given(POINTS)
def test_what_is_dominated_can_go(points):
    members = front(points)
    kept = [points[i] for i in sorted(members)]
    assert sorted(kept[i] for i in front(kept)) == sorted(kept)


def test_equal_points_are_members_together_and_nan_is_none():
    assert front([(1.0, 2.0), (1.0, 2.0), (0.0, 3.0), (math.nan, 0.0), (2.0, 2.0), (1.0, math.inf)]) == [
        2,
        0,
        1,
    ]
    assert front([]) == []


def columns(rows):
    names = (
        "dimension",
        "algorithm",
        "format",
        "precision",
        "seed",
        "energy_per_step",
        "noise_floor",
        "status",
    )
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


ROWS = [
    (16, "lp_sgd", "fixed", 4, 0, 1.0, 0.4, "ok"),
    (16, "lp_sgd", "fixed", 4, 1, 1.0, 0.6, "ok"),
    (16, "lp_sgd", "fixed", 8, 0, 2.0, 0.1, "ok"),
    (16, "halp", "fixed", 4, 0, 3.0, 0.2, "ok"),
    (16, "halp", "fixed", 8, 0, 4.0, None, "diverged"),
    (64, "halp", "fixed", 4, 0, 9.0, 0.3, "ok"),
    (64, "sgd", "none", None, 0, None, 0.01, "ok"),
]
EVERY = ["dimension", "algorithm", "format"]


def test_each_problem_has_a_front_of_medians():
    found = fronts(columns(ROWS), "energy_per_step", None, EVERY)
    assert found.metric == "noise_floor"
    assert found.axes == ["dimension", "algorithm", "format", "precision"]
    on = [(row["dimension"], row["algorithm"], row["precision"], row["noise_floor"]) for row in found.members]
    assert on == [(16, "lp_sgd", 4, 0.5), (16, "lp_sgd", 8, 0.1), (64, "halp", 4, 0.3)]
    assert [(row["algorithm"], row["energy_per_step"]) for row in found.dominated] == [("halp", 3.0)]


def test_of_what_is_better_the_higher_it_is_the_highest_stay():
    found = fronts(columns(ROWS), "energy_per_step", "noise_floor", EVERY, higher=True)
    assert [row["precision"] for row in found.members if row["dimension"] == 16] == [4]
    assert len(found.dominated) == 2


@pytest.mark.parametrize("rows", [[], ROWS[-1:]])
def test_nothing_has_no_front(rows):
    found = fronts(columns(rows), "energy_per_step", None, EVERY)
    assert (found.members, found.dominated) == ([], [])
