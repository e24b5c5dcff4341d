import pandas
import pytest
from lpbench.dashboard.charts.bits_needed import figure
from lpbench.dashboard.charts.files import write_figure

from lpbench.errors import ConfigError

DIMENSIONS = [16, 256, 4096]


def frame(**columns):
    found = {
        "dimension": DIMENSIONS, "measured": [7, 7, None], "dimension_free": [8, 8, 8], "earlier": [9, 11, 13],
        "bits_1c": [8, 8, 8], "bits_1b": [9, 9, 9], "bits_1a_ii": [9, 11, 13], "bits_1a_i": [9, 11, 13], **columns,
    }  # fmt: skip
    bits = {name: "Int64" for name in found if name.startswith("bits_") or name in ("measured", "earlier")}
    return pandas.DataFrame(found).astype(bits)


def curves(drawn):
    """Traces by theorem, as the hover names it."""
    return {trace.hovertemplate.partition(":")[0]: trace for trace in drawn.data}


def test_a_line_for_each_theorem_and_the_measured_bits_on_top():
    drawn = figure(frame(), 0.01)
    assert set(curves(drawn)) == {"measured", "1c", "1b", "1a-ii", "1a-i"}
    assert drawn.data[-1].name == "measured"
    assert list(curves(drawn)["1c"].y) == [8, 8, 8]
    assert drawn.layout.xaxis.type == "log"
    assert list(drawn.layout.xaxis.ticktext) == ["16", "256", "4,096"]


def test_what_is_not_measured_is_not_drawn():
    assert list(curves(figure(frame(), 0.01))["measured"].x) == [16, 256]
    assert "measured" not in curves(figure(frame(measured=[None] * 3), 0.01))


def test_the_forms_differ_in_colour_dash_and_marker_and_the_best_is_thick():
    lines = curves(figure(frame(), 0.01))
    best, loose, earlier, measured = (lines[name] for name in ("1c", "1b", "1a-ii", "measured"))
    assert len({line.line.color for line in (best, earlier, measured)}) == 3
    assert (measured.line.dash, best.line.dash, earlier.line.dash) == ("solid", "dash", "dot")
    assert len({line.marker.symbol for line in (best, earlier, measured)}) == 3
    assert best.line.width > loose.line.width


def test_lines_are_named_at_their_ends_and_labels_do_not_collide():
    drawn = figure(frame(bits_1b=[9, 9, 13]), 0.01)
    labels = {note.text: note.y for note in drawn.layout.annotations if note.xanchor == "left"}
    assert set(labels) == {"measured", "1c", "1b", "1a-ii, 1a-i"}
    heights = sorted(labels[name] for name in ("1b", "1a-ii, 1a-i"))
    assert heights[0] == 13
    assert heights[1] > 13.1


def test_the_legend_names_each_form_once():
    shown = [trace.name for trace in figure(frame(), 0.01).data if trace.showlegend]
    assert sorted(shown) == ["dimension-free", "earlier", "measured"]


def test_the_title_says_target_and_problem():
    assert figure(frame(), 0.01, about="family_s, k=4").layout.title.text == (
        "Bits that reach an objective gap of 0.01<br><sub>family_s, k=4</sub>"
    )


def test_other_axes_are_panels():
    both = pandas.concat([frame().assign(k="4"), frame().assign(k="d")])
    drawn = figure(both, 0.01, ["dimension", "k"])
    assert {"k=4", "k=d"} <= {note.text for note in drawn.layout.annotations}
    assert len(drawn.data) == 10


def test_one_dimension_is_drawn_as_points():
    drawn = figure(frame()[:1], 0.01, [])
    assert all(len(trace.x) == 1 for trace in drawn.data)
    assert drawn.layout.xaxis.type == "category"


def test_nothing_to_draw_is_said():
    empty = frame()[["dimension"]].assign(measured=pandas.Series([None] * 3, dtype="Int64"))
    with pytest.raises(ConfigError, match="nothing to draw"):
        figure(empty, 0.01)


def test_it_can_be_written(tmp_path):
    write_figure(figure(frame(), 0.01), tmp_path / "bits.html")
    assert "bits needed" in (tmp_path / "bits.html").read_text(encoding="utf-8")
