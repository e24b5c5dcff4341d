"""A figure on a page: its title, its buttons, its notes, and the numbers under it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from lpbench.terminal import Table

from ..charts import style
from ..charts.grid import narrowed
from ..data.choosing import plural
from ..page import Panel
from ..panels.tables import cell
from ..panels.words import term

ROWS = 200  # of the table under a figure; exports hold all
THEME_COOKIE, NARROW_COOKIE = "lpbench_theme", "lpbench_narrow"  # written by assets/state.js
KINDS = {"png": "PNG", "svg": "SVG", "csv": "CSV", "parquet": "Parquet", "tex": "LaTeX"}
PLOTLY = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "doubleClick": "reset",
    "modeBarButtonsToRemove": ["toImage", "select2d", "lasso2d"],
}


def is_dark() -> bool:
    """Whether the reader's browser asked for the dark palette."""
    import flask

    return flask.has_request_context() and flask.request.cookies.get(THEME_COOKIE) == "dark"


def is_narrow() -> bool:
    """Whether the reader's screen is a phone's: figures then have one column."""
    import flask

    return flask.has_request_context() and flask.request.cookies.get(NARROW_COOKIE) == "1"


def figure(index: int, panel: Panel) -> Any:
    """A figure with its title, buttons, and numbers."""
    from dash import dcc, html

    graph = dcc.Graph(
        id={"type": "figure", "index": index}, figure=drawn(panel, is_dark()), style=height(panel), config=PLOTLY,
        responsive=True, className="graph",
    )  # fmt: skip
    name = panel.title or "Figure"
    buttons = [
        html.Button(
            label, type="button", className="button",
            **{"data-export": kind, "data-panel": str(index), "aria-label": f"{label} of: {name}"},
        )
        for kind, label in KINDS.items()
    ]  # fmt: skip
    paper = {"data-paper": str(index), "aria-label": f"For a paper: {name}"}
    buttons.append(html.Button("For a paper", type="button", className="button", **paper))
    numbers = [
        html.Summary(summary(panel), id={"type": "numbers", "index": index}, n_clicks=0),
        html.Div(id={"type": "table", "index": index}),
    ]
    parts = [
        html.Figcaption([html.H2(name), html.Div(buttons, className="exports")]),
        dcc.Store(id={"type": "fresh", "index": index}),
        html.Div(dcc.Loading(graph, delay_show=400, type="dot"), className="drawing"),
        html.Div(html.Div(notes(panel), id={"type": "notes", "index": index}), id=f"notes-{index}"),
        html.Details(numbers),
    ]
    return html.Figure(parts, className="panel", **{"aria-label": name, "aria-describedby": f"notes-{index}"})


def drawn(panel: Panel, dark: bool) -> dict[str, Any]:
    """The figure of a panel; an empty one where there is nothing to draw.

    `layout.meta.digest` tells it from others: the browser does not draw again what it shows (assets/state.js).
    """
    import orjson

    found = _drawn(panel, dark)
    written = orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY)
    digest = hashlib.blake2b(written, digest_size=8).hexdigest()
    layout = found["layout"]
    return {**found, "layout": {**layout, "meta": {**(layout.get("meta") or {}), "digest": digest}}}


def _drawn(panel: Panel, dark: bool) -> dict[str, Any]:
    if panel.figure is not None:
        return narrowed(panel.figure) if is_narrow() else panel.figure
    hidden = {"visible": False}
    middle = {"xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
    note = {"text": "nothing to draw", "showarrow": False, **middle}
    layout = style.layout(dark, height=120, xaxis=hidden, yaxis=hidden, annotations=[note])
    return {"data": [], "layout": layout}


def height(panel: Panel) -> dict[str, str]:
    """The size of the figure as a style: a responsive graph takes that of its place and not of its layout.

    `layout.meta.least_width` is that of figures which no narrow screen holds: there they scroll sideways. What the
    figure calls its panels and places is there as well: where these change, new data alone would stand under old names.
    """
    layout = _drawn(panel, False)["layout"]
    least = (layout.get("meta") or {}).get("least_width")
    wide = {"minWidth": f"{least}px"} if least else {}
    names = _names(layout)
    named = {"--names": hashlib.blake2b(repr(names).encode(), digest_size=6).hexdigest()} if names else {}
    return {"height": f"{layout['height']:.0f}px", **wide, **named}


def _names(layout: Mapping[str, Any]) -> list[Any]:
    """The titles of panels, and the axes with the names on them; numbers on logarithmic axes are none."""
    titles = [one["text"] for one in layout.get("annotations", ()) if one["text"].startswith("<b>")]
    axes = {name: axis for name, axis in layout.items() if re.fullmatch(r"[xy]axis\d*", name)}
    texts = [(name, axis.get("ticktext")) for name, axis in axes.items() if axis.get("type") != "log"]
    return [*titles, *(one for one in texts if one[1])]


def notes(panel: Panel) -> list[Any]:
    """What a reader must know of a figure."""
    from dash import html

    return [html.P(note, className="note") for note in panel.notes]


def summary(panel: Panel) -> str:
    """What opens the numbers of a figure: only then they are sent, for drawing them costs as much as the figure."""
    count = len(panel.data.rows)
    return f"Numbers ({plural(count, 'row')})" if count else "No numbers"


def is_open(clicks: Any) -> bool:
    """Whether numbers are shown: after an odd number of clicks."""
    return isinstance(clicks, int) and clicks % 2 == 1


def table(data: Table, clicks: int | None) -> list[Any]:
    """The first rows of a table, where it is open.

    One component with the cells as data: as components of their own, thousands of them hold up the browser for seconds.
    """
    import dash_mantine_components as dmc
    from dash import html

    if not is_open(clicks) or not data.rows:
        return []
    rows = [[cell(value) for value in row] for row in data.rows[:ROWS]]
    shown = dmc.Table(data={"head": list(map(term, data.columns)), "body": rows})
    region = html.Div(shown, className="scroll", tabIndex="0", role="region", **{"aria-label": "Numbers"})
    said = f"The first {ROWS} of {len(data.rows)} rows; CSV and Parquet hold all."
    return [region, *([html.P(said, className="note")] if len(data.rows) > ROWS else [])]
