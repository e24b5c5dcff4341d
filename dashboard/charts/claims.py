"""The figure of a claim: what was measured, with its spread over the replicates, beside what theory says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import style
from .curves import Axes, Curve, figure

MOST_VALUES = 8  # of an axis, that each have a tick


def claim_figure(plot: Mapping[str, Any], dark: bool = False) -> dict[str, Any]:
    """A plotly figure as a plain dict, from the `plot` of a claim.json."""
    lines = plot["lines"]
    names = list(dict.fromkeys(line["name"] for line in lines))
    measured = list(dict.fromkeys(line["name"] for line in lines if line["role"] == "measured"))
    curves = [_curve(line, names, measured, dark) for line in lines]
    values = sorted({x for line in lines for x in line["x"] if x is not None})
    few = values if len(values) <= MOST_VALUES else []
    axes = Axes(plot["x"], plot["y"], plot["x_log"], plot["y_log"], few)
    return figure(curves, axes, dark, own_y=plot["own_y"])


def _curve(line: Mapping[str, Any], names: list[str], measured: list[str], dark: bool) -> Curve:
    place, theory = names.index(line["name"]), line["role"] != "measured"
    palette = style.colors(dark)
    marker = style.MARKERS[place % len(style.MARKERS)] if line["points"] else None
    dash = style.LIMITS[place // len(palette) % len(style.LIMITS)] if theory else "solid"
    if not theory and not line["points"]:
        dash = style.DASHES[measured.index(line["name"]) % len(style.DASHES)]
    return Curve(
        line["x"], line["y"], line["panel"], line["name"], palette[place % len(palette)], dash, marker, line["low"],
        line["high"], whiskers=line["points"],
    )  # fmt: skip
