"""A view as a file for a paper: a picture or a table, the float for a picture, and the command for both."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from lpbench.errors import ConfigError, did_you_mean
from lpbench.escaping import one_line
from lpbench.provenance import version
from lpbench.store.files import write_bytes

from ..charts.files import pictures
from ..data.tables import WRITERS
from ..page import Panel
from ..view import View
from . import latex
from .metadata import titled
from .pgf import pgf
from .printed import INCH, Printed, Size, printed

PICTURES = ("pdf", "svg", "png")  # drawn by a chromium
FIGURES = (*PICTURES, "html", "pgf")
TABLES = ("tex", *WRITERS)
KINDS = (*FIGURES, *TABLES)
LATEX = {"pdf": r"\includegraphics", "png": r"\includegraphics", "pgf": r"\input"}  # what takes the file
DOTS = 300  # of a png, an inch
SIZE = Size()


@dataclass(frozen=True)
class Order:
    """A view as a file.

    size      of a figure.      columns   of a table, () for all.
    more      further words of the command, such as where the sweeps lie.
    """

    view: View
    size: Size = SIZE
    columns: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    def command(self, name: str) -> str:
        """What makes the file called `name` again."""
        columns = ["--columns", ",".join(self.columns)] if self.columns else []
        options = self.size.words() if kind_of(Path(name)) in FIGURES else columns
        words = [*self.view.words(), *options, *self.more, "--output", name]
        return one_line(shlex.join(["lpbench", "figure", *words]))

    def about(self, name: str) -> list[str]:
        """What stands in every file: what it is of, and how it is made."""
        return [f"Sweep {self.view.sweep.name}, lpbench {version()}. Made by:", f"  {self.command(name)}"]

    def label(self, kind: str) -> str:
        """The name for \\ref."""
        return f"{kind}:{latex.label(self.view.sweep.name, self.view.page.name, self.view.panel or '')}"


def kind_of(path: Path) -> str:
    """The kind of a file, by its ending. Raises ConfigError for another one."""
    kind = path.suffix.lstrip(".")
    if kind not in KINDS:
        raise ConfigError(f"{path}: the ending says what is written.{did_you_mean(kind, KINDS)}")
    return kind


def table(order: Order, panel: Panel, kind: str, name: str) -> bytes:
    """The numbers of a panel as a file called `name`."""
    data = latex.chosen(panel.data, order.columns)
    if kind in WRITERS:
        return WRITERS[kind](data)
    caption = latex.sentences(panel.title, panel.notes)
    return latex.table(data, caption, order.label("tab"), order.about(name)).encode()


def figure(order: Order, found: Printed, kind: str, name: str) -> bytes:
    """A printed figure as a file called `name`."""
    if kind == "pgf":
        return pgf(found, order.about(name)).encode()
    import plotly.graph_objects as go

    drawn = go.Figure(found.figure)
    if kind == "html":
        content = drawn.to_html(include_plotlyjs=True).encode()
    else:
        (content,) = pictures({Path(name): drawn}, DOTS / INCH).values()
    title = one_line(f"{order.view.sweep.name}: {found.title}")
    return titled(kind, content, title, " ".join(part.strip() for part in order.about(name)))


def environment(order: Order, found: Printed, name: str) -> bytes:
    """The float that shows the file called `name`, with title and notes as its caption."""
    body = [f"{LATEX[kind_of(Path(name))]}{{{Path(name).name}}}"]
    lines = latex.environment("figure", body, latex.sentences(found.title, found.notes), order.label("fig"))
    return "\n".join([*latex.comment(*order.about(name)), *lines, ""]).encode()


def write(order: Order, path: Path, caption: bool | None = None) -> list[Path]:
    """Write a view by the ending of `path`; returns what was written.

    caption   whether the float with the caption is written beside a figure, as `.tex`; None: where there is none yet,
              so that a caption that was worked on stays.

    Raises ConfigError for what cannot be written so, LpbenchError where there is no browser or the disk refuses.
    """
    kind = kind_of(path)
    if caption and kind not in LATEX:
        raise ConfigError(
            f"--caption is for what LaTeX takes as a figure ({', '.join(LATEX)}), got {path.name}"
        )
    panel = order.view.drawn()
    if kind in TABLES:
        if not panel.data.columns:
            raise ConfigError(f"no numbers: {' '.join(panel.notes)}")
        write_bytes(path, table(order, panel, kind, str(path)))
        return [path]
    found = printed(panel, order.size)
    write_bytes(path, figure(order, found, kind, str(path)))
    beside = path.with_suffix(".tex")
    if kind not in LATEX or caption is False or (caption is None and beside.exists()):
        return [path]
    write_bytes(beside, environment(order, found, str(path)))
    return [path, beside]
