"""The Dash app: every page from its controls and its draw function, the query string as the only state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpbench.errors import ConfigError, LpbenchError

from ..data.sweeps import Store, Sweep
from ..page import Page, Panel, pages, state_of
from . import callbacks, exports, managing, panels, security, shell
from .site import Site, choose, draw

__all__ = ["choose", "create_app", "draw"]


def create_app(
    runs_dir: Path | str = "runs",
    url_prefix: str = "/",
    hosts: Sequence[str] = security.LOOPBACK,
    token: str | None = None,
    edit: bool = False,
) -> Any:
    """The dashboard over the sweeps of `runs_dir`, as a Dash app; `.server` is its WSGI application.

    url_prefix   where a proxy shows it, `/` or `/some/path/`.
    hosts        host names that requests may name.      token   what readers must show; None: nothing.
    edit         whether readers may annotate, rename and delete sweeps. Raises ConfigError without a token: whoever
                 reaches a port of this machine, another user of it as well, could delete them.
    """
    if edit and token is None:
        raise ConfigError("edit: a dashboard in which sweeps can be changed needs a token")
    import dash
    import dash_ag_grid  # noqa: F401  (component libraries must be there before the first page asks for them)
    import dash_mantine_components  # noqa: F401
    import flask

    prefix = "/" + url_prefix.strip("/") + ("/" if url_prefix.strip("/") else "")
    app = dash.Dash(
        __name__, server=flask.Flask(__name__), use_pages=True, pages_folder="",
        assets_folder=str(Path(__file__).parents[1] / "assets"), url_base_pathname=prefix,
        suppress_callback_exceptions=True, title="lpbench", update_title=None, compress=False,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )  # fmt: skip
    site = Site(Store(runs_dir), pages(), prefix, edit)
    for page in site.pages:
        title = f"{page.name} · lpbench"
        layout = _layout(site, page)
        dash.register_page(f"lpbench.{page.name}", page.path, name=page.name, title=title, layout=layout)
    app.layout = shell.root()
    _connect(app, site)
    for page in site.pages:
        if page.connect is not None:
            page.connect(app, site.store)
    exports.serve(app.server, site)
    managing.serve(app.server, site)
    callbacks.check(app, prefix)
    security.protect(app.server, hosts, token, app.csp_hashes, prefix)  # asked before all else
    return app


def _layout(site: Site, page: Page) -> Any:
    def layout(sweep: str | None = None, **given: Any) -> Any:
        # What stands twice in a query comes as a list.
        query = {key: value for key, value in given.items() if isinstance(value, str)}
        sweep = sweep if isinstance(sweep, str) else None
        every = query.get(shell.ALL) == "1"
        try:
            chosen = site.sweep(page, sweep)
            controls = page.controls(chosen)
            state = state_of(controls, query)
            drawn = draw(page, chosen, state, panels.is_dark())
            body = page.body(site.store, chosen, state, site.prefix) if page.body is not None else None
            return shell.page(site, page, chosen, controls, state, drawn, body, every)
        except LpbenchError as error:
            return shell.message(site, page, sweep, str(error), every)

    return layout


def _connect(app: Any, site: Site) -> None:
    from dash import ALL, MATCH, ClientsideFunction, Input, Output, Patch, State, ctx, no_update
    from dash.exceptions import PreventUpdate

    values, switches = ({"type": "control", "key": ALL}, "value"), ({"type": "switch", "key": ALL}, "checked")
    index, fresh = {"type": "figure", "index": ALL}, {"type": "fresh", "index": ALL}
    beside = ("notes", "numbers", "table")  # what stands under each figure
    open_tables = State({"type": "numbers", "index": ALL}, "n_clicks")
    dark, view = ("dark", "data"), State("view", "data")  # view: {"page": path, "sweep": name}

    def asked(view: Any) -> tuple[Page, Sweep, dict[str, Any]]:
        """The page that asks, its sweep, and its controls' values."""
        current = callbacks.view_of(view)
        page = site.page(current["page"])
        sweep, given = site.sweep(page, current["sweep"]), given_values()
        return page, sweep, {one.key: one.clean(given.get(one.key)) for one in page.controls(sweep)}

    def whole(view: Any, dark: Any) -> tuple[list[Panel], Any, str]:
        """The panels of a page, its body (one with callbacks of its own looks after itself), and what it is about.

        Raises ConfigError where the page has not as many panels as the request counts.
        """
        page, sweep, state = asked(view)
        counts = {len(group) for group in ctx.outputs_list if isinstance(group, list)}
        if counts != {page.panels}:
            raise ConfigError(f"{page.path} has {page.panels} panels, got {counts}")
        follows = page.body is not None and page.connect is None
        body = page.body(site.store, sweep, state, site.prefix) if page.body and follows else no_update
        return draw(page, sweep, state, bool(dark)), body, shell.about(page, sweep)

    def given_values() -> Mapping[str, Any]:
        listed = [*ctx.inputs_list, *ctx.states_list]
        entries = [entry for group in listed if isinstance(group, list) for entry in group]
        return {entry["id"]["key"]: entry.get("value") for entry in entries if "key" in entry["id"]}

    def under(found: Sequence[Panel], clicks: Sequence[int | None]) -> list[list[Any]]:
        if len(clicks) != len(found):
            raise ConfigError(f"{len(found)} panels, got {len(clicks)} tables")
        tables = [panels.table(panel.data, count) for panel, count in zip(found, clicks, strict=True)]
        return [[panels.notes(panel) for panel in found], [panels.summary(panel) for panel in found], tables]

    @app.callback(
        Output(fresh, "data"), Output(index, "style"),
        *(Output({"type": kind, "index": ALL}, "children") for kind in beside), Output("body", "children"),
        Input(*values), Input(*switches), Input(*dark), view, open_tables, prevent_initial_call=True,
    )  # fmt: skip
    def redraw(chosen: Any, switched: Any, dark: Any, current: Any, clicks: Any) -> Any:
        found, body, _ = whole(current, dark)
        figures = [panels.drawn(panel, bool(dark)) for panel in found]
        return figures, [panels.height(panel) for panel in found], *under(found, clicks), body

    @app.callback(
        Output(index, "figure", allow_duplicate=True), Output(index, "style", allow_duplicate=True),
        *(Output({"type": kind, "index": ALL}, "children", allow_duplicate=True) for kind in beside),
        Output("body", "children", allow_duplicate=True), Output("status", "children"),
        Input("version", "data"), State(*values), State(*switches), State(*dark), view, open_tables,
        State(index, "style"), prevent_initial_call=True,
    )  # fmt: skip
    def refresh(
        version: Any, chosen: Any, switched: Any, dark: Any, current: Any, clicks: Any, styles: Any
    ) -> Any:
        """A running sweep has new cells: only the data of the figures is replaced, so that zoom and selection stay.

        A figure of another height is another one: nothing was drawn before, or its panels are in more rows.
        """
        if version is None:
            raise PreventUpdate
        found, body, about = whole(current, dark)
        heights = [panels.height(panel) for panel in found]
        figures: list[Any] = [panels.drawn(panel, bool(dark)) for panel in found]
        for i, (height, style) in enumerate(zip(heights, styles, strict=False)):
            if height == style:
                data, figures[i] = figures[i]["data"], Patch()
                figures[i]["data"] = data
                figures[i]["layout"]["meta"]["digest"] = None  # neither the one before nor the whole new one
        return figures, heights, *under(found, clicks), body, about

    @app.callback(
        Output({"type": "table", "index": MATCH}, "children", allow_duplicate=True),
        Input({"type": "numbers", "index": MATCH}, "n_clicks"),
        State(*values), State(*switches), State(*dark), view, prevent_initial_call=True,
    )  # fmt: skip
    def open_table(clicks: Any, chosen: Any, switched: Any, dark: Any, current: Any) -> Any:
        if not panels.is_open(clicks):
            return []
        page, sweep, state = asked(current)
        found = draw(page, sweep, state, bool(dark))
        index = ctx.triggered_id["index"] if isinstance(ctx.triggered_id, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(found):
            raise ConfigError(f"there is no panel {index!r}")
        return panels.table(found[index].data, clicks)

    def in_browser(name: str, *parts: Any, **more: Any) -> None:
        """Written in assets/state.js, so that no script stands in the page."""
        app.clientside_callback(ClientsideFunction("lpbench", name), *parts, **more)

    in_browser(
        "write", Output("written", "data"), Input(*values), Input(*switches), State("spec", "data"), view
    )
    in_browser(
        "poll", Output("version", "data"), Input("clock", "n_intervals"), view, State("version", "data")
    )
    mine = {"type": "figure", "index": MATCH}, "figure"
    arrived = Input({"type": "fresh", "index": MATCH}, "data")
    in_browser("show", Output(*mine), arrived, State(*mine), prevent_initial_call=True)
    moved = Output("written", "data", allow_duplicate=True)
    in_browser("change_sweep", moved, Input("sweep", "value"), view, prevent_initial_call=True)
    theme = Output("theme", "forceColorScheme")
    in_browser("toggle", Output(*dark), theme, Input("toggle", "n_clicks"), State(*dark))
