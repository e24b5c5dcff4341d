"""What was measured above its proven bound has a look of its own, on every page that draws it."""

import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.charts import style
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import pages, state_of
from lpbench.dashboard.pages import cells, dimension, overview, precision
from lpbench.dashboard.panels import above


def sweep_of(writing, folder, ratios, seeds=4):
    """Two bit widths and three dimensions; the ratio of a group by (bits, dimension), 0.2 of the others."""
    made = []
    for bits in (4, 8):
        for d in (16, 64, 256):
            for seed in range(seeds):
                result = fake_result(fake_cell(seed, precision=bits, dimension=d), value=2.0**-bits)
                gap = 2.0**-bits
                result.row |= {
                    "mean_gap": gap, "bound": gap / ratios.get((bits, d), 0.2), "bound_kind": "1b",
                    "bound_basis": "certified", "noise_ball": gap, "noise_ball_dimension_free": gap,
                    "noise_ball_earlier": gap,
                }  # fmt: skip
                made.append(result)
    writing(folder, "judged", made)
    return Store(folder).sweep("judged")


def drawn(page, sweep, **state):
    panel = page.draw(sweep, {**state_of(page.controls(sweep), {}), **state}, False)[0]
    rings = [
        trace for trace in panel.figure["data"] if trace.get("marker", {}).get("color") == style.ALARM[0]
    ]
    return panel, [trace for trace in rings if trace["x"][0] is not None]


@pytest.fixture(scope="module")
def judged(tmp_path_factory, writing):
    """One group far above its bound, one above it by a hair."""
    return sweep_of(writing, tmp_path_factory.mktemp("above"), {(4, 64): 1e6, (8, 256): 1.05})


def test_both_are_told_with_their_verdict(judged):
    found = judged.above
    assert sorted((one["precision"], one["dimension"], one["broken"]) for one in found.values()) == [
        (4, 64, True), (8, 256, False),
    ]  # fmt: skip
    ((value, said),) = overview.alarms(judged)
    assert value == "2 groups"
    assert said == (
        "measured above proven, 1 beyond the error of the seeds: broken; 1 within it: run more seeds "
        "(lpbench bounds judged)"
    )
    parts = overview.body(Store(judged.folder.parent), judged, {}, "/")
    assert repr([part.to_plotly_json() for part in parts]).count("card alarm") == 1


@pytest.mark.parametrize("page", [precision.PAGE, dimension.PAGE], ids=lambda page: page.name)
def test_their_points_are_ringed(judged, page):
    panel, rings = drawn(page, judged)
    told = sorted(
        text
        for ring in rings
        for text in [*ring.get("customdata", ()), ring["hovertemplate"]]
        if "proven" in text
    )
    assert len(told) == 2
    assert "1.05, within the error" in told[0]
    assert "1e+06, beyond the error" in told[1]
    assert [trace["name"] for trace in panel.figure["data"] if trace["x"][0] is None].count(above.ABOVE) == 1
    assert any(note.startswith("Ringed in red: 2 points") for note in panel.notes)
    assert not drawn(page, judged, bounds=False)[1]


def test_nothing_is_ringed_where_all_is_below(tmp_path, writing):
    sweep = sweep_of(writing, tmp_path, {}, seeds=1)
    assert overview.alarms(sweep) == []
    for page in (precision.PAGE, dimension.PAGE):
        panel, rings = drawn(page, sweep)
        assert not rings
        assert not any("Ringed in red" in note for note in panel.notes)


def test_no_other_colour_is_the_alarm():
    for dark in (False, True):
        others = {*style.colors(dark), *style.WIDTHS[dark], *style.ORDER[dark]}
        assert style.ALARM[dark] not in others


def test_the_headline_is_the_mean_over_the_seeds(judged):
    said = {said: value for value, said in overview.headlines(judged)}
    assert said["measured over proven, 6 of 6 groups have a bound"] == "0.2 … 1e+06"


def test_the_table_of_cells_tells_a_ratio_above_1(judged):
    (grid,) = cells.body(None, judged, {}, "/")
    (column,) = [one for one in grid.columnDefs if one["field"] == "bound_ratio"]
    assert column["cellClassRules"] == {"alarm": "params.value > 1"}


def test_every_page_draws_it(judged):
    for page in pages():
        for panel in page.draw(judged, state_of(page.controls(judged), {}), True):
            assert panel.figure is not None or panel.notes
