"""Checks over time: configurations by verdict in each run, and noise floors with the steps that were found in them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from lpbench.analysis.verdicts import VERDICTS

from ..data.past import Run, Series
from . import style
from .curves import Axes, Curve, Key, figure
from .grid import arranged

MEASURED, FITTED = "noise floor, 10-90 % over the seeds", "level between steps"
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
        legend={"yref": "container", "y": 0, "yanchor": "bottom", "traceorder": "normal", "entrywidth": ENTRY,
                "font": {"size": 11}},
        xaxis={**_ticks(runs, 0, BAR_TICKS), "range": [-0.5, len(runs) - 0.5], "showgrid": False},
        yaxis={"rangemode": "tozero"},
    )  # fmt: skip
    _mark_releases(layout, runs, 0, dark, named=True)
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
    """A panel a configuration: its floor over that of its first run, and its level between two steps.

    runs   all of them; those from place `first` on are drawn.     series   at least one with a floor from there on.
    """
    curves = [curve for one in series for curve in _curves(one, runs, first, dark)]
    keys = [Key(MEASURED, style.colors(dark)[0], marker="circle"), Key(FITTED, style.colors(dark)[1])]
    drawn = figure(curves, Axes("run (commit)", "floor / first floor"), dark, keys=keys)
    layout = drawn["layout"]
    layout["height"] += SECOND_LINE
    layout["margin"]["t"] += SECOND_LINE
    if len(series) == 1:  # which `figure` gives no title
        layout.setdefault("annotations", []).append(_title(_name(series[0])))
    for i in range(len(series)):
        axis = layout[f"xaxis{i + 1 if i else ''}"]
        axis |= {
            **_ticks(runs[first:], first, PANEL_TICKS),
            "range": [first - 0.5, len(runs) - 0.5],
            "showgrid": False,
        }
        _mark_releases(layout, runs[first:], first, dark, f"{i + 1 if i else ''}")
        layout[f"yaxis{i + 1 if i else ''}"]["range"] = _range(curves)
    for note in layout["annotations"]:
        note["align"] = "left"
    for trace in drawn["data"]:
        if "hovertemplate" in trace:
            trace["hovertemplate"] = "× %{y:.4g}<br>%{customdata}<extra></extra>"
            trace["marker"] = {**trace.get("marker", {}), "size": 5}
    return drawn


def _name(one: Series) -> str:
    """What a panel is called, in the two lines that a phone needs: method, format and precision, then the rest."""
    parts = one.label.split(", ")
    return "<br>".join(filter(None, [", ".join(parts[:3]), ", ".join(parts[3:])]))


def _title(name: str) -> dict[str, Any]:
    place = {"xref": "x domain", "yref": "y domain", "x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"}
    return {"text": f"<b>{name}</b>", "showarrow": False, "font": {"size": 13}, **place}


def _range(curves: Sequence[Curve]) -> list[float]:
    """The logarithms that the y axes span, at least LEAST: left to plotly, equal floors would be seen from afar."""
    parts = [values for curve in curves for values in (curve.y, curve.low, curve.high) if values is not None]
    logs = np.log10(np.concatenate([np.asarray(part, float) for part in parts]))
    logs = logs[np.isfinite(logs)]
    low, high = float(logs.min()), float(logs.max())
    pad = max(0.06 * (high - low), (LEAST - (high - low)) / 2)
    return [low - pad, high + pad]


def _curves(one: Series, runs: Sequence[Run], first: int, dark: bool) -> list[Curve]:
    blue, orange, *_ = style.colors(dark)
    shown = one.at >= first
    x, unit = one.at[shown], one.floor[0]
    y, low, high = (values[shown] / unit for values in (one.floor, one.low, one.high))
    hover = [
        f"floor {floor:.4g}, {one.verdicts[int(at)]}<br>{_said(runs[at])}"
        for at, floor in zip(x, one.floor[shown], strict=True)
    ]
    found = [
        Curve(
            x, y, _name(one), one.label, blue, "solid", "circle", low, high, hover, 1.4, group=MEASURED,
        )
    ]  # fmt: skip
    places: list[float] = []
    levels: list[float] = []
    for start, end, level in one.levels:
        places += [one.at[start] - 0.5, one.at[end - 1] + 0.5]
        levels += [level / unit] * 2
    said = [f"level {level * unit:.4g}" for level in levels]
    fit = Curve(
        places, levels, _name(one), f"{one.label}: level", orange, hover=said, width=2.4, group=FITTED
    )
    return [*found, fit]


def _said(run: Run) -> str:
    return (
        f"{run.short}, {run.checked_at[:16].replace('T', ' ')}, lpbench {run.version}, against {run.baseline}"
    )


def _ticks(runs: Sequence[Run], first: int, most: int) -> dict[str, Any]:
    """Commits as ticks, at most `most`, the newest among them."""
    every = -(-len(runs) // most)
    places = sorted(range(len(runs) - 1, -1, -every))
    return {
        "tickvals": [first + i for i in places], "ticktext": [runs[i].short for i in places],
        "tickfont": {"family": "ui-monospace, monospace", "size": 11},
    }  # fmt: skip


def _mark_releases(
    layout: dict[str, Any], runs: Sequence[Run], first: int, dark: bool, number: str = "", named: bool = False
) -> None:
    """A dotted line before each run of another version than the run before it."""
    line = {"color": style.soft(dark), "dash": "dot", "width": 1.2}
    for i, (before, run) in enumerate(itertools.pairwise(runs)):
        if run.version == before.version:
            continue
        x = first + i + 0.5
        place = {"xref": f"x{number}", "yref": f"y{number} domain"}
        layout.setdefault("shapes", []).append(
            {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line, **place}
        )
        if named:
            layout.setdefault("annotations", []).append(
                {
                    "text": run.version, "x": x, "y": 1, "xanchor": "left", "yanchor": "bottom",
                    "showarrow": False, "font": {"size": 11}, **place,
                }
            )  # fmt: skip
