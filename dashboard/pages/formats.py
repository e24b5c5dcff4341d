"""How to spend the bits: exponent or mantissa, measured and proven, also for formats that nobody ran."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lpbench.theory import grids
from lpbench.theory.rows import setting_of_row
from lpbench.theory.split import best_split, noise_ball
from lpbench.theory.theorem import Refused

from .. import choosing, style
from ..charts import heatmap
from ..charts.curves import Axes, Curve, figure
from ..data import Sweep, text
from ..page import NUMBER, SELECT, Control, Data, Page, Panel, State

if TYPE_CHECKING:
    import pandas

SPLITS, WHAT_IF = (
    "Noise floor by the split of the bits",
    "What if: the proven limit of formats that nobody ran",
)
BITS = range(4, 17)
KINDS = {"fixed": "fixed point", "float": "floating point", "log": "logarithmic"}
RUN = "lpbench sweep format=float precision=8 exponent_bits=0,1,2,3,4,5 step_size=0.01/L 'seed=range(3)' --name splits"


def controls(sweep: Sweep) -> list[Control]:
    """Total bits of the heat map; step size and range of the what-if; a filter for each axis that varies."""
    bits = [value for value in choosing.values_of(sweep, "precision") if value != choosing.NO_AXIS]
    return [
        Control("bits", "Total bits", SELECT, "all", (("all", "all"), *((b, f"{b} bits") for b in bits))),
        Control("split", "What if: exponent bits", SELECT, "auto",
                (("auto", "the best split"), *((str(e), str(e)) for e in range(2, 9)))),
        Control("alpha", "What if: step size ×", NUMBER, 1.0),
        Control("range", "What if: range ×", NUMBER, 1.0),
        *choosing.filters(sweep, ("precision", "format", "exponent_bits")),
    ]  # fmt: skip


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """The measured heat map, and the what-if."""
    groups = choosing.chosen(sweep, {**state, "precision": (), "format": (), "exponent_bits": ()})
    groups = groups[(groups["floor"] > 0) & (groups["format"] != "none")]
    if groups.empty:
        said = ("No cell of this choice rounds and has a noise floor.",)
        return [Panel(SPLITS, None, notes=said), Panel(WHAT_IF, None, notes=said)]
    first, kept = _one_problem(sweep, groups)
    one = first.drop_duplicates(["format", "precision", "exponent_bits"])
    panels = [_splits(one, kept, state, dark), _what_if(one, kept, state, dark)]
    if len(one) == len(first):
        return panels
    left = f"{len(first) - len(one)} groups of another step size, range or length are not shown: see the filters."
    return [replace(panel, notes=(*panel.notes, left)) for panel in panels]


def _one_problem(sweep: Sweep, groups: pandas.DataFrame) -> tuple[pandas.DataFrame, str]:
    """The groups of one problem, dimension and algorithm (lp_sgd where it is there), and what that is in words."""
    few = groups[groups["algorithm"] == "lp_sgd"] if (groups["algorithm"] == "lp_sgd").any() else groups
    fixed = (
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
    axes = [axis for axis in sweep.varying if axis not in fixed]
    few = choosing.split(few, axes)[0] if axes else few
    return few, choosing.labels(few.iloc[0], list(dict.fromkeys(["problem", "algorithm", *axes])))


def _splits(groups: pandas.DataFrame, said: str, state: State, dark: bool) -> Panel:
    floats = groups[groups["format"].isin(["float", "fixed"])]
    if state["bits"] != "all":
        floats = floats[floats["precision"].map(text) == state["bits"]]
    values: dict[tuple[str, str], float] = {}
    rows: list[list[Any]] = []
    for row in floats.sort_values("precision").to_dict("records"):
        exponent = 0 if row["format"] == "fixed" else int(row["exponent_bits"])
        mantissa = int(row["precision"]) - 1 - exponent
        name = "fixed" if row["format"] == "fixed" else str(exponent)
        values[name, str(int(row["precision"]))] = float(row["floor"])
        rows.append(
            [row["format"], int(row["precision"]), exponent, mantissa, float(row["floor"]), int(row["n"])]
        )
    if not values:
        return Panel(SPLITS, None, notes=(f"No fixed or floating point was swept here: {RUN}",))
    marks: dict[tuple[str, str], str] = {}
    for bits in dict.fromkeys(b for _, b in values):
        best = min((name for name, b in values if b == bits), key=lambda name: values[name, bits])
        marks[best, bits] = "least"
        recommended = _recommended(floats, int(bits))
        if recommended is not None and (recommended, bits) in values:
            marks[recommended, bits] = "least, theory’s" if recommended == best else "theory’s choice"
    x = choosing.in_order(name for name, _ in values)
    y = choosing.in_order(bits for _, bits in values)
    drawn = heatmap.figure(x, y, values, marks, ("exponent bits", "total bits", "log₁₀ noise floor"), dark)
    notes = [f"{said}; medians over {choosing.seeds(groups)}. The mantissa has what sign and exponent leave."]
    if len(x) < 4:
        notes.append(f"Few splits were swept. To fill the map: {RUN}")
    columns = ["format", "precision", "exponent bits", "mantissa bits", "noise floor", "seeds"]
    return Panel(SPLITS, drawn, Data(columns, rows), tuple(notes))


def _recommended(groups: pandas.DataFrame, bits: int) -> str | None:
    """The split that theory recommends, as the map names its columns; None where it has nothing to say."""
    row: dict[Any, Any] = groups.iloc[0].to_dict()
    try:
        found, _ = best_split(
            bits, float(row["limit"]), setting_of_row(row, grids.linear(bits, 1.0), rounding="stochastic")
        )
    except (Refused, TypeError, ValueError):
        return None
    return "fixed" if found == 0 else str(found)


def _what_if(groups: pandas.DataFrame, said: str, state: State, dark: bool) -> Panel:
    row: dict[Any, Any] = groups.iloc[0].to_dict()
    try:
        base = setting_of_row(
            row,
            grids.linear(8, 1.0),
            rounding="stochastic",
            random_bits=None,
            algorithm="lp_sgd",
            schedule="constant",
        )
    except Refused as refused:
        return Panel(WHAT_IF, None, notes=(str(refused),))
    alpha = base.alpha * (state["alpha"] or 1.0)
    limit = (1.0 if math.isnan(row["limit"] or math.nan) else float(row["limit"])) * (state["range"] or 1.0)
    base = setting_of_row(
        row,
        base.grid,
        rounding="stochastic",
        random_bits=None,
        algorithm="lp_sgd",
        schedule="constant",
        alpha=alpha,
    )
    curves, rows = [], []
    for kind, name in KINDS.items():
        points = []
        for bits in BITS:
            found = _limit_of(kind, bits, limit, base, state["split"])
            if found is not None:
                points.append((bits, *found))
                rows.append([kind, bits, found[1], found[0], "proven"])
        best = "best split, " if kind != "fixed" and state["split"] == "auto" else ""
        if points:
            hover = [split for _, _, split in points]
            curves.append(
                Curve([float(b) for b, _, _ in points], [value for _, value, _ in points], "", f"{name}, {best}proven",
                      style.color(kind, list(KINDS), dark), "dash", hover=hover)
            )  # fmt: skip
        there = groups[groups["format"] == kind].sort_values("precision")
        if len(there):
            curves.append(
                Curve(there["precision"].astype(float).tolist(), there["floor"].tolist(), "", f"{name}, measured",
                      style.color(kind, list(KINDS), dark), "solid", style.marker(kind, list(KINDS)))
            )  # fmt: skip
            rows += [
                [kind, int(r["precision"]), text(r["exponent_bits"]), float(r["floor"]), "measured"]
                for r in there.to_dict("records")
            ]
    if not curves:
        return Panel(WHAT_IF, None, notes=("No theorem applies at this step size.",))
    drawn = figure(
        curves, Axes("precision (bits)", "noise floor or limit", x_values=[float(b) for b in BITS]), dark
    )
    notes = (
        f"{said}: the limit of LP-SGD without end at step size {alpha:.3g} and range ±{limit:.3g}, from the constants "
        "in the cells’ rows (theorems 1b, 1c, 4). Measured floors are those of the sweep’s own settings.",
    )
    return Panel(WHAT_IF, drawn, Data(["format", "precision", "exponent bits", "value", "kind"], rows), notes)


def _limit_of(kind: str, bits: int, limit: float, base: Any, split: str) -> tuple[float, str] | None:
    """(noise ball, split in words) of a format at `bits`; None where no theorem applies or the split does not fit."""
    try:
        if kind == "fixed":
            return noise_ball(base, grids.linear(bits, limit)), "0"
        exponents = range(1, min(8, bits - 2) + 1) if split == "auto" else [int(split)]
        found = []
        for e in exponents:
            if bits - 1 - e >= 1:
                grid = (
                    grids.floating(e, bits - 1 - e, limit)
                    if kind == "float"
                    else grids.logarithmic(bits, bits - 1 - e, limit)
                )
                found.append((noise_ball(base, grid), f"{e} exponent bits"))
        return min(found, default=None)
    except Refused:
        return None


PAGE = Page(
    "/formats", "Formats", "Exponent or mantissa: how should the bits be spent?", 4, 2, controls, draw
)
