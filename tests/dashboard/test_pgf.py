"""Figures on paper: true sizes, and the same lines as vector code of LaTeX."""

import math
import re

import numpy as np
import pytest
from lpbench.dashboard.charts import heatmap, parallel, style
from lpbench.dashboard.charts.curves import Axes, Curve, Key, figure
from lpbench.dashboard.page import Panel
from lpbench.dashboard.paper import marks
from lpbench.dashboard.paper.pgf import pgf
from lpbench.dashboard.paper.printed import INCH, POINT, Size, printed
from lpbench.dashboard.paper.widths import WIDTHS

from lpbench.errors import ConfigError


def panel(**more):
    """Two small multiples: a line with a band, one with bars and a point of 0, a limit with its name, a target."""
    x = [4.0, 8.0]
    curves = [
        Curve(
            x, [1e-2, 1e-3], "k = 4", "one", "#0067A6", "dash", "square", low=[5e-3, 5e-4], high=[2e-2, 2e-3]
        ),
        Curve(
            x, [2e-2, 0.0], "k = d", "two_2", "#C04F00", "solid", "star", [1e-2, 0], [3e-2, 0], whiskers=True
        ),
        Curve(
            x, [3e-1, 2e-1], "k = d", "two: limit, T = ∞", "#C04F00", "dot", end="limit", group="limit, T = ∞"
        ),
    ]
    keys = [Key("one", "#0067A6", marker="square"), Key("limit, T = ∞", "#59636E", "dot")]
    target = {
        "type": "line",
        "x0": 0,
        "x1": 1,
        "y0": 1e-4,
        "y1": 1e-4,
        "line": {"color": "#000000", "width": 1},
    }
    corners = {"k = 4": "full precision: 1e-30"}
    drawn = figure(
        curves, Axes("bits", "floor (gap)", x_values=x), False, [target], keys=keys, corners=corners
    )
    return Panel("A title", drawn, notes=("A note.",), **more)


def test_a_printed_figure_has_the_size_and_the_texts_that_were_asked_for():
    found = printed(panel(), Size(3.25, None, 9.0))
    layout = found.figure["layout"]
    assert layout["width"] == 3.25 * INCH
    assert layout["font"]["size"] == pytest.approx(9 * POINT)
    assert layout["title"] is None
    line = next(one for one in found.figure["data"] if one.get("name") == "one" and one["x"][0] is not None)
    assert 0.9 * POINT < line["line"]["width"] < 1.2 * POINT
    assert line["marker"]["size"] == 4 * POINT
    taller = printed(panel(), Size(3.25, 4.0)).figure["layout"]
    assert taller["height"] == pytest.approx(4 * INCH)
    with pytest.raises(ConfigError, match="2 panels in 1 rows need"):
        printed(panel(), Size(5.5, 1.0))


def test_what_a_page_writes_around_the_lines_is_said_in_the_caption():
    found = printed(panel(), Size())
    assert (found.title, found.notes[0]) == ("A title", "A note.")
    assert "full precision: 1e-30" in found.notes[1]
    texts = [one["text"] for one in found.figure["layout"]["annotations"]]
    assert texts == ["<b>k = 4</b>", "<b>k = d</b>"]
    # The legend names the limit, and so nothing does in the panel.
    assert not any("text" in one.get("mode", "") for one in found.figure["data"])


def test_columns_of_small_multiples_are_as_many_as_fit():
    lefts = {}
    for width in (2.0, 5.5):
        layout = printed(panel(), Size(width)).figure["layout"]
        lefts[width] = {layout[name]["domain"][0] for name in ("xaxis", "xaxis2")}
    assert (len(lefts[2.0]), len(lefts[5.5])) == (1, 2)


def test_printing_leaves_the_figure_of_the_page_as_it_was():
    one = panel()
    before = repr(one.figure)
    printed(one, Size())
    assert repr(one.figure) == before


def test_the_code_holds_every_line_and_number():
    text = pgf(printed(panel(), Size()), ["Sweep s\nof mine"])
    assert text.splitlines()[0] == r"% Sweep s\nof mine"
    assert text.count("{") == text.count("}")
    assert text.count("[") == text.count("]")
    assert text.count(r"\begin{axis}") == text.count(r"\end{axis}") == 2
    assert r"\useasboundingbox (0in, 0in) rectangle (5.5000in," in text
    for point in ("(4,0.01) (8,0.001)", "(4,0.02) += (0,0.01) -= (0,0.01)", "(4,0.3) (8,0.2)", "axis cs:"):
        assert point in text
    assert "(4,0.02) (8,0.002) (8,0.0005) (4,0.005)} -- cycle;" in text  # the band, there and back
    assert re.search(r"\(8,nan\)", text)  # the point of 0 is drawn at the foot, by a mark of its own
    assert "mark=lp-triangle-down-open" in text
    assert text.count(r"\addlegendentry{") == 2
    assert r"\addlegendentry{limit, T = $\infty$}" in text
    assert "dash pattern=on" in text
    assert text.count("ymode=log") == 2
    assert r"{\textbf{k = d}}" in text
    low = min(float(found) for found in re.findall(r"ymin=([\d.e-]+)", text))
    assert low < 1e-4  # the target is seen
    for mark in set(re.findall(r"mark=(lp-[a-z-]+)", text)):
        assert rf"\pgfdeclareplotmark{{{mark}}}" in text
    for color in set(re.findall(r"(?:color|draw|fill|text)=(lp\d+)", text)):
        assert rf"\definecolor{{{color}}}{{HTML}}" in text


def test_a_range_of_the_reader_is_that_of_the_code():
    one = panel()
    layout = dict(one.figure["layout"])
    layout["yaxis"] = {**layout["yaxis"], "range": [-3.0, -1.0]}
    text = pgf(printed(Panel("t", {**one.figure, "layout": layout}), Size()), [])
    assert "ymin=0.001," in text
    assert "ymax=0.1," in text


@pytest.mark.parametrize(
    ("drawn", "kind"),
    [
        (heatmap.figure(["4"], ["2"], {("4", "2"): 1.0}, {}, ("x", "y", "z"), False), "a heat map"),
        (parallel.figure([("a", ["1", "2"], ["1", "2"])], [1.0, 2.0], False), "parallel coordinates"),
    ],
)
def test_what_has_no_code_is_named(drawn, kind):
    with pytest.raises(ConfigError, match=f"A: {kind} cannot be written as pgf; use .pdf or .svg"):
        pgf(printed(Panel("A", drawn), Size()), [])


def test_every_marker_of_ours_has_an_outline_of_its_own():
    ours = [*style.MARKERS, *style.FORMAT_MARKERS]
    assert all(map(marks.is_known, ours))
    outlines = [tuple(np.round(marks.OUTLINES[one], 3).ravel()) for one in ours]
    assert len(set(outlines)) == len(ours)
    for points in marks.OUTLINES.values():
        assert all(math.hypot(x, y) < 1.5 for x, y in points)
    assert marks.declared("circle-open")[-1].strip() == r"\pgfusepathqstroke}"


def test_a_size_is_inches_or_a_style():
    assert Size.of("neurips") == Size(5.5)
    assert Size.of("3", 2.0, 10.0) == Size(3.0, 2.0, 10.0)
    assert Size.of() == Size()
    for words in (("nips",), ("0.2",), ("inf",), ("3", 40.0), ("3", None, 1.0), ("nan",)):
        with pytest.raises(ConfigError, match=r"width|height|font size"):
            Size.of(*words)
    with pytest.raises(ConfigError, match="Did you mean 'neurips'"):
        Size.of("neurps")
    assert all(1 < width < 8 for width in WIDTHS.values())


def test_an_axis_of_shares_is_in_per_cent():
    drawn = figure(
        [Curve([4.0, 8.0], [0.3, 0.1], "", "one", "#0067A6")],
        Axes("bits", "error", y_log=False, y_share=True),
        False,
    )
    code = pgf(printed(Panel("A title", drawn), Size()), ())
    assert r"yticklabel={\pgfmathparse{100*\tick}\pgfmathprintnumber{\pgfmathresult}\,\%}" in code
    assert r"xticklabel={" not in code
