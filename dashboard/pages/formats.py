"""How to spend the bits: exponent or mantissa, measured and proven, also for formats that nobody ran."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lpbench.theory import grids
from lpbench.theory.rows import setting_of_row
from lpbench.theory.split import best_split, noise_ball, svrg_split
from lpbench.theory.theorem import SVRG, Refused, Setting

from .. import choosing, style
from ..charts import heatmap
from ..charts.curves import Axes, Curve, figure
from ..data import Group, Sweep, text
from ..page import NUMBER, SELECT, Control, Data, Page, Panel, State

SPLITS = "Noise floor by the split of the bits"
WHAT_IF = "What if: the proven limit of formats that nobody ran"
LEAST, THEORY = "least measured", "theory’s choice"
BITS = range(4, 17)
KINDS = {"fixed": "fixed point", "float": "floating point", "log": "logarithmic"}
FIXED = "fixed"  # its column in the map: floating point without exponent bits
FEW = 3  # splits at a width that make a map
# Axes that say which number format it is, or follow from it.
FORMAT = (
    "precision",
    "format",
    "exponent_bits",
    "mantissa_bits",
    "limit",
    "step_size",
    "steps",
    "subnormals",
    "block_size",
)


def controls(sweep: Sweep) -> list[Control]:
    """Total bits of the heat map; step size and range of the what-if; a filter for each axis that varies."""
    bits = [value for value in choosing.values_of(sweep, "precision") if value != choosing.NO_AXIS]
    splits = (("auto", "the best split"), *((str(e), str(e)) for e in range(2, 9)))
    return [
        Control("bits", "Total bits", SELECT, "all", (("all", "all"), *((b, f"{b} bits") for b in bits))),
        Control("split", "What if: exponent bits", SELECT, "auto", splits),
        Control("alpha", "What if: step size ×", NUMBER, 1.0),
        Control("range", "What if: range ×", NUMBER, 1.0),
        *choosing.filters(sweep, ("precision", "format", "exponent_bits")),
    ]


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """The measured heat map, and the what-if."""
    rows = choosing.chosen(sweep, {**state, "precision": (), "format": (), "exponent_bits": ()})
    rows = [row for row in rows if row["format"] != "none"]
    if not any(row["floor"] > 0 for row in rows):
        said = ("No cell of this choice rounds and has a noise floor.",)
        return [Panel(SPLITS, None, notes=said), Panel(WHAT_IF, None, notes=said)]
    first, kept = _one_problem(sweep, rows)
    one = [part[0] for part in choosing.split(first, ["format", "precision", "exponent_bits"])]
    panels = [_splits(one, kept, state, dark), _what_if(one, kept, state, dark)]
    if len(one) == len(first):
        return panels
    left = f"{len(first) - len(one)} groups of another step size, range or length are not shown: see the filters."
    return [replace(panel, notes=(*panel.notes, left)) for panel in panels]


def _one_problem(sweep: Sweep, rows: list[Group]) -> tuple[list[Group], str]:
    """The groups of one problem, dimension and algorithm (lp_sgd where it is there), and what that is in words."""
    few = [row for row in rows if row["algorithm"] == "lp_sgd"] or rows
    axes = [axis for axis in sweep.varying if axis not in FORMAT]
    few = choosing.split(few, axes)[0]
    return few, choosing.labels(few[0], list(dict.fromkeys(["problem", "algorithm", *axes])))


def _splits(groups: Sequence[Group], said: str, state: State, dark: bool) -> Panel:
    floats = [row for row in groups if row["format"] in ("float", "fixed")]
    floats = [row for row in floats if state["bits"] in ("all", text(row["precision"]))]
    if not floats:
        return Panel(SPLITS, None, notes=("No fixed or floating point was swept here. " + _run(8),))
    values = {(_column(row), text(row["precision"])): float(row["floor"]) for row in floats}
    y = choosing.in_order(bits for _, bits in values)
    x = sorted({column for column, _ in values}, key=lambda column: 0 if column == FIXED else int(column))
    least = [
        (min((values[a, bits], i, a) for i, a in enumerate(x) if values.get((a, bits), 0) > 0)[2], bits)
        for bits in y
        if any(values.get((a, bits), 0) > 0 for a in x)
    ]
    advised = [(found, bits) for bits in y if (found := _recommended(floats, int(bits))) is not None]
    marks = {LEAST: least, THEORY: [place for place in advised if place in values]}
    titles = ("exponent bits", "total bits", "log₁₀ noise floor")
    notes = [f"{said}; medians over {choosing.seeds(groups)}. The mantissa has what sign and exponent leave."]
    absent = [f"{column} at {bits} bits" for column, bits in advised if (column, bits) not in values]
    if absent:
        notes.append(f"{THEORY.capitalize()} was not swept (exponent bits: {', '.join(absent)}).")
    few = [bits for bits in y if sum((a, bits) in values for a in x) < FEW]
    if few:
        notes.append(f"Fewer than {FEW} splits were swept at {', '.join(few)} bits. " + _run(int(few[-1])))
    rows = [_row(row) for row in sorted(floats, key=lambda row: (row["precision"], _column(row) != FIXED))]
    columns = ["format", "precision", "exponent bits", "mantissa bits", "noise floor", "seeds", "diverged"]
    drawn = heatmap.figure(
        x, y, values, {name: cells for name, cells in marks.items() if cells}, titles, dark
    )
    return Panel(SPLITS, drawn, Data(columns, rows), tuple(notes))


def _column(row: Group) -> str:
    return FIXED if row["format"] == "fixed" else text(row["exponent_bits"])


def _row(row: Group) -> list[Any]:
    exponent = 0 if row["format"] == "fixed" else int(row["exponent_bits"])
    bits, floor = int(row["precision"]), float(row["floor"])
    shown = floor if math.isfinite(floor) else None
    return [row["format"], bits, exponent, bits - 1 - exponent, shown, int(row["n"]), int(row["n_diverged"])]


def _run(bits: int) -> str:
    splits = ",".join(str(e) for e in range(1, min(6, bits - 1)))
    return f"To fill the map: lpbench sweep format=fixed,float precision={bits} exponent_bits={splits} --name splits"


def _recommended(groups: Sequence[Group], bits: int) -> str | None:
    """The split that theory recommends, as the map names its columns; None where it has nothing to say."""
    row = groups[0]
    choose = svrg_split if row["algorithm"] in SVRG else best_split
    try:
        setting = setting_of_row(row, grids.linear(bits, 1.0), rounding="stochastic")
        found, _ = choose(bits, float(row["limit"]), setting)
    except (Refused, TypeError, ValueError):
        return None
    return FIXED if found == 0 else str(found)


def _what_if(groups: Sequence[Group], said: str, state: State, dark: bool) -> Panel:
    row = groups[0]
    plain = {"rounding": "stochastic", "random_bits": None, "algorithm": "lp_sgd", "schedule": "constant"}
    try:
        base = setting_of_row(row, grids.linear(8, 1.0), **plain)
    except Refused as refused:
        return Panel(WHAT_IF, None, notes=(str(refused),))
    base = replace(base, alpha=base.alpha * (state["alpha"] or 1.0))
    limit = (float(row["limit"]) if row["limit"] and row["limit"] > 0 else 1.0) * (state["range"] or 1.0)
    curves: list[Curve] = []
    rows: list[list[Any]] = []
    for kind in KINDS:
        there = [one for one in groups if one["format"] == kind and one["floor"] > 0]
        swept = _swept_limits(there, base, limit)
        points = [
            (bits, *found) for bits in BITS if (found := _limit_of(kind, bits, limit, base, state["split"]))
        ]
        curves += _what_if_curves(kind, points, swept, there, state["split"], dark)
        rows += [[kind, bits, e, value, "proven"] for bits, value, e in points]
        rows += [[kind, bits, e, value, "proven, split of the sweep"] for bits, value, e in swept]
        rows += [
            [kind, int(one["precision"]), text(one["exponent_bits"]), float(one["floor"]), "measured"]
            for one in there
        ]
    if not curves:
        return Panel(WHAT_IF, None, notes=("No theorem applies at this step size.",))
    axes = Axes("precision (bits)", "noise floor or limit", x_values=[float(b) for b in BITS])
    notes = (
        f"{said}: the limit of LP-SGD without end at step size {base.alpha:.3g} and range ±{limit:.3g}, from the "
        "constants in the cells’ rows (theorems 1b, 1c, 4). Measured floors are those of the sweep’s own settings.",
    )
    data = Data(["format", "precision", "exponent bits", "value", "kind"], rows)
    return Panel(WHAT_IF, figure(curves, axes, dark), data, notes)


def _what_if_curves(
    kind: str,
    points: Sequence[tuple[int, float, str]],
    swept: Sequence[tuple[int, float, str]],
    there: Sequence[Group],
    split: str,
    dark: bool,
) -> list[Curve]:
    """The limit, that of the splits that were swept where they are others, and the measured floors of a kind."""
    among = list(KINDS)
    color, marker = style.color(kind, among, dark), style.marker(kind, among)
    name, found = KINDS[kind], []
    best = "best split, " if kind != "fixed" and split == "auto" else ""
    limits = [(f"{name}, {best}proven", points, "dash")]
    if any(limit not in points for limit in swept):
        limits.append((f"{name}, splits of the sweep, proven", swept, "dot"))
    for said, line, dash in limits:
        if line:
            x, y = [float(bits) for bits, _, _ in line], [value for _, value, _ in line]
            found.append(
                Curve(
                    x, y, "", said, color, dash, hover=[f"{e} exponent bits" for _, _, e in line], width=1.6
                )
            )
    if there:
        ordered = sorted(there, key=lambda row: (row["precision"], text(row["exponent_bits"])))
        x, y = [float(row["precision"]) for row in ordered], [float(row["floor"]) for row in ordered]
        hover = [f"{_column(row)} exponent bits" for row in ordered]
        one_each = len(set(x)) == len(x)  # else points of several splits, which no line joins
        found.append(
            Curve(x, y, "", f"{name}, measured", color, "solid", marker, hover=hover, lines=one_each)
        )
    return found


def _swept_limits(there: Sequence[Group], base: Setting, limit: float) -> list[tuple[int, float, str]]:
    """(bits, noise ball, exponent bits) of the formats that were measured."""
    found = []
    for row in sorted(there, key=lambda row: row["precision"]):
        split = "0" if row["format"] == "fixed" else text(row["exponent_bits"])
        ball = _limit_of(row["format"], int(row["precision"]), limit, base, split)
        if ball is not None:
            found.append((int(row["precision"]), *ball))
    return found


def _limit_of(kind: str, bits: int, limit: float, base: Setting, split: str) -> tuple[float, str] | None:
    """(noise ball, exponent bits) of a format at `bits`; None where no theorem applies or the split does not fit."""
    try:
        if kind == "fixed":
            return noise_ball(base, grids.linear(bits, limit)), "0"
        exponents = range(1, min(8, bits - 2) + 1) if split == "auto" else [int(split)]
        found = []
        for e in exponents:
            mantissa = bits - 1 - e
            if mantissa >= 1:
                floating = kind == "float"
                grid = (
                    grids.floating(e, mantissa, limit)
                    if floating
                    else grids.logarithmic(bits, mantissa, limit)
                )
                found.append((noise_ball(base, grid), str(e)))
        return min(found, default=None)
    except Refused:
        return None


PAGE = Page(
    "/formats", "Formats", "Exponent or mantissa: how should the bits be spent?", 4, 2, controls, draw
)
