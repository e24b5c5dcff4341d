"""Small multiples in a grid, on a wide screen and on a narrow one."""

from __future__ import annotations

from typing import Any

PANEL, GAP = 240, 62  # pixels: the height of a panel, and of what stands between two
TOP, BOTTOM, LEGEND_ROW = 28, 52, 20


def fitting_columns(count: int) -> int:
    """Columns of a grid of `count` panels: three, but for four panels."""
    return 2 if count == 4 else max(1, min(count, 3))


def arranged(drawn: dict[str, Any], columns: int, x: str, y: str, height: int = 0) -> dict[str, Any]:
    """Give the panels of a figure their places in a grid, and its axes their titles, in place.

    `layout.meta.panels` says how many there are; their axes are xaxis, xaxis2 and so on.
    """
    layout = drawn["layout"]
    count = layout["meta"]["panels"]
    rows = max(1, -(-count // columns))
    plot = rows * PANEL + (rows - 1) * GAP
    layout["height"] = height or TOP + plot + BOTTOM + LEGEND_ROW * (1 + _entries(drawn) // 8)
    layout["margin"] = {**layout["margin"], "t": TOP, "b": BOTTOM}
    layout["meta"] = {"panels": count, "x": x, "y": y}
    _grid(layout, columns, rows, PANEL / plot, GAP / plot)
    return drawn


def narrowed(drawn: dict[str, Any]) -> dict[str, Any]:
    """The same figure for a narrow screen: its panels in one column. Figures of another make stay as they are."""
    meta = drawn["layout"].get("meta") or {}
    if "panels" not in meta:
        return drawn
    layout = {
        name: dict(value) if name.startswith(("xaxis", "yaxis")) else value
        for name, value in drawn["layout"].items()
    }
    rows = max(1, meta["panels"])
    plot = rows * PANEL + (rows - 1) * GAP
    layout["height"] = TOP + plot + BOTTOM + LEGEND_ROW * (1 + _entries(drawn) // 2)
    layout["margin"] = {**layout["margin"], "l": 8, "r": 8}
    _grid(layout, 1, rows, PANEL / plot, GAP / plot)
    return {**drawn, "layout": layout}


def _grid(layout: dict[str, Any], columns: int, rows: int, high: float, gap: float) -> None:
    count, meta = layout["meta"]["panels"], layout["meta"]
    shared = any(layout[f"yaxis{i + 1}"].get("matches") for i in range(1, count))
    between = 0 if columns == 1 else (0.03 if shared else 0.1)
    wide = (1 - between * (columns - 1)) / columns
    for i in range(count):
        number = "" if i == 0 else str(i + 1)
        row, column = divmod(i, columns)
        x, y = layout[f"xaxis{number}"], layout[f"yaxis{number}"]
        left, top = column * (wide + between), 1 - row * (high + gap)
        x["domain"], y["domain"] = [left, min(1.0, left + wide)], [max(0.0, top - high), top]
        x["title"] = {**x["title"], "text": meta["x"] if i + columns >= count else "", "standoff": 8}
        y["title"] = {**y["title"], "text": meta["y"] if column == 0 else "", "standoff": 6}
        y["showticklabels"] = column == 0 or not shared


def _entries(drawn: dict[str, Any]) -> int:
    return sum(bool(trace.get("showlegend")) for trace in drawn["data"])
