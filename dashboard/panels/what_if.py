"""Proven limits of formats that nobody ran, beside those that were: over the splits, and over the bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lpbench.terminal import Table
from lpbench.theory.theorem import Refused

from ..charts import style
from ..charts.curves import Axes, Curve, Key, figure
from ..data import choosing
from ..data.sweeps import Group
from ..page import Panel, State
from .splits import KINDS, Ground, exponent_of, exponents, ground, named, refusal

SPLITS = "What if: every split of the bits, by theory"
BITS = "What if: the proven limit of formats that nobody ran"
WIDTHS = 5  # curves over the splits, at most
RANGE = range(4, 17)  # bits
LIMIT, LIMIT_SWEPT, MEASURED = "limit", "limit, swept", "measured"
THEORY, SWEPT, BEST = "by theory", "swept", "recommended"
FLOATS = ("fixed", "float")
Point = tuple[int, float, int]  # bits, value, exponent bits


def panels(groups: Sequence[Group], said: str, state: State, dark: bool) -> list[Panel]:
    """Both panels, from the constants that all groups share. `said`: what the groups are, in words."""
    try:
        # Block formats have no limit of their own.
        row = next((row for row in groups if row["format"] in KINDS), groups[0])
        base = ground(row, state["alpha"] or 1.0, state["range"] or 1.0)
    except Refused as refused:
        return [Panel(title, None, notes=(f"{said}: {refused}.",)) for title in (SPLITS, BITS)]
    return [over_splits(groups, base, said, state, dark), over_bits(groups, base, said, state, dark)]


def over_splits(groups: Sequence[Group], base: Ground, said: str, state: State, dark: bool) -> Panel:
    """What theory says of each split at the bits that were swept, with the swept ones marked."""
    there = [row for row in groups if row["format"] in FLOATS] or list(groups)
    widths = [int(bits) for bits in choosing.values(there, "precision") if state["bits"] in ("all", bits)]
    if not widths:
        return Panel(SPLITS, None, notes=(f"{said}: nothing of this many bits was swept.",))
    drawn = _spread(widths)
    curves: list[Curve] = []
    rows: list[list[Any]] = []
    for bits, color in zip(drawn, style.ordered(len(drawn), dark), strict=True):
        line = [(e, value) for e in exponents(bits) if (value := base.judged(bits, e)) is not None]
        if not line:
            continue
        mine = {
            exponent_of(row): row
            for row in there
            if int(row["precision"]) == bits and row["format"] in FLOATS
        }
        best = base.best(bits)
        floors = {e: row["floor"] for e, row in mine.items() if row["floor"] > 0 and not base.svrg}
        curves += _split_curves(f"{bits} bits", color, line, mine, floors, best)
        rows += [
            [
                bits,
                named(e),
                bits - 1 - e,
                value,
                floors.get(e),
                "yes" if e in mine else "no",
                "yes" if e == best else "",
            ]
            for e, value in line
        ]
    if not curves:
        return Panel(SPLITS, None, notes=(f"{said}: {refusal(base)}.",))
    soft = style.soft(dark)
    keys = [
        Key(f"{bits} bits", color) for bits, color in zip(drawn, style.ordered(len(drawn), dark), strict=True)
    ]
    keys += [
        Key(THEORY, soft, "dash"),
        Key(SWEPT, soft, "dash", "circle-open"),
        Key(BEST, soft, "dash", "star"),
    ]
    keys += [Key(MEASURED, soft, "solid", "circle")] if any(curve.dash == "solid" for curve in curves) else []
    y = "δ L̄₁ + ζ L_w" if base.svrg else "noise floor or limit"
    picture = figure(
        curves, Axes("exponent bits", y, x_values=[float(e) for e in exponents(max(drawn))]), dark, keys=keys
    )
    picture["layout"]["xaxis"]["ticktext"][0] = "fixed"
    for trace in picture["data"]:
        if trace.get("marker", {}).get("symbol") == "star":
            trace["marker"]["size"] = 13  # or the ring around it hides it
    columns = ["precision", "exponent bits", "mantissa bits", y, "measured floor", "swept", "recommended"]
    return Panel(SPLITS, picture, Table(columns, rows), tuple(_split_notes(base, said, widths, drawn)))


def _split_curves(
    group: str,
    color: str,
    line: Sequence[tuple[int, float]],
    swept: dict[int, Group],
    floors: dict[int, float],
    best: int,
) -> list[Curve]:
    """The limit over the splits at one width; the swept ones, the recommended one, and the measured floors."""
    kinds: list[tuple[str, list[tuple[int, float]], str, str | None, bool]] = [
        (THEORY, list(line), "dash", None, True),
        (SWEPT, [point for point in line if point[0] in swept], "dash", "circle-open", False),
        (BEST, [point for point in line if point[0] == best], "dash", "star", False),
        (MEASURED, sorted(floors.items()), "solid", "circle", True),
    ]
    return [
        Curve(
            [float(e) for e, _ in points], [value for _, value in points], "", f"{group}, {name}", color, dash, marker,
            hover=[f"{group}, {named(e)}: {name}" for e, _ in points], width=1.6, group=group, lines=lines,
        )
        for name, points, dash, marker, lines in kinds
        if points
    ]  # fmt: skip


def _split_notes(base: Ground, said: str, widths: Sequence[int], drawn: Sequence[int]) -> list[str]:
    what = f"the limit of a run without end {_at(base)} (theorems 1b, 1c, 4)"
    if base.svrg:
        what = "what LP-SVRG leaves of the variance of rounding (theory, 4 and 5b)"
    notes = [
        f"{said}: {what}, from the constants in the cells’ rows. Rings: splits that were swept; stars: recommended."
    ]
    notes += ["That is no gap, so measured floors do not stand beside it."] if base.svrg else []
    if len(drawn) < len(widths):
        notes.append(f"{len(drawn)} of {len(widths)} precisions: choose one above.")
    return notes


def over_bits(groups: Sequence[Group], base: Ground, said: str, state: State, dark: bool) -> Panel:
    """The limits against the bits, for each kind of format; those of the swept formats, and their floors."""
    split = None if state["split"] == "auto" else int(state["split"])
    curves: list[Curve] = []
    rows: list[list[Any]] = []
    for kind in KINDS:
        there = sorted(
            (row for row in groups if row["format"] == kind),
            key=lambda row: (row["precision"], exponent_of(row)),
        )
        line = [(bits, *found) for bits in RANGE if (found := base.ball(kind, bits, split))]
        swept = [
            (int(row["precision"]), *found)
            for row in there
            if (found := base.ball(kind, int(row["precision"]), exponent_of(row)))
        ]
        floors = [
            (int(row["precision"]), float(row["floor"]), exponent_of(row))
            for row in there
            if row["floor"] >= 0
        ]
        curves += _kind_curves(kind, line, swept, floors, dark)
        for name, points in ((LIMIT, line), (LIMIT_SWEPT, swept), (MEASURED, floors)):
            rows += [[kind, bits, named(e), value, name] for bits, value, e in points]
    if not any(row[-1] == LIMIT for row in rows):
        return Panel(BITS, None, notes=(f"{said}: {refusal(base)}.",))
    soft = style.soft(dark)
    shown = {curve.group for curve in curves}
    keys = [
        Key(name, style.color(kind, list(KINDS), dark), marker=style.marker(kind, list(KINDS)))
        for kind, name in KINDS.items()
        if name in shown
    ]
    keys += [
        Key(LIMIT if split else f"{LIMIT}, best split", soft, "dash"),
        Key(LIMIT_SWEPT, soft, "dash", "circle-open"),
    ]
    keys += [Key(MEASURED, soft, "solid", "circle")]
    axes = Axes("precision (bits)", "noise floor or limit", x_values=[float(bits) for bits in RANGE])
    notes = (
        f"{said}: the limit of a run without end {_at(base)}, from the constants in the cells’ rows. Open marks: that "
        "limit for the formats that were swept. Measured floors are those of the sweep’s own settings.",
    )
    data = Table(["format", "precision", "exponent bits", "value", "kind"], rows)
    return Panel(BITS, figure(curves, axes, dark, keys=keys), data, notes)


def _kind_curves(
    kind: str, line: Sequence[Point], swept: Sequence[Point], floors: Sequence[Point], dark: bool
) -> list[Curve]:
    among = list(KINDS)
    color, marker, name = style.color(kind, among, dark), style.marker(kind, among), KINDS[kind]
    alone = len({bits for bits, _, _ in floors}) == len(
        floors
    )  # else splits of equal width, which no line joins
    parts: list[tuple[str, Sequence[Point], str, str | None, bool]] = [
        (LIMIT, line, "dash", None, True),
        (LIMIT_SWEPT, swept, "dash", f"{marker}-open", False),
        (MEASURED, floors, "solid", marker, alone),
    ]
    return [
        Curve(
            [float(bits) for bits, _, _ in points], [value for _, value, _ in points], "", f"{name}, {said}", color,
            dash, drawn, hover=[f"{name}, {said}; exponent bits: {e}" for _, _, e in points], width=1.6, group=name,
            lines=lines,
        )
        for said, points, dash, drawn, lines in parts
        if points
    ]  # fmt: skip


def _at(base: Ground) -> str:
    return f"at step size {base.setting.alpha:.3g} and range ±{base.limit:.3g}"


def _spread(widths: Sequence[int]) -> list[int]:
    """At most `WIDTHS` of them, evenly, the first and the last among them."""
    last = len(widths) - 1
    if last < WIDTHS:
        return list(widths)
    return [widths[round(i * last / (WIDTHS - 1))] for i in range(WIDTHS)]
