"""A heat map over two axes of text, with marked squares; it fits a phone, for its scale lies on top."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..data.metrics import GAP, Metric
from . import style

FITTING = 6  # columns whose texts have two digits on a narrow screen; of more they have one
ROW, AROUND = 58, 225  # pixels: the height of a row, and of what stands above and below the rows
NO_VALUE = "not finite"  # the legend's name of squares that were measured, without a number

Cell = tuple[str, str]


def figure(
    x: Sequence[str],
    y: Sequence[str],
    values: Mapping[Cell, float],
    marks: Mapping[str, Sequence[Cell]],
    titles: tuple[str, str, str],
    dark: bool,
    *,
    hover: Mapping[Cell, str] | None = None,
    no_value: str = NO_VALUE,
    metric: Metric = GAP,
    texts: Mapping[Cell, str] | None = None,
    ends: tuple[float, float] | None = None,
    row: float = ROW,
) -> dict[str, Any]:
    """A plotly figure as a plain dict: values by (x, y), coloured by their logarithm where their axes have one.

    x, y       the columns from the left, the rows from below; " (" in a column's name breaks the line.
    values     a square without one is empty; what is not finite has a cross, 0 the colour of the least.
    marks      the squares by what they mean, for the legend: of the first kind framed, of the second with a star.
    titles     of x, y, and of the scale.       hover      of a square, in place of its coordinates.
    no_value   what the legend calls the crosses.      metric   what the values are of.
    texts      what stands in the squares, in place of the values; a hover then has nothing but its own text.
    ends       the values of the first and the last colour, so that a colour means the same in every figure; None: those
               that there are.
    row        pixels, the height of a row.
    """
    places = {(a, b): (i, j) for j, b in enumerate(y) for i, a in enumerate(x)}
    says = {(a, b): f"{a}, {b}" for a, b in places} | dict(hover or {})
    least = min((value for value in values.values() if 0 < value < math.inf), default=1.0)
    paint = {  # 0 has the colour of the least
        cell: metric.place(value if value > 0 or not metric.log else least)
        for cell, value in values.items()
        if math.isfinite(value)
    }
    digits = 1 if len(x) <= FITTING else 0

    def told(value: float | None, digits: int) -> str:
        known = value is not None and math.isfinite(value)
        return metric.text(value) if metric.share and value is not None and known else _text(value, digits)

    def written(cell: Cell) -> str:
        return told(values.get(cell), digits) if texts is None else texts.get(cell, "")

    def hovered(cell: Cell) -> str:
        return f"{says[cell]}: {told(values.get(cell), 3)}" if texts is None else says[cell]

    def rows(of: Callable[[Cell], Any]) -> list[list[Any]]:
        return [[of((a, b)) for a in x] for b in y]

    heat: dict[str, Any] = {
        "type": "heatmap", "x": list(range(len(x))), "y": list(range(len(y))), "z": rows(paint.get),
        "showlegend": False, "text": rows(written), "texttemplate": "%{text}", "hovertext": rows(hovered),
        "hovertemplate": "%{hovertext}<extra></extra>", "colorscale": style.scale(dark), "xgap": 2, "ygap": 2,
        "colorbar": {
            "title": {"text": titles[2], "side": "top", "font": {"size": 12}}, "orientation": "h", "thickness": 10,
            "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "len": 1, "outlinewidth": 0, "nticks": 5,
            **({"tickformat": style.PER_CENT} if metric.share else {}),
        },
    }  # fmt: skip
    if ends is not None:
        heat |= {"zmin": min(ends), "zmax": max(ends), "reversescale": ends[0] > ends[1]}
        heat["colorbar"] |= {"tickmode": "linear", "tick0": 0, "dtick": abs(ends[1] - ends[0]) / 4}
    layout = style.layout(
        dark, height=AROUND + row * max(3, len(y)), margin={"l": 8, "r": 8, "t": 8, "b": 64},
        xaxis=_axis([name.replace(" (", "<br>(") for name in x], titles[0], 30), yaxis=_axis(list(y), titles[1], 6),
    )  # fmt: skip
    palette = style.colors(dark)
    data: list[dict[str, Any]] = [heat]
    layout["shapes"] = []
    for kind, (name, cells) in enumerate(marks.items()):
        if cells and kind == 0:
            layout["shapes"] = [frame for cell in cells for frame in _frames(*places[cell], dark)]
            data.append(_points(name, [(None, None)], "square-open", 13, style.ink(dark), {"width": 2.5}))
        elif cells:  # in the upper left corner, where no number stands
            corners = [(i - 0.34, j + 0.26) for i, j in map(places.__getitem__, cells)]
            data.append(
                _points(name, corners, "star", 13, palette[1], {"color": style.PAPER[dark], "width": 1})
            )
    crosses = [cell for cell in values if cell not in paint]
    if crosses:
        line = {"color": palette[3], "width": 3}
        found = _points(no_value, [places[cell] for cell in crosses], "x-thin", 14, palette[3], line)
        said = [f"{says[cell]}: {no_value}" for cell in crosses]
        data.append(found | {"hoverinfo": "text", "hovertext": said})
    return {"data": data, "layout": layout}


def _axis(names: list[str], title: str, standoff: int) -> dict[str, Any]:
    """Numbers under their names: names such as "10" would become numbers of their own, and marks stand between."""
    return {
        "tickvals": list(range(len(names))), "ticktext": names, "tickangle": 0, "showgrid": False,
        "range": [-0.5, len(names) - 0.5], "title": {"text": title, "standoff": standoff},
    }  # fmt: skip


def _frames(i: int, j: int, dark: bool) -> list[dict[str, Any]]:
    """A frame that is seen on dark squares and on light ones: a line on a wider one in the colour of the paper."""
    box = {
        "type": "rect",
        "x0": i - 0.45,
        "x1": i + 0.45,
        "y0": j - 0.42,
        "y1": j + 0.42,
        "fillcolor": "rgba(0,0,0,0)",
    }
    lines = ((style.PAPER[dark], 6), (style.ink(dark), 2.5))
    return [{**box, "line": {"color": color, "width": width}} for color, width in lines]


def _points(
    name: str, places: Sequence[tuple[Any, Any]], symbol: str, size: int, color: str, line: dict[str, Any]
) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "x": [x for x, _ in places], "y": [y for _, y in places], "name": name,
        "showlegend": True, "hoverinfo": "skip",
        "marker": {"symbol": symbol, "size": size, "color": color, "line": line},
    }  # fmt: skip


def _text(value: float | None, digits: int) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:.{digits}e}".replace("e-0", "e-").replace("e+0", "e+") if value > 0 else "0"
