"""What `lpbench speed` measured: how many times as fast as float32 training in integers is, and how that came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lpbench.store.folder import runs_option
from lpbench.store.measurements import GAPS, LOOPS, PRECISION, STEPS, Column, Measurement, Row, coarse
from lpbench.store.measurements import table as printed
from lpbench.terminal import Table

from ..charts import speed as charts
from ..data import speeds
from ..data.choosing import plural
from ..data.speeds import EIGHT, FLOAT
from ..data.sweeps import Sweep
from ..page import SELECT, Control, Page, Panel, State, address
from ..panels.tables import cell, table

STEP, RATIOS, CLOCK, PAST = (
    "A step: update, and the dot product of the next",
    "How many times as fast as float32",
    "Objective gap against the clock",
    "Measurements of this machine",
)
HEAD = ("measured at", "host", "processor", "bits of the offset", "HALP, a step", "LP-SGD, a step", "outer loop",
        "time to a gap", "lpbench")  # fmt: skip
MOST_LISTED = 20


def controls(sweep: Sweep) -> list[Control]:
    """Which measurement; none where there is none."""
    found, _ = speeds.read(sweep.folder.parent)
    if not found:
        return []
    options = tuple((one.name, _called(one)) for one in reversed(found))
    said = "that is shown; the newest of this machine unless another is chosen"
    return [Control("measurement", "Measurement", SELECT, speeds.newest(found).name, options, said)]


def _called(one: Measurement) -> str:
    return f"{speeds.when(one)}, {one.host}, {one.machine['instructions'].partition(',')[0]}, {one.precision} bits"


def _chosen(sweep_folder: Path, state: State) -> Measurement | None:
    found, _ = speeds.read(sweep_folder)
    named = [one for one in found if one.name == state.get("measurement")]
    return named[0] if named else speeds.newest(found) if found else None


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """A step, ratios, the gap by the clock, and earlier measurements of the same machine."""
    folder = sweep.folder.parent
    found, problems = speeds.read(folder)
    unread = tuple(f"Not read: {problem}." for problem in problems)
    one = _chosen(folder, state)
    if one is None:
        said = _nothing(folder)
        empty = [Panel(title, None, notes=("Nothing was measured yet.",)) for title in (RATIOS, CLOCK, PAST)]
        return [Panel(STEP, None, notes=(said, *unread)), *empty]
    first = step_panel(one, dark)
    first = replace(first, notes=(*first.notes, *unread))
    return [first, ratio_panel(one, dark), gap_panel(one, dark), past_panel(one, found, folder, dark)]


def _nothing(folder: Path) -> str:
    command = f"`lpbench speed{runs_option(folder)}`"
    return (
        f"Nothing was measured yet: {command} measures this machine in a minute or two, and it is kept here."
    )


def where(one: Measurement) -> str:
    """The machine, the date and the code, as every figure says them."""
    code = f"lpbench {one.lpbench_version}" + (f", {one.git_commit[:7]}" if one.git_commit else "")
    return f"{speeds.machine(one)}; {one.host}, {speeds.when(one)} UTC; {code}."


def step_panel(one: Measurement, dark: bool = False) -> Panel:
    """Nanoseconds a coordinate, and what reading memory takes."""
    if not one.steps:
        return Panel(STEP, None, notes=("No steps were measured.", where(one)))
    read = "; ".join(
        f"{one.machine[f'read_gb_s_{cores}']:.3g} GB/s on {plural(cores, 'core')}"
        for cores in sorted({1, one.machine["cores"]})
    )
    notes = (
        where(one),
        f"Medians of {plural(one.rounds, 'round')} in which all took turns; data of {one.machine['numbers']:,} "
        f"numbers, weights and HALP's offset in {one.precision} bits.",
        f"Dotted: the bytes of a number over what a plain loop reads of the memory, {read}. Rows that are fetched "
        "ahead can be a little faster, and it was measured before the steps.",
        *_few(one),
    )
    data = Table([column.head for column in STEPS.values()], printed(one.steps, STEPS))
    return Panel(STEP, charts.step_figure(one, dark), data, notes)


def _few(one: Measurement) -> list[str]:
    return [f"Of {plural(one.rounds, 'round')}: read nothing of fewer than 9."] if one.rounds < 9 else []


def ratio_panel(one: Measurement, dark: bool = False) -> Panel:
    """float32 over integers."""
    if not one.steps:
        return Panel(RATIOS, None, notes=("No steps were measured.", where(one)))
    ratios = [*speeds.steps(one, "HALP", 1).values()]
    ends = dict.fromkeys(f"{ratio:.1f}" for ratio in (min(ratios), max(ratios))) if ratios else {}
    said = (
        f"measured: a step of HALP in {EIGHT} is {' to '.join(ends)} times as fast as one of SVRG in {FLOAT}"
    )
    notes = (
        f"4 is the ratio of the bytes of {FLOAT} and {EIGHT}" + (f"; {said}." if ends else "."),
        "A ratio is the median over rounds in which all took turns. Where it is above that of the bytes, "
        f"{FLOAT} did not get what the memory can give; far below, a step waits for the one before.",
        "An outer loop is a full gradient, which reads 16 bits, and two passes of steps, on one core.",
        where(one),
    )
    of_steps = [
        (row["dimension"], speeds.algorithm(row["algorithm"], name := row["numbers"]), name, row["cores"], row["ratio"])
        for row in one.steps
    ]  # fmt: skip
    of_loops = [(row["dimension"], charts.LOOP, row["numbers"], 1, row["ratio"]) for row in one.loops]
    rows = [row for row in (*of_steps, *of_loops) if row[2] != FLOAT]
    heads = ["dimension", "algorithm", "numbers", "cores", STEPS["ratio"].head]
    return Panel(RATIOS, charts.ratio_figure(one, dark), Table(heads, rows), notes)


def gap_panel(one: Measurement, dark: bool = False) -> Panel:
    """The paper's figure: the gap after each outer loop, against the time until then."""
    drawn = charts.gap_figure(one, dark) if any(one.courses.values()) else None
    reached = coarse(one.precision, one.gaps)
    notes = (
        "Least squares with a condition number of 100, SVRG in float32 and HALP in integers, on one core; a mark for "
        "each outer loop, medians of rounds in turns.",
        *([reached[0].upper() + reached[1:] + "."] if reached else []),
        where(one),
    )
    rows = [
        [name, k, 1e3 * seconds, gap]
        for name, course in one.courses.items()
        for k, (seconds, gap) in enumerate(course)
    ]
    return Panel(CLOCK, drawn, Table(["numbers", "outer loops", "ms", GAPS["gap"].head], rows), notes)


def past_panel(one: Measurement, found: list[Measurement], folder: Path, dark: bool = False) -> Panel:
    """The headline ratios of the measurements that may stand beside this one."""
    same = speeds.alike(one, found)
    others = len(found) - len(same)
    differ = "in host, processor, cores, instructions, bits, data or dimensions"
    left = [f"{plural(others, 'measurement')} not beside it: {differ} they differ."] if others else []
    if len(same) < 2:
        bits = "" if one.precision == PRECISION else f" --precision {one.precision}"
        command = f"`lpbench speed{bits}{runs_option(folder)}`"
        said = f"One measurement of {one.host} with these instructions and bits: each {command} adds one."
        return Panel(PAST, None, notes=(said, *left))
    values = [headlines(each) for each in same]
    names = list(dict.fromkeys(name for each in values for name in each))
    lines = {name: [each.get(name) for each in values] for name in names}
    rows = [[speeds.when(each), each.lpbench_version, each.rounds, *(mine.get(name) for name in names)]
            for each, mine in zip(same, values, strict=True)]  # fmt: skip
    notes = (
        f"float32 / {EIGHT}, medians over the dimensions on one core, by measurement.",
        *left,
        where(one),
    )
    data = Table(["measured at", "lpbench", "rounds", *names], rows)
    return Panel(PAST, charts.past_figure(same, lines, dark), data, notes)


def headlines(one: Measurement) -> dict[str, float | None]:
    """float32 / int8 of what is measured, by the heads of HEAD: medians over the dimensions on one core."""
    gap = speeds.least_gap(one)
    return {
        "HALP, a step": speeds.middle(speeds.steps(one, "HALP", 1)),
        "LP-SGD, a step": speeds.middle(speeds.steps(one, "LP-SGD", 1)),
        "outer loop": speeds.middle(speeds.loops(one)),
        "time to a gap": gap[1] if gap else None,
    }


def body(store: Any, sweep: Sweep, state: State, prefix: str) -> Any:
    """The headline ratios, and the measurements that are kept."""
    from dash import html

    found, _ = speeds.read(store.runs_dir)
    one = _chosen(store.runs_dir, state)
    if one is None:
        return html.P(_nothing(store.runs_dir), className="message")
    cards = [
        html.Div([html.Div(value, className="value"), html.Div(said, className="said")], className="card")
        for value, said in _cards(one)
    ]
    listed = [*reversed(found)][:MOST_LISTED]
    links = [
        [
            html.A(speeds.when(each), href=address(prefix, PAGE.path, {"measurement": each.name})), each.host,
            speeds.machine(each), each.precision, *map(_times, headlines(each).values()), each.lpbench_version,
        ]
        for each in listed
    ]  # fmt: skip
    kept = (("Time to a gap", one.gaps, GAPS), ("An outer loop", one.loops, LOOPS))
    tables = [html.Section([html.H2(name), _printed(name, rows, columns)]) for name, rows, columns in kept]
    bits = f"weights and HALP's offset in {one.precision} bits"
    more = len(found) - len(listed)
    left = (
        [html.P(f"And {plural(more, 'older one')}: the list above has them.", className="note")]
        if more
        else []
    )
    return [
        html.H2(f"How many times as fast {EIGHT} is as {FLOAT}, medians over the dimensions"),
        html.P(f"{speeds.machine(one)}; {one.host}, {speeds.when(one)} UTC; {bits}", className="note"),
        html.Div(cards, className="cards"),
        html.Details(
            [
                html.Summary("Time to a gap, and outer loops, in numbers"),
                html.Div(tables, className="columns"),
            ]
        ),
        html.Section([html.H2("Measurements"), table("Measurements", HEAD, links), *left]),
    ]


def _printed(name: str, rows: Sequence[Row], columns: Mapping[str, Column]) -> Any:
    heads = [column.head for column in columns.values()]
    return table(name, heads, [list(map(cell, row)) for row in printed(rows, columns)])


def _cards(one: Measurement) -> list[tuple[str, str]]:
    """(a ratio, what it is of)."""
    cores, median = one.machine["cores"], headlines(one)
    steps = {
        "a step of HALP beside SVRG": speeds.steps(one, "HALP", 1),
        "a step of LP-SGD beside SGD": speeds.steps(one, "LP-SGD", 1),
        **({f"a step of HALP on {cores} cores": speeds.steps(one, "HALP", cores)} if cores > 1 else {}),
        "an outer loop of HALP": speeds.loops(one),
    }
    found = [
        (_times(speeds.middle(ratios)), f"{name}: {_by_dimension(ratios)}")
        for name, ratios in steps.items()
        if ratios
    ]
    gap = speeds.least_gap(one)
    if gap:
        times = median["time to a gap"]
        value = _times(times) if times is not None else "not reached"
        found.append((value, f"time to a gap of {gap[0]:.0e}".replace("e-0", "e-")))
    return found


def _by_dimension(ratios: dict[int, float]) -> str:
    return ", ".join(f"{ratio:.1f} at d = {d:,}" for d, ratio in sorted(ratios.items()))


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.1f}×"


PAGE = Page(
    "/speed",
    "Speed",
    "How much faster is training in integers here?",
    8,
    4,
    controls,
    draw,
    body,
    of_sweep=False,
)
