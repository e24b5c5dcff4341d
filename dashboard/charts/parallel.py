"""Parallel coordinates over groups of cells: a line a group, from axis to axis, coloured by its noise floor or error.

Drawn as plain lines: plotly's own kind compiles shaders from text, which a strict content security policy forbids. A
box that is drawn over an axis chooses a range of it: assets/state.js reads `layout.meta.brush`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..data.metrics import GAP, Metric
from . import style

SHADES = 8
OUTSIDE = -1  # the shade of lines outside of the ranges, below the others
FLOOR = GAP.title  # the last axis, unless another metric is shown
WIDE = 120  # pixels that an axis needs for the names of its values


HALF = 0.07  # of the width of a range, in distances between axes


def figure(
    axes: Sequence[tuple[str, Sequence[str], Sequence[str]]],
    floors: Sequence[float],
    dark: bool,
    within: Sequence[bool] = (),
    ranges: Mapping[str, tuple[float, float]] | None = None,
    metric: Metric = GAP,
) -> dict[str, Any]:
    """axes: (title, value of each line as a text, all values in order); floors: of each line, that its axis has a place
    for; at least one.

    within   whether a line lies in all ranges; the others are grey.
    ranges   by the title of the axis: the places of the first and the last value within, or two floors.
    metric   what the floors are of.
    """
    within, ranges = within or [True] * len(floors), ranges or {}
    logs = [metric.place(floor) for floor in floors]
    low, high = min(logs), max(logs)

    def told(place: float) -> str:
        return f"{10**place:.0e}" if metric.log else metric.text(place)

    span = (high - low) or 1.0
    heights = [[_height(order.index(value), len(order)) for value in values] for _, values, order in axes]
    heights.append([(log - low) / span for log in logs])
    parts: dict[int, list[int]] = {}
    for i, log in enumerate(logs):
        shade = min(SHADES - 1, int((log - low) / span * SHADES)) if within[i] else OUTSIDE
        parts.setdefault(shade, []).append(i)
    shades = [*style.ordered(SHADES, dark), style.soft(dark)]
    traces = []
    for shade, lines in sorted(parts.items()):
        x: list[float | None] = []
        y: list[float | None] = []
        for i in lines:
            # Lines that share a value are told apart by a hair's breadth.
            shift = ((i * 37) % 23 - 11) / 600
            x += [*range(len(heights)), None]
            y += [*(column[i] + (shift if j < len(axes) else 0.0) for j, column in enumerate(heights)), None]
        ends = [told(low + span * (shade + end) / SHADES) for end in (0, 1)]
        outside = shade == OUTSIDE
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": x, "y": y, "hoverinfo": "skip",
                "opacity": 0.2 if outside else 0.75,
                "line": {"color": shades[shade], "width": 1.1},
                "name": "outside" if outside else f"{ends[0]} … {ends[1]}",
            }
        )  # fmt: skip
    titles = [*(title for title, _, _ in axes), metric.title]
    brush = [{"axis": title, "values": list(order)} for title, _, order in axes]
    scale = {"axis": metric.title, "low": low, "span": span, **({} if metric.log else {"linear": True})}
    meta = {"least_width": WIDE * len(titles), "brush": [*brush, scale]}
    layout = style.layout(
        dark, height=430, meta=meta, dragmode="select", selectdirection="any",
        selectionrevision=str(ranges), margin={"t": 40, "b": 40, "l": 8, "r": 8},
        xaxis={"tickvals": list(range(len(titles))), "ticktext": titles, "side": "top", "showgrid": True, "ticks": "",
               "range": [-0.15, len(titles) - 0.4], "tickangle": 0},
        yaxis={"visible": False, "range": [-0.06, 1.06]},
    )  # fmt: skip
    marks = [
        (j, _height(i, len(order)), value)
        for j, (_, _, order) in enumerate(axes)
        for i, value in enumerate(order)
    ]
    marks += [(len(axes), (log - low) / span, told(log)) for log in {low, high}]
    layout["shapes"] = []
    for title, (first, last) in ranges.items():
        j = titles.index(title)
        if title == metric.title:
            bottom, top = ((metric.place(end) - low) / span for end in (first, last))
        else:
            bottom, top = (_height(int(place), len(axes[j][2])) for place in (first, last))
        layout["shapes"].append(_range(j, max(bottom, 0.0), min(top, 1.0), dark))
    layout["annotations"] = [
        {"x": x, "y": y, "text": text, "showarrow": False, "xanchor": "left", "xshift": 5,
         "font": {"size": 11}, "bgcolor": layout["paper_bgcolor"], "opacity": 0.9}
        for x, y, text in marks
    ]  # fmt: skip
    return {"data": traces, "layout": layout}


def _range(j: int, bottom: float, top: float, dark: bool) -> dict[str, Any]:
    """A range on the axis at `j`."""
    color = style.colors(dark)[1]
    return {
        "type": "rect", "x0": j - HALF, "x1": j + HALF, "y0": bottom - 0.02, "y1": top + 0.02, "layer": "above",
        "line": {"color": color, "width": 2}, "fillcolor": style.transparent(color, 0.15),
    }  # fmt: skip


def _height(place: int, count: int) -> float:
    return place / (count - 1) if count > 1 else 0.5
