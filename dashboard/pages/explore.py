"""Any column of the cells against any other: what the other pages do not ask."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lpbench.analysis.spread import spread
from lpbench.declared.columns import IDENTITY
from lpbench.terminal import Table

from ..charts import style
from ..charts.curves import Axes, Curve, Key, figure, spaced
from ..charts.look import Look, tints
from ..data import choosing
from ..data.metrics import SHARES
from ..data.sweeps import SPREAD, Asked, Group, Sweep, text
from ..page import SELECT, TEXT, Control, Page, Panel, State
from ..panels import spreads

LINES = 24  # of a figure: more are a thicket, and points without lines take their place
PANELS = 24  # small multiples, at most
CATEGORIES = 24  # values of a column of texts that may have colours, panels or places on an axis
TICKS = 12  # numbers of a swept axis that are all written
DECADE = 10.0  # from that factor between its ends on an axis is logarithmic by itself
POINTS = 5000  # of a figure: more lie on each other, and take a browser seconds
MEDIAN, CELLS = "median", "cells"
# Which cell it is, and when it ran: nothing to plot.
UNTOLD = {*(one.name for one in IDENTITY), "digest", "error", "started_at", "result", "git_commit"}
X, Y, OF_Y = "x ", "y ", "spread "  # of a row, beside its columns; the last before each column of `SPREAD`
HOW = "as 1e-6:1e-2, 4: or :64"


def controls(sweep: Sweep) -> list[Control]:
    """The columns of axes, colours and panels; what a point is; scales and ranges; a filter for each swept axis."""
    axes, numbers, texts = _columns(sweep)
    named = choosing.ahead(("format", "algorithm"), axes)
    most = sorted(named, key=lambda axis: -len(choosing.values_of(sweep, axis)))
    x = "precision" if "precision" in axes or not axes else most[0]
    color, facet = [*(axis for axis in most if axis != x), choosing.NO_AXIS, choosing.NO_AXIS][:2]
    result = sweep.metric.name
    nothing = (choosing.NO_AXIS, "nothing")
    every = _options([*axes, *numbers, *texts, x, result])
    points = ((MEDIAN, "medians over seeds"), (CELLS, "each cell"))
    scales = (("auto", "automatic"), ("linear", "linear"), ("log", "logarithmic"))
    return [
        Control("x", "x axis", SELECT, x, every, "any column of the cells"),
        Control("y", "y axis", SELECT, result, every, "any column of the cells"),
        Control("color", "Colour by", SELECT, color, (nothing, *every), choosing.HELP["color"]),
        Control(
            "facet", "Panels by", SELECT, facet, (nothing, *_options([*axes, *texts])), choosing.HELP["facet"]
        ),
        Control("points", "Points", SELECT, MEDIAN, points, "what a point is"),
        spreads.control(),
        Control("xscale", "x scale", SELECT, "auto", scales, "logarithmic by itself from a factor of ten on"),
        Control("yscale", "y scale", SELECT, "auto", scales, "logarithmic by itself from a factor of ten on"),
        Control("xrange", "x from:to", TEXT, "", help=HOW),
        Control("yrange", "y from:to", TEXT, "", help=HOW),
        *choosing.filters(sweep),
    ]


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """One figure: lines over an axis that was swept, points over any other column."""
    title = f"{choosing.named(state['y'])} against {choosing.named(state['x'])}".capitalize()
    rows, missing = _rows(sweep, state)
    if not rows:
        return [Panel(title, None, notes=("No cell of this choice has both.", *missing))]
    x, y = (_scale(sweep, rows, state, *of) for of in (("x", X), ("y", Y)))
    facets = choosing.panels_by(state)
    everything = choosing.split(rows, facets)
    shown = [row for panel in everything[:PANELS] for row in panel]
    panels = choosing.spread(everything[:PANELS], POINTS)
    others = [a for a in sweep.varying if a not in (state["x"], *facets) and choosing.varies(rows, a)]
    lines = [
        [sorted(line, key=lambda row: row[X]) for line in choosing.split(panel, others)] for panel in panels
    ]
    joined = state["points"] == MEDIAN and state["x"] in sweep.varying and sum(map(len, lines)) <= LINES
    joined = joined and state["color"] in (*others, choosing.NO_AXIS)
    curves, keys, layout, left = (
        _lines(sweep, state, lines, others, dark) if joined else _points(sweep, state, panels, dark)
    )
    drawn = figure(curves, Axes(
        choosing.named(state["x"]), choosing.named(state["y"]), x_log=x.log, y_log=y.log, x_values=x.ticks,
        x_more=x.more, y_more=y.more), dark, keys=keys)  # fmt: skip
    drawn["layout"] |= layout
    hidden = [] if joined else [axis for axis in others if axis != state["color"]]
    told = spreads.notes(shown, state) if joined and _spreads(shown) else [_said(shown, state)]
    notes = [*told, *left]
    notes += choosing.left_out(len(panels), len(everything), "panels", "the first")
    count = sum(map(len, panels))
    notes += choosing.left_out(count, len(shown), "points", "evenly spread; the numbers hold all")
    if hidden:
        notes.append(
            f"Also varies, and is told by the hover alone: {', '.join(map(choosing.named, hidden))}."
        )
    return [Panel(title, drawn, _table(sweep, state, shown), (*notes, *missing, *x.notes, *y.notes))]


def _columns(sweep: Sweep) -> tuple[list[str], list[str], list[str]]:
    """The swept axes; columns of numbers that differ between cells, results first; columns of few texts."""
    cells, axes = sweep.cells, sweep.varying
    known = [name for name in cells.columns if name not in UNTOLD and name not in axes]
    differ = [name for name in known if cells[name].nunique() > 1]
    numbers = [name for name in differ if _is_number(sweep, name)]
    texts = [name for name in differ if name not in numbers and cells[name].nunique() <= CATEGORIES]
    return list(axes), numbers, texts


def _is_number(sweep: Sweep, name: str) -> bool:
    """Whether a column of the cells holds numbers; yes and no are none."""
    return name in sweep.cells and sweep.cells[name].dtype.kind in "iuf"


def _options(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, choosing.named(name)) for name in dict.fromkeys(names))


def _rows(sweep: Sweep, state: State) -> tuple[list[Group], list[str]]:
    """A row a point: the swept axes, the columns of the figure, its place X, Y, the spread of Y, seeds `n`."""
    names = list(dict.fromkeys(state[key] for key in ("x", "y", "color", "facet")))
    names = [name for name in names if name in sweep.cells]
    filters = {axis: state.get(axis, ()) for axis in sweep.varying}
    groups = {row["group_id"]: row for row in sweep.groups_where(filters)}
    cells = sweep.cells[sweep.cells["group_id"].isin(groups.keys())]
    there = cells[cells["status"] == "ok"] if state["points"] == MEDIAN else cells
    missing = choosing.count_note(
        len(cells) - len(there), "cell", "diverged, timed out or failed: not in the medians"
    )
    reals = [name for name in names if _is_number(sweep, name)]
    kept = list(dict.fromkeys(["group_id", *sweep.varying, *names]))
    if state["points"] == MEDIAN:
        by = there.groupby("group_id", sort=False)
        table = by[kept].first()
        measured = [name for name in reals if name not in sweep.varying]
        table[measured] = by[measured].median()
        table["n"] = table["n_ok"] = by.size()
        if state["y"] in measured:
            table = table.join(spread(there, "group_id", state["y"])[[*SPREAD]].add_prefix(OF_Y))
    else:
        table = there[kept].assign(n=1)
    found: list[Group] = [{str(name): row[name] for name in row} for row in table.to_dict("records")]
    for row in found:
        row |= {axis: groups[row["group_id"]][axis] for axis in sweep.varying}
    for key, place in (("x", X), ("y", Y)):
        _put(found, state[key], place, state[key] in reals)
    whole = [row for row in found if math.isfinite(row[X]) and math.isfinite(row[Y])]
    missing += choosing.count_note(len(found) - len(whole), "point", "without a finite number: not drawn")
    return whole, missing


def _put(rows: Sequence[Group], name: str, place: str, real: bool) -> None:
    """The place of each row on the axis of a column: its number, or that of its text among the others."""
    order = {value: i for i, value in enumerate(choosing.values(rows, name))} if not real else {}
    for row in rows:
        value = row[name]
        row[place] = order[text(value)] if not real else math.nan if value is None else float(value)


@dataclass(frozen=True)
class Scale:
    """How an axis is drawn: logarithmic or not, its ticks where they are given, its range, and what to say of it."""

    log: bool
    ticks: Sequence[float] = ()
    more: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def _scale(sweep: Sweep, rows: Sequence[Group], state: State, key: str, place: str) -> Scale:
    name, asked = state[key], state[f"{key}scale"]
    if not _is_number(sweep, name):
        texts = choosing.values(rows, name)
        return Scale(False, more={"tickvals": [*range(len(texts))], "ticktext": texts})
    values = sorted({row[place] for row in rows})
    wide = values[0] > 0 and values[-1] >= DECADE * values[0] and name not in SHARES
    log = asked == "log" or (asked == "auto" and wide)
    few = key == "x" and name in sweep.varying and len(values) <= TICKS
    ticks = (spaced(value for value in values if value > 0) if log else values) if few else []
    notes = choosing.count_note(sum(row[place] <= 0 for row in rows) if log and key == "x" else 0, "point",
                                f"with {choosing.named(name)} of 0 or less: not on a logarithmic axis")  # fmt: skip
    ends = _range(state[f"{key}range"])
    more: dict[str, Any] = {"tickformat": style.PER_CENT} if name in SHARES and not log else {}
    if ends is None:
        said = f"{key} from:to is two numbers with a colon between, {HOW}; got {state[f'{key}range']!r}"
        return Scale(log, ticks, more, (*notes, said + "."))
    if log:
        ends = [math.log10(end) if end is not None and end > 0 else None for end in ends]
    more |= {} if ends == [None, None] else {"range": ends}
    return Scale(log, ticks, more, tuple(notes))


def _range(asked: str) -> list[float | None] | None:
    """`1e-6:1e-2` as its ends, of which either may be left out; None where it is no range."""
    if not asked.strip():
        return [None, None]
    try:
        low, high = (float(part) if part.strip() else None for part in asked.split(":"))
    except ValueError:
        return None
    ends = [end for end in (low, high) if end is not None]
    return [low, high] if all(map(math.isfinite, ends)) and (len(ends) < 2 or ends[0] < ends[1]) else None


Drawn = tuple[list[Curve], list[Key], dict[str, Any], list[str]]  # the last: notes on what is left out


def _lines(
    sweep: Sweep, state: State, panels: Sequence[Sequence[list[Group]]], others: list[str], dark: bool
) -> Drawn:
    """A line for each combination of what varies beside x."""
    look = Look(sweep, state["color"], others, panels, dark)
    curves = []
    for line in (line for panel in look.panels for line in panel):
        x, y = choosing.columns(line, X, Y)
        low, high = spreads.ends(line, state, OF_Y) if _spreads(line) else (None, None)
        hover = [choosing.plural(int(row["n"]), "seed") for row in line]
        curves.append(
            look.curve(line[0], _facet(line[0], state), x, y, hover=hover, low=low, high=high, whiskers=True)
        )
    lines = [line for panel in look.panels for line in panel if _spreads(line)]
    each, told = spreads.points(
        sweep, state, look, lines, lambda row: (_facet(row, state), row[X]), state["y"]
    )
    return [*each, *curves], look.keys(), {}, [*look.left(sum(map(len, panels)), "lines"), *told]


def _points(sweep: Sweep, state: State, panels: Sequence[list[Group]], dark: bool) -> Drawn:
    """Points, which have the colour of a category or, of a number, a place on one continuous scale."""
    color = state["color"]
    rows = [row for panel in panels for row in panel]
    if color != choosing.NO_AXIS and color not in sweep.varying and _is_number(sweep, color):
        return _shaded(sweep, state, panels, dark)
    colored = color != choosing.NO_AXIS
    colors = tints(color, choosing.values(rows, color), dark) if colored else {"": style.colors(dark)[0]}
    curves = []
    for panel in panels:
        for part in choosing.split(panel, [color] if colored else []):
            value = text(part[0][color]) if colored else ""
            name = choosing.label(color, part[0][color]) if colored else "all"
            marker = style.marker(value, list(colors), color) if colored else style.MARKERS[0]
            curves.append(_cloud(sweep, state, part, name, colors[value], marker))
    return curves, [], {}, []


def _shaded(sweep: Sweep, state: State, panels: Sequence[list[Group]], dark: bool) -> Drawn:
    """Each point in the shade of its number; grey where it has none."""
    color = state["color"]
    known = [row[color] for panel in panels for row in panel if _is_known(row[color])]
    log = bool(known) and min(known) > 0 and max(known) >= DECADE * min(known)
    curves = []
    for panel in panels:
        there = [row for row in panel if _is_known(row[color])]
        if there:
            shades = [math.log10(row[color]) if log else float(row[color]) for row in there]
            curves.append(
                _cloud(sweep, state, there, choosing.named(color), style.ink(dark), "circle", shades)
            )
        if len(there) < len(panel):
            rest, none = [row for row in panel if not _is_known(row[color])], f"no {choosing.named(color)}"
            curves.append(_cloud(sweep, state, rest, none, style.soft(dark), "circle-open"))
    bar: dict[str, Any] = {"title": {"text": choosing.named(color), "side": "right"}, "thickness": 12}
    if log:
        low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
        powers = range(low, high + 1, max(1, math.ceil((high - low) / 6)))
        bar |= {"tickvals": [*powers], "ticktext": [f"1e{power}" for power in powers]}
    layout = {"coloraxis": {"colorscale": style.scale(dark), "colorbar": bar}} if known else {}
    return curves, [], layout, []


def _is_known(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _cloud(
    sweep: Sweep, state: State, rows: Sequence[Group], name: str, color: str, marker: str, shades: Any = None
) -> Curve:
    x, y = choosing.columns(rows, X, Y)
    told = [axis for axis in sweep.varying if axis not in (state["x"], state["y"])]
    hover = [choosing.labels(row, told) for row in rows]
    return Curve(
        x, y, _facet(rows[0], state), name, color, marker=marker, lines=False, size=7, hover=hover,
        shades=shades,
    )  # fmt: skip


def _spreads(rows: Sequence[Group]) -> bool:
    """Whether points are medians of several seeds, with a spread."""
    return any(row["n"] > 1 and not math.isnan(row.get(OF_Y + "min", math.nan)) for row in rows)


def _facet(row: Group, state: State) -> str:
    return choosing.labels(row, choosing.panels_by(state))


def _said(rows: Sequence[Group], state: State) -> str:
    if state["points"] == CELLS:
        return f"Points: {choosing.plural(len(rows), 'cell')}, each seed its own."
    return f"Points: {choosing.medians(rows)}."


def _table(sweep: Sweep, state: State, rows: Sequence[Group]) -> Table:
    told = [
        name for name in dict.fromkeys([state["color"], state["x"], state["y"]]) if name != choosing.NO_AXIS
    ]
    names = list(dict.fromkeys([*sweep.varying, *choosing.panels_by(state), *told]))
    spread = {"10 %": OF_Y + "q10", "90 %": OF_Y + "q90"} if _spreads(rows) else {}
    seeds = {"seeds": "n"} if state["points"] == MEDIAN else {}
    heads, ends = [*names, *spread, *seeds], [*spread.values(), *seeds.values()]
    return Table(
        heads, [[*(_plain(row[name]) for name in names), *(row[name] for name in ends)] for row in rows]
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float) and not isinstance(value, bool | Asked) else text(value)


PAGE = Page("/explore", "Explore", "What against what?", 5, 1, controls, draw)
