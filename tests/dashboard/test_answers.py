"""The panel of `lpbench bits`: lines, names at their ends, forms told apart without colours."""

from lpbench.dashboard.charts.files import standalone
from lpbench.dashboard.panels.answers import answers, near

DIMENSIONS = [16, 256, 4096]


def rows(**columns):
    found = {
        "dimension": DIMENSIONS, "measured": [7, 7, None], "dimension_free": [8, 8, 8], "earlier": [9, 11, 13],
        "bits_1c": [8, 8, 8], "bits_1b": [9, 9, 9], "bits_1a_ii": [9, 11, 13], "bits_1a_i": [9, 11, 13], **columns,
    }  # fmt: skip
    return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


def lines(panel):
    """Traces by theorem, without those that are only keys."""
    return {trace["name"]: trace for trace in panel.figure["data"] if "xaxis" in trace}


def test_a_line_for_each_theorem_and_the_measured_bits_on_top():
    panel = answers(rows(), 0.01, about="family_s, k=4")
    assert set(lines(panel)) == {"measured", "1c", "1b", "1a-ii", "1a-i"}
    assert panel.figure["data"][-1]["name"] == "measured"
    assert list(lines(panel)["1c"]["y"]) == [8, 8, 8]
    assert panel.figure["layout"]["xaxis"]["type"] == "log"
    assert (panel.title, panel.notes) == ("Bits that reach an objective gap of 0.01", ("family_s, k=4",))
    assert len(panel.data.rows) == 3
    assert "family_s, k=4" in standalone(panel).layout.title.text


def test_what_is_not_measured_is_not_drawn():
    assert list(lines(answers(rows(), 0.01))["measured"]["x"]) == [16, 256]
    assert "measured" not in lines(answers(rows(measured=[None] * 3), 0.01))


def test_the_forms_differ_in_colour_dash_and_marker_and_the_best_is_thick():
    drawn = lines(answers(rows(), 0.01))
    best, loose, earlier, measured = (drawn[name] for name in ("1c", "1b", "1a-ii", "measured"))
    assert len({line["line"]["color"] for line in (best, earlier, measured)}) == 3
    assert len({line["line"]["dash"] for line in (best, earlier, measured)}) == 3
    assert len({line["marker"]["symbol"] for line in (best, earlier, measured)}) == 3
    assert best["line"]["width"] > loose["line"]["width"]


def test_lines_are_named_at_their_ends_and_names_do_not_collide():
    notes = answers(rows(bits_1b=[9, 9, 13]), 0.01).figure["layout"]["annotations"]
    heights = {note["text"]: note["y"] for note in notes}
    assert set(heights) == {"measured", "1c", "1b", "1a-ii, 1a-i"}
    low, high = sorted(heights[name] for name in ("1b", "1a-ii, 1a-i"))
    assert (low, high > 13.1) == (13, True)


def test_the_legend_names_each_form_once():
    shown = [trace["name"] for trace in answers(rows(), 0.01).figure["data"] if trace["showlegend"]]
    assert sorted(shown) == ["dimension-free", "earlier", "measured"]


def test_other_axes_are_small_multiples_with_ticks_at_whole_bits():
    both = [{**row, "k": k} for k in ("4", "d") for row in rows(bits_1a_i=[9, 11, 40])]
    panel = answers(both, 0.01, ["dimension", "k"])
    assert {"<b>k=4</b>", "<b>k=d</b>"} <= {note["text"] for note in panel.figure["layout"]["annotations"]}
    assert panel.figure["layout"]["yaxis2"]["dtick"] == 4


def test_one_dimension_is_drawn_as_points():
    panel = answers(rows()[:1], 0.01, [])
    assert all(len(line["x"]) == 1 for line in lines(panel).values())
    assert panel.figure["layout"]["xaxis"]["type"] == "linear"


def test_nothing_to_draw_is_said():
    panel = answers([{"dimension": 16, "measured": None}], 0.01)
    assert panel.figure is None
    assert "no theorem and no measurement" in panel.notes[0]


def near_rows(**columns):
    found = {
        "dimension": [16, 64, 256], "rounding": ["stochastic"] * 3, "measured": [6, 7, None],
        "measured_low": [6, 5, 9], "measured_high": [7, None, None], **columns,
    }  # fmt: skip
    return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


def test_the_bits_of_networks_have_bars_for_what_the_seeds_leave_open():
    panel = near(near_rows(), "within 0.01 of full precision", about="mlp, mnist1d")
    (line,) = panel.figure["data"]
    assert (list(line["x"]), list(line["y"])) == ([16, 64], [6, 7])
    assert list(line["error_y"]["arrayminus"]) == [0, 2]
    assert list(line["error_y"]["array"]) == [1, 3]  # no upper end: to one above all bits that are named, 9
    assert panel.title == "Bits within 0.01 of full precision"
    assert panel.notes[0] == "mlp, mnist1d"
    assert "leave open how many more" in panel.notes[1]
    assert "width of the network" in str(panel.figure["layout"])
    assert len(panel.data.rows) == 3


def test_a_line_for_each_rounding_of_networks():
    rows = near_rows() + near_rows(rounding=["nearest_even"] * 3, measured=[8, 9, 12])
    panel = near(rows, "within 0.01 of full precision", ["dimension", "rounding"])
    drawn = panel.figure["data"]
    assert [line["name"] for line in drawn] == ["rounding=nearest_even", "rounding=stochastic"]
    assert (
        len({line["line"]["color"] for line in drawn})
        == len({line["marker"]["symbol"] for line in drawn})
        == 2
    )


def test_networks_whose_bits_are_not_found_are_said():
    panel = near(near_rows(measured=[None] * 3), "within 0.01 of full precision")
    assert panel.figure is None
    assert "no number of bits" in panel.notes[0]
