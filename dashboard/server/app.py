"""The Dash app: every page from its controls and its draw function, the query string as the only state."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpbench.errors import ConfigError, LpbenchError

from ..data.sweeps import Store, Sweep
from ..page import Page, Panel, pages, state_of
from . import callbacks, exports, security, shell

log = logging.getLogger(__name__)


def create_app(
    runs_dir: Path | str = "runs",
    url_prefix: str = "/",
    hosts: Sequence[str] = security.LOOPBACK,
    token: str | None = None,
) -> Any:
    """The dashboard over the sweeps of `runs_dir`, as a Dash app; `.server` is its WSGI application.

    url_prefix   where a proxy shows it, `/` or `/some/path/`.
    hosts        host names that requests may name.      token   what readers must show; None: nothing.
    """
    import dash
    import dash_ag_grid  # noqa: F401  (component libraries must be there before the first page asks for them)
    import dash_mantine_components  # noqa: F401
    import flask

    prefix = "/" + url_prefix.strip("/") + ("/" if url_prefix.strip("/") else "")
    store = Store(runs_dir)
    app = dash.Dash(
        __name__, server=flask.Flask(__name__), use_pages=True, pages_folder="",
        assets_folder=str(Path(__file__).parents[1] / "assets"), url_base_pathname=prefix,
        suppress_callback_exceptions=True, title="lpbench", update_title=None, compress=False,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )  # fmt: skip
    found = pages()
    for page in found:
        dash.register_page(
            f"lpbench.{page.name}",
            path=page.path,
            name=page.name,
            title=f"{page.name} · lpbench",
            layout=_layout(store, page, found, prefix),
        )
    app.layout = shell.root()
    _connect(app, store, found)
    for page in found:
        if page.connect is not None:
            page.connect(app, store)
    exports.serve(app.server, store, found, prefix)
    callbacks.check(app, prefix)
    security.protect(app.server, hosts, token, app.csp_hashes, prefix)  # asked before all else
    return app


def _layout(store: Store, page: Page, all_pages: Sequence[Page], prefix: str) -> Any:
    def layout(sweep: str | None = None, **given: Any) -> Any:
        query = {
            key: value for key, value in given.items() if isinstance(value, str)
        }  # twice in a query: a list
        sweep = sweep if isinstance(sweep, str) else None
        try:
            chosen = choose(store, sweep, page.of_sweep)
            controls = page.controls(chosen)
            state = state_of(controls, query)
            panels = draw(page, chosen, state, shell.is_dark())
            body = page.body(store, chosen, state, prefix) if page.body is not None else None
            return shell.page(store, chosen, page, all_pages, prefix, controls, state, panels, body)
        except LpbenchError as error:
            return shell.message(store, page, all_pages, prefix, sweep, str(error))

    return layout


def choose(store: Store, name: str | None, needed: bool = True) -> Sweep:
    """The sweep called `name`, or the newest; where there is none and one is needed, a ConfigError says what to do."""
    if name:
        return store.sweep(name)
    readable = [info for info in store.sweeps() if not info.problem]
    if not readable and not needed:
        return store.no_sweep()
    if not readable:
        there = "holds no sweep yet" if store.runs_dir.is_dir() else "does not exist"
        raise ConfigError(
            f"{store.runs_dir} {there}. Run one, `lpbench sweep precision=4,6,8`, or name the folder: "
            "`lpbench dashboard RUNS`"
        )
    return store.sweep(readable[0].name)


def draw(page: Page, sweep: Sweep, state: Mapping[str, Any], dark: bool) -> list[Panel]:
    """The panels of a page; where drawing fails, panels that say why."""
    try:
        return page.draw(sweep, state, dark)
    except LpbenchError as error:
        return [Panel("", None, notes=(str(error),))] * page.panels
    except Exception:
        log.exception("%s of %s with %s", page.path, sweep.name, dict(state))
        said = "This figure could not be drawn: an error of lpbench, which the server's log holds."
        return [Panel("", None, notes=(said,))] * page.panels


def _connect(app: Any, store: Store, all_pages: Sequence[Page]) -> None:
    from dash import ALL, MATCH, ClientsideFunction, Input, Output, Patch, State, ctx
    from dash.exceptions import PreventUpdate

    by_path = {page.path: page for page in all_pages}
    values = Input({"type": "control", "key": ALL}, "value")
    switches = Input({"type": "switch", "key": ALL}, "checked")
    index = {"type": "figure", "index": ALL}
    beside = ("notes", "numbers", "table")  # what stands under each figure
    open_tables = State({"type": "numbers", "index": ALL}, "n_clicks")
    view = State("view", "data")  # {"page": path, "sweep": name}

    def panels_of(
        view: Any, given: Mapping[str, Any], dark: Any, asked: set[int] | None = None
    ) -> list[Panel]:
        """The panels of a page; raises ConfigError where the page has not as many as the request counts."""
        current = callbacks.view_of(view, by_path)
        page = by_path[current["page"]]
        if asked not in (None, {page.panels}):
            raise ConfigError(f"{page.path} has {page.panels} panels, got {asked}")
        sweep = choose(store, current["sweep"], page.of_sweep)
        controls = page.controls(sweep)
        state = {control.key: control.clean(given.get(control.key)) for control in controls}
        return draw(page, sweep, state, bool(dark))

    def given_values() -> dict[str, Any]:
        listed = [*ctx.inputs_list, *ctx.states_list]
        entries = [entry for group in listed if isinstance(group, list) for entry in group]
        return {entry["id"]["key"]: entry.get("value") for entry in entries if "key" in entry["id"]}

    def counts() -> set[int]:
        """How many panels the page that asks has; of a page, every output counts the same."""
        return {len(group) for group in ctx.outputs_list if isinstance(group, list)}

    def is_open(clicks: Any) -> bool:
        return isinstance(clicks, int) and clicks % 2 == 1

    def under(panels: Sequence[Panel], clicks: Sequence[int | None]) -> list[list[Any]]:
        if len(clicks) != len(panels):
            raise ConfigError(f"{len(panels)} panels, got {len(clicks)} tables")
        tables = [
            shell.table(panel.data, int(is_open(count))) for panel, count in zip(panels, clicks, strict=True)
        ]
        return [[shell.notes(panel) for panel in panels], [shell.summary(panel) for panel in panels], tables]

    @app.callback(
        Output(index, "figure"), Output(index, "style"),
        *(Output({"type": kind, "index": ALL}, "children") for kind in beside),
        values, switches, Input("dark", "data"), view, open_tables, prevent_initial_call=True,
    )  # fmt: skip
    def redraw(chosen: Any, switched: Any, dark: Any, current: Any, clicks: Any) -> Any:
        panels = panels_of(current, given_values(), dark, counts())
        drawn = [shell.drawn(panel, bool(dark)) for panel in panels]
        return drawn, [shell.height(panel) for panel in panels], *under(panels, clicks)

    @app.callback(
        Output(index, "figure", allow_duplicate=True),
        *(Output({"type": kind, "index": ALL}, "children", allow_duplicate=True) for kind in beside),
        Output("status", "children"),
        Input("version", "data"),
        State({"type": "control", "key": ALL}, "value"), State({"type": "switch", "key": ALL}, "checked"),
        State("dark", "data"), view, open_tables, prevent_initial_call=True,
    )  # fmt: skip
    def refresh(version: Any, chosen: Any, switched: Any, dark: Any, current: Any, clicks: Any) -> Any:
        """A running sweep has new cells: only the data of the figures is replaced, so that zoom and selection stay."""
        if version is None:
            raise PreventUpdate
        panels = panels_of(current, given_values(), dark, counts())
        patches = []
        for panel in panels:
            patch = Patch()
            patch["data"] = shell.drawn(panel, bool(dark))["data"]
            patches.append(patch)
        return patches, *under(panels, clicks), shell.status(store.sweep(current.get("sweep")))

    @app.callback(
        Output({"type": "table", "index": MATCH}, "children", allow_duplicate=True),
        Input({"type": "numbers", "index": MATCH}, "n_clicks"),
        State({"type": "control", "key": ALL}, "value"), State({"type": "switch", "key": ALL}, "checked"),
        State("dark", "data"), view, prevent_initial_call=True,
    )  # fmt: skip
    def open_table(clicks: Any, chosen: Any, switched: Any, dark: Any, current: Any) -> Any:
        if not is_open(clicks):
            return []
        panels = panels_of(current, given_values(), dark)
        index = ctx.triggered_id["index"] if isinstance(ctx.triggered_id, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(panels):
            raise ConfigError(f"there is no panel {index!r}")
        return shell.table(panels[index].data, clicks)

    # Written in assets/state.js, so that no script stands in the page.
    app.clientside_callback(
        ClientsideFunction("lpbench", "write"),
        Output("written", "data"),
        values,
        switches,
        State("spec", "data"),
        view,
    )
    app.clientside_callback(
        ClientsideFunction("lpbench", "poll"), Output("version", "data"), Input("clock", "n_intervals"), view,
        State("version", "data"),
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("lpbench", "change_sweep"), Output("written", "data", allow_duplicate=True),
        Input("sweep", "value"), view, prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("lpbench", "toggle"), Output("dark", "data"), Output("theme", "forceColorScheme"),
        Input("toggle", "n_clicks"), State("dark", "data"),
    )  # fmt: skip
