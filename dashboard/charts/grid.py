"""Small multiples in a grid, on a wide screen and on a narrow one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from . import hovers


@dataclass(frozen=True)
class Sizes:
    """Pixels of a grid: the height of a panel and of what stands between two, above all, below all, and of a row of
    the legend; what stands from axes to their titles; and of the width, the share between two panels, where they have
    one y axis and where each has its own.
    """

    panel: float = 240
    gap: float = 62
    top: float = 28
    bottom: float = 52
    row: float = 20
    standoff: tuple[float, float] = (8, 6)
    between: tuple[float, float] = (0.03, 0.1)


SCREEN = Sizes()


def fitting_columns(count: int) -> int:
    """Columns of a grid of `count` panels: three, but for four panels."""
    return 2 if count == 4 else max(1, min(count, 3))


def arranged(drawn: dict[str, Any], columns: int, x: str, y: str, height: int = 0) -> dict[str, Any]:
    """Give the panels of a figure their places in a grid, and its axes their titles, in place.

    `layout.meta.panels` says how many there are; their axes are xaxis, xaxis2 and so on.
    """
    layout = drawn["layout"]
    layout["margin"] = {**layout["margin"], "t": SCREEN.top, "b": SCREEN.bottom}
    layout["meta"] = {"panels": layout["meta"]["panels"], "x": x, "y": y}
    place(drawn, columns, entries=8)
    layout["height"] = height or layout["height"]
    return drawn


def narrowed(drawn: dict[str, Any]) -> dict[str, Any]:
    """The same figure for a narrow screen: its panels in one column. Figures of another make stay as they are."""
    if "panels" not in (drawn["layout"].get("meta") or {}):
        return drawn
    layout = {
        name: dict(value) if name.startswith(("xaxis", "yaxis")) else value
        for name, value in drawn["layout"].items()
    }
    layout["margin"] = {**layout["margin"], "l": 8, "r": 8}
    layout["hoverlabel"] = {**layout["hoverlabel"], **hovers.NARROW}
    found = {**drawn, "layout": layout}
    place(found, 1, entries=2)
    return found


def place(drawn: dict[str, Any], columns: int, entries: int, sizes: Sizes = SCREEN) -> None:
    """Places, titles and height, with so many entries in a row of the legend, in place."""
    layout = drawn["layout"]
    count, meta = layout["meta"]["panels"], layout["meta"]
    rows = max(1, math.ceil(count / columns))
    plot = rows * sizes.panel + (rows - 1) * sizes.gap
    named = sum(bool(trace.get("showlegend")) for trace in drawn["data"])
    layout["height"] = sizes.top + plot + sizes.bottom + sizes.row * (1 + named // entries)
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
