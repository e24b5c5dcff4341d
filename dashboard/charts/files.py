"""Figures as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lpbench.errors import ConfigError, LpbenchError

if TYPE_CHECKING:
    import plotly.graph_objects as go

FORMATS = (".html", ".png", ".svg", ".pdf")


def write_figure(drawn: go.Figure, path: Path) -> None:
    """Write a figure as html (self-contained), png, svg or pdf (these need a chromium).

    Raises ConfigError for another ending, LpbenchError where there is no browser or the disk refuses.
    """
    if path.suffix not in FORMATS:
        raise ConfigError(f"figure {path}: the ending must be one of {', '.join(FORMATS)}")
    if path.suffix == ".html":
        try:
            drawn.write_html(path, include_plotlyjs=True)
        except OSError as error:
            raise LpbenchError(f"cannot write {path}: {error.strerror}") from error
        return
    try:
        drawn.write_image(path)
    except Exception as error:  # kaleido and its browser raise many kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise LpbenchError(
            f"cannot draw {path}, which needs kaleido and a chromium ({reason}); use .html"
        ) from error
