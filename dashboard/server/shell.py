"""What stands around the figures: header, navigation, controls."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lpbench.terminal import counted, duration

from ..data.sweeps import Info, Sweep
from ..page import MULTI, NUMBER, SELECT, SWITCH, TEXT, Control, Page, Panel, address
from .panels import figure, is_dark
from .site import Site

ALL = "all"  # in the address: 1 where the chooser shows hidden sweeps as well
HIDDEN = ":hidden"  # what the chooser offers to show or hide them; no name has a colon
ABOUT_ALL = "of the whole folder, whatever sweep is chosen"
LONG = 30  # letters of an option that has the room of two controls
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
    every: bool = False,
) -> Any:
    """A whole page; `every`: hidden sweeps can be chosen."""
    from dash import html

    said = html.P(about(current, sweep), id="status", className="status", role="status")
    figures = [figure(i, panel) for i, panel in enumerate(panels)]
    parts = [
        html.Div([html.H1(current.question), said], className="title"),
        *([_controls(controls, state)] if controls else []),
        html.Div(body, id="body", className="body", hidden=body is None),
        html.Div(figures, id="figures", className="figures", tabIndex="-1"),
    ]
    stores = _stores(site, current, sweep, [_spec(control) for control in controls])
    return html.Div([*stores, header(site, current, sweep.name, every), html.Main(parts, id="main")])


def _controls(controls: Sequence[Control], state: Mapping[str, Any]) -> Any:
    """All controls. No form: Enter in a text field would send it, and load the page anew."""
    from dash import html

    shown = [component(control, state[control.key]) for control in controls]
    return html.Div(shown, className="controls", role="group", **{"aria-label": "Choices"})


def _stores(site: Site, current: Page, sweep: Sweep | None, spec: list[dict[str, Any]]) -> list[Any]:
    """What the callbacks read. Part of the page, not of the root: a callback with half of its parts there fails."""
    from dash import dcc

    view: dict[str, Any] = {"page": current.path, "prefix": site.prefix}
    # The keys of filters, which the reader takes along from page to page; and what is measured, where that is chosen.
    metric = ["metric"] if sweep and len(sweep.metrics) > 1 else []
    view |= {"sweep": sweep and sweep.name, "axes": [*metric, *sweep.varying] if sweep else []}
    view["runs"] = shlex.join(["--runs-dir", str(site.store.runs_dir)])  # for commands that a page shows
    return [
        dcc.Store(id="view", data=view),
        dcc.Store(id="spec", data=spec),
        dcc.Store(id="dark", data=is_dark()),
        dcc.Store(id="written"),
        dcc.Store(id="version"),
        dcc.Interval(id="clock", interval=CLOCK),
    ]


def message(site: Site, current: Page, name: str | None, text: str, every: bool = False) -> Any:
    """A page that says what is wrong, in place of figures."""
    from dash import html

    said = html.P(text, id="figures", className="message", role="alert", tabIndex="-1")
    parts = html.Main([html.H1(current.question), said], id="main")
    return html.Div([*_stores(site, current, None, []), header(site, current, name, every), parts])


def header(site: Site, current: Page, name: str | None, every: bool = False) -> Any:
    """The bar on top: the sweeps, the pages, a link to copy, what to do with the sweep, light and dark."""
    import dash_mantine_components as dmc
    from dash import dcc, html

    found = [info for info in site.store.sweeps() if not info.problem]
    known = any(info.name == name for info in found)
    query = ({"sweep": name} if name and known else {}) | ({ALL: "1"} if every else {})
    links = [
        dcc.Link(
            html.Span(one.name, **({"aria-current": "page"} if one is current else {})),
            href=address(site.prefix, one.path, query), className="here" if one is current else "",
            id={"type": "link", "path": one.path},
        )
        for one in site.pages
    ]  # fmt: skip
    return html.Header(
        [
            dcc.Link("lpbench", href=address(site.prefix, "/", query), className="brand"),
            html.Nav(links, **{"aria-label": "Pages"}),
            dmc.Select(
                id="sweep", data=options(found, name, every), value=name if known else None, searchable=True,
                allowDeselect=False, placeholder="no sweep", size="xs", filter={"function": "lpbenchFilter"},
                renderOption={"function": "lpbenchOption"}, nothingFoundMessage="none has these words",
                **{"aria-label": "Sweep"},
            ),
            html.Button("Copy link", id="copy", type="button", className="button"),
            *([html.Button("Report", id="report", type="button", className="button")] if known else []),
            *([html.Button("Edit", id="edit", type="button", className="button")] if site.edit and known else []),
            html.Button("Light / dark", id="toggle", type="button", className="button", n_clicks=0),
        ]
    )  # fmt: skip


def options(found: Sequence[Info], chosen: str | None, every: bool) -> list[dict[str, str]]:
    """The sweeps to choose among; `said` is what a search looks through, `more` what stands below a name.

    What is hidden is one line, which shows it, unless `every`.
    """
    hidden = [info for info in found if info.hidden and info.name != chosen]
    shown = [info for info in found if every or info not in hidden]
    listed = [
        {"value": one.name, "label": one.name, "said": one.said, "more": one.about.line()} for one in shown
    ]
    verb = "hide" if every else "show"
    return listed + ([{"value": HIDDEN, "label": f"{verb} {len(hidden)} hidden"}] if hidden else [])


def about(page: Page, sweep: Sweep) -> str:
    """What the page is of: its sweep, or all of the folder."""
    return status(sweep) if page.of_sweep or not sweep.name else ABOUT_ALL


def status(sweep: Sweep) -> str:
    """`demo: 200 cells, 198 ok, 2 diverged; running, 200 of 400 cells, 12 s left`."""
    if not sweep.name:
        return "no sweep yet"
    counts = sweep.cells["status"].value_counts().to_dict()
    said = counted((str(name), count) for name, count in counts.items())
    state = sweep.manifest.get("state")
    told = progress(sweep.manifest, len(sweep.cells))
    running = f"; {state}{told}" if state in ("running", "interrupted") else ""
    return f"{sweep.name}: {len(sweep.cells)} cells ({said or 'none yet'}){running}"


def progress(manifest: Mapping[str, Any], cells: int = 0) -> str:
    """`, 200 of 400 cells, 12 s left`: at the speed since the call began, as of the manifest's last change.

    cells   that were read: parts that came after the manifest are among them, and the page counts them too.
    """
    counted, total, began = sum(manifest["counts"].values()), manifest["total"], manifest["began"]
    done = max(counted, cells)
    if done >= total:
        return ""
    told = f", {done} of {total} cells"
    new = counted - began["stored"]
    if manifest["state"] != "running" or new <= 0:
        return told
    spent = datetime.fromisoformat(manifest["updated_at"]) - datetime.fromisoformat(began["at"])
    return f"{told}, {duration(spent.total_seconds() / new * (total - done))} left"


def _spec(control: Control) -> dict[str, Any]:
    return {"key": control.key, "kind": control.kind, "default": _component_value(control, control.default)}


def _component_value(control: Control, value: Any) -> Any:
    if control.kind == TEXT:
        return control.text(value) or ""
    if control.kind == NUMBER:
        return "" if value is None else f"{value:g}"
    return list(value or ()) if control.kind == MULTI else value


def component(control: Control, value: Any) -> Any:
    """A control as a component, with its help in a line; what does not fit is there for pointer, focus and reader."""
    import dash_mantine_components as dmc
    from dash import html

    shown = _component_value(control, value)
    named: dict[str, Any] = {
        "id": {"type": "control", "key": control.key}, "label": control.label, "size": "xs", "className": "control",
        **({"description": html.Span(control.help, title=control.help, className="help")} if control.help else {}),
    }  # fmt: skip
    options = [{"value": option, "label": label} for option, label in control.options]
    if control.kind == SELECT and any(len(label) > LONG for _, label in control.options):
        named["className"] = "control wide"
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
    # A number, too, is a text while it is typed in: `1e-3` passes through `1e`, which is none.
    decimal = {"inputProps": {"inputMode": "decimal"}} if control.kind == NUMBER else {}
    return dmc.TextInput(value=shown, debounce=300, **decimal, **named)
