"""Noise floor against bit width, with the proven limits beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import choosing, style
from ..charts.curves import Axes, Curve, Key, figure
from ..data import Sweep, text
from ..page import NUMBER, SELECT, SWITCH, Control, Data, Page, Panel, State

if TYPE_CHECKING:
    import pandas

TITLE = "Noise floor against precision"
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
    chosen = choosing.chosen(sweep, state)
    rounds = chosen[chosen["format"] != "none"]
    if not (rounds["floor"] > 0).any():
        said = "No cell of this choice rounds and has a noise floor."
        return [Panel(TITLE, None, notes=(said,))]
    facets = list(dict.fromkeys(axis for axis in (state["facet"], state["rows"]) if axis != choosing.NO_AXIS))
    others = [axis for axis in sweep.varying if axis not in ("precision", *facets)]
    panels = [choosing.split(panel, others) for panel in choosing.split(rounds, facets)]
    count = sum(len(lines) for lines in panels)
    panels = choosing.capped(panels, MOST_LINES) if count > MOST_LINES else panels
    look = Look(sweep, state["color"], others, [line for lines in panels for line in lines], dark)
    everything = sweep.groups_where(
        {axis: state[axis] for axis in sweep.varying if axis not in ("precision", "algorithm", "format")}
    )
    curves: list[Curve] = []
    rows: list[list[Any]] = []
    corners: dict[str, str] = {}
    named = list(dict.fromkeys([*facets, *others]))
    for lines in panels:
        facet = choosing.labels(lines[0].iloc[0], facets, " · ")
        drawn = [
            curve for line in lines for curve in _curves(line.sort_values("precision"), facet, look, state)
        ]
        levels, corners[facet] = _levels(everything, lines, facet, look)
        curves += [*levels, *drawn]
        rows += [
            row for line in lines for row in _rows(line.sort_values("precision"), named, state["target"])
        ]
    shown: list[Any] = [row for lines in panels for line in lines for row in line.to_dict("records")]
    keys = look.keys()
    if any(curve.group == FULL for curve in curves):
        keys.append(Key(FULL, look.ink, width=1.2))
    if any(curve.group == PROVEN for curve in curves):
        keys.append(Key(PROVEN, look.soft, "dot", width=1.4))
    bits = sorted({float(row["precision"]) for row in shown})
    axes = Axes("precision (bits)", "noise floor (objective gap)", x_values=bits, x_unit="bits")
    columns = _columns(panels, facets)
    whole = figure(
        curves, axes, dark, _target(state["target"], look.ink), keys=keys, columns=columns,
        own_y=not state["shared"], corners=corners,
    )  # fmt: skip
    names = [
        *named,
        "precision",
        *NAMES,
        *(["bits needed"] if state["target"] else []),
        "seeds",
        "ok",
        "diverged",
    ]
    return [Panel(TITLE, whole, Data(names, rows), tuple(_notes(shown, rounds, count, panels, state)))]


FULL, PROVEN = "full precision", "proven limit, T = ∞"


class Look:
    """Colours and markers for one axis, dashes for what else varies: the same in every panel."""

    def __init__(
        self, sweep: Sweep, color: str, others: Sequence[str], lines: Sequence[pandas.DataFrame], dark: bool
    ):
        self.dark, self.axis = dark, color
        self.ink = style.colors(dark)[7]
        self.soft = "#9AA4AE" if dark else "#59636E"
        self.others = list(others)
        self.dashed = [axis for axis in others if axis != color]
        first = [line.iloc[0] for line in lines]
        self.values = choosing.in_order(text(row[color]) for row in first) if color in others else []
        self._among = choosing.values_of(sweep, color) if self.values else []
        self._labels = (
            {text(row[color]): choosing.label(color, row[color]) for row in first} if self.values else {}
        )
        rows = sorted(first, key=lambda row: [choosing.natural(text(row[axis])) for axis in self.dashed])
        self.dashes = (
            list(dict.fromkeys(choosing.labels(row, self.dashed) for row in rows)) if self.dashed else []
        )

    def name(self, row: pandas.Series) -> str:
        """What the hover calls a line."""
        return choosing.labels(row, self.others) or "all"

    def group(self, row: pandas.Series) -> str:
        """The key of the line's colour."""
        return self._labels[text(row[self.axis])] if self.values else "all"

    def code(self, row: pandas.Series) -> tuple[str, str, str]:
        """Colour, dash, marker."""
        dash = style.dash(choosing.labels(row, self.dashed), self.dashes)
        if not self.values:
            return style.colors(self.dark)[0], dash, style.MARKERS[0]
        value = text(row[self.axis])
        return style.color(value, self._among, self.dark), dash, style.marker(value, self._among)

    def keys(self) -> list[Key]:
        """The legend: each colour, and each dash where there is more than one."""
        found = [
            Key(
                self._labels[value],
                style.color(value, self._among, self.dark),
                "solid",
                style.marker(value, self._among),
            )
            for value in self.values
        ]
        dashes = self.dashes if len(self.dashes) > 1 else []
        return [*found, *(Key(name, self.soft, style.dash(name, self.dashes), width=1.6) for name in dashes)]


def bits_needed(line: pandas.DataFrame, target: float) -> int | None:
    """The fewest bits of a line whose floor reaches the target, as those of all more bits do; None: there are none."""
    found = None
    for row in line.sort_values("precision", ascending=False).to_dict("records"):
        if not row["floor"] <= target:
            break
        found = int(row["precision"])
    return found


def _curves(line: pandas.DataFrame, facet: str, look: Look, state: State) -> list[Curve]:
    first = line.iloc[0]
    color, dash, marker = look.code(first)
    name, group = look.name(first), look.group(first)
    measured = line[line["floor"] > 0]
    x = measured["precision"].astype(float).tolist()
    y = measured["floor"].tolist()
    hover = [_seeds(row) for row in measured.to_dict("records")]
    low = high = None
    if state["spread"] in SPREADS:
        _, least, most = SPREADS[state["spread"]]
        low, high = measured[least].tolist(), measured[most].tolist()
    found = []
    if state["bounds"] and "noise_ball" in line:
        proven = line[line["noise_ball"] > 0]
        if len(proven):
            bits = proven["precision"].astype(float).tolist()
            limit = Curve(
                bits, proven["noise_ball"].tolist(), facet, f"{name}: {PROVEN}", color, "dot", width=1.2, group=PROVEN,
            )  # fmt: skip
            found.append(limit)
    found.append(
        Curve(x, y, facet, name, color, dash, marker, low, high, hover, 1.8, group=group, whiskers=True)
    )
    needed = bits_needed(line, state["target"]) if state["target"] else None
    if needed in x:
        at = x.index(needed)
        said = [f"{needed} bits reach {state['target']:g}"]
        found.append(
            Curve(
                [x[at]], [y[at]], facet, name, color, "solid", "circle-open", hover=said, group=group,
                labels=[f"{needed} bits"], lines=False,
            )
        )  # fmt: skip
    return found


def _seeds(row: Any) -> str:
    bad = [
        f"{int(row[f'n_{name}'])} {name}" for name in ("diverged", "timeout", "failed") if row[f"n_{name}"]
    ]
    return ", ".join([choosing.plural(int(row["n"]), "seed"), *bad])


def _levels(
    everything: pandas.DataFrame, lines: Sequence[pandas.DataFrame], facet: str, look: Look
) -> tuple[list[Curve], str]:
    """Full precision, across the panel; as a text where it is far below."""
    import pandas as pd

    shown = pd.concat(lines)
    full = choosing.full_precision(everything, shown)
    lowest = shown["floor"].min()
    far = full[full["floor"] < FAR * lowest]
    reach = [float(shown["precision"].min()), float(shown["precision"].max())]
    levels = []
    for row in full[full["floor"] >= FAR * lowest].to_dict("records"):
        dash = style.dash(choosing.labels(row, look.dashed), look.dashes) if look.dashed else "solid"
        name = f"{FULL}: " + choosing.labels(row, ["algorithm", *look.dashed])
        levels.append(Curve(reach, [row["floor"]] * 2, facet, name, look.ink, dash, width=1.2, group=FULL))
    if far.empty:
        return levels, ""
    return levels, f"{FULL}: {far['floor'].max():.0e}" + (" and less" if len(far) > 1 else "")


def _columns(panels: Sequence[Any], facets: Sequence[str]) -> int:
    """Columns that make two axes a table, where one of them has two values or three."""
    if len(facets) == 2:
        for axis in reversed(facets):
            values = len({text(lines[0].iloc[0][axis]) for lines in panels})
            if values in (2, 3) and len(panels) > 3 and axis == facets[1]:
                return values
    return 0


def _target(target: float | None, ink: str) -> list[dict[str, Any]]:
    if not target:
        return []
    line = {"color": ink, "dash": "dot", "width": 1}
    return [{"type": "line", "x0": 0, "x1": 1, "y0": target, "y1": target, "line": line}]


def _rows(line: pandas.DataFrame, named: Sequence[str], target: float | None) -> list[list[Any]]:
    needed = [bits_needed(line, target)] if target else []
    return [
        [
            *(text(row[axis]) for axis in named), int(row["precision"]),
            *(_number(row.get(name)) for name in NUMBERS), *needed,
            int(row["n"]), int(row["n_ok"]), int(row["n_diverged"]),
        ]
        for row in line.to_dict("records")
    ]  # fmt: skip


def _number(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _notes(
    shown: Sequence[dict[str, Any]], rounds: pandas.DataFrame, count: int, panels: Sequence[Any], state: State
) -> list[str]:
    spread = SPREADS.get(state["spread"])
    notes = [
        f"Points: medians over {choosing.seeds(rounds)}"
        + (f"; bars: {spread[0]} of them." if spread else ".")
    ]
    drawn = sum(len(lines) for lines in panels)
    if drawn < count:
        notes.append(f"{drawn} of {count} lines, the lowest floors of each panel: choose among them above.")
    for status in ("diverged", "timeout", "failed"):
        bad = sum(int(row[f"n_{status}"]) for row in shown)
        if bad:
            notes.append(f"{choosing.plural(bad, 'cell')} {status}: not in the medians.")
    empty = sum(not row["floor"] > 0 for row in shown)
    if empty:
        notes.append(
            f"{choosing.plural(empty, 'point')} without a positive floor: not drawn, and in the table."
        )
    if state["bounds"]:
        proven = sum(row.get("noise_ball", math.nan) > 0 for row in shown)
        notes.append(
            f"Dotted: the proven limit of a run without end, known for {proven} of {len(shown)} points."
        )
    if state["target"]:
        notes.append(
            f"Ringed: the fewest measured bits whose floor is at most {state['target']:g}, as all larger ones' are."
        )
    return notes


PAGE = Page("/precision", "Precision", "How far does each bit get?", 2, 1, controls, draw)
