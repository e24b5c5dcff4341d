"""What pages share: orders, names, and what is left out when there is too much."""

import math

import pytest
from lpbench.dashboard.data import choosing
from lpbench.dashboard.panels.needed import bits_needed


def rows(**axes):
    """A group for each combination of the values."""
    found = [{"floor": 1.0, "n": 3}]
    for axis, values in axes.items():
        found = [{**row, axis: value} for row in found for value in values]
    return found


@pytest.mark.parametrize(
    ("values", "ordered"),
    [
        (["10", "9", "0.5", "9"], ["0.5", "9", "10"]),
        (["halp", "svrg", "lp_sgd", "sgd"], ["sgd", "lp_sgd", "svrg", "halp"]),
        (["-", "fixed", "16"], ["16", "fixed", "-"]),
    ],
)
def test_values_stand_in_their_natural_order(values, ordered):
    assert choosing.in_order(values) == ordered


@pytest.mark.parametrize(
    ("axis", "value", "said"),
    [
        ("precision", 8, "8 bits"),
        ("precision", None, "no precision"),
        ("format", "fixed", "fixed"),
        ("step_size", 0.5, "step size 0.5"),
        ("k", None, "no k"),
    ],
)
def test_a_label_says_what_a_number_is_of(axis, value, said):
    assert choosing.label(axis, value) == said


def test_groups_are_parted_in_the_order_of_the_values():
    parts = choosing.split(rows(precision=[10, 4], format=["log", "fixed"]), ["precision", "format"])
    assert [(part[0]["precision"], part[0]["format"]) for part in parts] == [
        (4, "fixed"), (4, "log"), (10, "fixed"), (10, "log"),
    ]  # fmt: skip


def test_fewer_keeps_the_value_with_most_groups_and_says_which():
    many = rows(format=["log", "log", "fixed"], problem=["b", "a"])
    left, kept = choosing.fewer(many, ["format", "problem"], 4)
    assert (len(left), kept) == (4, {"format": "log"})
    left, kept = choosing.fewer(many, ["format", "problem"], 3)
    assert (len(left), kept) == (2, {"format": "log", "problem": "a"})  # the first of equals
    assert choosing.said(kept) == "format log, problem a"
    assert choosing.fewer(many, ["format"], 6) == (many, {})


def test_spread_takes_first_and_last_of_each_panel():
    panels = [[[{"i": i}] for i in range(20)], [[{"i": i}] for i in range(3)]]
    first, second = choosing.spread(panels, 10)
    assert [part[0]["i"] for part in first] == [0, 5, 10, 14, 19]
    assert second == panels[1]


def test_full_precision_stands_beside_its_own_problem_and_kind_of_algorithm():
    problem = {"problem": "least_squares", "dataset": "gaussian", "dimension": 16, "floor": 1.0}
    sgd = {**problem, "format": "none", "snapshot": None}
    svrg = {**problem, "format": "none", "snapshot": "last"}
    elsewhere = {**sgd, "dimension": 64}
    shown = [{**problem, "format": "fixed", "snapshot": None}]
    assert choosing.full_precision([sgd, svrg, elsewhere, *shown], shown) == [sgd]


@pytest.mark.parametrize(
    ("floors", "bits"),
    [
        ({4: 1.0, 6: 0.1, 8: 0.01}, 6),
        ({4: 0.1, 6: 1.0, 8: 0.01}, 8),  # 4 bits were luck: 6 do not reach it
        ({4: 1.0, 6: 1.0, 8: 1.0}, None),
        ({4: 0.1, 6: 0.1, 8: math.nan}, None),
    ],
)
def test_the_bits_needed_are_the_fewest_whose_floor_and_all_larger_ones_reach_the_target(floors, bits):
    line = [{"precision": precision, "floor": floor} for precision, floor in floors.items()]
    assert bits_needed(line, 0.1) == bits


def test_seeds_are_counted_where_they_differ():
    assert choosing.seeds([{"n": 1}]) == "1 seed"
    assert choosing.medians([{"n": 1}, {"n": 1}], "bars: 10-90 %") == "one seed each"
    assert choosing.medians([{"n": 5}, {"n": 5}], "bars: 10-90 %") == "medians over 5 seeds; bars: 10-90 %"
    assert choosing.medians([{"n": 5}, {"n": 1}]) == "medians over 1 to 5 seeds"
    assert choosing.seeds([{"n": 5}, {"n": 3}]) == "3 to 5 seeds"


def test_what_is_left_out_is_said_where_something_is():
    assert choosing.left_out(3, 3, "lines", "evenly spread") == []
    said = "2 of 3 lines (evenly spread): the filters of the page choose others."
    assert choosing.left_out(2, 3, "lines", "evenly spread") == [said]


def test_cells_without_a_floor_are_counted_by_how_they_ended():
    groups = [
        {"n_diverged": 1, "n_timeout": 0, "n_failed": 2},
        {"n_diverged": 0, "n_timeout": 0, "n_failed": 1},
    ]
    assert choosing.unfinished(groups) == [
        "1 cell diverged: not in the medians.",
        "3 cells failed: not in the medians.",
    ]


def test_axes_that_are_named_come_first_and_the_others_stay_in_order():
    assert choosing.ahead(("format", "problem"), ["k", "problem", "d", "format"]) == [
        "format", "problem", "k", "d",
    ]  # fmt: skip
