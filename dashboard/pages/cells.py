"""All cells: a table to filter and sort, traces of those that are picked, and how they differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lpbench.declared.columns import PROVENANCE
from lpbench.errors import LpbenchError
from lpbench.store.schema import CHOICES, own_choices
from lpbench.terminal import Table

from ..charts import parallel, style
from ..charts.curves import Axes, Curve, figure
from ..data import choosing
from ..data.metrics import GAP, Metric
from ..data.sweeps import Group, Sweep, text
from ..data.words import word
from ..page import SELECT, TEXT, Control, Page, Panel, State
from ..panels import brushes

DRAG = "A box that is drawn over axes keeps the lines that pass through it."
PICKED, LINES = "Traces of the picked cells", "Groups of cells, from axis to axis"
SHORT = "params.value == null ? '' : d3.format('.4~g')(params.value)"  # read by the grid, without eval
LOADED = "params.data != null"  # the box of a row that is not there yet is off: its tick would be lost
THEME = (
    "themeQuartz.withPart(agGrid.colorSchemeVariable).withParams({backgroundColor: 'var(--paper)', "
    "foregroundColor: 'var(--ink)', headerBackgroundColor: 'var(--wash)', accentColor: 'var(--accent)'})"
)
MOST_PICKED, MOST_LINES, BLOCK = 20, 500, 100  # MOST_PICKED also in assets/ticks.js
GRID = "grid"
OF_GAPS = ("noise_floor", "mean_gap", "final_gap", "bound", "bound_kind", "bound_ratio")
RATES = ("saturation_rate", "stall_rate", "seconds", "seed")
# Which cell it is, where and when it ran: no difference that a reader asks for.
TOLD = {"cell_id", "group_id", "digest", "seconds", "steps_per_second", *(one.name for one in PROVENANCE)}


def controls(sweep: Sweep) -> list[Control]:
    """Status and picked cells of the table; share and filters of the parallel coordinates."""
    found = sweep.cells["status"].value_counts()
    statuses = (("all", "all cells"), *((str(s), f"{s} ({n})") for s, n in found.items()))
    shares = (("100", "all"), ("50", "best half"), ("10", "best 10 %"), ("5", "best 5 %"))
    told = "lowest floors" if sweep.metrics[0].gap else f"{sweep.metrics[0].best}, or what else is chosen"
    return [
        *choosing.metric(sweep),
        Control("status", "Rows of the table", SELECT, "all", statuses, "by how the cells ended"),
        picked_control(sweep),
        brushes.control(sweep),
        Control("best", "Lines below", SELECT, "100", shares, f"groups of the {told}"),
        *choosing.filters(sweep),
    ]


def picked_control(sweep: Sweep) -> Control:
    """The picked cells: up to MOST_PICKED identities, checked against the sweep."""
    told = "ticked below, or typed here"
    return Control("cells", "Picked cells", TEXT, (), (), told, sweep.cell_ids, MOST_PICKED)


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """The picked traces, and parallel coordinates."""
    sweep = sweep.of(state.get("metric"))
    return [_traces(sweep, list(state["cells"]), dark), _lines(sweep, state, dark)]


def _traces(sweep: Sweep, picked: list[str], dark: bool) -> Panel:
    if not picked:
        said = "Pick rows of the table: their traces and differences appear here."
        return Panel(PICKED, None, notes=(said,))
    cells = sweep.cells[sweep.cells["cell_id"].isin(picked)].to_dict("records")
    rows: dict[str, dict[Any, Any]] = {row["cell_id"]: row for row in cells}
    metric = sweep.metric if sweep.metric.traced else followed(sweep)
    traces = sweep.traces(picked)
    traces = traces.reindex(columns=[*dict.fromkeys([*traces.columns, metric.traced])])
    traces = traces[metric.placed(traces["step"], traces[metric.traced])]
    choices = [*CHOICES, *own_choices(sweep.further)]
    names = [
        name
        for name in dict.fromkeys([*choices, *sweep.cells.columns])
        if name not in TOLD and len({text(row.get(name)) for row in cells}) > 1
    ]
    told = [name for name in names if name in choices][:4] or ["seed"]
    palette = style.colors(dark)
    curves = []
    for i, cell_id in enumerate(picked):
        x, y = (
            traces[traces["cell_id"] == cell_id][name].to_numpy(float) for name in ("step", metric.traced)
        )
        name = f"{cell_id[:6]}: {choosing.labels(rows[cell_id], told)}"
        color, dash = palette[i % len(palette)], style.DASHES[i // len(palette)]
        curves.append(Curve(x, y, "", name, color, dash))
    axes = Axes("steps (parameter updates)", metric.followed, x_log=metric.gap, **metric.axis)
    drawn = figure(curves, axes, dark)
    table = [[name, *(_plain(rows[cell_id][name]) for cell_id in picked)] for name in names]
    most = ", the most at once" if len(picked) == MOST_PICKED else ""
    count = choosing.plural(len(picked), "cell")
    said = f"{count}{most}; the numbers are the columns in which they differ, choices first."
    return Panel(PICKED, drawn, Table(["column", *picked], table), (said,))


def _lines(sweep: Sweep, state: State, dark: bool) -> Panel:
    metric = sweep.metric
    groups = [
        row for row in choosing.chosen(sweep, state) if metric.drawn(row["floor"]) and row["floor"] < math.inf
    ]
    groups.sort(key=lambda row: row["floor"], reverse=metric.higher)
    axes = [axis for axis in sweep.varying if choosing.varies(groups, axis)]
    if len(groups) < 2 or not axes:
        what = metric.short
        said = f"Fewer than two groups with a {what}, or nothing that varies between them."
        return Panel(LINES, None, notes=(said,))
    share = max(2, round(len(groups) * int(state["best"]) / 100))
    shown = groups[: min(share, MOST_LINES)]
    told = [
        (choosing.named(axis), [text(row[axis]) for row in shown], choosing.values(shown, axis))
        for axis in axes
    ]
    ranges, wrong = brushes.parse(sweep, state[brushes.KEY])
    within = brushes.within(sweep, shown, ranges)
    floors = [float(row["floor"]) for row in shown]
    drawn = parallel.figure(told, floors, dark, within, _places(sweep, shown, axes, ranges), metric)
    inside = [row for row, there in zip(shown, within, strict=True) if there]
    rows = [[*(text(row[axis]) for axis in axes), float(row["floor"]), int(row["n"])] for row in inside]
    how = f"{len(inside)} of {len(shown)} lines lie in the ranges; the table above and the numbers have those alone."
    notes = (
        _which(len(shown), len(groups), "lowest floors" if metric.gap else metric.best),
        *([how, "A double click on the figure removes the ranges."] if ranges else [DRAG]),
        *wrong,
        *choosing.zeros(sweep, state),
    )
    return Panel(LINES, drawn, Table([*axes, metric.title, "seeds"], rows), notes)


def _places(
    sweep: Sweep, rows: Sequence[Group], axes: Sequence[str], ranges: brushes.Ranges
) -> dict[str, tuple[float, float]]:
    """Where the ranges are on the axes that are drawn: the places of their first and last value, or two floors."""
    floors = [float(row["floor"]) for row in rows]
    found: dict[str, tuple[float, float]] = {}
    for axis, ends in ranges.items():
        if axis == sweep.metric.name:
            low, high = (float(end) if end else None for end in ends)
            found[sweep.metric.title] = (
                min(floors) if low is None else low, max(floors) if high is None else high,
            )  # fmt: skip
        elif axis in axes:
            whole, drawn = brushes.values(sweep, axis), choosing.values(rows, axis)
            places = [i for i, value in enumerate(drawn) if brushes.between(value, ends, whole)]
            if places:
                found[choosing.named(axis)] = (places[0], places[-1])
    return found


def _which(shown: int, groups: int, best: str) -> str:
    which = "All" if shown == groups else f"{shown} of"
    lowest = "" if shown == groups else f", those of the {best}"
    return f"{which} {groups} groups{lowest}; the filters above choose among them."


def body(store: Any, sweep: Sweep, state: State, prefix: str) -> Any:
    """The table."""
    import dash_ag_grid as dag

    first = ["cell_id", "status", *sweep.varying, "seed"]
    choices = own_choices(sweep.further)
    named = [one.name for one in sweep.metrics]
    gaps = OF_GAPS if GAP.name in named else ()
    own = [name for name in sweep.further if name not in choices]
    first_of_all = [] if sweep.metrics[0].gap else named
    results = ["status", "error", *gaps, *first_of_all, *RATES, *own, *named]
    columns = list(dict.fromkeys([*first, *results, *sweep.cells.columns]))
    shown = {*first, *results}
    numbers = set(sweep.cells.select_dtypes("number").columns)
    reals = set(sweep.cells.select_dtypes("float").columns)
    definitions = [
        {
            "field": name, "headerName": name, "headerTooltip": word(name), "hide": name not in shown,
            "filter": "agNumberColumnFilter" if name in numbers else "agTextColumnFilter",
            **({"pinned": "left", "width": 190} if name == "cell_id" else {}),
            **({"valueFormatter": {"function": SHORT}} if name in reals else {}),
            **({"cellClassRules": {"alarm": "params.value > 1"}} if name == "bound_ratio" else {}),
        }
        for name in columns
    ]  # fmt: skip
    options = {
        "theme": {"function": THEME},
        "tabToNextCell": {"function": "false"},  # Tab leaves the table, arrows move in it
        "tabToNextHeader": {"function": "false"},
        "rowSelection": {
            "mode": "multiRow", "checkboxes": {"function": LOADED}, "headerCheckbox": False,
            "enableClickSelection": False,
        },
        "cacheBlockSize": BLOCK,
        "maxBlocksInCache": 20,
        "maxConcurrentDatasourceRequests": 1,  # the component answers the last one only
    }  # fmt: skip
    every = {"sortable": True, "resizable": True, "floatingFilter": True, "width": 135}
    grid = dag.AgGrid(
        id=GRID, columnDefs=definitions, defaultColDef=every, rowModelType="infinite",
        getRowId="params.data.cell_id", dashGridOptions=options, style={"height": "420px"},
    )  # fmt: skip
    return [grid]


def _groups(sweep: Sweep, asked: str) -> list[str] | None:
    """The groups that lie in the ranges; None where there are none of them."""
    ranges, _ = brushes.parse(sweep, asked)
    if not ranges:
        return None
    within = brushes.within(sweep, sweep.groups, ranges)
    return [row["group_id"] for row, there in zip(sweep.groups, within, strict=True) if there]


def connect(app: Any, store: Any) -> None:
    """Rows for the table; the picked ones into the text field, and from there (a link, Back) into the table."""
    from dash import ClientsideFunction, Input, Output, State, no_update

    status = {"type": "control", "key": "status"}
    picked = {"type": "control", "key": "cells"}
    ranges = {"type": "control", "key": brushes.KEY}

    @app.callback(
        Output(GRID, "getRowsResponse"),
        Input(GRID, "getRowsRequest"),
        State(status, "value"),
        State(ranges, "value"),
        State("view", "data"),
    )
    def rows(request: Any, wanted: Any, asked: Any, view: Any) -> Any:
        if not request or not isinstance(view, dict) or not view.get("sweep"):
            return no_update
        try:
            filters = dict(request.get("filterModel") or {})
            if wanted and wanted != "all":
                filters["status"] = {"filterType": "text", "type": "equals", "filter": str(wanted)}
            start, end = int(request["startRow"]), int(request["endRow"])
            sort = list(request.get("sortModel") or [])
            sweep = store.sweep(view["sweep"])
            found, total = sweep.rows(start, end, sort, filters, _groups(sweep, str(asked or "")))
        except (LpbenchError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
            return {"rowData": [], "rowCount": 0}
        return {"rowData": found, "rowCount": total}

    # In the browser, where the ticks are: between two of them there is no time for a way to the server and back.
    app.clientside_callback(
        ClientsideFunction("lpbench_ticks", "pick"), Output(picked, "value"), Input(GRID, "selectedRows"),
        prevent_initial_call=True,
    )  # fmt: skip
    app.clientside_callback(
        ClientsideFunction("lpbench_ticks", "tick"), Output(GRID, "className"), Input(picked, "value")
    )
    app.clientside_callback(
        ClientsideFunction("lpbench_ticks", "reload"), Output(GRID, "className", allow_duplicate=True),
        Input(status, "value"), Input(ranges, "value"), Input("version", "data"),
        prevent_initial_call="initial_duplicate",
    )  # fmt: skip


def followed(sweep: Sweep) -> Metric:
    """What traces are shown of where they do not hold the metric that was chosen."""
    return next((one for one in sweep.metrics if one.traced), GAP)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, float) else None if value is None else text(value)


PAGE = Page(
    "/cells", "Cells", "Which cells are they, and how do they differ?", 5, 2, controls, draw, body, connect
)
