"""What stands around the figures: header, navigation, controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from ..data.sweeps import Store, Sweep
from ..page import MULTI, NUMBER, SELECT, SWITCH, TEXT, Control, Page, Panel
from .panels import drawn, figure, height, is_dark, notes, summary, table

__all__ = [
    "drawn", "figure", "header", "height", "is_dark", "message", "notes", "page", "root", "status", "summary", "table",
]  # fmt: skip
CLOCK = 2000  # ms between two looks at a running sweep


def root() -> Any:
    """What all pages share."""
    import dash_mantine_components as dmc
    from dash import html, page_container

    def layout() -> Any:
        dark = is_dark()
        return dmc.MantineProvider(
            id="theme",
            forceColorScheme="dark" if dark else "light",
            children=[html.A("Skip to the figures", href="#figures", className="skip"), page_container],
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
                    *([_controls(controls, state)] if controls else []),
                    *([] if body is None else [html.Div(body, className="body")]),
                    html.Div(
                        [figure(i, panel) for i, panel in enumerate(panels)],
                        id="figures",
                        className="figures",
                        tabIndex="-1",
                    ),
                ],
                id="main",
            ),
        ]
    )


def _controls(controls: Sequence[Control], state: Mapping[str, Any]) -> Any:
    """All controls. No form: Enter in a text field would send it, and load the page anew."""
    from dash import html

    shown = [component(control, state[control.key]) for control in controls]
    return html.Div(shown, className="controls", role="group", **{"aria-label": "Choices"})


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
                [
                    html.H1(current.question),
                    html.P(text, id="figures", className="message", role="alert", tabIndex="-1"),
                ],
                id="main",
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
    if not sweep.name:
        return "no sweep yet"
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
