"""The numbers of a figure as a file, and the version that live pages poll: plain routes beside Dash."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

from lpbench.errors import LpbenchError
from lpbench.escaping import csv_text
from lpbench.terminal import Table

from ..data.sweeps import Store
from ..page import Page, state_of

KINDS = ("csv", "parquet", "tex")
TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet", "tex": "application/x-tex"}


def serve(server: Any, store: Store, all_pages: Sequence[Page], prefix: str) -> None:
    """Add `_version?sweep=NAME` and `_export?page=/...&panel=0&kind=csv&...` to a Flask server."""
    import flask

    by_path = {page.path: page for page in all_pages}

    def version() -> Any:
        try:
            return flask.jsonify({"version": store.version(flask.request.args.get("sweep", ""))})
        except LpbenchError as error:
            return flask.jsonify({"version": None, "error": str(error)})

    def export() -> Any:
        asked = flask.request.args
        page, kind, panel = by_path.get(asked.get("page", "")), asked.get("kind"), asked.get("panel", "0")
        if page is None or kind not in KINDS or not panel.isdecimal() or int(panel) >= page.panels:
            return _text("unknown page, panel or kind", 404)
        try:
            from .app import choose

            sweep = store.sweep(asked["sweep"]) if "sweep" in asked else choose(store, None, page.of_sweep)
            state = state_of(page.controls(sweep), asked)
            found = page.draw(sweep, state, False)[int(panel)]
        except LpbenchError as error:
            return _text(str(error), 404)
        answer = flask.Response(WRITERS[kind](found.data), mimetype=TYPES[kind])
        name = f"{sweep.name}-{page.name.lower()}-{panel}.{kind}"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    def _text(said: str, code: int) -> Any:
        return flask.Response(said + "\n", code, mimetype="text/plain")

    server.add_url_rule(prefix + "_version", "lpbench_version", version)
    server.add_url_rule(prefix + "_export", "lpbench_export", export)


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
