"""When a run in few bits fails: which tensor clips, underflows or stalls, since when, and what its format holds."""

from __future__ import annotations

import fnmatch
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lpbench.analysis.tensors import MADE_UP
from lpbench.terminal import Table

from ..charts import style
from ..data import choosing
from ..data.sweeps import Group, Sweep, text
from ..data.tensors import RATES, ROLES, History, Moment, histories
from ..page import NUMBER, SELECT, SWITCH, TEXT, Control, Page, Panel, State
from ..panels import exponents, rates
from ..panels.findings import findings

TITLES = (rates.MAP, rates.CURVES, exponents.TITLE)
WORST, BEST = "worst", "best"  # in place of a setting
MOST_SETTINGS = 200  # that a list offers; filters leave fewer
MOST_BESIDE = 6  # settings in the curves
FIRST = (
    "rounding",
    "precision",
    "format",
    "recipe",
    "algorithm",
)  # what settings are set beside each other by
CONVEX = (
    "Only networks have tensors to tell apart. How often the weights of a convex problem are clipped, or stall, stands "
    "in the columns saturation_rate and stall_rate of the page Cells."
)
NONE = "No cell of this sweep keeps what rounding does to its tensors. Networks that are swept with this version do: {}"
ABOVE = "Nothing to draw: see above."


def controls(sweep: Sweep) -> list[Control]:
    """Setting, rate, role, step, tensors, what is set beside it, and a filter for each axis that varies."""
    settings = _watched(sweep, {})
    if not settings:
        return []
    some = style.evenly(settings, MOST_SETTINGS)
    result = sweep.metric.title
    named = tuple((row["group_id"], _name(sweep, row)) for row in some)
    first = ((WORST, f"the worst {result}"), (BEST, f"the best {result}"))
    beside = choosing.by_axis(sweep, "beside", "Beside it", FIRST)
    shown = (
        (rates.WORST, "the largest share"),
        *((rate.name, _capital(rate.title)) for rate in RATES.values()),
    )
    roles = ((choosing.NO_AXIS, "all"), *((role, choosing.named(role)) for role in ROLES))
    return [
        Control(
            "setting", "Setting", SELECT, WORST, (*first, *named), "all seeds of a cell",
            {WORST, BEST, *(row["group_id"] for row in settings)},
        ),
        Control("rate", "What goes wrong", SELECT, rates.WORST, shown, "or one kind of it"),
        Control("step", "At step", NUMBER, None, help="of map and exponents; empty: the last. Or click a curve"),
        Control("role", "Role", SELECT, choosing.NO_AXIS, roles, "of curves and exponents. Or click the map"),
        Control("tensors", "Tensors", TEXT, "", help="names, or globs such as hidden* or *.bias; empty: all"),
        replace(beside, help="curves of the same setting with other values of this"),
        Control("log", "Logarithmic steps", SWITCH, False, help="of the curves"),
        *choosing.filters(sweep),
    ]  # fmt: skip


def _capital(said: str) -> str:
    return said[:1].upper() + said[1:]


def _name(sweep: Sweep, row: Group) -> str:
    return choosing.labels(row, sweep.varying) or "all cells"


def _watched(sweep: Sweep, state: State) -> list[Group]:
    """The groups that the filters leave and whose tensors are known, in the order of their choices."""
    cells = sweep.cells
    known = set(cells["group_id"][cells["cell_id"].isin(sweep.watched)]) if sweep.watched else set()
    rows = [row for row in choosing.chosen(sweep, state) if row["group_id"] in known]
    return [row for part in choosing.split(rows, sweep.varying) for row in part]


def _pick(sweep: Sweep, rows: Sequence[Group], asked: str) -> Group:
    """The setting that is asked for, or the worst (of what rounds, if anything does; diverged before all) or best."""
    for row in rows:
        if row["group_id"] == asked:
            return row
    rounded = [row for row in rows if choosing.rounds(row)] or list(rows)

    def rank(row: Group) -> float:
        return math.inf if math.isnan(row["floor"]) else sweep.metric.rank(row["floor"])

    return (min if asked == BEST else max)(rounded, key=rank)


def _beside(sweep: Sweep, rows: Sequence[Group], row: Group, axis: str) -> list[Group]:
    """The groups that differ from one in an axis alone, itself among them; evenly some of many."""
    if axis not in sweep.varying:
        return [row]
    others = [other for other in sweep.varying if other != axis]
    found = [one for one in rows if all(text(one[name]) == text(row[name]) for name in others)]
    kept = style.evenly(found, MOST_BESIDE)
    return kept if row in kept else [*kept[: MOST_BESIDE - 1], row]


@dataclass(frozen=True)
class _View:
    """What the reader asks for.

    rows      the settings that the filters leave.      row, found   the chosen one, with its history.
    moment    the step of the map and the exponents.    shown        what the curves set beside each other.
    """

    rows: Sequence[Group]
    row: Group
    found: History
    moment: Moment
    shown: Sequence[rates.Shown]


def _view(sweep: Sweep, state: State) -> _View | None:
    """None where no setting is left."""
    rows = _watched(sweep, state)
    if not rows:
        return None
    row, axis = _pick(sweep, rows, state["setting"]), state["beside"]
    beside = _beside(sweep, rows, row, axis)
    found = histories(sweep, tuple(one["group_id"] for one in beside))
    there = [one for one in beside if one["group_id"] in found]
    several = len(there) > 1
    shown = [
        rates.Shown(one, choosing.label(axis, one[axis]) if several else "", found[one["group_id"]])
        for one in there
    ]
    mine = found[row["group_id"]]
    return _View(rows, row, mine, mine.at(state["step"]), shown)


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """The map of tensors and roles; curves over steps; exponents and the range of the format."""
    if not sweep.watched:
        return _empty(_nothing(sweep))
    view = _view(sweep, state)
    if view is None:
        return _empty(
            "No cell of this choice keeps what rounding does to its tensors: the filters choose others."
        )
    row, found, moment = view.row, view.found, view.moment
    names = _called(found, state["tensors"])
    if names == []:
        some = ", ".join(dict.fromkeys(one.name for one in found.tensors))
        return _empty(f"No tensor is called {state['tensors']}: there are {some}.")
    step = None if state["step"] is None else moment.steps[1]
    asked = rates.Asked(state["rate"], state["role"], names, step, state["log"])
    heat = rates.heat(found, moment, asked, dark)
    over = rates.curves(view.shown, found, moment, asked, sweep.varying, dark)
    role = _worst_role(found, moment, asked) if asked.role == choosing.NO_AXIS else asked.role
    places = {one.name: i for i, one in enumerate(found.tensors) if one.role == role}
    own = [places[tensor] for tensor in rates.in_order(found, names) if tensor in places]
    sizes = exponents.panel(row, found, moment, role, own[: rates.MOST_ROWS], dark)
    setting = f"Setting: {_name(sweep, row)}"
    beside = [_told(sweep, state, row) if len(view.shown) > 1 else f"{setting}.", *_bands(view.shown)]
    return [
        replace(heat, notes=(*_said(sweep, state, view), *heat.notes, *_made_up([row]))),
        replace(over, notes=(*beside, *over.notes, *_made_up([one.row for one in view.shown]))),
        replace(sizes, notes=(f"{setting}; {_when(moment, state['step'])}.", *sizes.notes)),
    ]


def _made_up(rows: Sequence[Group]) -> list[str]:
    """What to know of weights that stay where they were, where rounding is stochastic."""
    return [MADE_UP] if any(row.get("rounding") == "stochastic" for row in rows) else []


def _called(found: History, asked: str) -> list[str] | None:
    """The tensors that a text names, or their layers; None for all."""
    globs = [part.strip() for part in asked.replace("+", ",").split(",") if part.strip()]
    if not globs:
        return None
    return list(
        dict.fromkeys(
            one.name
            for one in found.tensors
            if any(
                fnmatch.fnmatch(name, glob) for glob in globs for name in (one.name, one.tensor, one.layer)
            )
        )
    )


def _worst_role(found: History, moment: Moment, asked: rates.Asked) -> str:
    """The role of the worst tensor."""
    among = rates.worst_first(found, moment, asked.lines(found))
    return found.tensors[among[0].place].role if among else found.tensors[0].role


def _said(sweep: Sweep, state: State, view: _View) -> list[str]:
    """Which setting it is, at which step, over how many seeds."""
    rows, row, moment = view.rows, view.row, view.moment
    metric, of = sweep.metric, choosing.plural(len(rows), "setting")
    level = "diverged" if math.isnan(row["floor"]) else f"{metric.title} {metric.text(row['floor'])}"
    asked = state["setting"]
    which = (
        f", the {asked if asked in (WORST, BEST) else WORST} of {of}"
        if asked != row["group_id"] and len(rows) > 1
        else ""
    )
    seeds = "one seed" if moment.seeds == 1 else f"means over {choosing.seeds([{'n': moment.seeds}])}"
    count = int(row["n_diverged"])
    lost = choosing.count_note(
        count, "cell", f"diverged; {'it counts' if count == 1 else 'they count'} up to the end"
    )
    gone = (
        []
        if asked in (WORST, BEST, row["group_id"])
        else ["The setting that was asked for is none that the filters leave."]
    )
    return [f"{_name(sweep, row)}{which} ({level}); {_when(moment, state['step'])}; {seeds}.", *gone, *lost]


def _when(moment: Moment, asked: float | None) -> str:
    first, last = moment.steps
    if first != last:
        return f"the last step that each seed recorded, {first} to {last}"
    return f"step {last}" + (
        f", the recorded one next to {asked:g}" if asked is not None and asked != last else ""
    )


def _told(sweep: Sweep, state: State, row: Group) -> str:
    axis = state["beside"]
    others = choosing.labels(row, [one for one in sweep.varying if one != axis])
    return f"By {choosing.named(axis)}" + (f": all else is {others}." if others else ".")


def _bands(shown: Sequence[rates.Shown]) -> list[str]:
    several = any((one.history.seeds > 1).any() for one in shown)
    return ["Lines: means over the seeds; bands: from the least to the largest of them."] if several else []


def _empty(said: str) -> list[Panel]:
    first, *others = TITLES
    return [Panel(first, None, notes=(said,)), *(Panel(title, None, notes=(ABOVE,)) for title in others)]


def _nothing(sweep: Sweep) -> str:
    """Why there is nothing, and what to do."""
    networks = {name for name in sweep.results if name != "noise_floor"}
    if not networks and len(sweep.cells):
        return CONVEX
    if sweep.manifest.get("state") == "running":
        return "No cell that keeps what rounding does to its tensors is there yet."
    calls: list[dict[str, Any]] = sweep.manifest.get("calls") or [{}]
    overrides = calls[-1].get("overrides", [])
    return NONE.format(shlex.join(["lpbench", "sweep", *overrides, "--name", f"{sweep.name}-tensors"]))


def body(store: Any, sweep: Sweep, state: State, prefix: str) -> Any:
    """What is wrong, in sentences."""
    from dash import html

    said = _findings(sweep, state)
    if said is None:
        return []
    title, first, others = said
    parts = [html.H2(title), html.Ul([html.Li(sentence) for sentence in first])]
    if others:
        more = html.Ul([html.Li(sentence) for sentence in others])
        parts.append(html.Details([html.Summary(f"{len(others)} more"), more]))
    return html.Section(parts, className="findings")


def summary(sweep: Sweep, state: State) -> list[Panel]:
    """The same sentences."""
    said = _findings(sweep, state)
    if said is None:
        return []
    title, first, others = said
    return [Panel(title, None, Table(["finding"], [[sentence] for sentence in (*first, *others)]))]


def _findings(sweep: Sweep, state: State) -> tuple[str, list[str], list[str]] | None:
    """The setting, and what is wrong with it."""
    view = _view(sweep, state) if sweep.watched else None
    if view is None:
        return None
    return _name(sweep, view.row), *findings(view.found, view.moment, view.row.get("rounding"))


PAGE = Page(
    "/tensors", "Tensors", "What breaks in which tensor?", 4, 3, controls, draw, body, summary=summary
)
