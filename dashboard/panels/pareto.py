"""The Pareto front: the groups that nothing beats, a front for each problem: what costs no more is no better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lpbench.analysis.pareto import front
from lpbench.declared.choices import PROBLEM
from lpbench.declared.energy import assumptions
from lpbench.terminal import Table

from ..charts import labels, style
from ..charts.curves import Axes, Curve, Key, figure
from ..charts.grid import SCREEN, WIDE, fitting_columns
from ..charts.look import tints
from ..data import choosing, costs
from ..data.metrics import Metric
from ..data.sweeps import Group, Sweep, text
from ..page import SELECT, Control, Panel, State

FRONT = "Pareto front"
FIRST = ("energy_per_run", "bits_per_value")  # the cost as a page opens
TOLD = ("format", "algorithm", "rounding", "precision")  # colours, where the page's are those of problems
MOST_PANELS = 6
DIM = 0.35  # of the colour of what is dominated
WITHIN = 0.48  # of the width of a screen: printed, where texts are as large, a figure has no more


class Scale(NamedTuple):
    """Where numbers stand in a panel: from `low` on, so many pixels each."""

    low: float
    each: float

    @classmethod
    def of(cls, values: Sequence[float], size: float) -> Scale:
        """For values that fill a panel of `size` pixels but for a tenth."""
        low, high = min(values), max(values)
        each = 0.9 * size / (high - low) if high > low else 0.0
        return cls(low, each)

    def at(self, value: float) -> float:
        """Pixels from the lower end, which has room."""
        return 12.0 + (value - self.low) * self.each


def control(sweep: Sweep) -> list[Control]:
    """The cost; none where no group has one."""
    names = costs.there(sweep)
    if not names:
        return []
    default = next((name for name in FIRST if name in names), names[0])
    options = tuple((name, costs.title(name)) for name in names)
    return [
        Control("cost", "Cost", SELECT, default, options, "what the Pareto front sets against the result")
    ]


def panel(sweep: Sweep, state: State, dark: bool) -> Panel:
    """A small multiple for each problem: all groups, those on its front joined and named, the others dimmed."""
    metric, cost = sweep.metric, state.get("cost")
    if cost is None:
        none = "No two groups with different costs: cells that an older lpbench stored have none."
        return Panel(FRONT, None, notes=(none,))
    heading = f"{FRONT}: {metric.title} against {costs.title(cost)}"
    rows = choosing.chosen(sweep, state)
    drawn = [row for row in costs.known(rows, cost) if metric.drawn(row["floor"])]
    if not drawn:
        return Panel(heading, None, notes=(f"No cell of this choice has a {metric.title} and a cost.",))
    of_problem = [axis for axis in sweep.varying if axis in PROBLEM]
    problems = choosing.split(drawn, of_problem)
    shown = style.evenly(problems, MOST_PANELS)
    colored = _colored(state, [row for one in shown for row in one])
    others = [axis for axis in sweep.varying if axis not in (*of_problem, colored)]
    named = _in_order([axis for axis in others if any(choosing.varies(one, axis) for one in shown)])
    values = choosing.values([row for one in shown for row in one], colored)
    colors = tints(colored, values, dark)
    told = [row for one in shown for row in one]
    fronts = [
        [one[i] for i in front([(row[cost], metric.rank(row["floor"])) for row in one])] for one in shown
    ]
    members = [row for kept in fronts for row in kept]
    # What all members have in common is said once.
    alike = [axis for axis in named if len(members) > 1 and not choosing.varies(members, axis)]
    named = [axis for axis in named if axis not in alike]
    curves: list[Curve] = []
    unnamed, width = 0, WIDE * WITHIN / fitting_columns(len(shown))
    for one, kept in zip(shown, fronts, strict=True):
        x = Scale.of([math.log10(row[cost]) for row in told], width)
        y = Scale.of([metric.place(row["floor"]) for row in (told if state["shared"] else one)], SCREEN.panel)
        spots = {id(row): (x.at(math.log10(row[cost])), y.at(metric.place(row["floor"]))) for row in one}
        steps = [spots.pop(id(row)) for row in kept]
        sides = labels.placed(steps, [choosing.labels(row, named) for row in kept], spots.values(), width)
        unnamed += sides.count("")
        beside = {id(row): side for row, side in zip(kept, sides, strict=True)}
        facet = choosing.labels(one[0], of_problem, " · ")
        curves.append(_stairs(kept, facet, cost, dark))
        curves += _points(one, beside, facet, cost, [colored, *named, *alike], named, colors)
    keys = [
        Key(choosing.label(colored, next(row[colored] for row in drawn if text(row[colored]) == value)), color,
            marker=style.marker(value, values, colored))
        for value, color in colors.items()
    ]  # fmt: skip
    keys.append(Key(FRONT, style.ink(dark), width=1.2))
    axes = Axes(costs.title(cost), metric.title, x_log=True, **metric.axis)
    whole = figure(curves, axes, dark, keys=keys, own_y=not state["shared"], equals=False)
    axes_named = [*of_problem, *_in_order([colored, *others])]
    notes = (
        f"{len(members)} of {choosing.plural(len(told), 'group')} on a front: nothing that costs no more is better. "
        f"Points: {choosing.medians(told)}; two that are closer than their seeds may change places.",
        *(
            [f"All of them: {choosing.said({axis: text(members[0][axis]) for axis in alike})}."]
            if alike
            else []
        ),
        *choosing.count_note(unnamed, "member", "without room for a name: the numbers have it"),
        *choosing.left_out(len(shown), len(problems), "problems", "evenly chosen"),
        *choosing.zeros(sweep, state),
        *choosing.count_note(len(rows) - len(costs.known(rows, cost)), "group", "without this cost"),
        *assumptions(cost),
    )
    return Panel(heading, whole, _table(shown, members, axes_named, cost, metric), notes)


def _colored(state: State, rows: Sequence[Group]) -> str:
    """The axis of the colours: the page's, where it does not tell problems apart."""
    asked = state["color"]
    if asked not in (choosing.NO_AXIS, *PROBLEM):
        return str(asked)
    return next((axis for axis in TOLD if choosing.varies(rows, axis)), TOLD[0])


def _in_order(axes: Sequence[str]) -> list[str]:
    return choosing.ahead(("algorithm", "format", "precision", "rounding"), axes)


def _stairs(members: Sequence[Group], facet: str, cost: str, dark: bool) -> Curve:
    """The front: between two members nothing better is known than the cheaper one."""
    x, y = choosing.columns(members, cost, "floor")
    xs, ys = x[:1], y[:1]
    for i in range(1, len(x)):
        xs += [x[i], x[i]]
        ys += [y[i - 1], y[i]]
    return Curve(xs, ys, facet, FRONT, style.ink(dark), width=1.2, group=FRONT, silent=True)


def _points(
    rows: Sequence[Group], beside: Mapping[int, str], facet: str, cost: str, axes: Sequence[str], named: Sequence[str],
    colors: Mapping[str, str],
) -> list[Curve]:  # fmt: skip
    """The groups of a problem by colour: those on its front with their names, the others dimmed.

    beside   of each member the side of its name, "" without one.
    axes     what a hover tells, that of the colours first; named: what a name does.
    """
    colored, *_ = axes
    found, values, parts = [], list(colors), choosing.split(rows, [colored])
    for side in (None, "", *labels.PLACES):  # the front above all else
        for part in parts:
            value, group = text(part[0][colored]), choosing.label(colored, part[0][colored])
            dim = style.transparent(colors[value], DIM)
            points = [row for row in part if beside.get(id(row)) == side]
            if not points:
                continue
            member = side is not None
            x, y = choosing.columns(points, cost, "floor")
            found.append(
                Curve(
                    x, y, facet, group if member else f"{group}, dominated", colors[value] if member else dim,
                    marker=style.marker(value, values, colored), lines=False, legend=False, group=group,
                    hover=[choosing.labels(row, _in_order(axes)) for row in points],
                    size=10 if member else 7, place=side or "top right",
                    labels=[choosing.labels(row, named) for row in points] if side else (),
                )
            )  # fmt: skip
    return found


def _table(
    problems: Sequence[Sequence[Group]],
    members: Sequence[Group],
    axes: Sequence[str],
    cost: str,
    metric: Metric,
) -> Table:
    """The members of each problem by their cost, then all others."""
    on = [id(row) for row in members]
    others = [row for one in problems for row in sorted(one, key=lambda row: row[cost]) if id(row) not in on]
    rows = [
        [*(text(row[axis]) for axis in axes), float(row[cost]), row["floor"], id(row) in on, int(row["n"])]
        for row in (*members, *others)
    ]
    return Table([*axes, cost, metric.title, "on the front", "seeds"], rows)
