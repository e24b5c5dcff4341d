"""Noise floor against bit width, with the proven limits beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lpbench.terminal import Table

from ..charts import style
from ..charts.curves import Axes, Curve, Key, figure, not_drawn
from ..charts.look import Look
from ..data import choosing
from ..data.sweeps import Group, Sweep, text
from ..page import NUMBER, SELECT, SWITCH, Control, Page, Panel, State
from ..panels.needed import bits_needed

TITLE = "Noise floor against precision"
FULL, PROVEN = "full precision", "proven limit, T = ∞"
MOST_LINES = 50
FAR = 1e-4  # a level this far below all lines would flatten them: it is written, not drawn
SPREADS = {
    "10-90": ("10-90 %", "floor_q10", "floor_q90"),
    "min-max": ("least to largest", "floor_min", "floor_max"),
}
NUMBERS = (
    "floor", "floor_q10", "floor_q90", "floor_min", "floor_max",
    "noise_ball", "noise_ball_earlier", "noise_ball_dimension_free",
)  # fmt: skip
NAMES = (
    "noise floor", "10 %", "90 %", "least", "largest", "noise ball", "noise ball, earlier",
    "noise ball, dimension-free",
)  # fmt: skip


def controls(sweep: Sweep) -> list[Control]:
    """Target, panels, colour, spread, and a filter for each axis that varies."""
    without = ("precision",)
    facet = choosing.by_axis(sweep, "facet", "Panels by", ("algorithm",), without)
    rows = choosing.by_axis(sweep, "rows", "and by", ("problem", "dataset"), without)
    first = [
        axis for axis in ("format", "algorithm", "dimension") if axis not in (facet.default, rows.default)
    ]
    spreads = (*((key, label) for key, (label, _, _) in SPREADS.items()), ("none", "none"))
    return [
        Control("target", "Target gap", NUMBER, None, help="marks the bits that reach it"),
        facet,
        rows,
        choosing.by_axis(sweep, "color", "Colour by", first, without),
        Control("spread", "Spread over seeds", SELECT, "10-90", spreads),
        Control("shared", "One y scale", SWITCH, False),
        Control("bounds", "Proven limits", SWITCH, True),
        *choosing.filters(sweep, without),
    ]


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """A panel for each value of one axis or two, in it a line over the bits for each combination of the others."""
    rounds = [row for row in choosing.chosen(sweep, state) if row["format"] != "none"]
    if not any(row["floor"] > 0 for row in rounds):
        none = "No cell of this choice rounds and has a noise floor."
        return [Panel(TITLE, None, notes=(none, *choosing.zeros(sweep, state)))]
    rounds.sort(key=lambda row: row["precision"])
    facets = list(dict.fromkeys(axis for axis in (state["facet"], state["rows"]) if axis != choosing.NO_AXIS))
    others = [axis for axis in sweep.varying if axis not in ("precision", *facets)]
    panels = [choosing.split(panel, others) for panel in choosing.split(rounds, facets)]
    count = sum(len(lines) for lines in panels)
    panels = choosing.capped(panels, MOST_LINES) if count > MOST_LINES else panels
    look = Look(sweep, state["color"], others, [line for lines in panels for line in lines], dark)
    filters = {
        axis: state[axis] for axis in sweep.varying if axis not in ("precision", "algorithm", "format")
    }
    everything = sweep.groups_where(filters)
    curves: list[Curve] = []
    rows: list[list[Any]] = []
    corners: dict[str, str] = {}
    named = list(dict.fromkeys([*facets, *others]))
    for lines in panels:
        facet = choosing.labels(lines[0][0], facets, " · ")
        levels, corners[facet] = _levels(everything, lines, facet, look)
        curves += [*levels, *(curve for line in lines for curve in _curves(line, facet, look, state))]
        rows += [row for line in lines for row in _rows(line, named, state["target"])]
    shown = [row for lines in panels for line in lines for row in line]
    bits = sorted({float(row["precision"]) for row in shown})
    whole = figure(
        curves, Axes("precision (bits)", "noise floor (objective gap)", x_values=bits, x_unit="bits"), dark,
        _target(state["target"], style.ink(dark)), keys=_keys(curves, look), columns=_columns(panels, facets),
        own_y=not state["shared"], corners=corners,
    )  # fmt: skip
    needed = ["bits needed"] if state["target"] else []
    names = [*named, "precision", *NAMES, *needed, "seeds", "ok", "diverged"]
    return [Panel(TITLE, whole, Table(names, rows), tuple(_notes(shown, rounds, count, panels, state)))]


def _keys(curves: Sequence[Curve], look: Look) -> list[Key]:
    groups = {curve.group for curve in curves}
    found = look.keys()
    if FULL in groups:
        found.append(Key(FULL, style.ink(look.dark), width=1.2))
    if PROVEN in groups:
        found.append(Key(PROVEN, style.soft(look.dark), "dot", width=1.4))
    return found


def _curves(line: Sequence[Group], facet: str, look: Look, state: State) -> list[Curve]:
    first = line[0]
    tint, name, group = look.tint(first), look.name(first), look.group(first)
    points = [row for row in line if row["floor"] > 0]
    x, y = _column(points, "precision"), _column(points, "floor")
    low = high = None
    if state["spread"] in SPREADS:
        _, least, most = SPREADS[state["spread"]]
        low, high = _column(points, least), _column(points, most)
    found = []
    proven = [row for row in line if row["noise_ball"] > 0] if state["bounds"] else []
    if proven:
        bits, ball = _column(proven, "precision"), _column(proven, "noise_ball")
        found.append(Curve(bits, ball, facet, f"{name}: {PROVEN}", tint, "dot", width=1.2, group=PROVEN))
    found.append(
        Curve(
            x, y, facet, name, tint, look.dash(first), look.marker(first), low, high, [_seeds(row) for row in points],
            1.8, group=group, whiskers=True,
        )
    )  # fmt: skip
    needed = bits_needed(line, state["target"]) if state["target"] else None
    if needed in x:
        at = x.index(needed)
        hover, labels = [f"{needed} bits reach {state['target']:g}"], [f"{needed} bits"]
        found.append(
            Curve(
                [x[at]], [y[at]], facet, name, tint, "solid", "circle-open", hover=hover, group=group, labels=labels,
                lines=False,
            )
        )  # fmt: skip
    return found


def _column(rows: Sequence[Group], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def _seeds(row: Group) -> str:
    bad = [
        f"{int(row[f'n_{name}'])} {name}" for name in ("diverged", "timeout", "failed") if row[f"n_{name}"]
    ]
    return ", ".join([choosing.plural(int(row["n"]), "seed"), *bad])


def _levels(
    everything: Sequence[Group], lines: Sequence[Sequence[Group]], facet: str, look: Look
) -> tuple[list[Curve], str]:
    """Full precision, across the panel; as a text where it is far below."""
    shown = [row for line in lines for row in line]
    full = choosing.full_precision(everything, shown)
    edge = FAR * min((row["floor"] for row in shown if row["floor"] > 0), default=0.0)
    reach = [float(min(row["precision"] for row in shown)), float(max(row["precision"] for row in shown))]
    ink = style.ink(look.dark)
    levels = [
        Curve(
            reach, [row["floor"]] * 2, facet, f"{FULL}: " + choosing.labels(row, ["algorithm", *look.dashed]), ink,
            look.dash(row), width=1.2, group=FULL,
        )
        for row in full
        if row["floor"] >= edge
    ]  # fmt: skip
    far = [row["floor"] for row in full if row["floor"] < edge]
    return levels, f"{FULL}: {max(far):.0e}" + (" and less" if len(far) > 1 else "") if far else ""


def _columns(panels: Sequence[Any], facets: Sequence[str]) -> int:
    """Columns that make two axes a table, where one of them has two values or three."""
    if len(facets) == 2:
        for axis in reversed(facets):
            values = len({text(lines[0][0][axis]) for lines in panels})
            if values in (2, 3) and len(panels) > 3 and axis == facets[1]:
                return values
    return 0


def _target(target: float | None, ink: str) -> list[dict[str, Any]]:
    if not target:
        return []
    line = {"color": ink, "dash": "dot", "width": 1}
    return [{"type": "line", "x0": 0, "x1": 1, "y0": target, "y1": target, "line": line}]


def _rows(line: Sequence[Group], named: Sequence[str], target: float | None) -> list[list[Any]]:
    needed = [bits_needed(line, target)] if target else []
    return [
        [
            *(text(row[axis]) for axis in named), int(row["precision"]),
            *(_number(row.get(name)) for name in NUMBERS), *needed,
            int(row["n"]), int(row["n_ok"]), int(row["n_diverged"]),
        ]
        for row in line
    ]  # fmt: skip


def _number(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _notes(
    shown: Sequence[Group], rounds: Sequence[Group], count: int, panels: Sequence[Any], state: State
) -> list[str]:
    spread = SPREADS.get(state["spread"])
    notes = [
        f"Points: medians over {choosing.seeds(rounds)}"
        + (f"; bars: {spread[0]} of them." if spread else ".")
    ]
    drawn = sum(len(lines) for lines in panels)
    if drawn < count:
        notes.append(
            f"{drawn} of {count} lines, the lowest floors of each panel: the filters of the page choose others."
        )
    for status in ("diverged", "timeout", "failed"):
        bad = sum(int(row[f"n_{status}"]) for row in shown)
        if bad:
            notes.append(f"{choosing.plural(bad, 'cell')} {status}: not in the medians.")
    zero = sum(row["floor"] == 0 for row in shown)
    if zero:
        notes.append(not_drawn(zero))
    empty = sum(not row["floor"] >= 0 for row in shown)
    if empty:
        notes.append(f"{choosing.plural(empty, 'point')} without a floor: not drawn, and in the table.")
    if state["bounds"]:
        proven = sum(row["noise_ball"] >= 0 for row in shown)
        flat = sum(row["noise_ball"] == 0 for row in shown)
        notes.append(
            f"Dotted: the proven limit of a run without end, known for {proven} of {len(shown)} points"
            + (f"; {flat} of them are 0, and not drawn." if flat else ".")
        )
    if state["target"]:
        notes.append(
            f"Ringed: the fewest measured bits whose floor is at most {state['target']:g}, as all larger ones' are."
        )
    return notes


PAGE = Page("/precision", "Precision", "How far does each bit get?", 2, 1, controls, draw)
