"""The answers of `lpbench bits` as panels: bits against the dimension, by each theorem and measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lpbench.terminal import Table
from lpbench.theory.evaluation import names, theorem
from lpbench.theory.theorem import DIMENSION_FREE, EARLIER, OTHER

from ..charts import style
from ..charts.curves import Axes, Curve, Key, figure
from ..data import choosing
from ..data.sweeps import text
from ..page import Panel
from .needed import whole_bits

MEASURED = "measured"
# Place in the palette, dash and marker of what is measured, and of the theorems by their form; the last is on top.
LOOK = {
    DIMENSION_FREE: (2, "dash", "diamond-open"), EARLIER: (1, "dot", "square-open"),
    OTHER: (3, "dashdot", "cross-open"), MEASURED: (0, "solid", "circle"),
}  # fmt: skip
# The height of a name at the end of a line, and the room for it, as shares of the axes.
LABEL, ROOM = 0.06, 0.25

Rows = Sequence[Mapping[str, Any]]


def answers(
    rows: Rows, target: float, axes: Sequence[str] = ("dimension",), about: str = "", dark: bool = False
) -> Panel:
    """A small multiple for each combination of the axes beside the dimension; in it a line for each theorem.

    rows     those of the frame that `lpbench.bits` returns.     target   the objective gap that is reached.
    axes     the choices that vary.                              about    what all rows share.

    The best theorem of each form has a thick line, and each line its name at its end.
    """
    others = [axis for axis in axes if axis != "dimension"]
    curves = [
        curve for part in choosing.split(map(dict, rows), others) for curve in _curves(part, others, dark)
    ]
    title, notes = f"Bits that reach an objective gap of {target:g}", [about] if about else []
    if not curves:
        return Panel(title, None, notes=("no theorem and no measurement names a number of bits", *notes))
    dimensions = sorted({float(row["dimension"]) for row in rows})
    room, names = _ends(curves, dimensions)
    scales = Axes("dimension d", "bits needed", len(dimensions) > 1, False, dimensions, **room)
    forms = {curve.group for curve in curves}
    keys = [
        Key(form, style.colors(dark)[color], dash, marker)
        for form, (color, dash, marker) in LOOK.items()
        if form in forms
    ]
    drawn = figure(curves, scales, dark, keys=keys, equals=False)
    drawn["layout"].setdefault("annotations", []).extend(names)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    data = Table(columns, [[row.get(name) for name in columns] for row in rows])
    return Panel(title, drawn, data, tuple(notes))


def near(
    rows: Rows, wanted: str, axes: Sequence[str] = ("dimension",), about: str = "", dark: bool = False
) -> Panel:
    """Of networks: a line for each combination of the axes beside the dimension, with what the seeds leave open.

    rows     those of the frame that `lpbench.bits` returns.     wanted   what the bits reach, in words.
    axes     the choices that vary.                              about    what all rows share.

    An interval without an upper end is drawn to one above all bits that are named.
    """
    others = [axis for axis in axes if axis != "dimension"]
    named = [row[one] for row in rows for one in ("measured", "measured_low", "measured_high") if row[one]]
    curves = []
    for i, part in enumerate(choosing.split(map(dict, rows), others)):
        points = sorted((row for row in part if row["measured"]), key=lambda row: row["dimension"] or 0)
        if not points:
            continue
        colors, marker = style.colors(dark), style.MARKERS[i % len(style.MARKERS)]
        curves.append(
            Curve(
                [row["dimension"] or 0 for row in points], [row["measured"] for row in points], "",
                ", ".join(f"{axis}={text(part[0][axis])}" for axis in others) or MEASURED, colors[i % len(colors)],
                marker=marker, low=[row["measured_low"] or row["measured"] for row in points],
                high=[row["measured_high"] or max(named) + 1 for row in points], whiskers=True,
                hover=[_leaves(row) for row in points],
            )
        )  # fmt: skip
    title, notes = f"Bits {wanted}", [about] if about else []
    if not curves:
        return Panel(title, None, notes=("no number of bits was found", *notes))
    dimensions = sorted({float(x) for curve in curves for x in curve.x})
    scales = Axes(
        "dimension (width of the network)", "bits needed", len(dimensions) > 1, False, dimensions,
        y_more={"range": [min(named) - 1, max(named) + 2], **whole_bits(named)},
    )  # fmt: skip
    if any(row["measured_high"] is None and row["measured"] for row in rows):
        notes.append("Bars to the top of all: the seeds leave open how many more bits it takes.")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    data = Table(columns, [[row.get(name) for name in columns] for row in rows])
    return Panel(title, figure(curves, scales, dark), data, tuple(notes))


def _leaves(row: Mapping[str, Any]) -> str:
    low, high = row["measured_low"], row["measured_high"]
    return f"the seeds leave {low} or more" if high is None else f"the seeds leave {low} to {high}"


def _curves(rows: Rows, others: Sequence[str], dark: bool) -> list[Curve]:
    """The lines of a panel, the measured one last, on top."""
    facet = ", ".join(f"{axis}={text(rows[0][axis])}" for axis in others)
    columns = {theorem(name).column.replace("bound_", "bits_", 1): name for name in names()}
    found = []
    for column, name in [*((one, columns[one]) for one in rows[0] if one in columns), (MEASURED, MEASURED)]:
        points = sorted(
            (row for row in rows if row.get(column) is not None), key=lambda row: row["dimension"]
        )
        form = name if name == MEASURED else theorem(name).form
        form = form if form in LOOK else OTHER  # a theorem of one's own may have another
        color, dash, marker = LOOK[form]
        best = form.replace("-", "_")
        first = all(best not in row or row[column] == row[best] for row in points)
        if points:
            x, y = ([row[axis] for row in points] for axis in ("dimension", column))
            tint = style.colors(dark)[color]
            found.append(
                Curve(x, y, facet, name, tint, dash, marker, width=2.6 if first else 1.2, group=form)
            )
    return sorted(found, key=lambda curve: ([*LOOK].index(curve.group), curve.width))


def _ends(
    curves: Sequence[Curve], dimensions: Sequence[float]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the axes need for each line to have its name at its end, and those names.

    Lines of one colour that end together share it, and no two names touch.
    """
    place = math.log10 if len(dimensions) > 1 else float
    counts = [y for curve in curves for y in curve.y]
    low, high, apart = min(counts) - 1, max(counts) + 1, LABEL * (max(counts) - min(counts) + 2)
    reach = place(dimensions[-1]) - place(dimensions[0]) or 1.0
    across = [place(dimensions[0]) - 0.05 * reach, place(dimensions[-1]) + ROOM * reach]
    names = []
    for i, facet in enumerate(dict.fromkeys(curve.facet for curve in curves)):
        number = i + 1 if i else ""
        ends: dict[tuple[int, int, str], list[str]] = {}
        for curve in curves:
            if curve.facet == facet:
                ends.setdefault((curve.x[-1], curve.y[-1], curve.color), []).append(curve.name)
        taken: dict[int, float] = {}
        for (x, y, color), named in sorted(ends.items(), key=lambda end: end[0][:2]):
            taken[x] = max(float(y), taken.get(x, -math.inf) + apart)
            names.append({
                "text": ", ".join(named), "x": place(x), "y": taken[x], "xref": f"x{number}", "yref": f"y{number}",
                "showarrow": False, "xanchor": "left", "xshift": 8, "font": {"size": 11, "color": color},
            })  # fmt: skip
    return {"x_more": {"range": across}, "y_more": {"range": [low, high], **whole_bits(counts)}}, names
