"""What `lpbench check` found so far: verdicts run by run, results over the commits, and where they moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lpbench.analysis.verdicts import IDENTICAL, LEAST_CHANGE, SAME, VERDICTS
from lpbench.errors import LpbenchError
from lpbench.store import history
from lpbench.terminal import Table

from ..charts.curves import OF_ZERO
from ..charts.history import bars, floors
from ..data import choosing, past
from ..data.past import BAD, LATEST, SEARCHED, Move, Past, Series
from ..data.sweeps import Sweep, text
from ..page import MULTI, SELECT, SWITCH, Control, Page, Panel, State, address, query_of, state_of
from ..panels.tables import table
from . import cells

CHECKS, RESULTS = "Checks by run", "{} by commit"
MOST_SHOWN, MOST_DRAWN, MOST_OPTIONS = 6, 12, 300
MOVED = "moved"
QUIET = (SAME, IDENTICAL)
HEAD = (
    "configuration", "now", "steps at", "across the last", "since the last release", "since the first run", "cells",
)  # fmt: skip


def controls(sweep: Sweep) -> list[Control]:
    """The platform, and the configurations; none where there is no history."""
    whole = past.read(sweep.folder.parent)
    if not whole.runs:
        return []
    platforms = whole.platforms
    newest = whole.on(platforms[0])
    default = [one.config_id for one in newest.worst(MOST_SHOWN)]
    first = dict.fromkeys(
        [*default, *(one.config_id for one in newest.searched), *newest.series, *whole.names]
    )
    offered = set(list(first)[:MOST_OPTIONS])
    some = (
        f"{len(offered)} of {len(first)}, those that moved furthest"
        if len(first) > len(offered)
        else "that are drawn"
    )
    options = tuple((one, whole.names[one]) for one in [*newest.series, *whole.names] if one in offered)
    return [
        Control(
            "platform",
            "Platform",
            SELECT,
            platforms[0],
            tuple((name, name) for name in platforms),
            "where the checks ran",
        ),
        Control(
            "quiet", "Without same and identical", SWITCH, False, help="so that what moved fills the bars"
        ),
        Control("config", "Configurations", MULTI, tuple(default), tuple(dict.fromkeys(options)), some),
    ]


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """Verdicts by run, and results by commit."""
    whole = past.read(sweep.folder.parent)
    if not whole.runs:
        said = (_nothing(sweep), *_unread(whole))
        return [
            Panel(CHECKS, None, notes=said),
            Panel(_title("result"), None, notes=("Nothing was kept yet.",)),
        ]
    here = whole.on(state["platform"])
    return [_checks(whole, here, state, dark), _floors(here, state["config"], dark)]


def _nothing(sweep: Sweep) -> str:
    folder = sweep.folder.parent / history.FOLDER
    return f"No check was kept in {folder} yet: `lpbench check --baseline main --history {folder}` adds one."


def _unread(whole: Past) -> list[str]:
    return [f"Not read: {problem.rstrip('.')}." for problem in whole.problems]


def _checks(whole: Past, here: Past, state: State, dark: bool) -> Panel:
    runs = here.runs[-LATEST:]
    there = [verdict for verdict in VERDICTS if any(verdict in run.counts for run in runs)]
    rows = [
        [run.name, run.commit, run.checked_at, run.version, run.baseline,
         *(run.counts.get(name, 0) for name in there), len(run.warned)]
        for run in reversed(runs)
    ]  # fmt: skip
    data = Table(["run", "commit", "checked at", "lpbench", "baseline", *there, "slices warned of"], rows)
    newest, when = runs[-1], runs[-1].checked_at[:16].replace("T", " ")
    counts = ", ".join(f"{newest.counts[name]} {name}" for name in there if name in newest.counts)
    notes = [
        f"Newest: {newest.short} of {when} (UTC) against {newest.baseline}: {counts}.",
        *(f"It warned: {said}." for said in newest.warned),
        f"{_newest(len(runs), len(here.runs))} on {state['platform']}"
        + (f", {len(whole.runs) - len(here.runs)} on others." if len(here.runs) < len(whole.runs) else "."),
    ]
    if len({run.version for run in runs}) > 1:
        notes.append("Dotted: a release of lpbench.")
    drawn = bars(runs, dark, without=QUIET if state["quiet"] else ())
    return Panel(CHECKS, drawn, data, (*notes, *_unread(whole)))


def _newest(shown: int, there: int) -> str:
    return choosing.plural(there, "run") if shown == there else f"The newest {shown} of {there} runs"


def _floors(here: Past, chosen: Sequence[str], dark: bool) -> Panel:
    first = max(0, len(here.runs) - LATEST)
    default = here.worst(MOST_SHOWN)
    picked = [here.series[one] for one in chosen if one in here.series] or default
    shown = [one for one in picked if one.at.size and one.at[-1] >= first][:MOST_DRAWN]
    if not shown:
        what = past.called(picked, lambda metric: metric.title)
        none = f"None of these configurations has a {what} above 0 on this platform."
        return Panel(_title(what), None, notes=(none, *_zeros(picked)))
    bad = shown == default and shown[0].verdicts.get(len(here.runs) - 1) in BAD
    which = f"{len(shown)} of {choosing.plural(len(chosen), 'chosen configuration')}."
    if shown == default:
        said = "the worst of the newest run" if bad else "those that moved furthest"
        which = f"{choosing.plural(len(shown), 'configuration')}, {said}."
    what = past.called(shown, lambda metric: metric.title)
    fit = f"Orange: the l1 Potts fit to log10 of the {what}, whose jumps are the steps."
    names = [
        "configuration", "commit", "checked at", "verdict", what, "10 %", "90 %", "over the first",
    ]  # fmt: skip
    data = Table(names, [row for one in shown for row in _rows(one, here, first)])
    return Panel(_title(what), floors(shown, here.runs, first, dark), data, (which, fit, *_zeros(shown)))


def _title(what: str) -> str:
    return RESULTS.format(what.capitalize())


def _zeros(series: Sequence[Series]) -> list[str]:
    return choosing.count_note(sum(one.zeros for one in series), "point", OF_ZERO)


def _rows(one: Series, here: Past, first: int) -> list[list[Any]]:
    numbers = zip(one.at.tolist(), one.floor.tolist(), one.low.tolist(), one.high.tolist(), strict=True)
    return [
        [
            one.label, here.runs[at].commit, here.runs[at].checked_at, one.verdicts[at], floor, low, high,
            floor / one.floor[0],
        ]
        for at, floor, low, high in numbers
        if at >= first
    ]  # fmt: skip


def body(store: Any, sweep: Sweep, state: State, prefix: str) -> Any:
    """The configurations that moved, each with its cells."""
    from dash import html

    return html.Section(_moved(store, state.get("platform"), prefix), id=MOVED)


def _moved(store: Any, platform: str | None, prefix: str) -> list[Any]:
    from dash import html

    whole = past.read(store.runs_dir)
    here = whole.on(platform) if platform else whole
    if not here.runs:
        return []
    title = html.H2("Where it moved")
    since = f"by more than {100 * (LEAST_CHANGE - 1):.0f} % since the first run or the last release"
    what = past.called(here.series.values(), lambda metric: metric.short)
    if not here.moves:
        return [title, html.P(f"Nowhere: no {what} has a step, none drifted {since}.", className="note")]
    links = _links(store, here, prefix)
    rows = [_row(move, here, links.get(move.series.config_id)) for move in here.moves]
    notes = [f"Configurations whose {what} has a step, or drifted {since}; ratios above 1 are worse."]
    moving = sum(one.range > 1 for one in here.series.values())
    if moving > SEARCHED:
        notes.append(f"Looked at: the {SEARCHED} of {moving} whose {what}s range widest.")
    return [title, table("Where it moved", HEAD, rows), html.P(" ".join(notes), className="note")]


def _row(move: Move, here: Past, link: str | None) -> list[Any]:
    from dash import html

    series = move.series
    stepped = "; ".join(_at(here, int(series.at[step])) for step in series.steps) or "no step"
    since = f"{_ratio(move.release[1])} ({here.runs[move.release[0]].version})" if move.release else "–"
    now = series.verdicts.get(len(here.runs) - 1, "not in it")
    cells_of = html.A("cells", href=link, **{"aria-label": f"Cells of {series.label}"}) if link else "–"
    return [series.label, now, stepped, _ratio(move.across), since, _ratio(series.change), cells_of]


def _at(here: Past, place: int) -> str:
    run = here.runs[place]
    return f"{run.short}, {run.checked_at[:10]}"


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"× {value:.3g}"


def _links(store: Any, here: Past, prefix: str) -> dict[str, str]:
    """Addresses of the page Cells by configuration, where the sweep of the newest run is there and holds them."""
    name = here.runs[-1].sweep
    try:
        sweep = store.sweep(name)
    except LpbenchError:  # it was not kept, which is usual: the history outlives sweeps
        return {}
    known = cells.controls(sweep)
    found = {}
    for move in here.moves:
        choices = move.series.choices
        if choices["cell_id"] in sweep.cell_ids:
            # A history keeps no choices of plug-ins.
            asked = {axis: text(choices[axis]) for axis in sweep.varying if axis in choices}
            state = state_of(known, {**asked, "cells": choices["cell_id"]})
            query = {"sweep": sweep.name, **query_of(known, state)}
            found[move.series.config_id] = address(prefix, cells.PAGE.path, query)
    return found


def connect(app: Any, store: Any) -> None:
    """Another platform has another table."""
    from dash import Input, Output, State, no_update

    @app.callback(
        Output(MOVED, "children"),
        Input({"type": "control", "key": "platform"}, "value"),
        State("view", "data"),
        prevent_initial_call=True,
    )
    def moved(platform: Any, view: Any) -> Any:
        here = isinstance(view, dict) and view.get("page") == PAGE.path
        if not here or platform not in past.read(store.runs_dir).platforms:
            return no_update
        return _moved(store, platform, str(view.get("prefix", "/")))


PAGE = Page(
    "/regressions", "Regressions", "What moved since the last checks?", 6, 2, controls, draw, body, connect,
    of_sweep=False,
)  # fmt: skip
