"""Noise floor or error, bits and bounds against the dimension of the model: does the number of bits grow with it?"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from lpbench.terminal import Table

from ..charts import style
from ..charts.curves import AT_FOOT, OF_ZERO, Axes, Curve, Key, figure, spaced
from ..charts.look import Look
from ..data import choosing
from ..data.metrics import GAP, Metric
from ..data.sweeps import Group, Sweep, text
from ..page import NUMBER, Control, Page, Panel, State
from ..panels import above, spreads
from ..panels.needed import BITS, FULL, LINES, PROVEN, Target, bits, fixed, near_best, over_dimension

FLOOR = "{} against dimension"
CONSTANTS = "What the bounds are made of"
SYMBOLS = {"sigma_1": "σ₁", "sigma": "σ", "L_1": "L₁", "L_1_avg": "L̄₁", "gamma": "Γ", "L": "L", "mu": "μ"}
FOLLOW = (
    "n_samples",
    "steps",
    "step_size",
    "limit",
)  # what may follow the dimension, and does not part a line
POINTS, SURE = 3, 0.5  # of a power of d that is told: its dimensions at least, half its interval at most
RUN = (
    "Only one dimension of a problem was swept. To see what the dimension does: lpbench sweep problem=family_s k=4 "
    "dimension=16,64,256,1024 precision=6,7,8 start=optimum step_size=2**-8 'steps=60*d/alpha' --name dimension"
)
YET = "Only one dimension has cells yet: {} of {} are there."
RUN_NETWORKS = (
    "Only one width of a network was swept. To see what the width does: lpbench sweep problem=mlp dataset=mnist1d "
    "dimension=16,64,256 precision=4,6,8,12 rounding=stochastic,nearest_even 'seed=range(5)' --name width"
)
LOST = "No cells that differ in their dimension alone ended well: the page Cells says how they ended."
NO_CONSTANTS = "No theorem is about networks: what bounds are made of is known of convex problems alone."
WITHIN = (
    "0.01 is a point of error, 0.1 a tenth of a loss; empty: these. Of full precision, or else of the most bits, "
    "at the same width"
)


def controls(sweep: Sweep) -> list[Control]:
    """Target, panels, colour, bounds, and a filter for each axis that varies."""
    without = ("dimension", *FOLLOW)
    firsts = (*choosing.rounding_first(sweep), "k", "noise_kind", "algorithm", "problem", "format")
    facet = choosing.by_axis(sweep, "facet", "Panels by", firsts, without)
    convex = sweep.metrics == [GAP]
    target = Control(
        "target",
        choosing.target(sweep),
        NUMBER,
        target_of(sweep) if convex else None,
        help="of the bits needed",
    )
    return [
        *choosing.metric(sweep),
        *([] if convex else [Control("within", "Within", NUMBER, None, help=WITHIN)]),
        target,
        facet,
        choosing.color_by(sweep, ("precision", "format", "k", "noise_kind"), [facet], without),
        spreads.control(),
        *spreads.proven(sweep, "Proven limits", "what theorems promise of a run without end"),
        *choosing.filters(sweep, ("dimension",)),
    ]


def target_of(sweep: Sweep) -> float | None:
    """A gap that some precisions reach and others do not: the middle of LP-SGD's floors, else of all."""
    floors = [row["floor"] for row in choosing.plain(choosing.measured(sweep, {}))]
    return float(f"{math.exp(statistics.median(map(math.log, floors))):.1g}") if floors else None


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """Three panels: floors and limits, bits needed, the constants; of networks the bits needed first."""
    sweep = sweep.of(state.get("metric"))
    metric = sweep.metric
    rows = _with_blocks(choosing.measured(sweep, state, zeros=True))
    facets = choosing.panels_by(state)
    others = _others(sweep, rows, facets)
    if not any(choosing.varies(line, "dimension") for line in choosing.split(rows, [*facets, *others])):
        titles = (FLOOR.format(metric.title).capitalize(), BITS, CONSTANTS)
        lost = choosing.varies(choosing.chosen(sweep, state), "dimension")
        said = LOST if lost else RUN if metric.gap else RUN_NETWORKS
        if sweep.total > len(sweep.cells):
            said = YET.format(len(sweep.cells), sweep.total)
        return [Panel(title, None, notes=(said,)) for title in titles]
    floors = _floors(sweep, rows, facets, others, state, dark)
    parting = [axis for axis in others if axis != "precision"]
    needed = bits(sweep, rows, facets, parting, state, _target(sweep, state), dark)
    if metric.gap:
        return [floors, needed, _constants(rows, dark)]
    return [needed, floors, Panel(CONSTANTS, None, notes=(NO_CONSTANTS,))]


def _target(sweep: Sweep, state: State) -> Target | None:
    """What the bits have to reach: a level that was given, or near the best of the same width."""
    metric, level = sweep.metric, state["target"]
    if metric.gap and "within" in state:
        level = level or target_of(sweep)
    if level:
        return fixed(metric, level)
    return None if metric.gap else near_best(sweep, state["within"])


def _with_blocks(rows: Sequence[Group]) -> list[Group]:
    """The groups with family S's k as a text: `k = d` where it is the dimension, at more than one dimension."""
    follows = choosing.varies([row for row in rows if row["k"] == row["dimension"]], "dimension")
    blocks = (
        None if text(row["k"]) == "-"
        else "k = d" if follows and row["k"] == row["dimension"]
        else f"k = {text(row['k'])}"
        for row in rows
    )  # fmt: skip
    return [{**row, "k": block} for row, block in zip(rows, blocks, strict=True)]


def _others(sweep: Sweep, rows: Sequence[Group], facets: Sequence[str]) -> list[str]:
    """The axes that part the lines of a panel; of those that may follow the dimension, what was swept of its own."""
    others = [axis for axis in sweep.varying if axis not in ("dimension", *FOLLOW, *facets)]
    alike = choosing.split(rows, ["dimension", *facets, *others])
    follow = [axis for axis in FOLLOW if axis in sweep.varying]
    return others + [axis for axis in follow if any(choosing.varies(part, axis) for part in alike)]


def _lines(panel: Sequence[Group], axes: Sequence[str]) -> list[list[Group]]:
    """The lines of a panel, each over more than one dimension, with one point at each."""
    parted = (choosing.split(line, ["dimension"]) for line in choosing.split(panel, axes))
    return [[points[0] for points in line] for line in parted if len(line) > 1]


def _floors(
    sweep: Sweep, rows: list[Group], facets: list[str], others: list[str], state: State, dark: bool
) -> Panel:
    rest = [
        axis for axis in choosing.ahead(("format", "problem", "dataset"), others) if axis != state["color"]
    ]
    few, kept = choosing.fewer(rows, rest, LINES * len(choosing.values(rows, "dimension")))
    panels = [found for panel in choosing.split(few, facets) if (found := _lines(panel, others))]
    look = Look(sweep, state["color"], others, panels, dark, LINES)
    lines = [line for panel in look.panels for line in panel]
    count = sum(len(_lines(panel, others)) for panel in choosing.split(rows, facets))
    metric = sweep.metric
    bounds, proven = spreads.bounded(state, metric), PROVEN if metric.gap else ()
    ringed = above.notes(sweep, [row for line in lines for row in line]) if bounds else []
    notes = _growth(lines, facets) if metric.gap else []
    notes += [*ringed, *look.left(count, "lines", choosing.said(kept))]
    zeros = sum(row["floor"] == 0 for line in lines for row in line) if metric.log else 0
    notes += choosing.count_note(zeros, "point", AT_FOOT)
    limits = [row[column] for line in lines for row in line for column, _, _ in proven if bounds]
    notes += choosing.count_note(limits.count(0), "proven limit", OF_ZERO)
    if metric.gap:
        notes.append(
            "The dimension-free limit does not contain d; what it does with d is that of the constants below."
        )
    curves: list[Curve] = []
    table: list[list[Any]] = []
    axes = [*facets, *others]
    for line in lines:
        facet = choosing.labels(line[0], facets)
        curves += _floor_curves(line, facet, look, state, metric)
        curves += above.rings(sweep, line, facet, look, "dimension", "floor") if bounds else []
        fits = [power(line, column) for column in ("floor", PROVEN[1][0])] if metric.gap else []
        slopes = [fit[0] if fit else None for fit in fits]
        for row in line:
            numbers = (choosing.finite(row[name]) for name in ("floor", *(column for column, _, _ in proven)))
            table.append([*(text(row[axis]) for axis in axes), int(row["dimension"]), *numbers, *slopes])
    each, told = spreads.points(sweep, state, look, lines, lambda row: _place(row, facets))
    full = [] if metric.gap else _full(sweep, lines, facets, look)
    keys = [Key(FULL, style.ink(dark), width=1.2)] if full else []
    curves, notes = [*each, *full, *curves], [*notes, *spreads.notes(rows, state), *told]
    proof = ["dimension-free", "earlier", "slope", "slope earlier"] if metric.gap else []
    names = [*axes, "dimension", metric.title, *proof]
    drawn = over_dimension(curves, look, metric.title, rows, metric, own_y=metric.gap, keys=keys)
    title = FLOOR.format(metric.title).capitalize()
    return Panel(title, drawn, Table(names, table), (*notes, *look.limits_left()))


def _full(sweep: Sweep, lines: Sequence[Sequence[Group]], facets: Sequence[str], look: Look) -> list[Curve]:
    """Full precision over the dimension, in each panel: the best of it."""
    metric, found = sweep.metric, []
    for facet in dict.fromkeys(choosing.labels(line[0], facets) for line in lines):
        shown = [row for line in lines for row in line if choosing.labels(row, facets) == facet]
        there = choosing.full_precision(choosing.chosen(sweep, {}), shown, metric)
        parts = choosing.split(there, ["dimension"])
        x = [float(part[0]["dimension"]) for part in parts]
        y = [metric.least(row["floor"] for row in part) for part in parts]
        if len(x) > 1:
            found.append(Curve(x, y, facet, FULL, style.ink(look.dark), width=1.2, group=FULL, end=FULL))
    return found


def _floor_curves(line: Sequence[Group], facet: str, look: Look, state: State, metric: Metric) -> list[Curve]:
    x, y = choosing.columns(line, "dimension", "floor")
    low, high = spreads.ends(line, state)
    found = [look.curve(line[0], facet, x, y, low=low, high=high, whiskers=True)]
    for name, label, kind in PROVEN if spreads.bounded(state, metric) else ():
        x, y = choosing.columns([row for row in line if 0 < row[name] < math.inf], "dimension", name)
        found += look.limit(line[0], facet, x, y, label, kind)
    return found


def _place(row: Group, facets: Sequence[str]) -> tuple[str, float]:
    return choosing.labels(row, facets), float(row["dimension"])


def _growth(lines: Sequence[Sequence[Group]], facets: Sequence[str]) -> list[str]:
    """How the floors grow with the dimension, each panel and algorithm on its own; only where that is a power of d."""
    axes = [*facets, *([] if "algorithm" in facets else ["algorithm"])]
    grows: dict[str, list[tuple[float, float]]] = {}
    bent: dict[str, int] = {}
    for line in lines:
        fit, name = power(line, "floor"), choosing.labels(line[0], axes)
        if fit:
            grows.setdefault(name, []).append(fit)
        else:
            bent[name] = bent.get(name, 0) + 1
    told = []
    for name, found in grows.items():
        low, high = min(found), max(found)
        ends = [f"{slope:.2f} ± {error:.2f}" for slope, error in ([low, high] if len(found) > 1 else [low])]
        told.append(f"{name} {' … '.join(ends)}")
    notes = [f"Measured floors grow like d to the power (95 % interval): {'; '.join(told)}."] if told else []
    few = "; ".join(f"{name} {choosing.plural(count, 'line')}" for name, count in bent.items())
    return [
        *notes,
        *(
            [
                f"No power of d is told of {few}: fewer than {POINTS} dimensions, or uncertain by more than {SURE}."
            ]
            if few
            else []
        ),
    ]


def _constants(rows: Sequence[Group], dark: bool) -> Panel:
    facets = ["problem", *(a for a in ("dataset", "k", "noise_kind") if choosing.varies(rows, a))]
    curves, table = [], []
    lines = _lines(rows, facets)
    for line in lines:
        facet = choosing.labels({**line[0], "k": line[0]["k"] or "no k"}, facets)
        for i, (name, symbol) in enumerate(SYMBOLS.items()):
            x, y = choosing.columns([row for row in line if row[name] >= 0], "dimension", name)
            if any(y):
                color = style.colors(dark)[i]
                curves.append(Curve(x, y, facet, symbol, color, marker=style.MARKERS[i]))
                table += [[facet, int(d), name, value] for d, value in zip(x, y, strict=True)]
    said = "“Dimension-free” holds at fixed σ₁: the leading noise is δσ₁. Where σ₁ grows with d, so do floor and bits."
    drawn = {curve.name for curve in curves}
    gone = [
        name
        for name, symbol in SYMBOLS.items()
        if symbol not in drawn and any(row[name] == 0 for row in rows)
    ]
    none = [f"Everywhere 0, and not drawn: {', '.join(SYMBOLS[name] for name in gone)}."] if gone else []
    notes = (said, *none)
    ticks = spaced(row["dimension"] for row in rows)
    axes = Axes("dimension d", "constant of the problem", x_log=True, x_values=ticks)
    whole = figure(curves, axes, dark) if curves else None
    return Panel(CONSTANTS, whole, Table(["problem", "dimension", "constant", "value"], table), notes)


def power(line: Sequence[Group], column: str) -> tuple[float, float] | None:
    """The power of d with which a column grows, and half its 95 % interval, by least squares in logarithms.

    None of fewer than `POINTS` dimensions, and where that half is above `SURE`: no power of d, or none that is known.
    """
    from scipy import special

    points = np.log([(row["dimension"], row[column]) for row in line if 0 < row[column] < math.inf])
    if len(points) < POINTS:
        return None
    x, y = points.T - points.mean(axis=0)[:, None]
    slope = float(x @ y / (x @ x))
    rest = y - slope * x
    half = float(special.stdtrit(len(x) - 2, 0.975) * math.sqrt(rest @ rest / (len(x) - 2) / (x @ x)))
    return (slope, half) if half <= SURE else None


PAGE = Page(
    "/dimension",
    "Dimension",
    "Does the number of bits grow with the model?",
    3,
    3,
    controls,
    draw,
    axes=lambda sweep, state: ("dimension",),
)
