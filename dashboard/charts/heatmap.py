"""A heat map over two axes of text, with marked squares; it fits a phone, for its scale lies on top."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

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
) -> dict[str, Any]:
    """A plotly figure as a plain dict: values by (x, y), coloured by their logarithm.

    x, y       the columns from the left, the rows from below; " (" in a column's name breaks the line.
    values     a square without one is empty; what is not finite has a cross, 0 the colour of the least.
    marks      the squares by what they mean, for the legend: of the first kind framed, of the second with a star.
    titles     of x, y, and of the scale.       hover      of a square, in place of its coordinates.
    no_value   what the legend calls the crosses.
    """
    z = _logarithms(x, y, values)
    says = [[(hover or {}).get((a, b), f"{a}, {b}") for a in x] for b in y]
    digits = 1 if len(x) <= FITTING else 0
    heat = {
        "type": "heatmap", "x": list(range(len(x))), "y": list(range(len(y))), "z": z, "showlegend": False,
        "text": [[_text(values.get((a, b)), digits) for a in x] for b in y], "texttemplate": "%{text}",
        "hovertext": [[f"{says[j][i]}: {_text(values.get((a, b)), 3)}" for i, a in enumerate(x)]
                      for j, b in enumerate(y)],
        "hovertemplate": "%{hovertext}<extra></extra>", "colorscale": style.scale(dark), "xgap": 2, "ygap": 2,
        "colorbar": {
            "title": {"text": titles[2], "side": "top", "font": {"size": 12}}, "orientation": "h", "thickness": 10,
            "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "len": 1, "outlinewidth": 0, "nticks": 5,
        },
    }  # fmt: skip
    layout = style.layout(
        dark, height=AROUND + ROW * max(3, len(y)), margin={"l": 8, "r": 8, "t": 8, "b": 64},
        xaxis=_axis([name.replace(" (", "<br>(") for name in x], titles[0], 30), yaxis=_axis(list(y), titles[1], 6),
    )  # fmt: skip
    layout["legend"] = {**layout["legend"], "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
    places = {(a, b): (i, j) for i, a in enumerate(x) for j, b in enumerate(y)}
    kinds = [(name, [places[cell] for cell in cells]) for name, cells in marks.items()]
    layout["shapes"] = [frame for at in (kinds[0][1] if kinds else []) for frame in _frames(at, dark)]
    crosses = [places[cell] for cell, value in values.items() if not math.isfinite(value)]
    data = [heat, *(_frame_key(name, dark) for name, cells in kinds[:1] if cells)]
    data += [_stars(name, cells, dark) for name, cells in kinds[1:] if cells]
    data += [_crosses(no_value, crosses, says, dark)] if crosses else []
    return {"data": data, "layout": layout}


def _logarithms(x: Sequence[str], y: Sequence[str], values: Mapping[Cell, float]) -> list[list[float | None]]:
    """log10, rows from below; of 0 that of the least; None where there is no number."""
    least = min((value for value in values.values() if 0 < value < math.inf), default=1.0)
    return [
        [
            math.log10(value if value > 0 else least)
            if (value := values.get((a, b))) is not None and math.isfinite(value)
            else None
            for a in x
        ]
        for b in y
    ]


def _axis(names: list[str], title: str, standoff: int) -> dict[str, Any]:
    """Numbers under their names: names such as "10" would become numbers of their own, and marks stand between."""
    return {
        "tickvals": list(range(len(names))), "ticktext": names, "tickangle": 0, "showgrid": False,
        "range": [-0.5, len(names) - 0.5], "title": {"text": title, "standoff": standoff},
    }  # fmt: skip


def _frames(at: tuple[int, int], dark: bool) -> list[dict[str, Any]]:
    """A frame that is seen on dark squares and on light ones: a line on a wider one in the colour of the paper."""
    i, j = at
    box = {"x0": i - 0.45, "x1": i + 0.45, "y0": j - 0.42, "y1": j + 0.42}
    lines = ((style.layout(dark)["paper_bgcolor"], 6), (style.ink(dark), 2.5))
    return [
        {"type": "rect", **box, "line": {"color": color, "width": width}, "fillcolor": "rgba(0,0,0,0)"}
        for color, width in lines
    ]


def _frame_key(name: str, dark: bool) -> dict[str, Any]:
    marker = {"symbol": "square-open", "size": 13, "color": style.ink(dark), "line": {"width": 2.5}}
    return _points(name, [(None, None)], marker)


def _stars(name: str, cells: Sequence[tuple[int, int]], dark: bool) -> dict[str, Any]:
    """In the upper left corner, where no number stands."""
    line = {"color": style.layout(dark)["paper_bgcolor"], "width": 1}
    marker = {"symbol": "star", "size": 13, "color": style.colors(dark)[1], "line": line}
    return _points(name, [(i - 0.34, j + 0.26) for i, j in cells], marker)


def _crosses(
    name: str, cells: Sequence[tuple[int, int]], says: Sequence[Sequence[str]], dark: bool
) -> dict[str, Any]:
    marker = {"symbol": "x-thin", "size": 14, "line": {"color": style.colors(dark)[3], "width": 3}}
    found = _points(name, cells, marker)
    texts = [f"{says[j][i]}: {name}" for i, j in cells]
    return {**found, "hoverinfo": "text", "hovertext": texts}


def _points(name: str, places: Sequence[tuple[Any, Any]], marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "markers", "x": [x for x, _ in places], "y": [y for _, y in places], "name": name,
        "showlegend": True, "hoverinfo": "skip", "marker": marker,
    }  # fmt: skip


def _text(value: float | None, digits: int) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:.{digits}e}".replace("e-0", "e-").replace("e+0", "e+") if value > 0 else "0"
