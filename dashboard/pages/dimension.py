"""Noise floor, bits and bounds against the dimension of the model: does the number of bits grow with it?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import choosing, style
from ..charts.curves import Axes, Curve, Key, figure
from ..data import Sweep, text
from ..page import NUMBER, SWITCH, Control, Data, Page, Panel, State
from .precision import bits_needed

if TYPE_CHECKING:
    import pandas

FLOOR = "Noise floor against dimension"
BITS = "Bits that reach the target"
CONSTANTS = "What the bounds are made of"
FREE, EARLIER = "dimension-free limit, T = ∞", "earlier limit, T = ∞"
PROVEN = (("noise_ball_dimension_free", FREE, "dash"), ("noise_ball_earlier", EARLIER, "dot"))
SYMBOLS = {"sigma_1": "σ₁", "sigma": "σ", "L_1_avg": "L̄₁", "gamma": "Γ", "L": "L", "mu": "μ"}
MOST_LINES = 40
FOLLOW = (
    "n_samples",
    "steps",
    "step_size",
    "limit",
)  # what may follow the dimension, and does not part a line


def controls(sweep: Sweep) -> list[Control]:
    """Target, panels, colour, bounds, and a filter for each axis that varies."""
    without = ("dimension", *FOLLOW)
    facet = choosing.by_axis(
        sweep, "facet", "Panels by", ("k", "noise_kind", "algorithm", "problem", "format"), without
    )
    firsts = [axis for axis in ("precision", "format", "k", "noise_kind") if axis != facet.default]
    return [
        Control("target", "Target gap", NUMBER, target_of(sweep), help="of the bits needed"),
        facet,
        choosing.by_axis(sweep, "color", "Colour by", firsts, without),
        Control("bounds", "Proven limits", SWITCH, True),
        *choosing.filters(sweep, ("dimension",)),
    ]


def target_of(sweep: Sweep) -> float | None:
    """A gap that some precisions reach and others do not: the middle of LP-SGD's floors, else of all."""
    groups = sweep.groups[(sweep.groups["format"] != "none") & (sweep.groups["floor"] > 0)]
    plain = groups[groups["algorithm"] == "lp_sgd"]
    floors = (plain if len(plain) else groups)["floor"]
    return float(f"{math.exp(np.log(floors).median()):.1g}") if len(floors) else None


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """Three panels: floors and limits, bits needed, the constants."""
    groups = choosing.chosen(sweep, state)
    groups = groups[(groups["format"] != "none") & (groups["floor"] > 0)]
    groups = groups.assign(k=_blocks(groups))
    if groups["dimension"].nunique() < 2:
        said = (
            "Only one dimension was swept. To see what the dimension does: lpbench sweep problem=family_s k=4 "
            "dimension=16,64,256,1024 precision=6,7,8 start=optimum step_size=2**-8 'steps=60*d/alpha' --name dimension"
        )
        return [Panel(title, None, notes=(said,)) for title in (FLOOR, BITS, CONSTANTS)]
    return [_floors(sweep, groups, state, dark), _bits(sweep, groups, state, dark), _constants(groups, dark)]


def _blocks(groups: pandas.DataFrame) -> list[Any]:
    """Family S's k as a text: `k = d` where it is the dimension, at more than one dimension."""
    full = groups["k"] == groups["dimension"]
    follows = groups["dimension"][full].nunique() > 1
    return [
        None if text(k) == "-" else "k = d" if same and follows else f"k = {text(k)}"
        for k, same in zip(groups["k"], full, strict=True)
    ]


def _parts(
    sweep: Sweep, groups: pandas.DataFrame, state: State, without: Sequence[str]
) -> tuple[list[tuple[str, str, pandas.DataFrame]], list[str]]:
    """(facet, value of the colour axis, its groups) of each line over the dimension, and the axes that part them."""
    facets = [state["facet"]] if state["facet"] != choosing.NO_AXIS else []
    others = [axis for axis in sweep.varying if axis not in ("dimension", *FOLLOW, *facets, *without)]
    known = list(dict.fromkeys(["dimension", *facets, *others, *without]))
    # What was swept of its own, and does not follow the dimension, parts the lines after all.
    others += [
        axis
        for axis in FOLLOW
        if axis in sweep.varying and groups.groupby(known, dropna=False)[axis].nunique().max() > 1
    ]
    found = []
    for panel in choosing.split(groups, facets):
        for line in choosing.split(panel, others):
            if line["dimension"].nunique() > 1:
                colored = state["color"] in sweep.varying
                value = text(line.iloc[0][state["color"]]) if colored else ""
                found.append((choosing.labels(line.iloc[0], facets), value, line.sort_values("dimension")))
    return found, others


def _floors(sweep: Sweep, groups: pandas.DataFrame, state: State, dark: bool) -> Panel:
    parts, others = _parts(sweep, groups, state, ())
    shown, notes, rows = parts[:MOST_LINES], [], []
    if len(parts) > MOST_LINES:
        notes.append(f"{MOST_LINES} of {len(parts)} lines: choose among the filters above.")
    colors, dashed, dashes, keys = _look(sweep, state, shown, others, dark)
    curves = []
    for facet, value, line in shown:
        name = choosing.labels(line.iloc[0], others) or "all"
        color = colors.get(value, style.colors(dark)[0])
        # One point a dimension: what follows the dimension (steps, step size) does not part a line.
        line = line.groupby("dimension", as_index=False).first()
        x, y = line["dimension"].astype(float).tolist(), line["floor"].tolist()
        among = list(colors)
        dash = style.dash(choosing.labels(line.iloc[0], dashed), dashes) if dashed else "solid"
        curves.append(
            Curve(x, y, facet, name, color, dash,
                  style.marker(value, among), line["floor_q10"].tolist(), line["floor_q90"].tolist(), whiskers=True)
        )  # fmt: skip
        slopes = [_slope(x, y)]
        for column, label, style_of in PROVEN:
            ball = line[column].tolist() if column in line else []
            slopes.append(_slope(x, ball))
            if state["bounds"] and any(value > 0 for value in ball):
                curves.append(
                    Curve(x, ball, facet, f"{name}: {label}", color, style_of, width=1.2, group=label)
                )
        rows += [
            [text(row[a]) for a in _axes(state, others)]
            + [int(row["dimension"]), float(row["floor"])] + [_number(row.get(column)) for column, _, _ in PROVEN] + [
               slopes[0], slopes[2]]
            for row in line.to_dict("records")
        ]  # fmt: skip
    soft = "#9AA4AE" if dark else "#59636E"
    keys += [
        Key(label, soft, dash, width=1.3)
        for _, label, dash in PROVEN
        if any(c.group == label for c in curves)
    ]
    grows = [row[-2] for row in rows if row[-2] is not None]
    if grows:
        low, high = min(grows), max(grows)
        notes.insert(
            0,
            f"Measured floors grow like d to the power {low:.2f} … {high:.2f}; medians over {choosing.seeds(groups)}.",
        )
    notes.append(
        "The dimension-free limit does not contain d; what it does with d is that of the constants below."
    )
    values = sorted({float(value) for value in groups["dimension"]})
    axes = Axes("dimension d", "noise floor", x_log=True, x_values=values)
    drawn = figure(curves, axes, dark, keys=keys, own_y=True) if curves else None
    columns = [
        *_axes(state, others),
        "dimension",
        "noise floor",
        "dimension-free",
        "earlier",
        "slope",
        "slope earlier",
    ]
    return Panel(FLOOR, drawn, Data(columns, rows), tuple(notes))


def _bits(sweep: Sweep, groups: pandas.DataFrame, state: State, dark: bool) -> Panel:
    target = state["target"]
    if not target or groups["precision"].nunique() < 2:
        said = (
            "Give a target gap."
            if not target
            else "Only one precision was swept: precision=4,6,8,10 shows the bits needed."
        )
        return Panel(BITS, None, notes=(said,))
    color = "" if state["color"] == "precision" else state["color"]
    parts, others = _parts(sweep, groups, {**state, "color": color}, ("precision",))
    colors, _, _, keys = _look(sweep, {**state, "color": color}, parts, others, dark)
    curves, rows = [], []
    for facet, value, part in parts[:MOST_LINES]:
        points: dict[str, list[tuple[float, int]]] = {}
        for key, line in part.groupby("dimension"):
            d: Any = key
            for name, column in (("measured", "floor"), (FREE, PROVEN[0][0]), (EARLIER, PROVEN[1][0])):
                known = line.assign(floor=line[column]) if column in line else line.iloc[:0]
                needed = bits_needed(known[known["floor"] > 0], target) if len(known) else None
                if needed is not None:
                    points.setdefault(name, []).append((float(d), needed))
                rows.append([*(text(line.iloc[0][a]) for a in _axes(state, others)), int(d), name, needed])
        tint = colors.get(value, style.colors(dark)[0])
        for name, found in points.items():
            dash = {"measured": "solid", FREE: "dash", EARLIER: "dot"}[name]
            if name != "measured" and not state["bounds"]:
                continue
            said = ", ".join(one for one in (choosing.labels(part.iloc[0], others), name) if one)
            curves.append(
                Curve([x for x, _ in found], [y for _, y in found], facet, said, tint, dash,
                      style.marker(value, list(colors)) if name == "measured" else None, group=name)
            )  # fmt: skip
    soft = "#9AA4AE" if dark else "#59636E"
    keys += [Key(label, soft, dash, width=1.3) for label, dash in ((FREE, "dash"), (EARLIER, "dot"))
             if any(c.group == label for c in curves)]  # fmt: skip
    values = sorted({float(value) for value in groups["dimension"]})
    axes = Axes("dimension d", "bits needed", x_log=True, y_log=False, x_values=values)
    columns = [*_axes(state, others), "dimension", "by", "bits"]
    said = (
        f"The fewest swept precision whose floor (or limit) is at most {target:g}, as all larger ones' are."
    )
    drawn = figure(curves, axes, dark, keys=keys) if curves else None
    layout = drawn["layout"] if drawn else {}
    for name in layout:
        if name.startswith("yaxis"):
            layout[name]["dtick"] = 1  # bits are whole
    return Panel(BITS, drawn, Data(columns, rows), (said,))


def _constants(groups: pandas.DataFrame, dark: bool) -> Panel:
    facets = (
        ["problem", "dataset"]
        if groups[["problem", "dataset"]].drop_duplicates().shape[0] > 1
        else ["problem"]
    )
    curves, rows = [], []
    for panel in choosing.split(groups, facets):
        facet = choosing.labels(panel.iloc[0], facets)
        for part in choosing.split(
            panel, [axis for axis in ("k", "noise_kind") if panel[axis].map(text).nunique() > 1]
        ):
            one = part.groupby("dimension", as_index=False).first().sort_values("dimension")
            if len(one) < 2:
                continue
            for i, (name, symbol) in enumerate(SYMBOLS.items()):
                x, y = one["dimension"].astype(float).tolist(), one[name].astype(float).tolist()
                color = style.colors(dark)[i]
                curves.append(Curve(x, y, facet, symbol, color, style.DASHES[i % 6], style.MARKERS[i]))
                rows += [[facet, int(d), name, float(value)] for d, value in zip(x, y, strict=True)]
    values = sorted({float(value) for value in groups["dimension"]})
    axes = Axes("dimension d", "constant of the problem", x_log=True, x_values=values)
    said = (
        "“Dimension-free” holds at fixed σ₁: the leading noise is δσ₁. Where σ₁ grows with d, so do floor and bits.",
    )
    drawn = figure(curves, axes, dark) if curves else None
    return Panel(CONSTANTS, drawn, Data(["problem", "dimension", "constant", "value"], rows), said)


def _look(
    sweep: Sweep,
    state: State,
    parts: Sequence[tuple[str, str, pandas.DataFrame]],
    others: Sequence[str],
    dark: bool,
) -> tuple[dict[str, str], list[str], list[str], list[Key]]:
    """Colours by value, the axes told by dashes, the dashes in use, and the legend of both."""
    axis = state["color"]
    values = choosing.in_order(value for _, value, _ in parts if value)
    ordered = axis in ("precision", "dimension") and len(values) > 1
    tints = style.ordered(len(values), dark) if ordered else [style.color(v, values, dark) for v in values]
    colors = dict(zip(values, tints, strict=True))
    dashed = [other for other in others if other != axis]
    named = [choosing.labels(line.iloc[0], dashed) for _, _, line in parts]
    dashes = list(dict.fromkeys(named)) if dashed else []
    raw = {value: line.iloc[0][axis] for _, value, line in parts if value}
    keys = [
        Key(choosing.label(axis, raw[value]), color, "solid", style.marker(value, values))
        for value, color in colors.items()
    ] or [Key("measured", style.colors(dark)[0], "solid", style.MARKERS[0])]
    soft = "#9AA4AE" if dark else "#59636E"
    keys += [Key(one, soft, style.dash(one, dashes), width=1.6) for one in dashes] if len(dashes) > 1 else []
    return colors, dashed, dashes, keys


def _axes(state: State, others: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*([state["facet"]] if state["facet"] != choosing.NO_AXIS else []), *others]))


def _slope(x: Sequence[float], y: Sequence[float]) -> float | None:
    """The power of d with which y grows, by least squares in logarithms."""
    there = [(a, b) for a, b in zip(x, y, strict=False) if b > 0]
    if len(there) < 2:
        return None
    logs = np.log(np.array(there))
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])


def _number(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


PAGE = Page("/dimension", "Dimension", "Does the number of bits grow with the model?", 3, 3, controls, draw)
