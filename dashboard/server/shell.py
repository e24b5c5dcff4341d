"""What stands around the figures: header, navigation, controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lpbench.terminal import counted, duration

from ..data.sweeps import Sweep
from ..page import MULTI, NUMBER, SELECT, SWITCH, TEXT, Control, Page, Panel, address
from .panels import figure, is_dark
from .site import Site

CLOCK = 2000  # ms between two looks at a running sweep


def root() -> Any:
    """What all pages share."""
    import dash_mantine_components as dmc
    from dash import html, page_container

    def layout() -> Any:
        skip = html.A("Skip to the figures", href="#figures", className="skip")
        scheme = "dark" if is_dark() else "light"
        return dmc.MantineProvider([skip, page_container], id="theme", forceColorScheme=scheme)

    return layout


def page(
    site: Site,
    current: Page,
    sweep: Sweep,
    controls: Sequence[Control],
    state: Mapping[str, Any],
    panels: Sequence[Panel],
    body: Any,
) -> Any:
    """A whole page."""
    from dash import html

    said = html.P(status_of(current, sweep), id="status", className="status", role="status")
    figures = [figure(i, panel) for i, panel in enumerate(panels)]
    parts = [
        html.Div([html.H1(current.question), said], className="title"),
        *([_controls(controls, state)] if controls else []),
        *([] if current.body is None else [html.Div(body, className="body", **redrawn(current))]),
        html.Div(figures, id="figures", className="figures", tabIndex="-1"),
    ]
    stores = _stores(site, current, sweep.name, [_spec(control) for control in controls], sweep.varying)
    return html.Div([*stores, header(site, current, sweep.name), html.Main(parts, id="main")])


def redrawn(page: Page) -> dict[str, Any]:
    """The name of a body that follows the controls and the sweep; one with callbacks of its own follows by itself."""
    return {} if page.body is None or page.connect is not None else {"id": {"type": "body", "index": 0}}


def _controls(controls: Sequence[Control], state: Mapping[str, Any]) -> Any:
    """All controls. No form: Enter in a text field would send it, and load the page anew."""
    from dash import html

    shown = [component(control, state[control.key]) for control in controls]
    return html.Div(shown, className="controls", role="group", **{"aria-label": "Choices"})


def _stores(
    site: Site, current: Page, sweep: str | None, spec: list[dict[str, Any]], axes: Sequence[str] = ()
) -> list[Any]:
    """What the callbacks read. Part of the page, not of the root: a callback with half of its parts there fails.

    axes   of the sweep: their filters go with the reader from page to page.
    """
    from dash import dcc

    view = {"page": current.path, "sweep": sweep, "prefix": site.prefix, "axes": list(axes)}
    return [
        dcc.Store(id="view", data={**view, "waits": not sweep and not site.store.sweeps()}),
        dcc.Store(id="spec", data=spec),
        dcc.Store(id="dark", data=is_dark()),
        dcc.Store(id="written"),
        dcc.Store(id="version"),
        dcc.Interval(id="clock", interval=CLOCK),
    ]


def message(site: Site, current: Page, name: str | None, text: str) -> Any:
    """A page that says what is wrong, in place of figures."""
    from dash import html

    said = html.P(text, id="figures", className="message", role="alert", tabIndex="-1")
    parts = html.Main([html.H1(current.question), said], id="main")
    return html.Div([*_stores(site, current, None, []), header(site, current, name), parts])


def header(site: Site, current: Page, name: str | None) -> Any:
    """The bar on top: the sweeps, the pages, a link to copy, light and dark."""
    import dash_mantine_components as dmc
    from dash import dcc, html

    names = [info.name for info in site.store.sweeps() if not info.problem]
    query = {"sweep": name} if name in names else {}
    links = [
        dcc.Link(
            html.Span(one.name, **({"aria-current": "page"} if one is current else {})),
            href=address(site.prefix, one.path, query), className="here" if one is current else "",
            id={"type": "page", "path": one.path},
        )
        for one in site.pages
    ]  # fmt: skip
    return html.Header(
        [
            dcc.Link("lpbench", href=address(site.prefix, "/", query), className="brand"),
            html.Nav(links, **{"aria-label": "Pages"}),
            dmc.Select(
                id="sweep", data=names, value=name if name in names else None, searchable=True, allowDeselect=False,
                placeholder="no sweep", size="xs", **{"aria-label": "Sweep"},
            ),
            html.Button("Copy link", id="copy", type="button", className="button"),
            html.Button("Light / dark", id="toggle", type="button", className="button", n_clicks=0),
        ]
    )  # fmt: skip


def status_of(page: Page, sweep: Sweep) -> str:
    """What the page is about: its sweep, or the folder, where no sweep is."""
    return status(sweep) if page.of_sweep else f"all of {sweep.folder.parent}"


def status(sweep: Sweep) -> str:
    """`demo: 200 cells (198 ok, 2 diverged); running: 120 of 400 computed, 2 min 5 s left`."""
    if not sweep.name:
        return "no sweep yet"
    counts = sweep.cells["status"].value_counts().to_dict()
    said = counted((str(name), count) for name, count in counts.items())
    state = sweep.manifest.get("state")
    running = f"; {state}{progress(sweep.manifest)}" if state in ("running", "interrupted") else ""
    return f"{sweep.name}: {len(sweep.cells)} cells ({said or 'none yet'}){running}"


def progress(manifest: Mapping[str, Any]) -> str:
    """How far a call is, and, while it runs, how long the rest takes at the pace so far."""
    todo, done = manifest.get("todo", 0), manifest.get("done", 0)
    if not todo or done >= todo:
        return ""
    said = f": {done:,} of {todo:,} computed"
    began, seen = (_time(manifest.get(name)) for name in ("began_at", "updated_at"))
    if manifest["state"] != "running" or not done or began is None or seen is None or seen <= began:
        return said
    return f"{said}, {duration((seen - began).total_seconds() * (todo - done) / done)} left"


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def _spec(control: Control) -> dict[str, Any]:
    default = _component_value(control, control.default)
    return {"key": control.key, "kind": control.kind, "default": default}


def _component_value(control: Control, value: Any) -> Any:
    if control.kind == NUMBER:
        return "" if value is None else f"{value:g}"
    if control.kind == TEXT:
        return control.text(value) or ""
    return list(value or ()) if control.kind == MULTI else value


def component(control: Control, value: Any) -> Any:
    """A control as a component."""
    import dash_mantine_components as dmc

    shown = _component_value(control, value)
    named: dict[str, Any] = {
        "id": {"type": "control", "key": control.key}, "label": control.label, "size": "xs", "className": "control",
        **({"description": control.help} if control.help else {}),
    }  # fmt: skip
    options = [{"value": option, "label": label} for option, label in control.options]
    if control.kind == SWITCH:
        return dmc.Checkbox(
            **named | {"id": {"type": "switch", "key": control.key}, "size": "sm"}, checked=shown
        )
    if control.kind == SELECT:
        return dmc.Select(data=options, value=shown, allowDeselect=False, **named)
    if control.kind == MULTI:
        empty = "" if shown else "all"
        return dmc.MultiSelect(
            data=options, value=shown, placeholder=empty, clearable=True, searchable=True, **named
        )
    # A number is typed as a text, too: `1e-3` in a field for numbers becomes -13. It counts when it is whole.
    number = (
        {"inputProps": {"inputMode": "decimal"}, "debounce": True}
        if control.kind == NUMBER
        else {"debounce": 300}
    )
    return dmc.TextInput(value=shown, **number, **named)
