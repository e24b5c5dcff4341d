"""Horizontal bars of magnitudes in powers of two, each with a thick middle and a dot, before what a format holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import style
from .ticks import SIGNS

ROW, LEAST_ROWS = 26, 4  # pixels of a bar; rows that a figure has room for at least
FOOT, AROUND = (
    104,
    116,
)  # pixels below the bars, for ticks, title and a legend of two rows; and above them, too
MOST_TICKS = 9
HELD, WHOLE, MIDDLE, DOT = "what the format holds", "least to largest", "10 % to 90 %", "median"


def figure(
    names: Sequence[str],
    bars: Sequence[tuple[np.ndarray, np.ndarray]],
    dots: np.ndarray,
    held: tuple[float, float] | None,
    what: str,
    dark: bool,
) -> dict[str, Any]:
    """A plotly figure as a plain dict: the first of `names` on top.

    bars   the two ends of the whole bars, and of their thick middles, as logarithms to base 2; dots: their medians.
    held   the ends of what can be represented.      what   the numbers are.
    """
    places = list(range(len(names)))
    color = style.colors(dark)[0]
    thin = style.transparent(color, 0.75)
    data = []
    if held is not None:
        ends = [np.full(len(names), end) for end in held]
        data.append(_lines(HELD, ends, places, style.transparent(style.soft(dark), 0.28), 20))
    data.append(_lines(WHOLE, bars[0], places, thin, 2.0))
    data.append(_lines(MIDDLE, bars[1], places, color, 9.0))
    data.append(
        {
            "type": "scatter", "mode": "markers", "x": dots, "y": places, "name": DOT, "showlegend": True,
            "xaxis": "x", "yaxis": "y",
            "marker": {"symbol": "circle", "size": 8, "color": style.PAPER[dark], "line": {"color": color, "width": 2}},
            "customdata": [
                f"{name}: median {power(dot - 0.5)}, 10 % {power(low)}, 90 % {power(high - 1)}, "
                f"least {power(first)}, largest {power(last - 1)}"
                for name, dot, low, high, first, last in zip(names, dots, *bars[1], *bars[0], strict=True)
            ],
            "hovertemplate": "%{customdata}<extra></extra>",
        }
    )  # fmt: skip
    least = min([float(bars[0][0].min()), *(held or ())])
    most = max([float(bars[0][1].max()), *(held or ())])
    pad = max(1.0, 0.03 * (most - least))
    layout = style.layout(
        dark, hovermode="closest", showlegend=True, height=AROUND + ROW * max(len(names), LEAST_ROWS),
        margin={"l": 8, "r": 16, "t": 12, "b": FOOT},
        xaxis={
            "range": [least - pad, most + pad], "title": {"text": f"magnitude of the {what}"}, **_ticks(least, most),
        },
        yaxis={
            "tickvals": places, "ticktext": list(names), "showgrid": False,
            "range": [max(len(names), LEAST_ROWS) - 0.4, -0.6],
        },
    )  # fmt: skip
    return {"data": data, "layout": layout}


def power(exponent: float) -> str:
    """`2⁻⁸`."""
    return "2" + str(round(exponent)).translate(SIGNS)


def _lines(
    name: str, ends: Sequence[np.ndarray], places: Sequence[int], color: str, width: float
) -> dict[str, Any]:
    """A line from end to end in each row, as one trace."""
    gaps = np.full(len(places), math.nan)
    return {
        "type": "scatter", "mode": "lines", "name": name, "showlegend": True, "xaxis": "x", "yaxis": "y",
        "x": np.column_stack([*ends, gaps]).ravel(), "y": np.repeat(np.asarray(places, float), 3),
        "line": {"color": color, "width": width, "dash": "solid"}, "hoverinfo": "skip",
    }  # fmt: skip


def _ticks(low: float, high: float) -> dict[str, Any]:
    every = max(1, math.ceil((high - low) / MOST_TICKS))
    every = next(
        step for step in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024) if step >= every or step == 1024
    )
    places = range(math.floor(low / every) - 1, math.ceil(high / every) + 2)
    return {"tickvals": [at * every for at in places], "ticktext": [power(at * every) for at in places]}
