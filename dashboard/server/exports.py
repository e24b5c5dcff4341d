"""A figure and its numbers as files of text, and the version that live pages poll: plain routes beside Dash."""

from __future__ import annotations

from typing import Any

from lpbench.errors import ConfigError, LpbenchError

from ..page import state_of
from ..paper import files
from ..paper.printed import Size, printed
from ..view import ZOOM, View, zoom_of
from .site import Site

KINDS = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "tex": "application/x-tex",
    "pgf": "text/plain",
}


def serve(server: Any, site: Site) -> None:
    """Add `_version?sweep=NAME` and `_export?page=/...&panel=0&kind=csv&...` to a Flask server.

    Without a name, `_version` says whether there is any sweep.
    """
    import flask

    def version() -> Any:
        name = flask.request.args.get("sweep", "")
        if not name:  # a page that waits for the first one
            return flask.jsonify(
                {"version": None, "there": any(not one.problem for one in site.store.sweeps())}
            )
        try:
            return flask.jsonify({"version": site.store.version(name)})
        except LpbenchError as error:
            return flask.jsonify(
                {"version": None, "error": str(error), "gone": isinstance(error, ConfigError)}
            )

    def export() -> Any:
        asked = flask.request.args
        kind, panel = asked.get("kind"), asked.get("panel", "0")
        try:
            page = site.page(asked.get("page"))
            if kind not in KINDS or not panel.isdecimal() or int(panel) >= page.panels:
                raise ConfigError("unknown panel or kind")
            sweep = site.sweep(page, asked.get("sweep"))
            name = f"{sweep.name}-{page.name.lower()}-{panel}.{kind}"
            zoom = zoom_of(int(panel), asked.get(ZOOM, ""))
            view = View(page, sweep, state_of(page.controls(sweep), asked), int(panel), zoom)
            if kind in files.FIGURES:  # that are text: for a picture a browser would have to be started here
                order = files.Order(view, _size(asked.get("width"), asked.get("font")))
                content = files.figure(order, printed(view.drawn(), order.size), kind, name)
            else:
                columns = tuple(part for one in asked.get("columns", "").split(",") if (part := one.strip()))
                content = files.table(files.Order(view, columns=columns), view.drawn(), kind, name)
        except LpbenchError as error:
            return flask.Response(f"{error}\n", 404, mimetype="text/plain")
        answer = flask.Response(content, mimetype=KINDS[kind])
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    server.add_url_rule(site.prefix + "_version", "lpbench_version", version)
    server.add_url_rule(site.prefix + "_export", "lpbench_export", export)


def _size(width: str | None, font: str | None) -> Size:
    """The size that an address asks for; raises ConfigError."""
    try:
        points = float(font) if font else None
    except ValueError:
        raise ConfigError(f"font: points, got {font!r}") from None
    return Size.of(width or None, None, points)
