"""Panels as files, and the panel of `lpbench compare`."""

from types import SimpleNamespace

import pytest
from lpbench.dashboard.charts.curves import Axes, Curve, figure
from lpbench.dashboard.charts.files import WIDTH, standalone, write_panel
from lpbench.dashboard.page import Panel
from lpbench.dashboard.panels.ratios import ratios

from lpbench.errors import ConfigError, LpbenchError

ROWS = [
    {"precision": 4, "ratio": 2.0, "low": 1.5, "high": 3.0, "seeds_a": 3},
    {"precision": 6, "ratio": 0.5, "low": 0.25, "high": 0.75, "seeds_a": 3},
    {"precision": 8, "ratio": 1.1, "low": None, "high": None, "seeds_a": 1},
    {"precision": 10, "ratio": None, "low": None, "high": None, "seeds_a": 0},
]


@pytest.fixture
def panel():
    drawn = figure([Curve([1], [1], "", "a", "#000000")], Axes("x", "y"), False)
    return Panel("Floors <a href=x>", drawn, notes=("A note of " + 40 * "many words ", "3 points of 0"))


def test_a_file_has_title_and_notes_above_the_figure_of_the_page(panel):
    drawn = standalone(panel)
    before = panel.figure["layout"]
    assert (drawn.layout.width, drawn.layout.height > before["height"]) == (WIDTH, True)
    assert drawn.layout.height - before["height"] == drawn.layout.margin.t - before["margin"]["t"]
    assert drawn.layout.title.text.count("<br>") == 5
    assert "3 points of 0" in drawn.layout.title.text
    assert "<a" not in drawn.layout.title.text


def test_a_panel_is_written_by_the_ending(tmp_path, panel):
    write_panel(panel, tmp_path / "floor.html")
    assert "3 points of 0" in (tmp_path / "floor.html").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="ending"):
        write_panel(panel, tmp_path / "floor.jpeg2000")
    with pytest.raises(ConfigError, match="nothing to draw: no cell"):
        write_panel(Panel("none", None, notes=("no cell",)), tmp_path / "none.html")
    with pytest.raises(LpbenchError, match="cannot write"):
        write_panel(panel, tmp_path / "missing" / "floor.html")


def compared(rows):
    return SimpleNamespace(
        rows=rows, by=["precision"], metric="noise_floor", better="lower",
        a=SimpleNamespace(name="old"), b=SimpleNamespace(name="new"),
    )  # fmt: skip


def test_ratios_have_the_colour_and_the_marker_of_their_verdict():
    panel = ratios([compared(ROWS)], ["compared: epochs"])
    worse, better, unsure = panel.figure["data"]
    assert [one["name"] for one in (worse, better, unsure)] == ["worse", "better", "not sure"]
    assert len({one["marker"]["color"] for one in (worse, better, unsure)}) == 3
    assert len({one["marker"]["symbol"] for one in (worse, better, unsure)}) == 3
    assert (worse["error_x"]["array"], worse["error_x"]["arrayminus"]) == ([1.0], [0.5])
    assert unsure["error_x"]["array"] == [0.0]
    assert panel.figure["layout"]["yaxis"]["ticktext"] == ["precision 4", "precision 6", "precision 8"]
    assert panel.notes == ("compared: epochs", "1 row without a ratio: not drawn")
    assert panel.title == "noise floor: new / old"


def test_ratios_that_nobody_knows_are_no_figure():
    assert ratios([compared(ROWS[3:])]).figure is None
