"""Curves over an axis in small multiples: the figure that most pages are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import style
from .grid import arranged, fitting_columns

LABELS = 6  # of a logarithmic axis, at most
OF_ZERO = "of 0: not drawn on a logarithmic axis"
POWERS = {"size": style.SIZE / 1.25}  # plotly draws powers of ten that much larger than it is told


@dataclass(frozen=True)
class Curve:
    """One line.

    x, y         the points.                      low, high   a band around it, None: none.
    facet, name  the small multiple it is in, and what the legend and the hover call it.
    color, dash, marker, width    how it is drawn.
    hover        a text for each point, behind its coordinates.
    legend       False: without an entry of its own, for lines that a `Key` explains.
    group        lines that hide and show together, with the key of that name; "": those of the same name.
    whiskers     the band as bars at the points.   labels   a text beside each point.
    lines        False: points alone.              size     of the markers, in pixels.
    shades       a number for each point, its place on the figure's continuous scale (`layout.coloraxis`).
    """

    x: Any  # a sequence or array of numbers, as y, low and high
    y: Any
    facet: str
    name: str
    color: str
    dash: str = "solid"
    marker: str | None = None
    low: Any = None
    high: Any = None
    hover: Sequence[str] = ()
    width: float = 2.0
    legend: bool = True
    group: str = ""
    whiskers: bool = False
    labels: Sequence[str] = ()
    lines: bool = True
    size: int = 8
    shades: Any = None


@dataclass(frozen=True)
class Key:
    """An entry of the legend that explains a colour, a dash or a marker of many curves."""

    name: str
    color: str
    dash: str = "solid"
    marker: str | None = None
    width: float = 2.0
    size: int = 8


@dataclass(frozen=True)
class Axes:
    """Titles and scales of the figure's axes.

    x_values         the only ticks of the x axis.      x_unit   in the hover.
    x_more, y_more   of plotly, for the axes of every panel.
    point            what the hover says of a point, in plotly's words; "": its coordinates.
    """

    x: str
    y: str
    x_log: bool = False
    y_log: bool = True
    x_values: Sequence[float] = ()
    x_unit: str = ""
    x_more: Mapping[str, Any] = field(default_factory=dict)
    y_more: Mapping[str, Any] = field(default_factory=dict)
    point: str = ""


def figure(
    curves: Sequence[Curve],
    axes: Axes,
    dark: bool,
    shapes: Sequence[Mapping[str, Any]] = (),
    height: int = 0,
    *,
    keys: Sequence[Key] = (),
    columns: int = 0,
    own_y: bool = False,
    corners: Mapping[str, str] | None = None,
    titles: bool = False,
) -> dict[str, Any]:
    """A plotly figure as a plain dict: one panel a facet, in a grid of at most three columns.

    shapes    in every panel: in y at its numbers and across it, unless their `xref` and `yref` say otherwise.
    keys      the legend, in place of the names of the curves.     columns   of the grid; 0: as fits.
    own_y     each panel has its own y scale, else all share one.   corners   a small text for a facet's corner.
    height    in pixels; 0: as the grid needs.      titles    also where there is one panel alone.
    """
    facets = list(dict.fromkeys(curve.facet for curve in curves))
    layout = style.layout(dark, meta={"panels": len(facets)})
    base = {name: layout.pop(name) for name in ("xaxis", "yaxis")}
    data: list[dict[str, Any]] = [_key(key) for key in keys]
    named: set[str] = set()
    said: list[dict[str, Any]] = []
    placed: list[dict[str, Any]] = []
    everything = _decades(curves)
    for i, facet in enumerate(facets):
        number = "" if i == 0 else str(i + 1)
        here = [curve for curve in curves if curve.facet == facet]
        for curve in here:
            data += _traces(curve, axes, number, curve.legend and not keys and curve.name not in named)
            named.add(curve.name)
        x, y = _axes(base, axes, number, own_y, _decades(here) if own_y else everything)
        layout[f"xaxis{number}"], layout[f"yaxis{number}"] = x, y
        if facet and (len(facets) > 1 or titles):
            said.append(_note(f"<b>{facet}</b>", number, 1.0))
        if corners and corners.get(facet):
            said.append(_note(corners[facet], number, 0.0, size=11))
        placed += [_placed(shape, number) for shape in shapes]
    zeros = sum(_zeros(curve, axes) for curve in curves)
    if zeros:
        said.append(_remark(f"{zeros} point{'' if zeros == 1 else 's'} {OF_ZERO}."))
    layout |= {name: found for name, found in (("annotations", said), ("shapes", placed)) if found}
    layout["showlegend"] = len(keys or named) > 1
    return arranged(
        {"data": data, "layout": layout}, columns or fitting_columns(len(facets)), axes.x, axes.y, height
    )


def _placed(shape: Mapping[str, Any], number: str) -> dict[str, Any]:
    """A shape in the panel of this number."""
    x, y = shape.get("xref", "x domain"), shape.get("yref", "y")
    return {**shape, "xref": f"x{number}{x[1:]}", "yref": f"y{number}{y[1:]}"}


def spaced(values: Iterable[Any], decades: float = 0.06) -> list[float]:
    """Different positive numbers as ticks of a logarithmic axis: none that would touch the one before it."""
    found: list[float] = []
    for value in sorted({float(value) for value in values}):
        if not found or math.log10(value / found[-1]) >= decades:
            found.append(value)
    return found


def _zeros(curve: Curve, axes: Axes) -> int:
    """Points that a logarithmic y axis leaves out, as 0 or since float32 makes them 0."""
    return int(np.count_nonzero(_small(curve.y) == 0)) if axes.y_log else 0


def _remark(text: str) -> dict[str, Any]:
    return {
        "text": text, "showarrow": False, "xref": "paper", "yref": "paper", "x": 1, "y": 1, "xanchor": "right",
        "yanchor": "bottom", "font": {"size": 11},
    }  # fmt: skip


def _axes(
    base: Mapping[str, Any], axes: Axes, number: str, own_y: bool, decades: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    x, y = {**base["xaxis"], "anchor": f"y{number}"}, {**base["yaxis"], "anchor": f"x{number}"}
    x["type"], y["type"] = ("log" if axes.x_log else "linear"), ("log" if axes.y_log else "linear")
    if axes.x_values:
        x["tickvals"] = list(axes.x_values)
        x["ticktext"] = [f"{value:g}" for value in axes.x_values]
    elif axes.x_log:
        x |= {"dtick": 1, "tickfont": POWERS}
    if axes.y_log and decades > 1.5:
        y |= {"dtick": math.ceil(decades / LABELS), "tickfont": POWERS}
    if number:
        x["matches"] = "x"
        if not own_y:
            y["matches"] = "y"
    return {**x, **axes.x_more}, {**y, **axes.y_more}


def _decades(curves: Sequence[Curve]) -> float:
    """How many powers of ten the curves span."""
    parts = [np.asarray(curve.y, float) for curve in curves]
    values = np.concatenate(parts) if parts else np.zeros(0)
    values = values[np.isfinite(values) & (values > 0)]
    return float(np.log10(values.max() / values.min())) if len(values) else 0.0


def _note(text: str, number: str, y: float, size: int = 13) -> dict[str, Any]:
    return {
        "text": text, "showarrow": False, "xref": f"x{number} domain", "yref": f"y{number} domain", "x": 0, "y": y,
        "xanchor": "left", "yanchor": "bottom", "align": "left", "font": {"size": size},
    }  # fmt: skip


def _drawn(one: Curve | Key) -> dict[str, Any]:
    found: dict[str, Any] = {"line": {"color": one.color, "dash": one.dash, "width": one.width}}
    if one.marker:
        found["marker"] = {"symbol": one.marker, "size": one.size, "color": one.color}
    return found


def _key(key: Key) -> dict[str, Any]:
    """An invisible point whose legend entry shows the line; hiding it hides the curves of its group."""
    return {
        "type": "scatter", "x": [None], "y": [None], "name": key.name, "legendgroup": key.name, "showlegend": True,
        "mode": "lines+markers" if key.marker else "lines", "hoverinfo": "skip", **_drawn(key),
    }  # fmt: skip


def _traces(curve: Curve, axes: Axes, number: str, legend: bool) -> list[dict[str, Any]]:
    group = curve.group or curve.name
    x, place = _small(curve.x), {"xaxis": f"x{number}", "yaxis": f"y{number}", "legendgroup": group}
    banded = curve.low is not None and curve.high is not None
    mode = "+".join(
        name for name, on in (("lines", curve.lines), ("markers", curve.marker), ("text", curve.labels)) if on
    )
    line: dict[str, Any] = {
        "type": "scatter", "x": x, "y": _small(curve.y), "name": curve.name, "showlegend": legend, "mode": mode,
        **_drawn(curve), **place,
    }  # fmt: skip
    if curve.shades is not None:
        line["marker"] |= {"color": _small(curve.shades), "coloraxis": "coloraxis"}
    if curve.labels:
        line |= {"text": list(curve.labels), "textposition": "top right", "textfont": {"color": curve.color}}
    if banded and curve.whiskers:
        y = np.asarray(curve.y, float)
        line["error_y"] = {
            "array": _small(np.asarray(curve.high, float) - y), "arrayminus": _small(y - np.asarray(curve.low, float)),
            "thickness": 1, "width": 3, "color": curve.color,
        }  # fmt: skip
    line["hovertemplate"] = axes.point or "%{y:.3g} at %{x:.4g}" + (f" {axes.x_unit}" if axes.x_unit else "")
    if len(set(curve.hover)) == 1:  # said once: with each point it would be most of what the browser is sent
        line["hovertemplate"] += f"<br>{curve.hover[0]}"
    elif len(curve.hover):
        line["customdata"] = list(curve.hover)
        line["hovertemplate"] += "<br>%{customdata}"
    return [_band(curve, place), line] if banded and not curve.whiskers else [line]


def _band(curve: Curve, place: Mapping[str, Any]) -> dict[str, Any]:
    """The band as one outline, there along the upper edge and back along the lower one."""
    x, low, high = (np.asarray(values, float) for values in (curve.x, curve.low, curve.high))
    there = (low > 0) & (high > 0)
    return {
        "type": "scatter", "mode": "none", "hoverinfo": "skip", "showlegend": False, **place,
        "x": _small(np.r_[x[there], x[there][::-1]]), "y": _small(np.r_[high[there], low[there][::-1]]),
        "fill": "toself", "fillcolor": style.transparent(curve.color, 0.18),
    }  # fmt: skip


def _small(values: Any) -> Any:
    """Numbers as the browser needs them: float32 is more than a screen shows. What is beyond it becomes infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32)
