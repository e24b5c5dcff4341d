"""Objective gap, loss or error against steps: how fast each cell falls, and where it stops."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lpbench.declared.costs import bits_moved
from lpbench.terminal import Table

from ..charts.curves import OF_ZERO, Axes, Curve, figure
from ..charts.look import Look
from ..data import choosing
from ..data.metrics import Metric
from ..data.sweeps import POINTS, TIME, Group, Sweep, text
from ..page import SELECT, Control, Page, Panel, State
from ..panels import spreads

TITLE = "{} against the length of the run"
BITS = "bits_moved"
MOST_CURVES, MOST_TRACES = 32, 60
RISE = 100.0  # a gap that is so many times that of all others is that of a run that diverges
VERTICES, LEAST_POINTS = 6_000, 80  # of all curves, and of each: what a browser draws without a wait
X = {
    "step": ("steps", "steps (parameter updates)"),
    "epoch": ("epochs", "epochs"),
    "gradient_evaluations": ("gradients", "gradient evaluations"),
    BITS: ("bits moved", "bits moved (weights that gradients read)"),
    TIME: ("seconds", "seconds in kernels (median over seeds)"),
}
ALL = "all"  # the band of single traces
COUNTED = ("step", "n")  # whole numbers of a curve
PROVEN = "proven, mean over the run"


def controls(sweep: Sweep) -> list[Control]:
    """x axis, panels, colour, band, bounds, and a filter for each axis that varies."""
    facet = choosing.by_axis(sweep, "facet", "Panels by", ("algorithm", "format", "dimension"))
    band = spreads.control("band", without=[spreads.SEEDS])  # each seed is a line here
    convex, lengths = sweep.metrics[0].gap, _measured(sweep)
    return [
        *choosing.metric(sweep, traced=True),
        Control(
            "x",
            "Over",
            SELECT,
            "step" if convex or "epoch" not in lengths else "epoch",
            tuple((key, X[key][0]) for key in lengths),
            "what counts as the length of a run",
        ),
        facet,
        choosing.color_by(sweep, ("precision", "format", "dimension", "step_size"), [facet]),
        replace(band, options=(*band.options, (ALL, "all traces"))),
        choosing.shared(sweep),
        *spreads.proven(sweep, "Proven bounds", "what theorems promise of the mean gap of the run"),
        *choosing.filters(sweep),
    ]


def _measured(sweep: Sweep) -> list[str]:
    """The lengths of a run that some cell knows."""
    absent = {name for name in (BITS, TIME) if not sweep.cells[name].notna().any()}
    if (
        sweep.cells["problem"] == "module"
    ).all():  # a loop of the user's own may not have said how many samples it has
        needs = {"epoch": "n_samples", "gradient_evaluations": "batch_size"}
        absent |= {name for name, column in needs.items() if not sweep.cells[column].notna().any()}
    return [name for name in X if name not in absent]


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """A panel for each value of the facet, in it a line for each group of cells that differ in nothing but the seed."""
    sweep = _shown(sweep, state)
    metric = sweep.metric
    title = TITLE.format(metric.followed).capitalize()
    chosen = [row for row in choosing.chosen(sweep, state) if _ran(row)]
    if not chosen:
        return [Panel(title, None, notes=("No cell of this choice has run.",))]
    facets = choosing.panels_by(state)
    focus = [axis for axis in sweep.varying if axis not in facets]
    rest = choosing.ahead(("problem", "dataset", "dimension", "format"), focus)
    few, kept = choosing.fewer(chosen, [axis for axis in rest if axis != state["color"]], MOST_CURVES)
    panels = [choosing.split(panel, [*sweep.varying, "group_id"]) for panel in choosing.split(few, facets)]
    dashed = [axis for axis in focus if axis == state["color"] or choosing.varies(few, axis)]
    look = Look(sweep, state["color"], dashed, panels, dark, MOST_CURVES)
    few = [row for panel in look.panels for (row,) in panel]
    points = max(LEAST_POINTS, min(POINTS, VERTICES // len(few)))
    time = (TIME,) if state["x"] == TIME else ()
    found = sweep.curves([row["group_id"] for row in few], points, (*_ends(state), *time))
    for row in few:
        if state["x"] == BITS and row["group_id"] in found:
            found[row["group_id"]] |= {BITS: _bits(row, found[row["group_id"]])}
    single = _traces(sweep, few, state) if state["band"] == ALL else {}
    there = [row for row in few if row["group_id"] in found]
    curves = [
        curve
        for row in there
        for curve in _curves(
            found[row["group_id"]], row, choosing.labels(row, facets), look, state, single, metric
        )
    ]
    if not curves:
        return [Panel(title, None, notes=("The traces of this choice are not there (yet).",))]
    top = _top(found, there) if metric.log else math.inf
    cuts = [_cut(curve, top) for curve in curves if not curve.end]
    limits = [curve for curve in curves if curve.end]
    curves = [*(curve for curve, _ in cuts), *limits]
    axes = Axes(X[state["x"]][1], metric.followed, x_log=metric.gap, **metric.axis)
    drawn = figure(curves, axes, dark, keys=look.keys(markers=False), own_y=not state["shared"])
    numbers = {name: name for name in dict.fromkeys(["step", "epoch", state["x"]])}
    numbers |= {"10 %": "q10", "median": "q50", "90 %": "q90", "seeds": "n"}
    columns = [*sweep.varying, *numbers]
    rows = [
        line for row in there for line in _rows(found[row["group_id"]], row, sweep.varying, numbers.values())
    ]
    rose = choosing.count_note(
        sum(above for _, above in cuts), "line", f"above {top:.2g}, or with a band there: cut"
    )
    left = [*rose, *look.left(len(chosen), "curves", choosing.said(kept)), *look.limits_left()]
    notes = (*_over_seeds(few, state), *left, *_notes(few, state, metric))
    return [Panel(title, drawn, Table(columns, rows), notes)]


def _shown(sweep: Sweep, state: State) -> Sweep:
    """The sweep by the metric that was chosen, else by the first that traces hold."""
    first = next((one.name for one in sweep.metrics if one.traced), None)
    return sweep.of(state.get("metric", first))


def _bits(row: Group, at: Any) -> Any:
    """The bits moved up to each step of a curve or trace; NaN where the group does not know."""
    bits = bits_moved(row, at["step"], at["gradient_evaluations"])
    return np.full(len(at["step"]), math.nan) if bits is None else bits


def _ran(row: Group) -> int:
    return int(row["n_ok"] + row["n_diverged"] + row["n_timeout"])


def _curves(
    found: dict[str, Any],
    row: Group,
    facet: str,
    look: Look,
    state: State,
    single: dict[str, list[Any]],
    metric: Metric,
) -> list[Curve]:
    found = _stepped(found)
    there = metric.placed(found[state["x"]], found["q50"])
    x, y = found[state["x"]][there], found["q50"][there]
    traces = single.get(row["group_id"], [])
    curves = [look.curve(row, facet, tx, ty, marker=None, width=0.7) for tx, ty in traces]
    if state["band"] != ALL:
        low, high = [found[one][there] for one in _ends(state)] or (None, None)
        ended = f", {int(row['n_diverged'])} diverged" if row["n_diverged"] else ""
        hover = [f"{choosing.plural(int(n), 'seed')}{ended}" for n in found["n"][there]]
        curves.append(look.curve(row, facet, x, y, marker=None, low=low, high=high, hover=hover, width=1.8))
    if spreads.bounded(state, metric) and 0 < row["bound"] < math.inf and len(x):
        across, hover = [x[0], x[-1]], [f"theorem {row['bound_kind']}"]
        curves += look.limit(row, facet, across, [row["bound"]] * 2, PROVEN, hover=hover)
    return curves


def _ends(state: State) -> tuple[str, ...]:
    """The columns of a band's edges."""
    return spreads.SPREADS[state["band"]].ends if state["band"] != ALL else ()


def _stepped(found: dict[str, Any]) -> dict[str, Any]:
    """A curve that steps where seeds end: what is left of them begins where the last step of all was."""
    ends = np.flatnonzero(np.diff(found["n"])) + 1
    axes = (*X,)
    return {
        name: np.insert(values, ends, values[ends - 1] if name in axes else values[ends])
        for name, values in found.items()
    }


def _top(found: Mapping[str, dict[str, Any]], rows: Sequence[Group]) -> float:
    """How far up the figure goes: above it are runs that diverge. Without any as far as there is anything.

    `RISE` times the largest gap of what does not diverge: whole groups of runs, and where the others begin and end.
    """
    if not any(row["n_diverged"] for row in rows):
        return math.inf
    kept = []
    for row in rows:
        curve = found[row["group_id"]]
        if not row["n_diverged"]:
            kept += [*curve["q90"]]
        elif len(curve["q10"]):
            kept += [curve["q10"][0], *([curve["q10"][-1]] if row["n_ok"] else [])]
    return RISE * max((gap for gap in kept if 0 < gap < math.inf), default=math.inf)


def _cut(curve: Curve, top: float) -> tuple[Curve, bool]:
    """The curve below `top`, with its band as far as it goes there; and whether anything was above."""
    y = np.asarray(curve.y, float)
    high = None if curve.high is None else np.asarray(curve.high, float)
    above = bool(np.any(y > top)) or (high is not None and bool(np.any(high > top)))
    ends = high if high is None else np.minimum(high, top)
    return replace(curve, y=np.where(y > top, np.nan, y), high=ends), above


def _traces(sweep: Sweep, groups: Sequence[Group], state: State) -> dict[str, list[Any]]:
    """The single traces of each group: those of its first seeds, at most MOST_TRACES in all."""
    cells = sweep.cells[sweep.cells["status"] != "failed"]
    cells = cells[cells["group_id"].isin([row["group_id"] for row in groups])]
    cells = cells.groupby("group_id", sort=False).head(_quota(groups))
    group_of = dict(zip(cells["cell_id"], cells["group_id"], strict=True))
    found: dict[str, list[Any]] = {}
    by_id = {row["group_id"]: row for row in groups}
    for cell_id, trace in sweep.traces(list(group_of)).groupby("cell_id", sort=False):
        group = group_of[str(cell_id)]
        x = _bits(by_id[group], trace) if state["x"] == BITS else trace[state["x"]]
        x, y = np.asarray(x, float), trace[sweep.metric.traced].to_numpy(float)
        there = sweep.metric.placed(x, y)
        found.setdefault(group, []).append((x[there], y[there]))
    return found


def _quota(groups: Sequence[Group]) -> int:
    """How many traces of each group are drawn, where single ones are."""
    return max(1, MOST_TRACES // len(groups))


def _rows(found: dict[str, Any], row: Group, axes: list[str], numbers: Iterable[str]) -> list[list[Any]]:
    named = [text(row[axis]) for axis in axes]
    columns = [found[name].astype(int if name in COUNTED else float).tolist() for name in numbers]
    return [[*named, *values] for values in zip(*columns, strict=True)]


def _over_seeds(few: Sequence[Group], state: State) -> list[str]:
    if all(row["n"] == 1 for row in few):
        return ["One seed each."]
    if state["band"] == ALL:
        return [f"Single traces over {choosing.seeds(few)}."]
    said = spreads.SPREADS[state["band"]].said
    first = f"Medians over {choosing.seeds(few)}" + (f"; bands: {said}." if said else ".")
    return [first, *spreads.without(_ends(state), map(_ran, few), "line")]


def _notes(few: Sequence[Group], state: State, metric: Metric) -> list[str]:
    notes, quota = [], _quota(few)
    ran = [_ran(row) for row in few]
    drawn = sum(min(count, quota) for count in ran)
    if state["band"] == ALL and drawn < sum(ran):
        first = "seed" if quota == 1 else f"{quota} seeds"
        notes.append(f"{drawn} of {sum(ran)} traces: the first {first} of each curve.")
    if state["x"] in (BITS, TIME):
        absent = sum(row[state["x"]] != row[state["x"]] for row in few if row["n_ok"])
        notes += choosing.count_note(absent, "line", f"without {X[state['x']][0]}: not drawn")
    flat = sum(row["bound"] == 0 for row in few) if spreads.bounded(state, metric) else 0
    bad = sum(int(row["n_diverged"]) for row in few)
    notes += choosing.count_note(flat, "proven bound", OF_ZERO)
    return notes + choosing.count_note(bad, "cell", "diverged; they count up to where they ended")


PAGE = Page(
    "/convergence",
    "Convergence",
    "How fast does each cell fall, and where does it stop?",
    1,
    1,
    controls,
    draw,
    axes=lambda sweep, state: (),
)
