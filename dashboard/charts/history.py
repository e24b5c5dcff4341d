"""Checks over time: configurations by verdict in each run, and their results with the steps that were found in them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from lpbench.analysis.verdicts import VERDICTS

from ..data.past import Run, Series, called
from . import style
from .curves import Axes, Curve, Key, figure
from .grid import arranged

MEASURED, FITTED = "{}, 10-90 % over the seeds", "level between steps"
# The colour of a verdict by its place in the palette, and the pattern where two share one.
LOOK = {
    "bound broken": (7, ""), "failed": (1, "x"), "worse": (1, ""), "missing": (3, ""), "definition changed": (6, ""),
    "undecided": (4, ""), "untested": (4, "/"), "new": (5, ""), "better": (2, ""), "same": (0, ""),
}  # fmt: skip
BAR_TICKS, PANEL_TICKS = 20, 6
SECOND_LINE = 18  # pixels, of a title
ENTRY = 100  # pixels, of a name in the legend: a phone holds two beside each other
LEAST = 0.3  # decades of the y axis: a factor of two


def bars(runs: Sequence[Run], dark: bool, without: Sequence[str] = ()) -> dict[str, Any]:
    """Stacked bars, one a run, the worst verdict at the bottom, some left out; at least one run."""
    there = {verdict for run in runs for verdict in run.counts if verdict not in without}
    names = [verdict for verdict in VERDICTS if verdict in there]
    data = [_bar(verdict, runs, dark) for verdict in [*names, *sorted(there - {*names})]]
    layout = style.layout(
        dark, barmode="stack", bargap=0.15, showlegend=True, meta={"panels": 1}, hovermode="closest",
        legend={"traceorder": "normal", "entrywidth": ENTRY, "font": {"size": 11}},
        xaxis=_axis(runs, 0, BAR_TICKS), yaxis={"rangemode": "tozero"}, shapes=_releases(runs, 0, dark),
    )  # fmt: skip
    layout["annotations"] = [
        {"text": line["name"], "x": line["x0"], "y": 1, "xref": "x", "yref": "y domain",
         "xanchor": "left", "yanchor": "bottom", "showarrow": False, "font": {"size": 11}}
        for line in layout["shapes"]
    ]  # fmt: skip
    return arranged({"data": data, "layout": layout}, 1, "run (commit)", "configurations")


def _bar(verdict: str, runs: Sequence[Run], dark: bool) -> dict[str, Any]:
    place, pattern = LOOK.get(verdict, (None, ""))
    edge, color = style.PAPER[dark], style.colors(dark)[place or 0]
    if place is None:  # most are identical as a rule: what is not must stand out of them
        edge, color = style.soft(dark), style.transparent(style.soft(dark), 0.25)
    return {
        "type": "bar", "name": verdict, "x": list(range(len(runs))), "y": [run.counts.get(verdict, 0) for run in runs],
        "showlegend": True, "customdata": [_said(run) for run in runs],
        "hovertemplate": f"%{{y}} {verdict}<br>%{{customdata}}<extra></extra>",
        "marker": {
            "color": color, "line": {"color": edge, "width": 0.5},
            "pattern": {"shape": pattern, "fgcolor": style.PAPER[dark], "fillmode": "overlay", "solidity": 0.35},
        },
    }  # fmt: skip


def floors(series: Sequence[Series], runs: Sequence[Run], first: int, dark: bool) -> dict[str, Any]:
    """A panel a configuration: its result over that of its first run, and its level between two steps.

    runs   all of them; those from place `first` on are drawn.     series   at least one with a result from there on.
    """
    measured = MEASURED.format(called(series, lambda metric: metric.title))
    curves = [curve for one in series for curve in _curves(one, runs, first, measured, dark)]
    keys = [Key(measured, style.colors(dark)[0], marker="circle"), Key(FITTED, style.colors(dark)[1])]
    short = called(series, lambda metric: metric.short)
    axes = Axes(
        "run (commit)", f"{short} / first {short}", point="× %{y:.4g}<extra></extra>",
        x_more=_axis(runs[first:], first, PANEL_TICKS), y_more={"range": _range(curves)},
    )  # fmt: skip
    drawn = figure(curves, axes, dark, _releases(runs[first:], first, dark), keys=keys, titles=True)
    drawn["layout"]["height"] += SECOND_LINE
    drawn["layout"]["margin"]["t"] += SECOND_LINE
    return drawn


def _name(one: Series) -> str:
    """What a panel is called, in the two lines that a phone needs: method, format and precision, then the rest."""
    parts = one.label.split(", ")
    return "<br>".join(filter(None, [", ".join(parts[:3]), ", ".join(parts[3:])]))


def _range(curves: Sequence[Curve]) -> list[float]:
    """The logarithms that the y axes span, at least LEAST: left to plotly, equal floors would be seen from afar."""
    parts = [values for curve in curves for values in (curve.y, curve.low, curve.high) if values is not None]
    logs = np.log10(np.concatenate([np.asarray(part, float) for part in parts]))
    logs = logs[np.isfinite(logs)]
    low, high = float(logs.min()), float(logs.max())
    pad = max(0.06 * (high - low), (LEAST - (high - low)) / 2)
    return [low - pad, high + pad]


def _curves(one: Series, runs: Sequence[Run], first: int, measured: str, dark: bool) -> list[Curve]:
    blue, orange, *_ = style.colors(dark)
    shown = one.at >= first
    x, unit = one.at[shown], one.floor[0]
    y, low, high = (values[shown] / unit for values in (one.floor, one.low, one.high))
    hover = [
        f"{one.metric.short} {floor:.4g}, {one.verdicts[int(at)]}<br>{_said(runs[at])}"
        for at, floor in zip(x, one.floor[shown], strict=True)
    ]
    name = _name(one)
    floor = Curve(
        x, y, name, one.label, blue, "solid", "circle", low, high, hover, 1.4, group=measured, size=5
    )
    edges = [(one.at[start] - 0.5, one.at[end - 1] + 0.5, level) for start, end, level in one.levels]
    said = [f"level {level:.4g}" for _, _, level in edges for _ in range(2)]
    places = [x for start, end, _ in edges for x in (start, end)]
    levels = [level / unit for _, _, level in edges for _ in range(2)]
    fit = Curve(places, levels, name, f"{one.label}: level", orange, hover=said, width=2.4, group=FITTED)
    return [floor, fit]


def _said(run: Run) -> str:
    return (
        f"{run.short}, {run.checked_at[:16].replace('T', ' ')}, lpbench {run.version}, against {run.baseline}"
    )


def _axis(runs: Sequence[Run], first: int, most: int) -> dict[str, Any]:
    """Room for every run, and commits as ticks, at most `most`, the newest among them."""
    every = -(-len(runs) // most)
    places = range(len(runs) - 1, -1, -every)[::-1]
    return {
        "range": [first - 0.5, first + len(runs) - 0.5], "showgrid": False,
        "tickvals": [first + i for i in places], "ticktext": [runs[i].short for i in places],
        "tickfont": {"family": "ui-monospace, monospace", "size": 11},
    }  # fmt: skip


def _releases(runs: Sequence[Run], first: int, dark: bool) -> list[dict[str, Any]]:
    """A dotted line before each run of another version than the run before it, with that version as its name."""
    line = {"color": style.soft(dark), "dash": "dot", "width": 1.2}
    return [
        {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line, "xref": "x", "yref": "y domain",
         "name": run.version}
        for i, (before, run) in enumerate(itertools.pairwise(runs))
        for x in [first + i + 0.5]
        if run.version != before.version
    ]  # fmt: skip
