"""Proven limits of formats that nobody ran, beside those that were: over the splits, and over the bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lpbench.terminal import Table
from lpbench.theory.spacings import SCALED
from lpbench.theory.theorem import Refused

from ..charts import style
from ..charts.curves import Axes, Curve, Key, figure
from ..charts.look import tints
from ..data import choosing
from ..data.sweeps import Group, Sweep
from ..page import Panel, State
from .splits import FLOATS, KINDS, Ground, exponent_of, exponents, ground, named, refusal

SPLITS = "What if: every split of the bits, by theory"
BITS = "What if: the proven limit of formats that nobody ran"
WIDTHS = 5  # curves over the splits, at most
RANGE = range(4, 17)  # bits
LIMIT, LIMIT_SWEPT, MEASURED = "limit", "limit, swept", "measured"
THEORY, SWEPT, BEST = "by theory", "swept", "recommended"
# How the parts of a line are drawn; a star is larger, or the ring around it hides it.
LOOK: dict[str, dict[str, Any]] = {
    THEORY: {"dash": "dot"},
    SWEPT: {"dash": "dot", "marker": "circle-open"},
    BEST: {"dash": "dot", "marker": "star", "size": 13},
    LIMIT: {"dash": "dot"},
    LIMIT_SWEPT: {"dash": "dot", "marker": "circle-open"},
    MEASURED: {"dash": "solid", "marker": "circle"},
}
POINTS = (SWEPT, BEST, LIMIT_SWEPT)  # that no line joins
SHARED = "scaled formats"
STAND_IN = (
    "Scaled formats stand at their bits a number, scales counted. No theorem is about scales that follow the numbers: "
    "their limit is that of the same elements under one scale that fits the range."
)
Point = tuple[float, float, int]  # x, value, exponent bits


def panels(sweep: Sweep, groups: Sequence[Group], said: str, state: State, dark: bool) -> list[Panel]:
    """Both panels, from the constants that all groups share. `said`: what the groups are, in words."""
    try:
        # Block formats have no limit of their own.
        row = next((row for row in groups if row["format"] in KINDS), groups[0])
        base = ground(row, state["alpha"] or 1.0, state["range"] or 1.0)
    except Refused as refused:
        return [Panel(title, None, notes=(f"{said}: {refused}.",)) for title in (SPLITS, BITS)]
    colors = tints("precision", choosing.values_of(sweep, "precision"), dark)
    return [over_splits(groups, base, said, state, colors, dark), over_bits(groups, base, said, state, dark)]


def over_splits(
    groups: Sequence[Group], base: Ground, said: str, state: State, colors: Mapping[str, str], dark: bool
) -> Panel:
    """What theory says of each split at the bits that were swept, with the swept ones marked."""
    there = [row for row in groups if row["format"] in FLOATS] or list(groups)
    widths = [bits for bits in choosing.values(there, "precision") if state["bits"] in ("all", bits)]
    if not widths:
        return Panel(SPLITS, None, notes=(f"{said}: nothing of this many bits was swept.",))
    drawn = _spread(widths)
    curves: list[Curve] = []
    rows: list[list[Any]] = []
    for width in drawn:
        bits, group = int(width), f"{width} bits"
        line = {e: value for e in exponents(bits) if (value := base.judged(bits, e)) is not None}
        if not line:
            continue
        mine = {
            exponent_of(row): row["floor"]
            for row in there
            if int(row["precision"]) == bits and row["format"] in FLOATS
        }
        best = base.best(bits)
        floors = {e: floor for e, floor in sorted(mine.items()) if floor > 0 and not base.svrg}
        parts = {THEORY: line, SWEPT: mine.keys() & line, BEST: {best} & line.keys(), MEASURED: floors}
        for part, splits in parts.items():
            points = [(e, (floors if part == MEASURED else line)[e], e) for e in sorted(splits)]
            hover = [f"{group}, {named(e)}: {part}" for e in sorted(splits)]
            curves += _curve(group, part, points, colors[width], hover)
        rows += [
            [bits, named(e), bits - 1 - e, value, floors.get(e), "yes" if e in mine else "no",
             "yes" if e == best else ""]
            for e, value in line.items()
        ]  # fmt: skip
    if not curves:
        return Panel(SPLITS, None, notes=(f"{said}: {refusal(base)}.",))
    shown = [THEORY, SWEPT, BEST, *([MEASURED] if any(curve.dash == "solid" for curve in curves) else [])]
    keys = [Key(f"{width} bits", colors[width]) for width in drawn]
    keys += [Key(part, style.soft(dark), **LOOK[part]) for part in shown]
    splits_of_all = exponents(int(drawn[-1]))
    names = {"ticktext": ["fixed", *map(str, splits_of_all[1:])]}
    y = "δ L̄₁ + ζ L_w" if base.svrg else "noise floor or limit"
    axes = Axes("exponent bits", y, x_values=[float(e) for e in splits_of_all], x_more=names)
    columns = ["precision", "exponent bits", "mantissa bits", y, "measured floor", "swept", "recommended"]
    notes = _split_notes(base, said, len(widths), len(drawn))
    return Panel(SPLITS, figure(curves, axes, dark, keys=keys), Table(columns, rows), tuple(notes))


def _curve(
    group: str, part: str, points: Sequence[Point], color: str, hover: Sequence[str], **more: Any
) -> list[Curve]:
    """A part of a line; none without points."""
    x, y = [float(place) for place, *_ in points], [value for _, value, _ in points]
    drawn = {"lines": part not in POINTS, "width": 1.6, "group": group, "hover": hover, **LOOK[part], **more}
    return [Curve(x, y, "", f"{group}, {part}", color, **drawn)] if points else []


def _split_notes(base: Ground, said: str, widths: int, drawn: int) -> list[str]:
    what = f"the limit of a run without end {_at(base)} (theorems 1b, 1c, 4)"
    if base.svrg:
        what = "what LP-SVRG leaves of the variance of rounding (theory, 4 and 5b)"
    marks = "Rings: splits that were swept; stars: recommended."
    notes = [f"{said}: {what}, from the constants in the cells’ rows. {marks}"]
    notes += ["That is no gap, so measured floors do not stand beside it."] if base.svrg else []
    notes += [f"{drawn} of {widths} precisions: choose one above."] if drawn < widths else []
    return notes


def over_bits(groups: Sequence[Group], base: Ground, said: str, state: State, dark: bool) -> Panel:
    """The limits against the bits, for each kind of format; those of the swept formats, and their floors."""
    split = None if state["split"] == "auto" else int(state["split"])
    among, soft = [*KINDS, SHARED], style.soft(dark)
    keys: list[Key] = []
    curves: list[Curve] = []
    rows: list[list[Any]] = []
    for kind, name in KINDS.items():
        there = sorted(
            (int(row["precision"]), exponent_of(row), row["floor"]) for row in groups if row["format"] == kind
        )
        parts: dict[str, list[Point]] = {
            LIMIT: [(bits, *found) for bits in RANGE if (found := base.ball(kind, bits, split))],
            LIMIT_SWEPT: [(bits, *found) for bits, e, _ in there if (found := base.ball(kind, bits, e))],
            MEASURED: [(bits, float(floor), e) for bits, e, floor in there if floor >= 0],
        }
        color, marker = style.color(kind, among, dark), style.marker(kind, among)
        measured = [bits for bits, *_ in parts[MEASURED]]
        # Splits of equal width are joined by no line.
        looks: dict[str, dict[str, Any]] = {LIMIT_SWEPT: {"marker": f"{marker}-open"},
                 MEASURED: {"marker": marker, "lines": len({*measured}) == len(measured)}}  # fmt: skip
        for part, points in parts.items():
            hover = [f"{name}, {part}; exponent bits: {e}" for _, _, e in points]
            curves += _curve(name, part, points, color, hover, **looks.get(part, {}))
            rows += [[kind, bits, named(e), value, part] for bits, value, e in points]
        keys += [Key(name, color, marker=marker)] if any(parts.values()) else []
    if not any(row[-1] == LIMIT for row in rows):
        return Panel(BITS, None, notes=(f"{said}: {refusal(base)}.",))
    color, marker = style.color(SHARED, among, dark), style.marker(SHARED, among)
    for part, named_points in _scaled(groups, base).items():
        look = {"marker": marker if part == MEASURED else f"{marker}-open", "lines": False, "size": 7}
        points = [(bits, value, 0) for _, bits, value in named_points]
        hover = [f"{name}, {_PARTS[part]}" for name, *_ in named_points]
        curves += _curve(SHARED, part, points, color, hover, **look)
        rows += [[name, bits, "elements", value, part] for name, bits, value in named_points]
    keys.append(Key(SHARED, color, marker=marker))
    names = {LIMIT: LIMIT if split else f"{LIMIT}, best split", LIMIT_SWEPT: LIMIT_SWEPT, MEASURED: MEASURED}
    keys += [Key(name, soft, **LOOK[part]) for part, name in names.items()]
    axes = Axes("precision (bits)", "noise floor or limit", x_values=[float(bits) for bits in RANGE])
    notes = (
        f"{said}: the limit of a run without end {_at(base)}, from the constants in the cells’ rows. Open marks: that "
        "limit for the formats that were swept. Measured floors are those of the sweep’s own settings.",
        STAND_IN,
    )
    data = Table(["format", "precision", "exponent bits", "value", "kind"], rows)
    return Panel(BITS, figure(curves, axes, dark, keys=keys), data, notes)


_PARTS = {LIMIT: "its elements under one scale", MEASURED: "measured"}


def _scaled(groups: Sequence[Group], base: Ground) -> dict[str, list[tuple[str, float, float]]]:
    """Of scaled formats (name, bits a number, value): limits of the stand-ins, and floors of those that were swept."""
    limits = [
        (name, bits + shared, value)
        for name, (_, bits, shared) in SCALED.items()
        if (value := base.of_elements(name)) is not None
    ]
    floors = [
        (str(row["format"]), float(row["bits_per_value"]), float(row["floor"]))
        for row in groups
        if row["format"] in SCALED and row["floor"] >= 0
    ]
    return {LIMIT: limits, MEASURED: floors}


def _at(base: Ground) -> str:
    return f"at step size {base.setting.alpha:.3g} and range ±{base.limit:.3g}"


def _spread(widths: Sequence[str]) -> list[str]:
    """At most `WIDTHS` of them, evenly, the first and the last among them."""
    last = len(widths) - 1
    if last < WIDTHS:
        return list(widths)
    return [widths[round(i * last / (WIDTHS - 1))] for i in range(WIDTHS)]
