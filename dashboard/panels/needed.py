"""The bits that a target gap needs: of one line of measurements, and against the dimension of the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lpbench.terminal import Table

from ..charts.curves import Axes, Curve, figure, spaced
from ..charts.look import MEASURED, Look
from ..data import choosing
from ..data.sweeps import Group, Sweep, text
from ..page import Panel, State
from . import above

BITS = "Bits that reach the target"
FREE, EARLIER = "dimension-free limit, T = ∞", "earlier limit, T = ∞"
# Column of a limit, its name, and the place of its dash.
PROVEN = (("noise_ball_dimension_free", FREE, 1), ("noise_ball_earlier", EARLIER, 0))
LINES = 24  # of a figure: more are a thicket
TICKS = 10


def bits_needed(line: Sequence[Group], target: float, column: str = "floor") -> int | None:
    """The fewest bits of a line whose floor reaches the target, as those of all more bits do; None: there are none."""
    found = None
    for row in sorted(line, key=lambda row: -row["precision"]):
        if not row[column] <= target:
            break
        found = int(row["precision"])
    return found


def bits(
    sweep: Sweep, rows: list[Group], facets: list[str], others: list[str], state: State, dark: bool
) -> Panel:
    """The bits that reach the target against the dimension: measured, and as the limits promise them.

    facets   axes of the panels.     others   axes that part the lines, precision not among them.
    """
    target = state["target"]
    if not target or not choosing.varies(rows, "precision"):
        said = "Only one precision was swept: precision=4,6,8,10 shows the bits needed."
        return Panel(BITS, None, notes=(said if target else "Give a target gap.",))
    color = state["color"] if state["color"] in others else next(iter(others), "")
    panels = [
        [line for line in choosing.split(panel, others) if choosing.varies(line, "dimension")]
        for panel in choosing.split(rows, facets)
    ]
    look = Look(sweep, color, others, [panel for panel in panels if panel], dark, LINES)
    lines = [line for panel in look.panels for line in panel]
    curves: list[Curve] = []
    table: list[list[Any]] = []
    axes = [*facets, *others]
    for line in lines:
        first, facet = line[0], choosing.labels(line[0], facets)
        for column, way, kind in (("floor", MEASURED, 0), *PROVEN):
            needed = {
                float(part[0]["dimension"]): bits_needed(
                    [row for row in part if row[column] >= 0], target, column
                )
                for part in choosing.split(line, ["dimension"])
            }
            table += [
                [*(text(first[axis]) for axis in axes), int(d), way, bits] for d, bits in needed.items()
            ]
            x, y = [d for d, bits in needed.items() if bits], [bits for bits in needed.values() if bits]
            if x and way == MEASURED:
                curves.append(look.curve(first, facet, x, y))
            elif x and state["bounds"]:
                curves += look.limit(first, facet, x, y, way, kind)
    notes = [f"The fewest swept bits whose floor (or limit) is at most {target:g}, as all larger ones' are."]
    notes += [*look.left(sum(map(len, panels)), "lines"), *look.limits_left()]
    zeros = sum(row["floor"] == 0 for line in lines for row in line)
    notes += choosing.count_note(zeros, "floor", "of 0 among them: reached")
    drawn = over_dimension(curves, look, "bits needed", rows, y_log=False, y_more=whole_bits(curves))
    return Panel(BITS, drawn, Table([*axes, "dimension", "by", "bits"], table), tuple(notes))


def whole_bits(curves: Sequence[Curve]) -> dict[str, Any]:
    """Ticks of a y axis at whole numbers, at most TICKS or so."""
    counts = [y for curve in curves for y in curve.y] or [0]
    return {"tick0": 0, "dtick": max(1, math.ceil((max(counts) - min(counts)) / TICKS))}


def over_dimension(
    curves: Sequence[Curve], look: Look, y: str, rows: Sequence[Group], own_y: bool = False, **more: Any
) -> dict[str, Any] | None:
    """A figure over the dimension; None without curves. `more` is of its axes."""
    ticks = spaced(row["dimension"] for row in rows)
    axes = Axes("dimension d", y, x_log=True, x_values=ticks, **more)
    keys = [*look.keys(), *above.key(curves, look.dark)]
    return figure(curves, axes, look.dark, keys=keys, own_y=own_y) if curves else None
