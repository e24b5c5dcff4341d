"""A table above the panels of a page, which can be read aloud and scrolled by keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .words import term


def table(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    """Rows of texts or components under `head`; the first of each row is its heading."""
    from dash import html

    columns = html.Thead(html.Tr([html.Th(term(one), scope="col") for one in head]))
    body = html.Tbody(
        [html.Tr([html.Th(first, scope="row"), *map(html.Td, others)]) for first, *others in rows]
    )
    named = {"aria-label": name}
    return html.Div(
        html.Table([columns, body], **named), className="scroll", tabIndex="0", role="region", **named
    )


def cell(value: Any) -> str:
    """A number of a table, to four digits."""
    if value is None or value != value:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
