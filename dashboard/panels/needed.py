"""The bits that a target gap needs: of one line of measurements, and against the dimension of the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lpbench.terminal import Table

from ..charts import style
from ..charts.curves import Axes, Curve, Key, figure, spaced
from ..charts.look import Look
from ..data import choosing
from ..data.sweeps import Group, Sweep, text
from ..page import Panel, State

BITS = "Bits that reach the target"
FREE, EARLIER = "dimension-free limit, T = ∞", "earlier limit, T = ∞"
PROVEN = (("noise_ball_dimension_free", FREE, "dash"), ("noise_ball_earlier", EARLIER, "dot"))
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
    color = state["color"] if state["color"] in others else next((axis for axis in others), "")
    panels = [
        [line for line in choosing.split(panel, others) if choosing.varies(line, "dimension")]
        for panel in choosing.split(rows, facets)
    ]
    lines = [line for panel in panels for line in panel]
    shown = [line for panel in choosing.spread([panel for panel in panels if panel], LINES) for line in panel]
    look = Look(sweep, color, others, shown, dark)
    curves: list[Curve] = []
    table: list[list[Any]] = []
    axes = list(dict.fromkeys([*facets, *others]))
    ways = [("measured", "floor", ""), *((label, column, dash) for column, label, dash in PROVEN)]
    for line in shown:
        first, facet = line[0], choosing.labels(line[0], facets)
        for way, column, dash in ways:
            needed = [
                (
                    float(part[0]["dimension"]),
                    bits_needed([row for row in part if row[column] >= 0], target, column),
                )
                for part in choosing.split(line, ["dimension"])
            ]
            table += [[*(text(first[axis]) for axis in axes), int(d), way, bits] for d, bits in needed]
            points = [(d, bits) for d, bits in needed if bits is not None]
            if points and (state["bounds"] or way == "measured"):
                x, y = zip(*points, strict=True)
                one = way == "measured"
                curves.append(
                    Curve(
                        x, y, facet, f"{look.name(first)}, {way}", look.tint(first), look.dash(first) if one else dash,
                        look.marker(first) if one else None, group=look.group(first) if one else way,
                        width=2.0 if one else 1.2,
                    )
                )  # fmt: skip
    notes = [f"The fewest swept bits whose floor (or limit) is at most {target:g}, as all larger ones' are."]
    if len(shown) < len(lines):
        notes.append(
            f"{len(shown)} of {len(lines)} lines, evenly spread: the filters of the page choose others."
        )
    zeros = sum(row["floor"] == 0 for line in shown for row in line)
    if zeros:
        notes.append(f"{choosing.plural(zeros, 'floor')} of 0 among them: reached.")
    drawn = over_dimension(curves, look, "bits needed", rows, y_log=False)
    if drawn is not None:
        in_whole_bits(drawn, curves)
    return Panel(BITS, drawn, Table([*axes, "dimension", "by", "bits"], table), tuple(notes))


def in_whole_bits(drawn: dict[str, Any], curves: Sequence[Curve]) -> dict[str, Any]:
    """Ticks of the y axes at whole numbers, at most TICKS or so, in place."""
    counts = [y for curve in curves for y in curve.y]
    every = max(1, math.ceil((max(counts) - min(counts)) / TICKS))
    for name, axis in drawn["layout"].items():
        if name.startswith("yaxis"):
            axis |= {"tick0": 0, "dtick": every}
    return drawn


def over_dimension(
    curves: Sequence[Curve],
    look: Look,
    y: str,
    rows: Sequence[Group],
    y_log: bool = True,
    own_y: bool = False,
) -> dict[str, Any] | None:
    """A figure over the dimension, with keys for the limits that are in it; None without curves."""
    if not curves:
        return None
    groups = {curve.group for curve in curves}
    soft = style.soft(look.dark)
    keys = look.keys() or [Key("measured", style.colors(look.dark)[0], "solid", style.MARKERS[0])]
    keys += [Key(label, soft, dash, width=1.3) for _, label, dash in PROVEN if label in groups]
    axes = Axes("dimension d", y, x_log=True, y_log=y_log, x_values=spaced(row["dimension"] for row in rows))
    return figure(curves, axes, look.dark, keys=keys, own_y=own_y)
