"""Curves in small multiples: axes, bands, keys, and what a narrow screen gets."""

import numpy as np
import pytest
from lpbench.dashboard.charts.curves import Axes, Curve, Key, figure, spaced
from lpbench.dashboard.charts.grid import fitting_columns, narrowed
from lpbench.dashboard.charts.parallel import figure as parallel

BLUE, RED = "#0000FF", "#FF0000"
LOG = Axes("steps", "gap", x_log=True)


def curve(facet="", name="a", y=(1.0, 0.1), **more):
    return Curve([1.0, 10.0], list(y), facet, name, BLUE, **more)


def test_axes_are_logarithmic_where_they_say_so():
    layout = figure([curve()], LOG, False)["layout"]
    assert (layout["xaxis"]["type"], layout["yaxis"]["type"]) == ("log", "log")
    assert [text for text in layout["xaxis"]["ticktext"] if text in ("1", "10")] == ["1", "10"]
    assert layout["xaxis"]["title"]["text"] == "steps"
    assert layout["yaxis"]["title"]["text"] == "gap"
    layout = figure([curve()], Axes("x", "y", y_log=False, x_values=[4, 8]), False)["layout"]
    assert (layout["xaxis"]["type"], layout["yaxis"]["type"]) == ("linear", "linear")
    assert layout["xaxis"]["tickvals"] == [4, 8]
    assert layout["xaxis"]["ticktext"] == ["4", "8"]


def test_axes_have_the_ticks_of_the_one_rule_for_all_that_is_drawn():
    low = figure([curve(y=(1.0, 0.2))], LOG, False)["layout"]["yaxis"]
    assert [text for text in low["ticktext"] if text in ("0.2", "0.5", "1")] == ["0.2", "0.5", "1"]
    high = figure([curve(y=(1.0, 1e-30))], LOG, False)["layout"]["yaxis"]
    assert {"10⁻³⁰", "10⁻²⁵"} <= {*high["ticktext"]}
    spread = figure([curve(y=(1.0, 0.2), low=(0.5, 1e-9), high=(2.0, 0.3))], LOG, False)["layout"]["yaxis"]
    assert "10⁻⁸" in spread["ticktext"]
    figure([curve(y=(0.0, float("nan")))], LOG, False)  # nothing positive is no error


@pytest.mark.parametrize(("height", "ends"), [(0.25, [0.0, 0.5]), (0.0, [0.0, 1.0])])
def test_one_share_alone_reaches_no_share_below_zero(height, ends):
    share = Axes("x", "error", y_log=False, y_share=True)
    assert figure([curve(y=(height, height))], share, False)["layout"]["yaxis"]["range"] == ends
    assert "range" not in figure([curve(y=(height, 0.3))], share, False)["layout"]["yaxis"]


def test_a_band_goes_there_and_back_and_leaves_out_what_is_not_positive():
    drawn = figure([curve(low=[0.5, 0.0], high=[2.0, 0.2])], LOG, False)
    band, line = drawn["data"]
    assert band["x"].tolist() == [1.0, 1.0]
    np.testing.assert_allclose(band["y"], [2.0, 0.5])
    assert band["fill"] == "toself"
    assert not band["showlegend"]
    np.testing.assert_allclose(line["y"], [1.0, 0.1], rtol=1e-6)


def test_whiskers_are_distances_from_the_points():
    (line,) = figure([curve(low=[0.5, 0.05], high=[2.0, 0.4], whiskers=True)], LOG, False)["data"]
    np.testing.assert_allclose(line["error_y"]["array"], [1.0, 0.3], rtol=1e-6)
    np.testing.assert_allclose(line["error_y"]["arrayminus"], [0.5, 0.05], rtol=1e-6)


def test_keys_are_the_legend_and_hide_the_lines_of_their_group():
    keys = [Key("four", BLUE, "dash", "circle"), Key("six", RED)]
    drawn = figure([curve(name="a", group="four"), curve(name="b", group="six")], LOG, False, keys=keys)
    shown = [trace for trace in drawn["data"] if trace["showlegend"]]
    assert [trace["name"] for trace in shown] == ["four", "six"]
    assert shown[0]["mode"] == "lines+markers"
    assert shown[0]["line"]["dash"] == "dash"
    assert [trace["legendgroup"] for trace in drawn["data"]] == ["four", "six", "four", "six"]
    assert drawn["layout"]["showlegend"]


def test_without_keys_each_name_is_in_the_legend_once():
    drawn = figure([curve("one", "a"), curve("two", "a"), curve("two", "b")], LOG, False)
    assert [trace["name"] for trace in drawn["data"] if trace["showlegend"]] == ["a", "b"]
    assert not figure([curve()], LOG, False)["layout"]["showlegend"]  # one line needs none


def test_panels_share_their_scales_unless_each_has_its_own():
    curves = [curve("one"), curve("two", y=(1.0, 1e-12))]
    together = figure(curves, LOG, False)["layout"]
    assert together["yaxis2"]["matches"] == "y"
    assert "10⁻¹²" in together["yaxis"]["ticktext"]  # of all curves
    apart = figure(curves, LOG, False, own_y=True)["layout"]
    assert "matches" not in apart["yaxis2"]
    assert "10⁻¹²" not in apart["yaxis"]["ticktext"]
    assert "10⁻¹²" in apart["yaxis2"]["ticktext"]
    assert together["xaxis2"]["matches"] == apart["xaxis2"]["matches"] == "x"
    assert [note["text"] for note in apart["annotations"]] == ["<b>one</b>", "<b>two</b>"]


def test_corners_and_shapes_are_in_their_panels():
    line = {"type": "line", "y0": 1, "y1": 1}
    layout = figure([curve("one"), curve("two")], LOG, False, [line], corners={"two": "less"})["layout"]
    assert [shape["yref"] for shape in layout["shapes"]] == ["y", "y2"]
    (corner,) = [note for note in layout["annotations"] if note["text"] == "less"]
    assert corner["xref"] == "x2 domain"


def test_a_hover_that_is_always_the_same_is_sent_once():
    once, each = figure([curve(hover=["n", "n"]), curve(hover=["n", "m"])], LOG, False)["data"]
    assert once["hovertemplate"].endswith(", n")
    assert "customdata" not in once
    assert each["customdata"] == ["n", "m"]


def test_one_box_reads_all_lines_of_a_panel_the_uppermost_first():
    lines = [curve(name=str(i), y=(1.0 + i, 0.1)) for i in range(8)]
    bits = Axes("precision (bits)", "floor", x_unit="bits")
    drawn = figure([*lines, curve(name="2", silent=True, lines=False)], bits, False)
    layout = drawn["layout"]
    assert (layout["hovermode"], layout["hoversort"]) == ("x unified", "value descending")
    assert layout["xaxis"]["unifiedhovertitle"]["text"] == "%{x:.4~g} bits"
    assert {one.get("hovertemplate") for one in drawn["data"]} == {"%{y:.4~g}", None}  # x is in the heading
    assert drawn["data"][-1]["hoverinfo"] == "skip"
    assert narrowed(drawn)["layout"]["hoverlabel"]["namelength"] < 30
    two = [curve("one"), *lines[:7], curve("two")]
    assert figure(two, bits, False)["layout"]["hovermode"] == "x unified"


@pytest.mark.parametrize(
    "more",
    [
        {"curves": [curve(name=str(i)) for i in range(9)]},
        {"curves": [curve(name="a", lines=False, marker="circle")]},
        {"axes": Axes("format", "floor", x_more={"ticktext": ["fixed", "float"]})},
    ],
)
def test_many_lines_clouds_and_names_on_an_axis_speak_one_by_one(more):
    drawn = figure(more.get("curves", [curve()]), more.get("axes", LOG), False)
    assert drawn["layout"]["hovermode"] == "closest"
    assert all("at %{x" in one["hovertemplate"] for one in drawn["data"])


def test_lines_over_other_places_say_theirs():
    other = Curve([1.0, 7.0], [1.0, 0.1], "", "b", RED)
    assert "at %{x" in figure([curve(), other], LOG, False)["data"][0]["hovertemplate"]
    limit = Curve([1.0, 7.0], [1.0, 1.0], "", "b", RED, end="limit")
    assert "at %{x" not in figure([curve(), limit], LOG, False)["data"][0]["hovertemplate"]


def test_numbers_beyond_float32_are_drawn_and_infinite_ones_counted():
    drawn = figure([curve(y=(1e300, float("inf"))), curve(y=(1e-60, 1.0))], LOG, False)
    assert [trace["y"][0] for trace in drawn["data"]] == [1e300, 1e-60]
    assert np.isnan(drawn["data"][0]["y"][1])
    assert [note["text"] for note in drawn["layout"]["annotations"]] == ["1 point infinite: not drawn."]


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (9, 3)])
def test_panels_of_a_grid_do_not_overlap(count, columns):
    assert fitting_columns(count) == columns
    wide = figure([curve(str(i)) for i in range(count)], LOG, False)
    narrow = narrowed(wide)
    assert narrow["data"] is wide["data"]
    for drawn, most in ((wide, columns), (narrow, 1)):
        layout = drawn["layout"]
        names = [str(i + 1) if i else "" for i in range(count)]
        places = [(*layout[f"xaxis{name}"]["domain"], *layout[f"yaxis{name}"]["domain"]) for name in names]
        assert len({place[0] for place in places}) <= most
        for i, (left, right, low, high) in enumerate(places):
            assert 0 <= left < right <= 1
            assert 0 <= low < high <= 1
            assert all(
                right <= other[0] or other[1] <= left or high <= other[2] or other[3] <= low
                for other in places[i + 1 :]
            )
        titled = [name for name in names if layout[f"xaxis{name}"]["title"]["text"]]
        assert len(titled) == min(most, count)
    assert count == 1 or narrow["layout"]["height"] > wide["layout"]["height"]


def test_ticks_keep_their_distance():
    assert spaced([64, 16, 65, 256, 16]) == [16, 64, 256]
    assert spaced([]) == []


def test_parallel_coordinates_run_through_the_places_of_their_values():
    axes = [("bits", ["4", "8", "4"], ["4", "8"]), ("format", ["log", "log", "log"], ["log"])]
    drawn = parallel(axes, [1.0, 1e-4, 1e-2], False)
    assert drawn["layout"]["xaxis"]["ticktext"] == ["bits", "format", "noise floor"]
    assert drawn["layout"]["meta"]["least_width"] > 300  # no phone holds the names
    ends = {}
    for trace in drawn["data"]:
        for i in range(0, len(trace["x"]), 4):
            assert trace["x"][i : i + 4] == [0, 1, 2, None]
            bits, middle, floor = trace["y"][i : i + 3]
            ends[round(floor, 6)] = round(bits)
            assert middle == pytest.approx(0.5, abs=0.02)
    assert ends == {1.0: 0, 0.0: 1, 0.5: 0}
    assert len({trace["line"]["color"] for trace in drawn["data"]}) == 3
    assert narrowed(drawn) is drawn


def test_parallel_coordinates_of_equal_floors():
    drawn = parallel([("bits", ["4", "8"], ["4", "8"])], [0.5, 0.5], True)
    assert len(drawn["data"]) == 1


def test_points_of_zero_are_at_the_foot_of_a_logarithmic_axis():
    curves = [
        Curve([1.0, 2.0, 3.0], [0.0, 1e-3, 1e-6], "", "a", "#000000", group="g"),
        Curve([1.0], [0.0], "", "b", "#111111"),
    ]
    drawn = figure(curves, Axes("x", "y"), False)
    line, zero, empty, other = drawn["data"]
    axis = drawn["layout"]["yaxis"]
    assert axis["ticktext"][0] == "0"
    assert zero["y"].tolist() == other["y"].tolist() == pytest.approx([axis["tickvals"][0]])
    assert (zero["x"].tolist(), zero["legendgroup"]) == ([1.0], "g")
    assert np.isnan([line["y"][0], *empty["y"]]).all()
    assert zero["hovertemplate"] == "0"
    linear = figure(curves, Axes("x", "y", y_log=False), False)["data"]
    assert len(linear) == 2
    assert linear[0]["y"][0] == 0


def test_lines_that_lie_on_each_other_are_named():
    lines = [
        curve(name=f"4 bits, {name}", y=y)
        for name, y in (("float", (1, 2)), ("log", (1, 2)), ("fixed", (1, 3)))
    ]
    said = [note["text"] for note in figure(lines, LOG, False)["layout"]["annotations"]]
    assert said == ["equal within 2 %: float = log"]
    assert "annotations" not in figure(lines[1:], LOG, False)["layout"]


def test_a_text_stands_at_the_end_of_the_uppermost_line():
    lines = [curve(name=name, y=y, end="limit") for name, y in (("a", (1, 2)), ("b", (3, 4)))]
    low, high = figure(lines, LOG, False)["data"]
    assert "text" not in low
    assert (high["text"], high["mode"]) == (["", "limit"], "lines+text")
