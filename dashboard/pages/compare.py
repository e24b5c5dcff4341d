"""Several sweeps in one figure, by what factor they differ, and in which choices."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lpbench.analysis.compare import Comparison, compare_sweeps
from lpbench.analysis.ratios import verdict
from lpbench.declared.columns import COMPARED
from lpbench.errors import ConfigError
from lpbench.store.schema import CHOICES, own_choices
from lpbench.terminal import Table

from ..data import choosing
from ..data.sweeps import Sweep, text
from ..data.union import SWEEP, beside, union
from ..page import MULTI, SELECT, Control, Page, Panel, State, state_of
from ..panels.ratios import ratios
from ..panels.tables import table
from . import explore

MOST = 7  # sweeps beside the chosen one: as many colours as are told apart
VALUES = 8  # of a choice, in the table
KEPT = ("x", "facet", "spread")  # of the controls of the page Explore
WITH = "Choose under “With” the sweeps to set beside {}."
SAME = "In no choice: their cells have the same values of each."
PLAIN = "-"  # the metric that the cells themselves name
OF_THE_RUN = ("lpbench_version", "git_commit")


def controls(sweep: Sweep) -> list[Control]:
    """The other sweeps, the metric, the axes of the figure and of the rows, and filters."""
    names = [info.name for info in beside(sweep).sweeps() if not info.problem and info.name != sweep.name]
    there = [name for name in COMPARED if name in sweep.cells and sweep.cells[name].notna().any()]
    metrics = ((PLAIN, "the result of the cells"), *((name, choosing.named(name)) for name in there))
    shown = {control.key: control for control in explore.controls(sweep)}
    kept = [shown[key] for key in KEPT]
    others = tuple((name, name) for name in names)
    return [
        Control("with", "With", MULTI, (), others, "sweeps of this folder", most=MOST),
        Control("metric", "Metric", SELECT, PLAIN, metrics, "what is drawn and compared"),
        *kept,
        *choosing.filters(sweep),
    ]


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """The sweeps in one figure, and the ratios of each to the chosen one with their verdicts."""
    return [_together(sweep, state, dark), _ratios(sweep, state, dark)]


def _together(sweep: Sweep, state: State, dark: bool) -> Panel:
    both = union(sweep, state["with"])
    metric = {} if state["metric"] == PLAIN else {"y": state["metric"]}
    asked = state_of(explore.controls(both), {**{key: state[key] for key in KEPT}, "color": SWEEP, **metric})
    filters = {axis: state[axis] for axis in sweep.varying if axis in asked}
    (panel,) = explore.draw(both, {**asked, **filters}, dark)
    return panel


def _ratios(sweep: Sweep, state: State, dark: bool) -> Panel:
    if not state["with"]:
        return Panel("Ratios", None, notes=(WITH.format(sweep.name),))
    found, said = comparisons(sweep, state["with"], state["metric"])
    lines = [f"{one.b.name}: {line}" if len(found) > 1 else line for one in found for line in one.notes()]
    if not found:
        return Panel("Ratios", None, notes=tuple(said))
    return ratios(found, [*lines, *said], dark)


def comparisons(sweep: Sweep, others: Sequence[str], metric: str) -> tuple[list[Comparison], list[str]]:
    """Each of the others over the chosen one, as `lpbench compare` does; and why some have none."""
    store, found, said = beside(sweep), [], []
    for name in others:
        try:
            stamps = (sweep.stamp, store.stamp(name))
            found.append(_compared(sweep.folder, store.runs_dir / name, metric, stamps))
        except ConfigError as error:
            said.append(f"{name}: {error}")
    return found, said


@functools.lru_cache(maxsize=32)
def _compared(a: Path, b: Path, metric: str, stamps: tuple[Any, Any]) -> Comparison:
    return compare_sweeps(a, b, metric=None if metric == PLAIN else metric)


def body(store: Any, sweep: Sweep, state: State, prefix: str) -> Any:
    """The verdicts in a line each, and the choices in which the sweeps differ."""
    from dash import html

    if not state["with"]:
        return None
    found, _ = comparisons(sweep, state["with"], state["metric"])
    names, rows = differences(union(sweep, state["with"]))
    said = [html.Li(verdicts(one)) for one in found]
    parts = [
        ("Verdicts", html.Ul(said)),
        ("In what they differ", table("Differences", ["choice", *names], rows)),
    ]
    sections = [html.Section([html.H2(name), shown]) for name, shown in parts]
    return html.Div(sections, className="columns")


def summary(sweep: Sweep, state: State) -> list[Panel]:
    """What the body says."""
    if not state["with"]:
        return []
    found, _ = comparisons(sweep, state["with"], state["metric"])
    names, rows = differences(union(sweep, state["with"]))
    return [
        Panel("Verdicts", None, notes=tuple(map(verdicts, found))),
        Panel("In what they differ", None, Table(["choice", *names], rows), () if rows else (SAME,)),
    ]


def verdicts(found: Comparison) -> str:
    """`after / before: 12 rows, 1 worse (at most 1.8 times), 3 better, 8 not told apart`."""
    told = [verdict(row, found.better) for row in found.rows if row["ratio"] is not None]
    counts = [f"{told.count(name)} {name}" for name in ("worse", "better") if name in told]
    counts += [f"{told.count(None)} not told apart"] if None in told else []
    rows = choosing.plural(len(told), "row")
    return f"{choosing.named(found.metric)}, {found.b.name} / {found.a.name}: {rows}, {', '.join(counts) or 'no ratio'}"


def differences(both: Sweep) -> tuple[list[str], list[list[str]]]:
    """The sweeps' names, and for each choice whose values are not the same in all of them those values."""
    cells = both.cells
    names = list(dict.fromkeys(cells[SWEEP]))
    keys = [*CHOICES, *own_choices(both.further), *OF_THE_RUN]
    rows = []
    for key in (key for key in keys if key in cells):
        values = [choosing.in_order(map(text, cells[cells[SWEEP] == name][key].unique())) for name in names]
        if any(one != values[0] for one in values):
            rows.append([choosing.named(key), *map(_said, values)])
    return names, rows


def _said(values: list[str]) -> str:
    more = len(values) - VALUES
    return ", ".join(values[:VALUES]) + (f" … ({more} more)" if more > 0 else "")


PAGE = Page(
    "/compare", "Compare", "What is different?", 5, 2, controls, draw, body, alone=False, summary=summary,
)  # fmt: skip
