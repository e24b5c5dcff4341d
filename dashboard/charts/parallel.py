"""Parallel coordinates over groups of cells: a line a group, from axis to axis, coloured by its noise floor.

Drawn as plain lines: plotly's own kind compiles shaders from text, which a strict content security policy forbids.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import style

SHADES = 8
WIDE = 120  # pixels that an axis needs for the names of its values


def figure(
    axes: Sequence[tuple[str, Sequence[str], Sequence[str]]], floors: Sequence[float], dark: bool
) -> dict[str, Any]:
    """axes: (title, value of each line as a text, all values in order); floors: of each line, > 0; at least one."""
    logs = [math.log10(floor) for floor in floors]
    low, high = min(logs), max(logs)
    span = (high - low) or 1.0
    heights = [[_height(order.index(value), len(order)) for value in values] for _, values, order in axes]
    heights.append([(log - low) / span for log in logs])
    parts: dict[int, list[int]] = {}
    for i, log in enumerate(logs):
        parts.setdefault(min(SHADES - 1, int((log - low) / span * SHADES)), []).append(i)
    shades = style.ordered(SHADES, dark)
    traces = []
    for shade, lines in sorted(parts.items()):
        x: list[float | None] = []
        y: list[float | None] = []
        for i in lines:
            # Lines that share a value are told apart by a hair's breadth.
            shift = ((i * 37) % 23 - 11) / 600
            x += [*range(len(heights)), None]
            y += [*(column[i] + (shift if j < len(axes) else 0.0) for j, column in enumerate(heights)), None]
        ends = [10 ** (low + span * (shade + end) / SHADES) for end in (0, 1)]
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip", "opacity": 0.75,
                "line": {"color": shades[shade], "width": 1.1}, "name": f"{ends[0]:.0e} … {ends[1]:.0e}",
            }
        )  # fmt: skip
    titles = [*(title for title, _, _ in axes), "noise floor"]
    layout = style.layout(
        dark, height=430, meta={"least_width": WIDE * len(titles)}, margin={"t": 40, "b": 40, "l": 8, "r": 8},
        xaxis={"tickvals": list(range(len(titles))), "ticktext": titles, "side": "top", "showgrid": True, "ticks": "",
               "range": [-0.15, len(titles) - 0.4], "tickangle": 0},
        yaxis={"visible": False, "range": [-0.06, 1.06]},
    )  # fmt: skip
    marks = [
        (j, _height(i, len(order)), value)
        for j, (_, _, order) in enumerate(axes)
        for i, value in enumerate(order)
    ]
    marks += [(len(axes), (log - low) / span, f"{10**log:.0e}") for log in {low, high}]
    layout["annotations"] = [
        {"x": x, "y": y, "text": text, "showarrow": False, "xanchor": "left", "xshift": 5,
         "font": {"size": 11}, "bgcolor": layout["paper_bgcolor"], "opacity": 0.9}
        for x, y, text in marks
    ]  # fmt: skip
    return {"data": traces, "layout": layout}


def _height(place: int, count: int) -> float:
    return place / (count - 1) if count > 1 else 0.5
