"""Objective gap against steps: how fast each cell falls, and where it stops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lpbench.terminal import Table

from ..charts import style
from ..charts.curves import Axes, Curve, Key, figure
from ..charts.look import Look
from ..data import choosing
from ..data.sweeps import POINTS, Group, Sweep, text
from ..page import SELECT, SWITCH, Control, Page, Panel, State

TITLE = "Objective gap against the length of the run"
MOST_CURVES, MOST_TRACES = 32, 60
VERTICES, LEAST_POINTS = 6_000, 80  # of all curves, and of each: what a browser draws without a wait
X = {
    "step": ("steps", "steps (parameter updates)"),
    "epoch": ("epochs", "epochs"),
    "gradient_evaluations": ("gradients", "gradient evaluations"),
}
BANDS = {"10-90": ("q10", "q90"), "min-max": ("min", "max")}
PROVEN = "proven, mean over the run"


def controls(sweep: Sweep) -> list[Control]:
    """x axis, panels, colour, band, bounds, and a filter for each axis that varies."""
    facet = choosing.by_axis(sweep, "facet", "Panels by", ("algorithm", "format", "dimension"))
    color = choosing.by_axis(
        sweep,
        "color",
        "Colour by",
        [a for a in ("precision", "format", "dimension", "step_size") if a != facet.default],
    )
    shown = (
        ("10-90", "median, 10-90 %"),
        ("min-max", "median, min-max"),
        ("none", "median"),
        ("all", "all traces"),
    )
    return [
        Control("x", "Over", SELECT, "step", tuple((key, name) for key, (name, _) in X.items())),
        facet,
        color,
        Control("band", "Over seeds", SELECT, "10-90", shown),
        Control("shared", "One y scale", SWITCH, False),
        Control("bounds", "Proven bounds", SWITCH, True),
        *choosing.filters(sweep),
    ]


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """A panel for each value of the facet, in it a line for each group of cells that differ in nothing but the seed."""
    chosen = [
        row for row in choosing.chosen(sweep, state) if row["n_ok"] + row["n_diverged"] + row["n_timeout"]
    ]
    if not chosen:
        return [Panel(TITLE, None, notes=("No cell of this choice has run.",))]
    facets = [state["facet"]] if state["facet"] != choosing.NO_AXIS else []
    focus = [axis for axis in sweep.varying if axis not in facets]
    rest: list[str] = [axis for axis in ("problem", "dataset", "dimension", "format") if axis in focus]
    rest += [axis for axis in focus if axis not in rest]
    few, kept = choosing.fewer(chosen, [axis for axis in rest if axis != state["color"]], MOST_CURVES)
    panels = choosing.spread(
        [[[row] for row in part] for part in _ordered(few, facets, sweep.varying)], MOST_CURVES
    )
    few = [row for panel in panels for (row,) in panel]
    found = sweep.curves(
        [row["group_id"] for row in few], max(LEAST_POINTS, min(POINTS, VERTICES // len(few)))
    )
    dashed = [axis for axis in focus if axis == state["color"] or choosing.varies(few, axis)]
    look = Look(sweep, state["color"], dashed, [[row] for row in few], dark)
    curves: list[Curve] = []
    rows: list[list[Any]] = []
    single = _traces(sweep, few, state) if state["band"] == "all" else {}
    for row in (row for panel in choosing.split(few, facets) for row in panel):
        curve = found.get(row["group_id"])
        if curve is not None:
            curves += _curves(
                curve, row, choosing.labels(row, facets), look, state, single.get(row["group_id"], [])
            )
            rows += _rows(curve, row, sweep.varying)
    if not curves:
        return [Panel(TITLE, None, notes=("The traces of this choice are not there (yet).",))]
    keys = look.keys(markers=False)
    if any(curve.group == PROVEN for curve in curves):
        keys.append(Key(PROVEN, style.soft(dark), "dot", width=1.3))
    axes = Axes(X[state["x"]][1], "objective gap", x_log=True)
    drawn = figure(curves, axes, dark, keys=keys, own_y=not state["shared"])
    columns = [*sweep.varying, "step", "epoch", "10 %", "median", "90 %", "seeds"]
    return [Panel(TITLE, drawn, Table(columns, rows), tuple(_notes(chosen, few, kept, state)))]


def _ordered(rows: Sequence[Group], facets: Sequence[str], axes: Sequence[str]) -> list[list[Group]]:
    """The groups of each panel, in the order of their values."""
    return [
        [row for part in choosing.split(panel, axes) for row in part]
        for panel in choosing.split(rows, facets)
    ]


def _curves(
    found: dict[str, Any], row: Group, facet: str, look: Look, state: State, single: list[Any]
) -> list[Curve]:
    there = (found[state["x"]] > 0) & (found["q50"] >= 0)
    x, y = found[state["x"]][there], found["q50"][there]
    name, group, color = look.name(row), look.group(row), look.tint(row)
    ended = f", {int(row['n_diverged'])} diverged" if row["n_diverged"] else ""
    hover = [f"{name}<br>{int(n)} seeds{ended}" for n in found["n"][there]]
    curves = [Curve(tx, ty, facet, name, color, "solid", width=0.7, group=group) for tx, ty in single]
    low = high = None
    if state["band"] in BANDS:
        low, high = (found[one][there] for one in BANDS[state["band"]])
    if state["band"] != "all":
        curves.append(
            Curve(x, y, facet, name, color, look.dash(row), None, low, high, hover, 1.8, group=group)
        )
    if state["bounds"] and row["bound"] > 0 and len(x):
        said = [
            f"{name}<br>theorem {row['bound_kind']}: at most {row['bound']:.3g} in the mean over the run"
        ] * 2
        ends, bound = [x[0], x[-1]], [row["bound"]] * 2
        curves.append(
            Curve(ends, bound, facet, f"{name}: {PROVEN}", color, "dot", hover=said, width=1.1, group=PROVEN)
        )
    return curves


def _traces(sweep: Sweep, groups: Sequence[Group], state: State) -> dict[str, list[Any]]:
    """The single traces of each group: those of its first seeds, at most MOST_TRACES in all."""
    cells = sweep.cells[
        sweep.cells["group_id"].isin([row["group_id"] for row in groups])
        & (sweep.cells["status"] != "failed")
    ]
    cells = cells.groupby("group_id", sort=False).head(_quota(groups))
    group_of = dict(zip(cells["cell_id"], cells["group_id"], strict=True))
    found: dict[str, list[Any]] = {}
    for cell_id, trace in sweep.traces(list(group_of)).groupby("cell_id", sort=False):
        x, y = trace[state["x"]].to_numpy(float), trace["objective_gap"].to_numpy(float)
        there = (x > 0) & (y >= 0)
        found.setdefault(group_of[str(cell_id)], []).append((x[there], y[there]))
    return found


def _quota(groups: Sequence[Group]) -> int:
    """How many traces of each group are drawn, where single ones are."""
    return max(1, MOST_TRACES // len(groups))


def _rows(found: dict[str, Any], row: Group, axes: list[str]) -> list[list[Any]]:
    named = [text(row[axis]) for axis in axes]
    columns = (found[name] for name in ("step", "epoch", "q10", "q50", "q90", "n"))
    return [
        [*named, int(step), float(epoch), float(low), float(middle), float(high), int(n)]
        for step, epoch, low, middle, high, n in zip(*columns, strict=True)
    ]


def _notes(chosen: Sequence[Group], few: Sequence[Group], kept: dict[str, str], state: State) -> list[str]:
    notes = [_over_seeds(few, state["band"])]
    if len(few) < len(chosen):
        spread = len(_kept(chosen, kept)) > len(few)
        which = "; ".join(part for part in (choosing.said(kept), "evenly spread" if spread else "") if part)
        notes.append(f"{len(few)} of {len(chosen)} curves ({which}): the filters of the page choose others.")
    ran = [int(row["n_ok"] + row["n_diverged"] + row["n_timeout"]) for row in few]
    drawn = sum(min(count, _quota(few)) for count in ran)
    if state["band"] == "all" and drawn < sum(ran):
        first = "seed" if _quota(few) == 1 else f"{_quota(few)} seeds"
        notes.append(f"{drawn} of {sum(ran)} traces: the first {first} of each curve.")
    flat = sum(row["bound"] == 0 for row in few) if state["bounds"] else 0
    if flat:
        notes.append(f"{choosing.plural(flat, 'proven bound')} of 0: not drawn on a logarithmic axis.")
    bad = sum(int(row["n_diverged"]) for row in few)
    if bad:
        notes.append(f"{choosing.plural(bad, 'cell')} diverged; they count up to where they ended.")
    return notes


def _kept(chosen: Sequence[Group], kept: dict[str, str]) -> list[Group]:
    return [row for row in chosen if all(text(row[axis]) == value for axis, value in kept.items())]


def _over_seeds(few: Sequence[Group], band: str) -> str:
    if all(row["n"] == 1 for row in few):
        return "One seed each."
    shown = {
        "10-90": "Medians and 10-90 %",
        "min-max": "Medians, least and largest",
        "none": "Medians",
        "all": "Single traces",
    }
    return f"{shown[band]} over {choosing.seeds(few)}."


PAGE = Page(
    "/convergence", "Convergence", "How fast does the gap fall, and where does it stop?", 1, 1, controls, draw
)
