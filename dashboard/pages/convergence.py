"""Objective gap against steps: how fast each cell falls, and where it stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import choosing, style
from ..charts.curves import Axes, Curve, Key, figure
from ..data import Sweep, text
from ..page import SELECT, SWITCH, Control, Data, Page, Panel, State

if TYPE_CHECKING:
    import pandas

TITLE = "Objective gap against the length of the run"
MOST_CURVES, MOST_TRACES = 50, 60
X = {
    "step": ("steps", "steps (parameter updates)"),
    "epoch": ("epochs", "epochs"),
    "gradient_evaluations": ("gradients", "gradient evaluations"),
}
BANDS = {"10-90": ("q10", "q90"), "min-max": ("min", "max")}
PROVEN = "proven, mean over the run"


def controls(sweep: Sweep) -> list[Control]:
    """x axis, panels, colour, band, bounds, and a filter for each axis that varies."""
    facet = choosing.by_axis(sweep, "facet", "Panels by", ("algorithm", "format", "dimension"))
    color = choosing.by_axis(
        sweep,
        "color",
        "Colour by",
        [a for a in ("precision", "format", "dimension", "step_size") if a != facet.default],
    )
    shown = (
        ("10-90", "median, 10-90 %"),
        ("min-max", "median, min-max"),
        ("none", "median"),
        ("all", "all traces"),
    )
    return [
        Control("x", "Over", SELECT, "step", tuple((key, name) for key, (name, _) in X.items())),
        facet,
        color,
        Control("band", "Over seeds", SELECT, "10-90", shown),
        Control("shared", "One y scale", SWITCH, False),
        Control("bounds", "Proven bounds", SWITCH, True),
        *choosing.filters(sweep),
    ]


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """A panel for each value of the facet, in it a line for each group of cells that differ in nothing but the seed."""
    chosen = choosing.chosen(sweep, state)
    chosen = chosen[chosen["n_ok"] + chosen["n_diverged"] + chosen["n_timeout"] > 0]
    if chosen.empty:
        return [Panel(TITLE, None, notes=("No cell of this choice has run.",))]
    facets = [state["facet"]] if state["facet"] != choosing.NO_AXIS else []
    focus = [axis for axis in sweep.varying if axis not in (*facets, state["color"], "seed")]
    rest: list[str] = [axis for axis in ("problem", "dataset", "dimension", "format") if axis in focus]
    rest += [axis for axis in focus if axis not in rest]
    few, kept = (chosen, {}) if len(chosen) <= MOST_CURVES else choosing.fewer(chosen, rest, MOST_CURVES)
    few = few.head(MOST_CURVES)
    found = sweep.curves(list(few.index))
    colors = _colors(sweep, state["color"], dark)
    dashed = [axis for axis in focus if few[axis].map(text).nunique() > 1]
    dashes = (
        list(dict.fromkeys(choosing.labels(row, dashed) for row in few.to_dict("records"))) if dashed else []
    )
    curves: list[Curve] = []
    rows: list[list[Any]] = []
    single = _traces(sweep, few, state) if state["band"] == "all" else {}
    for panel in choosing.split(few, facets):
        facet = choosing.labels(panel.iloc[0], facets)
        for group_id, row in panel.iterrows():
            if group_id not in found:
                continue
            name = choosing.labels(row, [axis for axis in sweep.varying if axis not in facets]) or "all"
            color = colors.get(text(row.get(state["color"])), style.colors(dark)[0])
            dash = style.dash(choosing.labels(row, dashed), dashes) if dashed else "solid"
            curves += _curves(found[group_id], row, facet, name, color, dash, state, single.get(group_id, []))
            rows += _rows(found[group_id], row, sweep.varying)
    if not curves:
        return [Panel(TITLE, None, notes=("The traces of this choice are not there (yet).",))]
    keys = [
        Key(choosing.label(state["color"], value), color)
        for value, color in _shown(colors, few, state["color"])
    ]
    soft = "#9AA4AE" if dark else "#59636E"
    keys += [Key(one, soft, style.dash(one, dashes), width=1.6) for one in dashes] if len(dashes) > 1 else []
    if any(curve.group == PROVEN for curve in curves):
        keys.append(Key(PROVEN, soft, "dot", width=1.3))
    drawn = figure(
        curves,
        Axes(X[state["x"]][1], "objective gap", x_log=True),
        dark,
        keys=keys,
        own_y=not state["shared"],
    )
    columns = [*sweep.varying, "step", "epoch", "10 %", "median", "90 %", "seeds"]
    return [Panel(TITLE, drawn, Data(columns, rows), tuple(_notes(chosen, few, kept, state)))]


def _colors(sweep: Sweep, axis: str, dark: bool) -> dict[str, str]:
    """A colour for each value of the axis: by order where it holds numbers, its own where it names things."""
    if axis == choosing.NO_AXIS:
        return {}
    values = choosing.values_of(sweep, axis)
    numbers = all(
        value.replace(".", "", 1).replace("e-", "", 1).isdigit() for value in values if value != "-"
    )
    if numbers:
        return dict(zip(values, style.ordered(len(values), dark), strict=True))
    return {value: style.color(value, values, dark) for value in values}


def _shown(colors: dict[str, str], groups: pandas.DataFrame, axis: str) -> list[tuple[Any, str]]:
    if not colors:
        return []
    there = {text(value): value for value in groups[axis]}
    return [(there[value], color) for value, color in colors.items() if value in there]


def _curves(
    found: dict[str, Any],
    row: Any,
    facet: str,
    name: str,
    color: str,
    dash: str,
    state: State,
    single: list[Any],
) -> list[Curve]:
    there = (found[state["x"]] > 0) & (found["q50"] > 0)
    x, y = found[state["x"]][there], found["q50"][there]
    hover = [f"{name}<br>{int(n)} seeds" + (f", {int(row['n_diverged'])} diverged" if row["n_diverged"] else "")
             for n in found["n"][there]]  # fmt: skip
    curves = [Curve(tx, ty, facet, name, color, "solid", width=0.7, group=name) for tx, ty in single]
    low = high = None
    if state["band"] in BANDS:
        low, high = (found[one][there] for one in BANDS[state["band"]])
    if not single:
        curves.append(Curve(x, y, facet, name, color, dash, None, low, high, hover, 1.8))
    bound = row.get("bound")
    if state["bounds"] and bound is not None and bound > 0 and len(x):
        said = [
            f"{name}<br>theorem {row.get('bound_kind')}: at most {bound:.3g} in the mean over the run"
        ] * 2
        curves.append(Curve([x[0], x[-1]], [bound] * 2, facet, f"{name}: {PROVEN}", color, "dot", hover=said,
                            width=1.1, group=PROVEN))  # fmt: skip
    return curves


def _traces(sweep: Sweep, groups: pandas.DataFrame, state: State) -> dict[str, list[Any]]:
    """The single traces of each group, of at most MOST_TRACES cells in all."""
    cells = sweep.cells[sweep.cells["group_id"].isin(groups.index) & (sweep.cells["status"] != "failed")]
    cells = cells.head(MOST_TRACES)
    group_of = dict(zip(cells["cell_id"], cells["group_id"], strict=True))
    found: dict[str, list[Any]] = {}
    for cell_id, trace in sweep.traces(list(group_of)).groupby("cell_id", sort=False):
        x, y = trace[state["x"]].to_numpy(float), trace["objective_gap"].to_numpy(float)
        there = (x > 0) & (y > 0)
        found.setdefault(group_of[str(cell_id)], []).append((x[there], y[there]))
    return found


def _rows(found: dict[str, Any], row: Any, axes: list[str]) -> list[list[Any]]:
    named = [text(row[axis]) for axis in axes]
    columns = (found[name] for name in ("step", "epoch", "q10", "q50", "q90", "n"))
    return [
        [*named, int(step), float(epoch), float(low), float(middle), float(high), int(n)]
        for step, epoch, low, middle, high, n in zip(*columns, strict=True)
    ]


def _notes(chosen: pandas.DataFrame, few: pandas.DataFrame, kept: dict[str, str], state: State) -> list[str]:
    shown = {"10-90": "median and 10-90 %", "min-max": "median, least and largest", "none": "median"}
    notes = [f"{shown.get(state['band'], 'Single traces')} over {choosing.seeds(few)}.".capitalize()]
    if len(few) < len(chosen):
        which = ", ".join(f"{choosing.named(axis)} {value}" for axis, value in kept.items()) or "the first"
        notes.append(f"{len(few)} of {len(chosen)} curves ({which}): choose others among the filters above.")
    if state["band"] == "all" and few["n"].sum() > MOST_TRACES:
        notes.append(f"{MOST_TRACES} of {int(few['n'].sum())} traces, the first cells of the sweep.")
    bad = int(few["n_diverged"].sum())
    if bad:
        notes.append(f"{choosing.plural(bad, 'cell')} diverged; they count up to where they ended.")
    return notes


PAGE = Page(
    "/convergence", "Convergence", "How fast does the gap fall, and where does it stop?", 1, 1, controls, draw
)
