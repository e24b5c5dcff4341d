"""A report as Markdown: what GitHub and a text editor show, the figures as pictures beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lpbench.escaping import markdown as escaped
from lpbench.escaping import one_line

from ..charts.files import write_pictures
from ..page import Panel
from ..panels.tables import cell

VIEW = "The view: {}"
MOST = 40  # rows of a table; the csv beside it holds all
WIDTH = 1000  # pixels, of the pictures


@dataclass(frozen=True)
class Section:
    """One page: a word for links, its name, its question, and its panels, each with the name of its files.

    where   the address of the view on a dashboard, where it is not as the page opens.
    said    what the page says beside its figures, with tables that are not folded away.
    """

    slug: str
    name: str
    question: str
    panels: Sequence[tuple[str, Panel]]
    where: str = ""
    said: Sequence[tuple[str, Panel]] = ()


def markdown(
    title: str,
    status: str,
    facts: Sequence[tuple[str, str]],
    commands: Sequence[str],
    sections: Sequence[Section],
    output: Path,
) -> str:
    """The text of the report; its pictures are written into `output` as svg. Raises LpbenchError without a browser."""
    import plotly.graph_objects as go

    lines = [f"# {escaped(title)}", "", escaped(status), ""]
    lines += ["| | |", "| --- | --- |", *(f"| {escaped(name)} | {escaped(value)} |" for name, value in facts)]
    lines += ["", "To reproduce it:", "", "```sh", *map(one_line, commands), "```", ""]
    lines += ["Filters that the notes name are those of the pages: `lpbench dashboard` shows them.", ""]
    for section in sections:
        lines += [f"## {escaped(section.question)}", ""]
        lines += [escaped(VIEW.format(section.where)), ""] if section.where else []
        for name, panel in section.said:
            lines += _panel(name, panel, True)
        for name, panel in section.panels:
            lines += _panel(name, panel)
    pictures = {
        output / f"{name}.svg": go.Figure(panel.figure).update_layout(width=WIDTH)
        for section in sections
        for name, panel in section.panels
        if panel.figure is not None
    }
    write_pictures(pictures)
    return "\n".join(lines).rstrip() + "\n"


def _panel(name: str, panel: Panel, unfolded: bool = False) -> list[str]:
    title = escaped(panel.title or "Figure")
    lines = [f"### {title}", ""]
    if panel.figure is not None:
        lines += [f"![{title}]({name}.svg)", ""]
    lines += [f"- {escaped(note)}" for note in panel.notes]
    return [*lines, "", *_table(name, panel, unfolded)]


def _table(name: str, panel: Panel, unfolded: bool) -> list[str]:
    """At most MOST rows, folded away unless `unfolded`.

    Evenly spread where there are more, the first and the last among them.
    """
    rows = panel.data.rows
    if not rows:
        return []
    shown, said = rows, f"All {len(rows)} rows"
    if len(rows) > MOST:
        shown = [rows[round(i * (len(rows) - 1) / (MOST - 1))] for i in range(MOST)]
        said = f"{MOST} of {len(rows)} rows, evenly spread"
    table = [[escaped(column) for column in panel.data.columns]]
    table += [[escaped(cell(value)) for value in row] for row in shown]
    lines = ["| " + " | ".join(row) + " |" for row in table]
    lines.insert(1, "|" + " --- |" * len(panel.data.columns))
    folded = ["<details>", f"<summary>{said}</summary>", "", *lines, "", "</details>", ""]
    shown = [*lines, ""] if unfolded else folded
    return [*shown, f"All numbers: [{name}.csv]({name}.csv)", ""]
