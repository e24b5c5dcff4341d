"""What `lpbench compare` found as a panel: ratios with their intervals, one row each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lpbench.analysis.compare import Comparison
from lpbench.analysis.ratios import verdict
from lpbench.terminal import Table

from ..charts import style, ticks
from ..data import choosing
from ..data.sweeps import text
from ..page import Panel

# Name, place in the palette (None: a grey) and marker of a verdict.
LOOK = {
    "worse": ("worse", 1, "square"),
    "better": ("better", 0, "diamond"),
    None: ("not sure", None, "circle"),
}
ROW = 24  # pixels


def ratios(found: Sequence[Comparison], notes: Sequence[str] = (), dark: bool = False) -> Panel:
    """A dot and a bar for each row of `lpbench.compare`, the first on top, in the colour of its verdict.

    found   comparisons of one metric with one sweep; at least one.
    """
    several, first = len(found) > 1, found[0]
    others = "others" if several else first.b.name
    title = f"{choosing.named(first.metric)}: {others} / {first.a.name}"
    every = [(one, row) for one in found for row in one.rows]
    there = [(one, row) for one, row in every if row["ratio"] is not None]
    if len(there) < len(every):
        notes = [*notes, f"{choosing.plural(len(every) - len(there), 'row')} without a ratio: not drawn"]
    data = _table(found)
    if not there:
        return Panel(title, None, data, tuple(notes))
    names = [
        ", ".join([*([one.b.name] if several else []), *_choices(one, row)]) or "all" for one, row in there
    ]
    line = {"color": style.soft(dark), "dash": "dot", "width": 1.2}
    layout = style.layout(
        dark, height=120 + ROW * len(there), hovermode="closest", showlegend=True,
        shapes=[{"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "y domain", "line": line}],
        xaxis={"type": "log", "title": {"text": "ratio (95 % interval)"}, **_ticks([row for _, row in there])},
        yaxis={"tickvals": list(range(len(names))), "ticktext": names, "range": [len(names) - 0.4, -0.6]},
    )  # fmt: skip
    verdicts = [verdict(row, one.better) for one, row in there]
    traces = [
        _trace(which, [(i, names[i], there[i][1]) for i, one in enumerate(verdicts) if one == which], dark)
        for which in LOOK
        if which in verdicts
    ]
    return Panel(title, {"data": traces, "layout": layout}, data, tuple(notes))


def _ticks(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Those of the axis, which has 1 on it."""
    ends = [row[name] for row in rows for name in ("low", "ratio", "high") if row[name]]
    ends = [1.0, *(end for end in ends if 0 < end < math.inf)]
    return ticks.logarithmic(min(ends), max(ends))


def _choices(found: Comparison, row: dict[str, Any]) -> list[str]:
    return [f"{choosing.named(axis)} {text(row[axis])}" for axis in found.by]


def _table(found: Sequence[Comparison]) -> Table:
    """All rows; with the sweep of each where there are several."""
    own = ["sweep"] if len(found) > 1 else []
    columns = list(dict.fromkeys(name for one in found for row in one.rows for name in (*own, *row)))
    rows = [{**dict.fromkeys(own, one.b.name), **row} for one in found for row in one.rows]
    return Table(columns, [[row.get(name) for name in columns] for row in rows])


def _trace(which: str | None, rows: Sequence[tuple[int, str, dict[str, Any]]], dark: bool) -> dict[str, Any]:
    name, place, marker = LOOK[which]
    color = style.soft(dark) if place is None else style.colors(dark)[place]
    ends = [(row["low"] or row["ratio"], row["ratio"], row["high"] or row["ratio"]) for *_, row in rows]
    return {
        "type": "scatter", "mode": "markers", "name": name, "marker": {"color": color, "symbol": marker, "size": 9},
        "x": [ratio for _, ratio, _ in ends], "y": [i for i, *_ in rows], "text": [said for _, said, _ in rows],
        "error_x": {
            "array": [high - ratio for _, ratio, high in ends], "arrayminus": [ratio - low for low, ratio, _ in ends],
            "thickness": 2, "width": 0, "color": color,
        },
        "customdata": [row["seeds_a"] for *_, row in rows],
        "hovertemplate": "%{text}<br>ratio %{x:.3g}, %{customdata} seeds<extra></extra>",
    }  # fmt: skip
