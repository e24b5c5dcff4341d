"""Figures as files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lpbench.errors import ConfigError, LpbenchError
from lpbench.store.files import write_bytes

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
        write_bytes(path, drawn.to_html(include_plotlyjs=True).encode())
        return
    write_pictures({path: drawn})


def write_pictures(drawn: Mapping[Path, go.Figure]) -> None:
    """Write figures as png, svg or pdf, by the endings of their paths; all in one browser, whose start takes seconds.

    Raises LpbenchError where there is no browser or the disk refuses.
    """
    if not drawn:
        return
    from plotly.io import write_images

    with tempfile.TemporaryDirectory() as scratch:
        made = [Path(scratch) / f"{i}{path.suffix}" for i, path in enumerate(drawn)]
        try:
            write_images(fig=list(drawn.values()), file=[str(path) for path in made])
        except Exception as error:  # kaleido and its browser raise many kinds
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            paths = ", ".join(str(path) for path in drawn)
            raise LpbenchError(
                f"cannot draw {paths}, which needs kaleido and a chromium ({reason}); use .html"
            ) from error
        for path, file in zip(drawn, made, strict=True):
            write_bytes(path, file.read_bytes())
