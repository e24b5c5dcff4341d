"""What stands around the figures: header, navigation, controls, the numbers under each figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from . import style
from .charts.grid import narrowed
from .data import Store, Sweep
from .page import MULTI, NUMBER, SELECT, SWITCH, TEXT, Control, Data, Page, Panel, query_of

ROWS = 200  # of the table under a figure; exports hold all
CLOCK = 2000  # ms between two looks at a running sweep
THEME_COOKIE, NARROW_COOKIE = "lpbench_theme", "lpbench_narrow"  # written by assets/state.js


def is_dark() -> bool:
    """Whether the reader's browser asked for the dark palette."""
    import flask

    return flask.has_request_context() and flask.request.cookies.get(THEME_COOKIE) == "dark"


def is_narrow() -> bool:
    """Whether the reader's screen is a phone's: figures then have one column."""
    import flask

    return flask.has_request_context() and flask.request.cookies.get(NARROW_COOKIE) == "1"


def root() -> Any:
    """What all pages share."""
    import dash_mantine_components as dmc
    from dash import html, page_container

    def layout() -> Any:
        dark = is_dark()
        return dmc.MantineProvider(
            id="theme",
            forceColorScheme="dark" if dark else "light",
            children=[
                html.A("Skip to the figures", href="#figures", className="skip"),
                page_container,
            ],
        )

    return layout


def page(
    store: Store,
    sweep: Sweep,
    current: Page,
    all_pages: Sequence[Page],
    prefix: str,
    controls: Sequence[Control],
    state: Mapping[str, Any],
    panels: Sequence[Panel],
    body: Any,
) -> Any:
    """A whole page."""
    from dash import html

    return html.Div(
        [
            *_stores(current, sweep.name, prefix, [_spec(control) for control in controls]),
            header(store, sweep.name, current, all_pages, prefix),
            html.Main(
                [
                    html.Div(
                        [
                            html.H1(current.question),
                            html.P(status(sweep), id="status", className="status", role="status"),
                        ],
                        className="title",
                    ),
                    html.Form(
                        [component(control, state[control.key]) for control in controls], className="controls"
                    ),
                    *([] if body is None else [html.Div(body, className="body")]),
                    html.Div(
                        [figure(i, panel) for i, panel in enumerate(panels)],
                        id="figures",
                        className="figures",
                    ),
                ],
                id="main",
            ),
        ]
    )


def _stores(current: Page, sweep: str | None, prefix: str, spec: list[dict[str, Any]]) -> list[Any]:
    """What the callbacks read. Part of the page, not of the root: a callback with half of its parts there fails."""
    from dash import dcc

    return [
        dcc.Store(id="view", data={"page": current.path, "sweep": sweep, "prefix": prefix}),
        dcc.Store(id="spec", data=spec),
        dcc.Store(id="dark", data=is_dark()),
        dcc.Store(id="written"),
        dcc.Store(id="version"),
        dcc.Interval(id="clock", interval=CLOCK),
    ]


def message(
    store: Store, current: Page, all_pages: Sequence[Page], prefix: str, name: str | None, text: str
) -> Any:
    """A page that says what is wrong, in place of figures."""
    from dash import html

    return html.Div(
        [
            *_stores(current, None, prefix, []),
            header(store, name, current, all_pages, prefix),
            html.Main(
                [html.H1(current.question), html.P(text, className="message", role="alert")], id="main"
            ),
        ]
    )


def header(store: Store, name: str | None, current: Page, all_pages: Sequence[Page], prefix: str) -> Any:
    """The bar on top: the sweeps, the pages, a link to copy, light and dark."""
    import dash_mantine_components as dmc
    from dash import dcc, html

    names = [info.name for info in store.sweeps() if not info.problem]
    more = "?" + urlencode({"sweep": name}) if name in names else ""
    links = [
        dcc.Link(
            html.Span(one.name, **({"aria-current": "page"} if one is current else {})),
            href=prefix + one.path.lstrip("/") + more,
            className="here" if one is current else "",
        )
        for one in all_pages
    ]
    return html.Header(
        [
            dcc.Link("lpbench", href=prefix + more, className="brand"),
            html.Nav(links, **{"aria-label": "Pages"}),
            dmc.Select(
                id="sweep", data=names, value=name if name in names else None, searchable=True, allowDeselect=False,
                placeholder="no sweep", size="xs", **{"aria-label": "Sweep"},
            ),
            html.Button("Copy link", id="copy", type="button", className="button"),
            html.Button("Light / dark", id="toggle", type="button", className="button", n_clicks=0),
        ]
    )  # fmt: skip


def status(sweep: Sweep) -> str:
    """`demo: 200 cells, 198 ok, 2 diverged; running`."""
    counts = sweep.cells["status"].value_counts().to_dict()
    said = ", ".join(f"{count} {name}" for name, count in counts.items())
    running = {"running": "; running", "interrupted": "; interrupted"}.get(
        str(sweep.manifest.get("state")), ""
    )
    return f"{sweep.name}: {len(sweep.cells)} cells ({said or 'none yet'}){running}"


def _spec(control: Control) -> dict[str, Any]:
    return {"key": control.key, "kind": control.kind, "default": _component_value(control, control.default)}


def _component_value(control: Control, value: Any) -> Any:
    if control.kind == TEXT:
        return control.text(value) or ""
    return list(value or ()) if control.kind == MULTI else value


def component(control: Control, value: Any) -> Any:
    """A control as a component."""
    import dash_mantine_components as dmc

    shown = _component_value(control, value)
    options = [{"value": option, "label": label} for option, label in control.options]
    if control.kind == SWITCH:
        return dmc.Checkbox(
            id={"type": "switch", "key": control.key}, label=control.label, checked=shown, size="sm",
            className="control",
        )  # fmt: skip
    named = {
        "id": {"type": "control", "key": control.key},
        "label": control.label,
        "size": "xs",
        "className": "control",
    }
    if control.help:
        named["description"] = control.help
    if control.kind == SELECT:
        return dmc.Select(data=options, value=shown, allowDeselect=False, **named)
    if control.kind == MULTI:
        return dmc.MultiSelect(
            data=options,
            value=shown,
            placeholder="" if shown else "all",
            clearable=True,
            searchable=True,
            **named,
        )
    if control.kind == TEXT:
        return dmc.TextInput(value=shown, debounce=300, **named)
    assert control.kind == NUMBER
    return dmc.NumberInput(value=shown, debounce=300, **named)


def figure(index: int, panel: Panel) -> Any:
    """A figure with its title, buttons, and numbers."""
    from dash import dcc, html

    graph = dcc.Graph(
        id={"type": "figure", "index": index},
        figure=drawn(panel, is_dark()),
        style=height(panel),
        config={"displaylogo": False, "responsive": True, "showSendToCloud": False, "doubleClick": "reset"},
        responsive=True,
        className="graph",
    )
    name = panel.title or "Figure"
    buttons = [
        html.Button(
            label, type="button", className="button", **{"data-export": kind, "data-panel": str(index)}
        )
        for kind, label in (
            ("png", "PNG"),
            ("svg", "SVG"),
            ("csv", "CSV"),
            ("parquet", "Parquet"),
            ("tex", "LaTeX"),
        )
    ]
    return html.Figure(
        [
            html.Figcaption([html.H2(name), html.Div(buttons, className="exports")]),
            dcc.Loading(graph, delay_show=400, type="dot"),
            html.Div(notes(panel), id={"type": "notes", "index": index}),
            html.Details(
                [
                    html.Summary(summary(panel), id={"type": "numbers", "index": index}, n_clicks=0),
                    html.Div(id={"type": "table", "index": index}),
                ]
            ),
        ],
        className="panel",
        **{"aria-label": name},
    )


def drawn(panel: Panel, dark: bool) -> dict[str, Any]:
    """The figure of a panel; an empty one where there is nothing to draw."""
    if panel.figure is not None:
        return narrowed(panel.figure) if is_narrow() else panel.figure
    hidden = {"visible": False}
    note = {
        "text": "nothing to draw",
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.5,
    }
    return {
        "data": [],
        "layout": style.layout(dark, height=120, xaxis=hidden, yaxis=hidden, annotations=[note]),
    }


def height(panel: Panel) -> dict[str, str]:
    """The height of the figure as a style: a responsive graph takes that of its place and not of its layout."""
    return {"height": f"{drawn(panel, False)['layout']['height']:.0f}px"}


def notes(panel: Panel) -> list[Any]:
    """What a reader must know of a figure."""
    from dash import html

    return [html.P(note, className="note") for note in panel.notes]


def summary(panel: Panel) -> str:
    """What opens the numbers of a figure: only then they are sent, for drawing them costs as much as the figure."""
    count = len(panel.data.rows)
    return f"Numbers ({count} {'row' if count == 1 else 'rows'})" if count else "No numbers"


def table(data: Data, clicks: int | None) -> list[Any]:
    """The first rows of a table, where it is open: after an odd number of clicks.

    One component with the cells as data: as components of their own, thousands of them hold up the browser for seconds.
    """
    import dash_mantine_components as dmc
    from dash import html

    if not (clicks or 0) % 2 or not data.rows:
        return []
    rows = [[cell(value) for value in row] for row in data.rows[:ROWS]]
    shown = dmc.Table(data={"head": list(data.columns), "body": rows})
    found: list[Any] = [html.Div(shown, className="scroll", tabIndex="0")]
    if len(data.rows) > ROWS:
        found.append(
            html.P(f"The first {ROWS} of {len(data.rows)} rows; CSV and Parquet hold all.", className="note")
        )
    return found


def cell(value: Any) -> str:
    """A number of a table, to four digits."""
    if value is None or value != value:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def link(
    prefix: str, current: Page, sweep: str, controls: Sequence[Control], state: Mapping[str, Any]
) -> str:
    """The address of a view."""
    return (
        prefix
        + current.path.lstrip("/")
        + "?"
        + urlencode({"sweep": sweep, **query_of(controls, state)}, safe=",")
    )
