"""How to spend the bits: exponent or mantissa, measured and proven, also for formats that nobody ran."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lpbench.declared import choices as declared
from lpbench.terminal import Table
from lpbench.theory.theorem import Refused

from ..charts import heatmap
from ..charts.curves import ALIKE
from ..data import choosing
from ..data.metrics import GAP, Metric
from ..data.sweeps import Group, Sweep, text
from ..page import NUMBER, SELECT, Control, Page, Panel, State
from ..panels import spreads, what_if
from ..panels.splits import FIXED, FLOATS, Ground, exponent_of, exponents, ground, named

SPLITS = "{} by the split of the bits"
LEAST, THEORY = "lowest measured", "recommended by theory"
ENDED = "(diverged, timeout or failed)"  # why there is no value
NO_THEORY = "Theory's limits are those of the objective gap of convex problems: of networks it says nothing."
DIFFER = 1.5  # a factor between floors that a reader sees
FEW = 3  # splits at a width that make a map
TRIED = 5  # exponent bits that the command for more splits asks for, at most
# Axes that say which number format it is, or follow from it.
FORMAT = {*declared.FORMAT, "format", "step_size", "steps"} - {"rounding", "random_bits"}
Place = tuple[str, str]  # of a square: the column and the total bits


def controls(sweep: Sweep) -> list[Control]:
    """Total bits of the heat map; step size and range of the what-if; a filter for each axis that varies."""
    bits = [value for value in choosing.values_of(sweep, "precision") if value != choosing.NO_AXIS]
    splits = (("auto", "the best split"), *((str(e), str(e)) for e in range(1, 9)))
    what_if = [
        Control(
            "split", "What if: exponent bits", SELECT, "auto", splits, "of the limits, in place of the best"
        ),
        Control("alpha", "What if: step size ×", NUMBER, 1.0, help="times the one that was run"),
        Control("range", "What if: range ×", NUMBER, 1.0, help="times the one that was run"),
    ]
    return [
        *choosing.metric(sweep),
        Control(
            "bits",
            "Total bits",
            SELECT,
            "all",
            (("all", "all"), *((b, f"{b} bits") for b in bits)),
            "rows of the map",
        ),
        spreads.control(without=[spreads.SEEDS]),
        *(what_if if GAP in sweep.metrics else []),
        *choosing.filters(sweep, ("precision", "format", "exponent_bits")),
    ]


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """The measured heat map; what theory says of every split, and of every format."""
    sweep = sweep.of(state.get("metric"))
    splits = SPLITS.format(sweep.metric.title).capitalize()
    rows = choosing.chosen(sweep, {**state, "precision": (), "format": (), "exponent_bits": ()})
    rows = [row for row in rows if choosing.rounds(row)]
    if not rows:
        said = ("No cell of this choice rounds.",)
        return [Panel(title, None, notes=said) for title in (splits, what_if.SPLITS, what_if.BITS)]
    first, kept = _one_problem(sweep, rows)
    one = [part[0] for part in choosing.split(first, ["format", "precision", "exponent_bits"])]
    panels = [_splits(sweep, one, kept, state, dark)]
    if sweep.metric.gap:
        panels += what_if.panels(sweep, one, kept, state, dark)
    else:
        panels += [Panel(title, None, notes=(NO_THEORY,)) for title in (what_if.SPLITS, what_if.BITS)]
    if len(one) == len(first):
        return panels
    left = f"{len(first) - len(one)} groups of another step size, range or length are not shown: see the filters."
    return [replace(panel, notes=(*panel.notes, left)) for panel in panels]


def _one_problem(sweep: Sweep, rows: list[Group]) -> tuple[list[Group], str]:
    """The groups of one problem, dimension and algorithm, and what that is in words.

    The first of lp_sgd where formats of equal bits differ by more than `DIFFER`, else of all the one where most.
    """
    axes = [axis for axis in sweep.varying if axis not in FORMAT]
    differing = [part for part in choosing.split(choosing.plain(rows), axes) if _effect(part) > DIFFER]
    few = differing[0] if differing else max(choosing.split(rows, axes), key=_effect)
    return few, choosing.labels(few[0], list(dict.fromkeys(["problem", "algorithm", *axes])))


def _effect(rows: Sequence[Group]) -> float:
    """The largest factor between the floors of formats of equal bits; 1 where there are no two."""
    ends = [
        [row["floor"] for row in part if 0 < row["floor"] < math.inf]
        for part in choosing.split(rows, ["precision"])
        if choosing.varies(part, "format") or choosing.varies(part, "exponent_bits")
    ]
    return max((max(floors) / min(floors) for floors in ends if floors), default=1.0)


def _splits(sweep: Sweep, groups: Sequence[Group], said: str, state: State, dark: bool) -> Panel:
    metric = sweep.metric
    title = SPLITS.format(metric.title).capitalize()
    floats = [row for row in groups if row["format"] in FLOATS]
    floats = [row for row in floats if state["bits"] in ("all", text(row["precision"]))]
    if not floats:
        swept = choosing.values(groups, "precision")
        asked = [int(bits) for bits in swept if state["bits"] in ("all", bits)] or list(map(int, swept))
        none = f"No fixed or floating point was swept here. {_fill(sweep, asked)}"
        return Panel(title, None, notes=(none,))
    values = {(named(exponent_of(row)), text(row["precision"])): float(row["floor"]) for row in floats}
    if len(values) < 2:
        ((split, bits),) = values
        which = split if split == FIXED else f"{split} exponent bits"
        one = f"Only one split was swept: {which}, at {bits} bits."
        return Panel(title, None, notes=(f"{one} {_fill(sweep, [int(bits)])}",))
    advised, silent = _advised(floats, values) if metric.gap else ([], "")
    x = sorted({a for a, _ in [*values, *advised]}, key=lambda a: 0 if a == FIXED else int(a))
    y = choosing.in_order(bits for _, bits in values)
    least = _least(x, y, values, metric)
    marks = {LEAST if not metric.higher else "highest measured": least, THEORY: advised}
    hover = {
        (a, bits): f"{bits} bits: {a}, {int(bits) - 1 - (0 if a == FIXED else int(a))} mantissa bits"
        for a in x
        for bits in y
    }
    for row in floats:
        low, high = spreads.ends([row], state)
        if low and high and row["n_ok"] > 1 and math.isfinite(high[0]):
            spread = f"{low[0]:.4g} to {high[0]:.4g} over {int(row['n_ok'])} seeds"
            hover[named(exponent_of(row)), text(row["precision"])] += f", {spreads.label(state)}: {spread}"
    titles = ("exponent bits", "total bits", f"log₁₀ {metric.title}" if metric.log else metric.title)
    drawn = heatmap.figure(
        x, y, values, marks, titles, dark, hover=hover, no_value=f"no {metric.short} {ENDED}", metric=metric
    )
    rows = [_row(row) for row in sorted(floats, key=lambda row: (row["precision"], exponent_of(row)))]
    columns = ["format", "precision", "exponent bits", "mantissa bits", metric.title, "seeds", "diverged"]
    notes = [f"{said}; {choosing.medians(floats)}. The mantissa has what sign and exponent leave."]
    if len(least) > len({bits for _, bits in least}):
        notes.append(f"Several squares of a row are framed where they are equal within {ALIKE * 100:g} %.")
    notes += [*choosing.unfinished(floats), *_missing(sweep, advised, values), *_few(sweep, x, y, values)]
    notes += [f"Theory recommends no split here: {silent}."] if silent else []
    return Panel(title, drawn, Table(columns, rows), tuple(notes))


def _least(x: Sequence[str], y: Sequence[str], values: Mapping[Place, float], metric: Metric) -> list[Place]:
    """The squares of the best floor in each row, with those that are equal to it."""
    found = []
    for bits in y:
        there = [a for a in x if math.isfinite(values.get((a, bits), math.nan))]
        if there:
            best = min(metric.rank(values[a, bits]) for a in there)
            room = ALIKE * abs(best)
            found += [(a, bits) for a in there if metric.rank(values[a, bits]) <= best + room]
    return found


def _advised(floats: Sequence[Group], values: Mapping[Place, float]) -> tuple[list[Place], str]:
    """The squares that theory recommends, one a row; and why there is none, where there is none."""
    found: list[Place] = []
    try:
        base = ground(next((row for row in floats if row["format"] == "float"), floats[0]))
        for bits in choosing.values(floats, "precision"):
            if int(bits) >= 3:
                found.append((_as_swept(base, named(base.best(int(bits))), bits, values), bits))
    except Refused as refused:
        return [], str(refused)
    return found, ""


def _as_swept(base: Ground, advised: str, bits: str, values: Mapping[Place, float]) -> str:
    """One exponent bit for none where only that was swept: with subnormals both are the same grid."""
    same = base.subnormals and advised == FIXED and (FIXED, bits) not in values and ("1", bits) in values
    return "1" if same else advised


def _row(row: Group) -> list[Any]:
    exponent, bits, floor = exponent_of(row), int(row["precision"]), choosing.finite(row["floor"])
    return [row["format"], bits, exponent, bits - 1 - exponent, floor, int(row["n"]), int(row["n_diverged"])]


def _missing(sweep: Sweep, advised: Sequence[Place], values: Mapping[Place, float]) -> list[str]:
    """What theory recommends and nobody swept, with the command that does, one for each split."""
    found = []
    for split in dict.fromkeys(a for a, bits in advised if (a, bits) not in values):
        widths = [bits for a, bits in advised if a == split and (a, bits) not in values]
        name = "fixed point" if split == FIXED else f"e = {split}"
        new = ["format=fixed"] if split == FIXED else ["format=float", f"exponent_bits={split}"]
        command = _command(sweep, [f"precision={','.join(widths)}", *new])
        found.append(f"At {', '.join(widths)} bits theory recommends {name}, which was not swept: {command}")
    return found


def _few(sweep: Sweep, x: Sequence[str], y: Sequence[str], values: Mapping[Place, float]) -> list[str]:
    """At which bits fewer splits were swept than make a map, with the command that sweeps more."""
    few = [bits for bits in y if sum((a, bits) in values for a in x) < FEW <= len(exponents(int(bits)))]
    said = f"Fewer than {FEW} splits were swept at {', '.join(few)} bits."
    return [f"{said} {_fill(sweep, list(map(int, few)))}"] if few else []


def _fill(sweep: Sweep, widths: Sequence[int]) -> str:
    splits = ",".join(str(e) for e in exponents(max(widths)) if 0 < e <= TRIED)
    new = ["format=fixed,float", f"precision={','.join(map(str, widths))}", f"exponent_bits={splits}"]
    # Wide formats have splits that narrow ones have no bits for.
    return "To fill the map: " + _command(sweep, new, "--skip-invalid")


def _command(sweep: Sweep, new: Sequence[str], *flags: str) -> str:
    """What the sweep was made by, with these overrides in place of its own of the same keys."""
    calls: list[dict[str, Any]] = sweep.manifest.get("calls") or [{}]
    keys = {"format", "precision", "exponent_bits"}
    old = [one for one in calls[-1].get("overrides", []) if one.partition("=")[0] not in keys]
    folder = calls[-1].get("config_dir")
    more = ["--config-dir", folder] if folder else []
    return shlex.join(["lpbench", "sweep", *old, *new, *more, *flags, "--name", sweep.name])


PAGE = Page(
    "/formats", "Formats", "Exponent or mantissa: how should the bits be spent?", 4, 3, controls, draw
)
