"""The numbers of a figure as a file, and the version that live pages poll: plain routes beside Dash."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from lpbench.errors import ConfigError, LpbenchError
from lpbench.escaping import csv_text
from lpbench.terminal import Table

from ..page import drawn, state_of
from .site import Site

KINDS = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet", "tex": "application/x-tex"}


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
            found = drawn(page, sweep, state_of(page.controls(sweep), asked), False)[int(panel)]
        except LpbenchError as error:
            return flask.Response(f"{error}\n", 404, mimetype="text/plain")
        answer = flask.Response(WRITERS[kind](found.data), mimetype=KINDS[kind])
        name = f"{sweep.name}-{page.name.lower()}-{panel}.{kind}"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    server.add_url_rule(site.prefix + "_version", "lpbench_version", version)
    server.add_url_rule(site.prefix + "_export", "lpbench_export", export)


def as_csv(data: Table) -> bytes:
    """Comma-separated, numbers in full."""
    return csv_text(data.columns, data.rows).encode()


def as_parquet(data: Table) -> bytes:
    """One Parquet file."""
    import pandas as pd

    target = io.BytesIO()
    pd.DataFrame(data.records(), columns=list(data.columns)).to_parquet(target)
    return target.getvalue()


def as_latex(data: Table) -> bytes:
    """A tabular for a paper, numbers to three digits."""
    lines = [r"\begin{tabular}{" + "l" * len(data.columns) + "}", r"\hline"]
    lines.append(" & ".join(_escape(name) for name in data.columns) + r" \\ \hline")
    lines += [" & ".join(_latex(value) for value in row) + r" \\" for row in data.rows]
    return "\n".join([*lines, r"\hline", r"\end{tabular}", ""]).encode()


def _latex(value: Any) -> str:
    if value is None or value != value:
        return "--"
    if isinstance(value, float):
        digits, e, power = f"{value:.3g}".partition("e")
        return f"${digits} \\cdot 10^{{{int(power)}}}$" if e else f"${digits}$"
    return _escape(str(value))


def _escape(text: str) -> str:
    for mark in "\\&%$#_{}":
        text = text.replace(mark, "\\textbackslash{}" if mark == "\\" else "\\" + mark)
    return text


WRITERS: dict[str, Callable[[Table], bytes]] = {"csv": as_csv, "parquet": as_parquet, "tex": as_latex}
