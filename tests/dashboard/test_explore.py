"""The page Explore: any column as an axis, a colour or a panel; scales, ranges, and what it says it leaves out."""

import math

import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import query_of, state_of
from lpbench.dashboard.pages.explore import LINES, PAGE


@pytest.fixture(scope="module")
def made(runs):
    return Store(runs).sweep("made")


def drawn(sweep, **query):
    (panel,) = PAGE.draw(sweep, state_of(PAGE.controls(sweep), query), False)
    return panel


def traces(panel):
    return [trace for trace in panel.figure["data"] if "xaxis" in trace]


def test_it_opens_on_what_was_swept_and_measured(made):
    """Lines over the precision: a column that varies is an axis, a colour, a panel, or told by the dashes."""
    panel = drawn(made)
    assert panel.title == "Noise floor against precision"
    assert len(traces(panel)) == 8
    assert all(trace["mode"] == "lines+markers" and "error_y" in trace for trace in traces(panel))
    (line,) = [t for t in traces(panel) if t["name"] == "dimension 16, fixed" and t["xaxis"] == "x"]
    assert line["x"].tolist() == [4, 6, 8]
    ok = made.cells[(made.cells["status"] == "ok") & (made.cells["dimension"] == 16)]
    floors = ok[(ok["algorithm"] == "lp_sgd") & (ok["format"] == "fixed")].groupby("precision")["noise_floor"]
    assert line["y"].tolist() == pytest.approx(floors.median().tolist())
    assert "2 cells diverged, timed out or failed: not in the medians." in panel.notes


def test_medians_are_those_of_the_cells_that_are_ok(made):
    rows = [
        dict(zip(panel.data.columns, row, strict=True)) for panel in [drawn(made)] for row in panel.data.rows
    ]
    ok = made.cells[made.cells["status"] == "ok"]
    for row in rows:
        alike = ok
        for axis in made.varying:
            alike = alike[alike[axis] == row[axis]]
        floors = alike["noise_floor"]
        assert row["seeds"] == len(floors)
        found = [row[name] for name in ("noise_floor", "10 %", "90 %")]
        assert found == pytest.approx([floors.median(), floors.quantile(0.1), floors.quantile(0.9)])


def test_a_result_against_a_result_is_points_in_the_colours_of_a_category(made):
    panel = drawn(made, x="bound", y="mean_gap", color="algorithm", facet="format", points="cells")
    assert {trace["mode"] for trace in traces(panel)} == {"markers"}
    assert {trace["name"] for trace in traces(panel)} == {"lp_sgd", "halp"}
    assert sum(len(trace["x"]) for trace in traces(panel)) == 96  # of the diverged and the failed one, too
    assert panel.figure["layout"]["xaxis"]["type"] == panel.figure["layout"]["yaxis"]["type"] == "log"
    assert "Also varies, and is told by the hover alone: precision, dimension." in panel.notes


def test_a_number_as_colour_is_one_scale_and_what_has_none_is_grey(made):
    panel = drawn(made, x="bound", y="mean_gap", color="seed", facet="-", points="cells")
    (cloud,) = traces(panel)
    assert cloud["marker"]["coloraxis"] == "coloraxis"
    assert sorted(set(cloud["marker"]["color"].tolist())) == [0, 1, 2, 3]
    panel = drawn(made, x="precision", y="mean_gap", color="noise_floor", facet="-", points="cells")
    assert [trace["name"] for trace in traces(panel)] == ["noise floor", "no noise floor"]
    assert len(traces(panel)[1]["x"]) == 2


def test_texts_have_places_on_an_axis(made):
    axis = drawn(made, x="algorithm", color="format", facet="-").figure["layout"]["xaxis"]
    assert (axis["type"], axis["ticktext"]) == ("linear", ["lp_sgd", "halp"])
    axis = drawn(made, x="mean_gap", y="status", color="-", facet="-", points="cells").figure["layout"][
        "yaxis"
    ]
    assert axis["ticktext"] == ["diverged", "failed", "ok"]


@pytest.mark.parametrize(
    ("asked", "scale", "range_"),
    [
        ("1e-6:1e-2", "log", [-6, -2]),
        (":1e-2", "log", [None, -2]),
        ("1e-6:", "log", [-6, None]),
        ("0:0.5", "linear", [0, 0.5]),
        ("0:0.5", "log", [None, math.log10(0.5)]),
    ],
)
def test_ranges_are_in_the_units_of_the_column(made, asked, scale, range_):
    axis = drawn(made, yrange=asked, yscale=scale).figure["layout"]["yaxis"]
    assert axis["type"] == scale
    assert axis["range"] == pytest.approx(range_)


@pytest.mark.parametrize("asked", ["a:b", "5", "2:1", "1:2:3", "nan:1", "1:inf"])
def test_what_is_no_range_is_said_and_draws_all(made, asked):
    panel = drawn(made, xrange=asked)
    assert "range" not in panel.figure["layout"]["xaxis"]
    assert any(asked in note and "two numbers with a colon between" in note for note in panel.notes)


def test_everything_chosen_is_in_the_address(made):
    query = {"x": "bound", "y": "mean_gap", "color": "seed", "facet": "format", "points": "cells", "xscale": "log",
             "yrange": "1e-6:1", "precision": "4,6"}  # fmt: skip
    found = PAGE.controls(made)
    assert query_of(found, state_of(found, query)) == query


def test_what_varies_most_has_the_axis_where_the_precision_does_not(tmp_path, writing):
    """13 step sizes are 13 places on an axis, and no pile of points over 8 bits."""
    cells = [fake_result(fake_cell(seed, 8, step_size=2.0**-i)) for i in range(13) for seed in range(2)]
    writing(tmp_path, "steps", cells)
    panel = drawn(Store(tmp_path).sweep("steps"))
    (line,) = traces(panel)
    assert panel.title == "Noise floor against step size"
    assert len(set(line["x"].tolist())) == 13
    assert panel.figure["layout"]["xaxis"]["type"] == "log"


def test_more_lines_than_can_be_told_apart_become_points(tmp_path, writing):
    cells = [fake_result(fake_cell(0, bits, step_size=2.0**-i)) for i in range(LINES + 1) for bits in (4, 8)]
    writing(tmp_path, "many", cells)
    panel = drawn(Store(tmp_path).sweep("many"), facet="-", color="-")
    (cloud,) = traces(panel)
    assert (cloud["mode"], len(cloud["x"])) == ("markers", 2 * (LINES + 1))
    assert "Also varies, and is told by the hover alone: step size." in panel.notes


def test_more_points_than_a_browser_draws_are_fewer_and_the_numbers_hold_all(made, monkeypatch):
    whole = drawn(made, points="cells")
    monkeypatch.setattr("lpbench.dashboard.pages.explore.POINTS", 10)
    panel = drawn(made, points="cells")
    assert len(panel.data.rows) == len(whole.data.rows) == 94
    assert sum(len(trace["x"]) for trace in traces(panel)) == 10
    assert any(
        note.startswith("10 of 94 points (evenly spread; the numbers hold all)") for note in panel.notes
    )
    assert not any("evenly spread" in note for note in whole.notes)


def test_one_cell_and_none(tmp_path, writing):
    writing(tmp_path, "one", [fake_result(fake_cell(0, 8))])
    assert len(traces(drawn(Store(tmp_path).sweep("one")))) == 1
    failed = fake_result(fake_cell(0, 8))
    failed.row |= {"status": "failed", "noise_floor": None}
    writing(tmp_path, "none", [failed])
    panel = drawn(Store(tmp_path).sweep("none"))
    assert panel.figure is None
    assert panel.notes[0] == "No cell of this choice has both."
