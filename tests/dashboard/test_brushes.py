"""Ranges on the axes of parallel coordinates: what is one, what lies within, what figure and tables keep."""

import numpy as np
import pytest
from lpbench.dashboard.charts import parallel
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import state_of
from lpbench.dashboard.pages import cells
from lpbench.dashboard.panels import brushes


@pytest.fixture(scope="module")
def made(runs):
    return Store(runs).sweep("made")


def panel(sweep, **query):
    return cells.draw(sweep, state_of(cells.controls(sweep), query), False)[1]


def test_a_text_becomes_ends_by_axis(made):
    found, wrong = brushes.parse(made, " precision = 4:6;algorithm=halp ; noise floor=:1e-6;; dimension=5: ")
    assert found == {"precision": ("4", "6"), "algorithm": ("halp", "halp"), "noise_floor": ("", "1e-6"),
                     "dimension": ("5", "")}  # fmt: skip
    assert wrong == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("precison=4:6", "Ranges: there is no axis 'precison'. Did you mean"),
        ("algorithm=halp:lp_sdg", "Ranges: algorithm has no 'lp_sdg'. Did you mean"),
        ("algorithm=4", "Ranges: algorithm has no '4'."),
        ("noise_floor=low:", "Ranges: noise floor has no 'low'."),
        ("precision=4:many", "Ranges: precision has no 'many'."),
        ("precision=nan", "Ranges: precision has no 'nan'."),
        ("'; DROP TABLE cells", "Ranges: there is no axis"),
    ],
)
def test_what_is_no_range_is_said_and_left_out(made, asked, said):
    found, wrong = brushes.parse(made, asked)
    assert found == {}
    assert wrong[0].startswith(said)
    assert panel(made, ranges=asked).figure is not None


@pytest.mark.parametrize(
    ("value", "ends", "there"),
    [("6", ("5", "7"), True), ("10", ("", "9"), False), ("10", ("9", ""), True), ("-", ("4", "10"), False),
     ("-", ("6", "-"), True), ("4", ("6", "-"), False), ("4", ("", ""), True)],
)  # fmt: skip
def test_numbers_lie_between_by_size_others_by_their_places(value, ends, there):
    assert brushes.between(value, ends, ["4", "6", "10", "-"]) == there


def test_the_lines_outside_are_grey_and_the_numbers_leave_them_out(made):
    found = panel(made, ranges="precision=6:8; algorithm=halp")
    records = found.data.records()
    assert len(records) == 8
    assert {(row["precision"], row["algorithm"]) for row in records} == {("6", "halp"), ("8", "halp")}
    assert any(note.startswith("8 of 24 lines lie in the ranges") for note in found.notes)
    outside, *others = found.figure["data"]
    assert outside["name"] == "outside"
    assert outside["x"].count(None) == 16
    assert sum(trace["x"].count(None) for trace in others) == 8
    whole = panel(made)
    assert whole.figure["layout"]["shapes"] == []
    assert all(trace["name"] != "outside" for trace in whole.figure["data"])
    assert len(whole.figure["layout"]["meta"]["brush"]) == len(whole.figure["layout"]["xaxis"]["ticktext"])


def test_ranges_stand_on_their_axes():
    axes = [("bits", ["4", "6", "8"], ["4", "6", "8"])]
    ranges = {"bits": (1, 2), parallel.FLOOR: (1e-3, 1e-1)}
    drawn = parallel.figure(axes, [1.0, 1e-2, 1e-4], False, [False, True, False], ranges)
    bits, floor = drawn["layout"]["shapes"]
    assert (bits["x0"] + bits["x1"], floor["x0"] + floor["x1"]) == (0, 2)
    np.testing.assert_allclose([bits["y0"], bits["y1"]], [0.48, 1.02])
    np.testing.assert_allclose([floor["y0"], floor["y1"]], [0.23, 0.77])


def test_the_table_of_cells_has_the_groups_within_alone(made):
    groups = cells._groups(made, "precision=6:8; noise_floor=:1e-5")
    found, total = made.rows(0, 100, [], {}, groups)
    floors = {row["group_id"]: row["floor"] for row in made.groups}
    assert total == len(found) > 0
    assert all(row["precision"] >= 6 and floors[row["group_id"]] <= 1e-5 for row in found)
    assert total == 4 * sum(row["precision"] >= 6 and row["floor"] <= 1e-5 for row in made.groups)
    assert cells._groups(made, "") is None
    assert made.rows(0, 1, [], {}, [])[1] == 0
