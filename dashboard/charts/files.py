"""Panels as files: a page's figure, with its title and its notes in the picture."""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lpbench.errors import ConfigError, LpbenchError
from lpbench.store.files import write_bytes

from ..page import Panel, defused
from . import style

if TYPE_CHECKING:
    import plotly.graph_objects as go

FORMATS = (".html", ".png", ".svg", ".pdf")
# Pixels: the picture, the least of its height that is no text, and a line of the title and of the notes.
WIDTH, HEAD, LINE = 1000, 40, 15
LETTERS = 150  # of a line of notes


def write_panel(panel: Panel, path: Path) -> None:
    """Write a panel as html (self-contained), png, svg or pdf (these need a chromium).

    Raises ConfigError for another ending and where there is nothing to draw, LpbenchError where there is no browser or
    the disk refuses.
    """
    check_ending(path)
    drawn = standalone(panel)
    if path.suffix == ".html":
        write_bytes(path, drawn.to_html(include_plotlyjs=True).encode())
    else:
        write_pictures({path: drawn})


def check_ending(path: Path) -> None:
    """Raise ConfigError where no figure can be written so."""
    if path.suffix not in FORMATS:
        raise ConfigError(f"figure {path}: the ending must be one of {', '.join(FORMATS)}")


def standalone(panel: Panel) -> go.Figure:
    """The panel's figure with title and notes above it: a file has no page around it. ConfigError without a figure."""
    import plotly.graph_objects as go

    if panel.figure is None:
        raise ConfigError(f"nothing to draw: {' '.join(panel.notes)}")
    drawn = go.Figure(panel.figure)
    lines = [line for note in panel.notes for line in textwrap.wrap(defused(note), LETTERS)]
    above = HEAD + LINE * len(lines)
    said = f"<b>{defused(panel.title)}</b>" + "".join(
        f'<br><span style="font-size:11px;color:{style.soft(False)}">{line}</span>' for line in lines
    )
    title = {"text": said, "font": {"size": 15}, "x": 0, "xref": "container", "pad": {"l": 12, "t": 20}}
    drawn.update_layout(
        title={**title, "y": 1, "yref": "container", "yanchor": "top"},
        margin={"t": drawn.layout.margin.t + above}, height=drawn.layout.height + above, width=WIDTH,
    )  # fmt: skip
    return drawn


def write_pictures(drawn: Mapping[Path, go.Figure]) -> None:
    """Write figures as png, svg or pdf, by the endings of their paths; all in one browser, whose start takes seconds.

    Raises LpbenchError where there is no browser or the disk refuses.
    """
    for path, content in pictures(drawn).items():
        write_bytes(path, content)


def pictures(drawn: Mapping[Path, go.Figure], scale: float = 1.0) -> dict[Path, bytes]:
    """What `write_pictures` writes.     scale   pixels of a png for each of the figure."""
    if not drawn:
        return {}
    from plotly.io import write_images

    with tempfile.TemporaryDirectory() as scratch:
        made = [Path(scratch) / f"{i}{path.suffix}" for i, path in enumerate(drawn)]
        try:
            sizes = {name: [one.layout[name] for one in drawn.values()] for name in ("width", "height")}
            scales = [scale if path.suffix == ".png" else 1.0 for path in drawn]
            write_images(fig=list(drawn.values()), file=[str(path) for path in made], scale=scales, **sizes)
        except Exception as error:  # kaleido and its browser raise many kinds
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            paths = ", ".join(str(path) for path in drawn)
            raise LpbenchError(
                f"cannot draw {paths}, which needs kaleido and a chromium ({reason}); use .html"
            ) from error
        return {path: file.read_bytes() for path, file in zip(drawn, made, strict=True)}
