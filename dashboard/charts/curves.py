"""Curves over an axis in small multiples: the figure that most pages are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import hovers, style, ticks
from .grid import arranged, fitting_columns

OF_ZERO = "of 0: not drawn on a logarithmic axis"
AT_FOOT = "of 0: at the foot of the logarithmic axis"
ZERO, LONE = (
    "triangle-down-open",
    "line-ew-open",
)  # the markers of points of 0, and of a line of one point alone
ALIKE = 0.02  # lines that differ by less everywhere, relatively, hide each other
CLOSE = 0.1  # of the height of a panel: texts that are less apart touch
FLOAT32 = np.finfo(np.float32)


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
    end          a text at the end of the line; of lines of one panel with the same text the uppermost has it.
    place        of its texts, in plotly's words.        silent   without a hover.
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
    end: str = ""
    place: str = "top right"
    silent: bool = False


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
    y_share          y is a share, and in per cent.
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
    y_share: bool = False


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
    equals: bool = True,
) -> dict[str, Any]:
    """A plotly figure as a plain dict: one panel a facet, in a grid of at most three columns.

    shapes    in every panel: in y at its numbers and across it, unless their `xref` and `yref` say otherwise.
    keys      the legend, in place of the names of the curves.     columns   of the grid; 0: as fits.
    own_y     each panel has its own y scale, else all share one.   corners   a small text for a facet's corner.
    height    in pixels; 0: as the grid needs.      titles    also where there is one panel alone.
    equals    says which lines hide each other, unless the caller does.
    """
    facets = list(dict.fromkeys(curve.facet for curve in curves))
    lines = _lines(curves, axes)
    layout = style.layout(dark, meta={"panels": len(facets)}, **hovers.layout(lines))
    apart = not 0 < lines <= hovers.MOST or _apart(curves)
    base = {name: layout.pop(name) for name in ("xaxis", "yaxis")}
    data: list[dict[str, Any]] = [_key(key) for key in keys]
    named: set[str] = set()
    said: list[dict[str, Any]] = []
    placed: list[dict[str, Any]] = []
    everything = [_span(curves, axes.x_log, "x"), _span(curves, axes.y_log, "y", "low", "high")]
    for i, facet in enumerate(facets):
        number = "" if i == 0 else str(i + 1)
        here = [curve for curve in curves if curve.facet == facet]
        spans = [everything[0], _span(here, axes.y_log, "y", "low", "high") if own_y else everything[1]]
        for curve in _ended(here, axes.y_log):
            legend = curve.legend and not keys and curve.name not in named
            data += _traces(curve, axes, number, legend, spans[1], apart)
            named.add(curve.name)
        x, y = _axes(base, axes, number, own_y, spans)
        if (
            axes.y_share
            and not axes.y_log
            and "range" not in y
            and (one := _only(here if own_y else curves)) is not None
        ):
            y["range"] = [0.0, 2.0 * one or 1.0]  # plotly's own would reach below 0
        layout[f"xaxis{number}"], layout[f"yaxis{number}"] = x, y
        if facet and (len(facets) > 1 or titles):
            said.append(_note(f"<b>{facet}</b>", number, 1.0))
        corner = "<br>".join(filter(None, [(corners or {}).get(facet, ""), equal(here) if equals else ""]))
        if corner:
            said.append(_note(corner, number, 0.0, size=11))
        placed += [_placed(shape, number) for shape in shapes]
    lost = sum(np.count_nonzero(np.isinf(np.asarray(curve.y, float))) for curve in curves)
    if lost:
        said.append(remark(f"{lost} point{'' if lost == 1 else 's'} infinite: not drawn."))
    layout |= {name: found for name, found in (("annotations", said), ("shapes", placed)) if found}
    layout["showlegend"] = len(keys or named) > 1
    return arranged(
        {"data": data, "layout": layout}, columns or fitting_columns(len(facets)), axes.x, axes.y, height
    )


def _lines(curves: Sequence[Curve], axes: Axes) -> int:
    """The lines of the fullest panel, which one box reads; 0 where points stand alone, or x has texts for numbers."""
    told = [curve for curve in curves if not curve.silent]
    if axes.point or "ticktext" in axes.x_more or any(not one.lines and len(one.x) > 1 for one in told):
        return 0
    return max(Counter(curve.facet for curve in told).values(), default=0)


def _apart(curves: Sequence[Curve]) -> bool:
    """Whether measured lines have points where the longest has none: one box then reads them beside its x."""
    places = [{*map(float, curve.x)} for curve in curves if curve.lines and not curve.end]
    longest = max(places, key=len, default=set())
    return any(one - longest for one in places)


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


def remark(text: str) -> dict[str, Any]:
    """A line above the panels, at the right end."""
    return {
        "text": text, "showarrow": False, "xref": "paper", "yref": "paper", "x": 1, "y": 1, "xanchor": "right",
        "yanchor": "bottom", "font": {"size": 11},
    }  # fmt: skip


@dataclass(frozen=True)
class Span:
    """What an axis has to show: its least and largest number above 0, and where points of 0 stand, if there are any."""

    low: float = 1.0
    high: float = 1.0
    foot: float | None = None


def _span(curves: Sequence[Curve], log: bool, *names: str) -> Span | None:
    """The span of some coordinates of curves; None of an axis that is not logarithmic."""
    if not log:
        return None
    parts = [getattr(curve, name) for curve in curves for name in names]
    values = np.concatenate([np.zeros(0), *(np.asarray(part, float) for part in parts if part is not None)])
    above = values[np.isfinite(values) & (values > 0)]
    low, high = (float(above.min()), float(above.max())) if len(above) else (1.0, 1.0)
    zero = names[0] == "y" and any(np.any(np.asarray(curve.y, float) == 0) for curve in curves)
    return Span(low, high, ticks.foot(low, high) if zero else None)


def _only(curves: Sequence[Curve]) -> float | None:
    """The height of all points, where there is one."""
    parts = [part for curve in curves for part in (curve.y, curve.low, curve.high) if part is not None]
    heights = np.concatenate([np.zeros(0), *(np.asarray(part, float) for part in parts)])
    heights = np.unique(heights[np.isfinite(heights)])
    return float(heights[0]) if len(heights) == 1 else None


def _axes(
    base: Mapping[str, Any], axes: Axes, number: str, own_y: bool, spans: Sequence[Span | None]
) -> tuple[dict[str, Any], dict[str, Any]]:
    x, y = {**base["xaxis"], "anchor": f"y{number}"}, {**base["yaxis"], "anchor": f"x{number}"}
    for axis, span, more in ((x, spans[0], axes.x_more), (y, spans[1], axes.y_more)):
        axis["type"] = "log" if span else "linear"
        ends = more.get("range") or [None]
        if span and None not in ends:
            axis |= ticks.ranged(ends)
        elif span:
            axis |= ticks.logarithmic(span.low, span.high, span.foot)
    x["unifiedhovertitle"] = {"text": hovers.heading(axes.x, axes.x_unit)}
    if axes.x_values:
        x["tickvals"] = list(axes.x_values)
        x["ticktext"] = [f"{value:g}" for value in axes.x_values]
    if number:
        x["matches"] = "x"
        if not own_y:
            y["matches"] = "y"
    if axes.y_share:
        y["tickformat"] = style.PER_CENT
    return {**x, **axes.x_more}, {**y, **axes.y_more}


def _ended(curves: Sequence[Curve], log: bool) -> list[Curve]:
    """The curves of a panel, with the text of `end` on the uppermost of those that have the same.

    It is above the right end of its line, above the left one of a line that falls, and below where another is close.
    """
    right = max((float(np.max(curve.x)) for curve in curves if len(curve.x)), default=0.0)
    tops: dict[str, int] = {}
    for i, curve in enumerate(curves):
        if curve.end and len(curve.y):
            first = tops.setdefault(curve.end, i)
            tops[curve.end] = i if curve.y[-1] > curves[first].y[-1] else first
    found = list(curves)
    taken: list[tuple[bool, float]] = []
    span = _span(curves, log, "y")
    near = (span.high / span.low) ** CLOSE if span else 1.0
    for i in sorted(tops.values(), key=lambda i: -curves[i].y[-1]):
        curve = curves[i]
        falls = len(curve.y) > 1 and curve.y[-1] < curve.y[0]
        y = float(curve.y[0] if falls else curve.y[-1])
        close = any(left == falls and y * near >= other for left, other in taken)
        taken.append((falls, y))
        side = "right" if falls or curve.x[-1] < right else "left"
        rest = [""] * (len(curve.y) - 1)
        texts = [curve.end, *rest] if falls else [*rest, curve.end]
        found[i] = replace(curve, labels=texts, place=f"{'bottom' if close else 'top'} {side}")
    return found


def equal(curves: Sequence[Curve]) -> str:
    """Which measured lines of a panel hide each other: `equal within 2 %: float = log`; "" where all can be seen."""
    lines = [curve for curve in curves if not curve.end and curve.lines and len(curve.y) > 1]
    found: dict[str, int] = {}
    for i, a in enumerate(lines):
        for b in lines[i + 1 :]:
            if a.name != b.name and _same(a.x, b.x) and _same(a.y, b.y):
                one, other = a.name.split(", "), b.name.split(", ")
                parts = [
                    ", ".join(part for part in x if part not in y) for x, y in ((one, other), (other, one))
                ]
                found[" = ".join(parts)] = found.get(" = ".join(parts), 0) + 1
                break
    told = [f"{names} ({count} times)" if count > 1 else names for names, count in found.items()]
    return (
        f"equal within {ALIKE * 100:g} %: {'; '.join(told[:2])}" + (" and more" if len(told) > 2 else "")
        if told
        else ""
    )


def _same(a: Any, b: Any) -> bool:
    return len(a) == len(b) and bool(np.allclose(a, b, rtol=ALIKE, atol=0, equal_nan=True))


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


def _traces(
    curve: Curve, axes: Axes, number: str, legend: bool, span: Span | None, apart: bool
) -> list[dict[str, Any]]:
    """A line with its band and its points of 0; `apart`: the hover says at which x."""
    group = curve.group or curve.name
    x, place = _small(curve.x), {"xaxis": f"x{number}", "yaxis": f"y{number}", "legendgroup": group}
    banded = curve.low is not None and curve.high is not None
    mode = "+".join(
        name for name, on in (("lines", curve.lines), ("markers", curve.marker), ("text", curve.labels)) if on
    )
    values = np.asarray(curve.y, float)
    flat = (values == 0) if span else np.zeros(len(values), bool)
    line: dict[str, Any] = {
        "type": "scatter", "x": x, "y": _small(np.where(flat, np.nan, values)), "name": curve.name,
        "showlegend": legend, "mode": mode, **_drawn(curve), **place,
    }  # fmt: skip
    if curve.shades is not None:
        line["marker"] |= {"color": _small(curve.shades), "coloraxis": "coloraxis"}
    if curve.labels:
        line |= {
            "text": list(curve.labels),
            "textposition": curve.place,
            "cliponaxis": False,
            "textfont": {"color": curve.color},
        }
    if banded and curve.whiskers:
        low, y, high = (np.where(np.isfinite(one), one, np.nan) for one in
                        (np.asarray(curve.low, float), values, np.asarray(curve.high, float)))  # fmt: skip
        line["error_y"] = {
            "array": _small(high - y), "arrayminus": _small(y - low), "thickness": 1, "width": 3, "color": curve.color,
        }  # fmt: skip
    where = " ".join(filter(None, [f"%{{x:{hovers.DIGITS}}}", axes.x_unit])) if apart else ""
    height = f"%{{y:{hovers.SHARE if axes.y_share else hovers.DIGITS}}}"
    said = hovers.point(axes.point or height, "" if axes.point else where, curve.hover)
    line |= {"hoverinfo": "skip"} if curve.silent else said
    zero = {"hoverinfo": "skip"} if curve.silent else hovers.point("0", where, ())
    band = [_band(curve, place, span)] if banded and not curve.whiskers else []
    return [*band, line, *_foot(curve, x[flat], span, {**place, **zero})]


def _foot(curve: Curve, x: Any, span: Span | None, more: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The points of 0 of a line, which a logarithmic axis has no place for: at its foot, by a marker of their own."""
    if span is None or span.foot is None or not len(x):
        return []
    return [{
        "type": "scatter", "mode": "markers", "x": x, "y": _small([span.foot] * len(x)),
        "name": curve.name, "showlegend": False, "marker": {"symbol": ZERO, "size": curve.size, "color": curve.color},
        **more,
    }]  # fmt: skip


def _band(curve: Curve, place: Mapping[str, Any], span: Span | None) -> dict[str, Any]:
    """The band as one outline, there along the upper edge and back along the lower one."""
    x, low, high = (np.asarray(values, float) for values in (curve.x, curve.low, curve.high))
    there = (low > 0) & (high > 0) if span else np.isfinite(low) & np.isfinite(high)
    return {
        "type": "scatter", "mode": "none", "hoverinfo": "skip", "showlegend": False, **place,
        "x": _small(np.r_[x[there], x[there][::-1]]), "y": _small(np.r_[high[there], low[there][::-1]]),
        "fill": "toself", "fillcolor": style.transparent(curve.color, 0.18),
    }  # fmt: skip


def _small(values: Any) -> Any:
    """Numbers as the browser needs them: float32 is more than a screen shows, where they lie in its range."""
    found = np.asarray(values, float)
    found = np.where(np.isinf(found), np.nan, found)
    size = np.abs(found[found != 0])
    narrow = not np.any((size > FLOAT32.max) | (size < FLOAT32.tiny))
    return found.astype(np.float32) if narrow else found
