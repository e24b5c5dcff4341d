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
    measured = [
        name for name in names if any(line["name"] == name and line["role"] == "measured" for line in lines)
    ]
    curves = [_curve(line, names, measured, dark) for line in lines]
    values = sorted({x for line in lines for x in line["x"] if x is not None})
    few = values if len(values) <= MOST_VALUES else []
    axes = Axes(plot["x"], plot["y"], plot["x_log"], plot["y_log"], few)
    return figure(curves, axes, dark, own_y=plot["own_y"])


def _curve(line: Mapping[str, Any], names: list[str], measured: list[str], dark: bool) -> Curve:
    palette = style.colors(dark)
    theory = line["role"] != "measured"
    color = palette[names.index(line["name"]) % len(palette)]
    marker = style.MARKERS[names.index(line["name"]) % len(style.MARKERS)] if line["points"] else None
    dash = style.DASHES[1 + names.index(line["name"]) % (len(style.DASHES) - 1)] if theory else "solid"
    if not theory and not line["points"]:
        dash = style.DASHES[measured.index(line["name"]) % len(style.DASHES)]
    return Curve(
        line["x"], line["y"], line["panel"], line["name"], color, dash, marker, line["low"], line["high"],
        whiskers=line["points"],
    )  # fmt: skip
