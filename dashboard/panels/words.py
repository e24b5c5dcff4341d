"""Terms that say what they mean where the pointer or the focus is."""

from __future__ import annotations

from typing import Any

from ..data.words import word


def term(name: str) -> Any:
    """A term as a component; a text as it is where there is no word for it."""
    import dash_mantine_components as dmc
    from dash import html

    said = word(name)
    if not said:
        return name
    shown = html.Span(name, tabIndex="0", className="term")
    return dmc.Tooltip(
        shown, label=said, multiline=True, w=280, events={"hover": True, "focus": True, "touch": True}
    )
