"""Noise floor, or what else is measured, against bit width, with the proven limits beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lpbench.declared.columns import COST_UNITS
from lpbench.declared.energy import assumptions
from lpbench.terminal import Table

from ..charts import style
from ..charts.curves import AT_FOOT, Axes, Curve, Key, figure
from ..charts.look import Look
from ..data import choosing, costs
from ..data.metrics import Metric
from ..data.sweeps import Group, Sweep, text
from ..page import NUMBER, Control, Page, Panel, State
from ..panels import above, pareto, spreads
from ..panels.needed import FULL, bits_needed

PRECISION = "precision"
PROVEN = "proven limit, T = ∞"
OF_WIDTHS = "dot"  # the dash of the levels of several widths
MOST_LINES = 50
FAR = 1e-4  # a level this far below all lines would flatten them: it is written, not drawn
# Columns of a group, as the table calls them.
SPREAD = {
    "10 %": "floor_q10", "90 %": "floor_q90", "least": "floor_min", "largest": "floor_max",
    "median from": "floor_low", "median to": "floor_high",
}  # fmt: skip
LIMITS = {
    "noise ball": "noise_ball", "noise ball, earlier": "noise_ball_earlier",
    "noise ball, dimension-free": "noise_ball_dimension_free",
}  # fmt: skip


def controls(sweep: Sweep) -> list[Control]:
    """Axis, target, panels, colour, spread, and a filter for each axis that varies."""
    over = _with_costs(choosing.over(sweep), sweep)
    without = (over.default,)
    first = (*choosing.rounding_first(sweep), "algorithm")
    facet = choosing.by_axis(sweep, "facet", "Panels by", first, without)
    rows = choosing.by_axis(sweep, "rows", "and by", ("problem", "dataset"), without)
    return [
        *choosing.metric(sweep),
        *([over] if len(over.options) > 1 else []),
        Control("target", choosing.target(sweep), NUMBER, None, help="marks the bits that reach it"),
        facet,
        rows,
        choosing.color_by(sweep, ("format", "algorithm", "dimension"), [facet, rows], without),
        spreads.control(),
        choosing.shared(sweep),
        *pareto.control(sweep),
        *spreads.proven(sweep, "Proven limits", "what theorems promise of a run without end"),
        *choosing.filters(sweep, ("precision",)),
    ]


def _with_costs(over: Control, sweep: Sweep) -> Control:
    """The control of the horizontal axis, which may also be what groups cost."""
    options = (*over.options, *((name, costs.title(name)) for name in costs.there(sweep)))
    return replace(over, options=options, help="what the horizontal axis is: bits, or what they cost")


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """The results over bits or over what they cost, and which of them are on the Pareto front."""
    sweep = sweep.of(state.get("metric"))
    return [_results(sweep, state, dark), pareto.panel(sweep, state, dark)]


def _results(sweep: Sweep, state: State, dark: bool) -> Panel:
    """A small multiple for each value of one axis or two, in it a line over the bits, or over what they cost, for each
    combination of the others.
    """
    metric, over, along = sweep.metric, _over(sweep, state), _along(sweep, state)
    title = f"{metric.title} against {choosing.named(over)}".capitalize()
    rounds = [row for row in choosing.chosen(sweep, state) if choosing.rounds(row)]
    priced = rounds if over == along else costs.known(rounds, over)
    unpriced, rounds = len(rounds) - len(priced), priced
    if not any(metric.drawn(row["floor"]) for row in rounds):  # zeros alone have no scale
        none = f"No cell of this choice rounds and has a {metric.title}."
        return Panel(title, None, notes=(none, *choosing.zeros(sweep, state)))
    rounds.sort(key=lambda row: row[over])
    facets = choosing.panels_by(state)
    others = [axis for axis in sweep.varying if axis not in (along, *facets)]
    everything = [choosing.split(panel, others) for panel in choosing.split(rounds, facets)]
    count = sum(map(len, everything))
    look = Look(sweep, state["color"], others, everything, dark, MOST_LINES)
    panels = look.panels
    drawn = [line for lines in panels for line in lines]
    shown = [row for line in drawn for row in line]
    beside = sweep.groups_where(
        {
            axis: _with_unread(state.get(axis, ()), metric)
            for axis in sweep.varying
            if axis not in (PRECISION, "algorithm", "format")
        }
    )
    curves: list[Curve] = []
    corners: dict[str, str] = {}
    for lines in panels:
        facet, _ = _place(lines[0][0], facets, over)
        shown_here = [row for line in lines for row in line]
        levels, corners[facet] = _levels(beside, shown_here, facet, look, over, metric)
        curves += [
            *levels,
            *(curve for line in lines for curve in _curves(line, facet, look, state, over, metric)),
        ]
        if spreads.bounded(state, metric):
            curves += [
                ring for line in lines for ring in above.rings(sweep, line, facet, look, over, "floor")
            ]
    each, told = spreads.points(sweep, state, look, drawn, lambda row: _place(row, facets, over))
    curves = [*each, *curves]
    keys, ink = look.keys(), style.ink(dark)
    dashes = {curve.dash for curve in curves if curve.group == FULL}
    keys += [Key(FULL, ink, dash, width=1.2) for dash in dashes]
    keys += above.key(curves, dark)
    y = f"{metric.title} (objective gap)" if metric.gap else metric.title
    axes = (
        choosing.axes_over(over, y, shown, metric)
        if over == along
        else Axes(costs.title(over), y, x_log=True, **metric.axis)
    )
    level = {"type": "line", "x0": 0, "x1": 1, "line": {"color": ink, "dash": "dot", "width": 1}}
    target = state["target"]
    whole = figure(
        curves, axes, dark, [level | {"y0": target, "y1": target}] if target else [], keys=keys,
        columns=_columns(panels, facets), own_y=not state["shared"], corners=corners,
    )  # fmt: skip
    named = [*facets, *others]
    extra = [] if along == PRECISION else [along]
    counts = ["seeds", "ok", "diverged"]
    priced_by = {} if over == along else {over: over}
    numbers = {**priced_by, metric.title: "floor", **SPREAD, **(LIMITS if metric.gap else {})}
    names = [*named, *extra, PRECISION, *numbers, *(["bits needed"] if target else []), *counts]
    rows = [row for line in drawn for row in _rows(line, [*named, *extra], numbers, target, metric)]
    left = [*look.left(count, "lines"), *look.limits_left()]
    judged = above.notes(sweep, shown) if spreads.bounded(state, metric) else []
    notes = (
        *spreads.notes(rounds, state), *told, *judged, *left, *choosing.unfinished(shown),
        *_notes(shown, state, metric), *choosing.count_note(unpriced, "point", "without this cost"),
        *(assumptions(over) if over != along else ()),
    )  # fmt: skip
    return Panel(title, whole, Table(names, rows), notes)


def _over(sweep: Sweep, state: State) -> str:
    return str(state.get("x", choosing.over(sweep).default))


def _along(sweep: Sweep, state: State) -> str:
    """The choice along which lines go: that of the horizontal axis, or beside a cost the one it would else be."""
    over = _over(sweep, state)
    return over if over not in COST_UNITS else str(choosing.over(sweep).default)


def _curves(
    line: Sequence[Group], facet: str, look: Look, state: State, over: str, metric: Metric
) -> list[Curve]:
    first, target = line[0], state["target"]
    points = [row for row in line if metric.drawn(row["floor"], zeros=True)]
    x, y = choosing.columns(points, over, "floor")
    low, high = spreads.ends(points, state)
    found: list[Curve] = []
    limited = spreads.bounded(state, metric)
    proven = [row for row in line if 0 < row["noise_ball"] < math.inf] if limited else []
    bits, ball = choosing.columns(proven, over, "noise_ball")
    found += look.limit(first, facet, bits, ball, PROVEN)
    hover = [_seeds(row) for row in points]
    found.append(look.curve(first, facet, x, y, low=low, high=high, hover=hover, width=1.8, whiskers=True))
    needed = bits_needed(line, target, metric) if target and over == PRECISION else None
    if needed in x:
        ring = {"dash": "solid", "marker": "circle-open", "lines": False, "labels": [f"{needed} bits"]}
        hover = [f"{needed} bits reach {target:g}"]
        found.append(look.curve(first, facet, [needed], [y[x.index(needed)]], hover=hover, **ring))
    return found


def _place(row: Group, facets: Sequence[str], over: str) -> tuple[str, float]:
    return choosing.labels(row, facets, " · "), float(row[over])


def _seeds(row: Group) -> str:
    bad = [f"{int(row[f'n_{name}'])} {name}" for name in choosing.UNFINISHED if row[f"n_{name}"]]
    return ", ".join([choosing.plural(int(row["n"]), "seed"), *bad])


def _levels(
    beside: Sequence[Group], shown: Sequence[Group], facet: str, look: Look, over: str, metric: Metric
) -> tuple[list[Curve], str]:
    """Full precision, across the panel: the best level, as a text where it is far below; of networks, where each width
    has a colour, that of each.
    """
    if metric.gap or look.color != "dimension":
        return _level(beside, shown, facet, style.ink(look.dark), over, metric)
    found = []
    for part in choosing.split(shown, [look.color]):
        levels, _ = _level(beside, part, facet, look.tint(part[0]), over, metric)
        found += [replace(level, dash=OF_WIDTHS) for level in levels]
    return found, ""


def _level(
    beside: Sequence[Group], shown: Sequence[Group], facet: str, color: str, over: str, metric: Metric
) -> tuple[list[Curve], str]:
    levels = {row["floor"] for row in choosing.full_precision(beside, shown, metric)}
    full = sorted(levels, reverse=metric.higher)
    if not full:
        return [], ""
    edge = FAR * min((row["floor"] for row in shown if row["floor"] > 0), default=0.0)
    (bits,) = choosing.columns(shown, over)
    first, last = (f"{full[i]:.0e}" if metric.gap else metric.text(full[i]) for i in (0, -1))
    more = f" … {last}" if len(full) > 1 else ""
    said = f"{FULL}: {first}{more}"
    if metric.log and full[0] < edge:
        return [], said
    level = Curve(
        [min(bits), max(bits)],
        full[:1] * 2,
        facet,
        FULL,
        color,
        width=1.2,
        group=FULL,
        end=FULL,
    )
    return [level], said if more else ""


def _with_unread(values: Sequence[str], metric: Metric) -> Sequence[str]:
    """The values of a filter, and what does not read the axis: of networks, full precision has no rounding."""
    return values if metric.gap or not values else (*values, choosing.NO_AXIS)


def _columns(panels: Sequence[Any], facets: Sequence[str]) -> int:
    """Columns that make two axes a table, where the second of them has two values or three."""
    if len(facets) < 2 or len(panels) <= 3:
        return 0
    values = len({text(lines[0][0][facets[1]]) for lines in panels})
    return values if values in (2, 3) else 0


def _rows(
    line: Sequence[Group],
    named: Sequence[str],
    numbers: Mapping[str, str],
    target: float | None,
    metric: Metric,
) -> list[list[Any]]:
    needed = [bits_needed(line, target, metric)] if target else []
    return [
        [
            *(text(row[axis]) for axis in named), int(row["precision"]),
            *(choosing.finite(row.get(name)) for name in numbers.values()), *needed,
            int(row["n"]), int(row["n_ok"]), int(row["n_diverged"]),
        ]
        for row in line
    ]  # fmt: skip


def _notes(shown: Sequence[Group], state: State, metric: Metric) -> list[str]:
    empty = sum(not metric.drawn(row["floor"], zeros=True) for row in shown)
    zeros = sum(row["floor"] == 0 for row in shown) if metric.log else 0
    notes = choosing.count_note(zeros, "point", AT_FOOT)
    what = metric.short
    notes += choosing.count_note(empty, "point", f"without a {what}: not drawn, and in the table")
    if spreads.bounded(state, metric):
        proven = sum(row["noise_ball"] >= 0 for row in shown)
        flat = sum(row["noise_ball"] == 0 for row in shown)
        known = f"Dotted: the proven limit of a run without end, known for {proven} of {len(shown)} points"
        notes.append(known + (f"; {flat} of them are 0, and not drawn." if flat else "."))
    if state["target"]:
        most = "least" if metric.higher else "most"
        reach = f"whose {what} is at {most} {state['target']:g}, as all larger ones' are"
        notes.append(f"Ringed: the fewest measured bits {reach}.")
    return notes


PAGE = Page(
    "/precision",
    "Precision",
    "How far does each bit get?",
    2,
    2,
    controls,
    draw,
    axes=lambda sweep, state: (_along(sweep, state),),
)
