"""A heat map over two axes of text, with frames around marked cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .. import style

MARKS = ("solid", "dot")  # the line of a frame, by its kind


def figure(
    x: Sequence[str],
    y: Sequence[str],
    values: Mapping[tuple[str, str], float],
    marks: Mapping[str, Sequence[tuple[str, str]]],
    titles: tuple[str, str, str],
    dark: bool,
) -> dict[str, Any]:
    """values by (x, y), coloured by their logarithm; NaN: measured, and not finite.

    marks   by what they mean, for the legend: the cells (x, y) that get a frame; at most two kinds.
    titles  of x, y, and of the scale.
    """
    z = [[math.log10(values[a, b]) if values.get((a, b), 0) > 0 else None for a in x] for b in y]
    said = [[_text(values.get((a, b))) for a in x] for b in y]
    heat = {
        "type": "heatmap", "x": list(x), "y": list(y), "z": z, "text": said, "texttemplate": "%{text}",
        "colorscale": style.scale(dark), "xgap": 2, "ygap": 2, "name": titles[2],
        "hovertemplate": f"{titles[0]} %{{x}}, {titles[1]} %{{y}}: %{{text}}<extra></extra>",
        "colorbar": {"title": {"text": titles[2], "side": "right"}, "thickness": 12},
    }  # fmt: skip
    # As categories: texts such as "10" would become numbers.
    layout = style.layout(
        dark, height=150 + 46 * max(3, len(y)),
        xaxis={"type": "category", "title": {"text": titles[0]}, "showgrid": False},
        yaxis={"type": "category", "title": {"text": titles[1]}, "showgrid": False},
    )  # fmt: skip
    layout["legend"] = {**layout["legend"], "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
    data: list[dict[str, Any]] = [heat]
    layout["shapes"] = []
    for kind, (name, cells) in enumerate(marks.items()):
        color = style.colors(dark)[1] if kind else style.ink(dark)
        line = {"color": color, "width": 3, "dash": MARKS[kind]}
        inset = 0.46 - 0.05 * kind
        for a, b in cells:
            i, j = list(x).index(a), list(y).index(b)
            ends = {"x0": i - inset, "x1": i + inset, "y0": j - inset, "y1": j + inset}
            layout["shapes"].append({"type": "rect", **ends, "line": line, "fillcolor": "rgba(0,0,0,0)"})
        data.append(
            {"type": "scatter", "x": [None], "y": [None], "mode": "lines", "line": line, "name": name,
             "showlegend": True, "hoverinfo": "skip"}
        )  # fmt: skip
    return {"data": data, "layout": layout}


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1e}".replace("e-0", "e-") if value > 0 else "none"
