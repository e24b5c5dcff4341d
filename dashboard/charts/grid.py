"""Small multiples in a grid, on a wide screen and on a narrow one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import hovers


@dataclass(frozen=True)
class Sizes:
    """Pixels of a grid: the height of a panel and of what stands between two, above all, from the axes to the legend,
    of a row of the legend and below it; what stands from axes to their titles; and of the width, the share between two
    panels, where they have one y axis and where each has its own.
    """

    panel: float = 240
    gap: float = 62
    top: float = 28
    bottom: float = 52
    row: float = 20
    foot: float = 22
    standoff: tuple[float, float] = (8, 6)
    between: tuple[float, float] = (0.03, 0.1)


SCREEN = Sizes()
WIDE, NARROW = 1100.0, 330.0  # pixels that a legend has on a screen, and on a phone
LETTER = 0.56  # of the size of a font, the width of a letter
SAMPLE = 40.0  # pixels of an entry of the legend that are no text


def fitting_columns(count: int) -> int:
    """Columns of a grid of `count` panels: three, but for four panels."""
    return 2 if count == 4 else max(1, min(count, 3))


def arranged(drawn: dict[str, Any], columns: int, x: str, y: str, height: int = 0) -> dict[str, Any]:
    """Give the panels of a figure their places in a grid, and its axes their titles, in place.

    `layout.meta.panels` says how many there are; their axes are xaxis, xaxis2 and so on.
    """
    layout = drawn["layout"]
    layout["margin"] = {**layout["margin"], "t": SCREEN.top}
    layout["meta"] = {"panels": layout["meta"]["panels"], "x": x, "y": y}
    place(drawn, columns, WIDE, height)
    return drawn


def narrowed(drawn: dict[str, Any]) -> dict[str, Any]:
    """The same figure for a narrow screen: its panels in one column.

    Figures of another make stay as they are, but for the shorter texts that `layout.meta.narrow` has for their first
    trace, with the least width that these need.
    """
    meta = drawn["layout"].get("meta") or {}
    if "narrow" in meta:
        (first, *others), short = drawn["data"], meta["narrow"]
        told = {**meta, "least_width": short["least_width"]}
        data = [{**first, "text": short["text"]}, *others]
        return {**drawn, "data": data, "layout": {**drawn["layout"], "meta": told}}
    if "panels" not in meta:
        return drawn
    layout = {
        name: dict(value) if name.startswith(("xaxis", "yaxis")) else value
        for name, value in drawn["layout"].items()
    }
    layout["margin"] = {**layout["margin"], "l": 8, "r": 8}
    layout["hoverlabel"] = {**layout["hoverlabel"], **hovers.NARROW}
    found = {**drawn, "layout": layout}
    place(found, 1, NARROW)
    return found


def entries(layout: Mapping[str, Any], data: Sequence[Mapping[str, Any]], width: float) -> tuple[int, int]:
    """The names in the legend, and how many fit into one row of it."""
    if layout.get("showlegend") is False:
        return 0, 1
    names = [str(one.get("name", "")) for one in data if one.get("showlegend")]
    longest = max(map(len, names), default=0) * LETTER * layout["font"]["size"]
    return len(names), max(1, int(width / (longest + SAMPLE)))


def place(
    drawn: dict[str, Any], columns: int, width: float, height: float = 0, sizes: Sizes = SCREEN
) -> None:
    """Places, titles, margins and height (0: as panels are high), with a legend of so many pixels, in place.

    The legend stands where the margin has room for it: one that plotly has to make room for is drawn twice, and all
    else with it.
    """
    layout = drawn["layout"]
    count, meta = layout["meta"]["panels"], layout["meta"]
    rows = max(1, math.ceil(count / columns))
    plot = rows * sizes.panel + (rows - 1) * sizes.gap
    named, beside = entries(layout, drawn["data"], width)
    below = sizes.bottom + sizes.row * math.ceil(named / beside) + sizes.foot
    layout["margin"] = {**layout["margin"], "b": below}
    layout["height"] = height or sizes.top + plot + below
    drop = sizes.bottom / (layout["height"] - sizes.top - below)
    layout["legend"] = {**layout["legend"], "yref": "paper", "yanchor": "top", "y": -drop}
    shared = any(layout[f"yaxis{i + 1}"].get("matches") for i in range(1, count))
    between = 0 if columns == 1 else sizes.between[not shared]
    wide = (1 - between * (columns - 1)) / columns
    high, step = sizes.panel / plot, (sizes.panel + sizes.gap) / plot
    for i in range(count):
        number = "" if i == 0 else str(i + 1)
        row, column = divmod(i, columns)
        x, y = layout[f"xaxis{number}"], layout[f"yaxis{number}"]
        left, top = column * (wide + between), 1 - row * step
        x["domain"], y["domain"] = [left, min(1.0, left + wide)], [max(0.0, top - high), top]
        x["title"] = {
            **x["title"],
            "text": meta["x"] if i + columns >= count else "",
            "standoff": sizes.standoff[0],
        }
        y["title"] = {**y["title"], "text": meta["y"] if column == 0 else "", "standoff": sizes.standoff[1]}
        y["showticklabels"] = column == 0 or not shared
