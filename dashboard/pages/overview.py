"""The sweeps, and what the chosen one says at one look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lpbench.terminal import Table, counted

from ..charts.curves import figure
from ..charts.look import Look
from ..data import choosing
from ..data.metrics import GAP, Metric
from ..data.sweeps import Group, Sweep, text
from ..page import Control, Page, Panel, State, address
from ..panels import above, importance
from ..panels.needed import Target, bits_needed, near_best
from ..panels.tables import table
from ..panels.words import term

SHOWN = ("algorithm", "format", "precision")
# What the headline figures compare: these, and what says which split of the bits a format has.
COMPARED = {*SHOWN, "exponent_bits", "block_size", "scale_rule", "subnormals"}
NOISE = 2.0  # a floor within this factor of full precision's is SGD's own
TITLE = "{}, the best format of each algorithm"


def controls(sweep: Sweep) -> list[Control]:
    """None: the page is for a first look."""
    return []


def draw(sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """Two small figures: the best floors, and what the final gap depends on."""
    return [_best(sweep, dark), importance.panel(sweep, dark)]


def _best(sweep: Sweep, dark: bool) -> Panel:
    """For each algorithm the least median floor at each precision, over all else; of networks by rounding, too."""
    metric, there = sweep.metric, choosing.measured(sweep, {})
    over = choosing.over(sweep).default
    title = TITLE.format(metric.title).capitalize()
    by = ["algorithm", *(axis for axis in choosing.rounding_first(sweep) if choosing.varies(there, axis))]
    rounds, kept = comparable(sweep, there, [*_problems(there), over, *by[1:]], last=not metric.gap)
    if not rounds:
        none = f"No cell that rounds has a {metric.title}{' above 0' if metric.log else ''} yet."
        return Panel(title, None, notes=(none, *choosing.zeros(sweep, {})))
    problems = _problems(rounds)
    axes = [axis for axis in ("format", "dimension") if choosing.varies(rounds, axis)]
    lines = [
        [min(part, key=lambda row: metric.rank(row["floor"])) for part in choosing.split(line, [over])]
        for line in choosing.split(rounds, [*problems, *by])
    ]
    color = by[-1] if not choosing.varies(rounds, "algorithm") else "algorithm"
    look = Look(sweep, color, by, [lines], dark)
    lines = [line for panel in look.panels for line in panel]
    curves, rows = [], []
    for line in lines:
        facet = choosing.labels(line[0], problems)
        hover = [choosing.labels(row, axes) for row in line]
        curves.append(look.curve(line[0], facet, *choosing.columns(line, over, "floor"), hover=hover))
        for row in line:
            said = (
                *(text(row[axis]) for axis in by),
                int(row["precision"]),
                row["format"],
                text(row["dimension"]),
                row["floor"],
            )
            rows.append([facet or "-", *said])
    drawn = figure(
        curves, choosing.axes_over(over, metric.title, rounds, metric), dark, keys=look.keys(), own_y=True
    )
    data = Table(["problem", *by, "precision", "format", "dimension", metric.title], rows)
    note = f"Points: {choosing.medians(rounds)}; the numbers name the format."
    notes = [note, *fixed(kept, len(rounds), len(there)), *choosing.zeros(sweep, {})]
    return Panel(title, drawn, data, tuple(notes))


def comparable(
    sweep: Sweep, rows: Sequence[Group], free: Sequence[str] = (), last: bool = False
) -> tuple[list[Group], dict[str, str]]:
    """The groups that differ in algorithm, format and precision alone, and in `free`; and what is the same of them.

    Of each other axis that varies within an algorithm the value of the most groups stays, the first of equals, or the
    `last`: of networks the widest. A group that does not read the axis stays as well.
    """
    left, kept = list(rows), {}
    for axis in sweep.varying:
        if axis in COMPARED or axis in free:
            continue
        parts = choosing.split(left, [*free, "algorithm"])
        if not any(len(_read(part, axis)) > 1 for part in parts):
            continue
        counts = _read(left, axis)
        order = sorted(counts, key=choosing.natural, reverse=last)
        kept[axis] = max(order, key=counts.__getitem__)
        left = [row for row in left if text(row[axis]) in (kept[axis], choosing.NO_AXIS)]
    return left, kept


def _read(rows: Sequence[Group], axis: str) -> Counter[str]:
    return Counter(value for row in rows if (value := text(row[axis])) != choosing.NO_AXIS)


def fixed(kept: Mapping[str, str], shown: int, there: int) -> list[str]:
    """A sentence on what the groups of a figure have in common, where the sweep has others."""
    return [f"At {choosing.said(kept)}: {shown} of {there} groups."] if kept else []


def _problems(rows: Sequence[Group]) -> list[str]:
    return [axis for axis in ("problem", "dataset") if choosing.varies(rows, axis)]


def body(store: Any, sweep: Sweep, state: State, prefix: str) -> Any:
    """The headline numbers, what varied, and the other sweeps."""
    from dash import html

    cards = [
        html.Div([html.Div(value, className="value"), html.Div(said, className="said")], className=name)
        for name, found in (("card", headlines(sweep)), ("card alarm", alarms(sweep)))
        for value, said in found
    ]
    axes = [(term(choosing.named(axis)), _values(choosing.values_of(sweep, axis))) for axis in sweep.varying]
    none = html.P("Nothing but the seed varied.", className="note")
    varied = table("What varied", ("axis", "values"), axes) if axes else none
    every = store.sweeps()
    listed = [info for info in every if not info.hidden or info.name == sweep.name]
    rows = [
        (
            html.A(info.name, href=address(prefix, "/", {"sweep": info.name})),
            counted(info.counts) or "-",
            info.problem or info.state,
            info.changed,
            info.about.line() or "-",
        )
        for info in listed
    ]
    sweeps = table("Sweeps", ("sweep", "cells", "state", "updated (UTC)", "tags and note"), rows)
    left = choosing.plural(len(every) - len(listed), "hidden sweep")
    hidden = [html.P(f"And {left}: the list on top shows them.", className="note")] if listed != every else []
    said: list[str] = next((info.about.lines() for info in every if info.name == sweep.name), [])
    parts = (("What varied", [varied]), ("Sweeps", [sweeps, *hidden]))
    sections = [html.Section([html.H2(name), *shown]) for name, shown in parts]
    kept = [html.P(line, className="kept") for line in said]
    return [*kept, html.Div(cards, className="cards"), html.Div(sections, className="columns")]


def headlines(sweep: Sweep) -> list[tuple[str, str]]:
    """(number, what it is) of the chosen sweep."""
    cells, groups = sweep.cells, sweep.groups
    counts = cells["status"].value_counts().to_dict()
    ok = counts.pop("ok", 0)
    if missing := sweep.total - len(cells):
        counts["to come" if sweep.manifest.get("state") == "running" else "not run"] = missing
    told = ", ".join(["cells ok", *(f"{n} {name}" for name, n in counts.items())])
    found = [(f"{ok} of {sweep.total}", told)]
    for name in dict.fromkeys([sweep.metric.name, *sweep.results]):
        shown = sweep.of(name)
        if measured := choosing.measured(shown, {}):
            metric = shown.metric
            ranks = [metric.rank(row["floor"]) for row in measured]
            best = measured[ranks.index(min(ranks))]
            axes = [a for a in sweep.varying if a not in SHOWN and text(best[a]) != choosing.NO_AXIS]
            said = choosing.labels(best, [*SHOWN, *axes])
            found.append((metric.text(best["floor"]), f"the {metric.best} of what rounds: {said}"))
    found += _bits(sweep)
    sweep = sweep.of(GAP.name)
    rounds = choosing.measured(sweep, {}) if sweep.metric.gap else []
    plain = [row for row in rounds if row["algorithm"] == "lp_sgd" and row["format"] == "fixed"]
    alike, kept = comparable(sweep, plain)
    full = [row["floor"] for row in choosing.full_precision(sweep.groups, alike) if _same(row, kept)]
    # Where full precision ends no lower, the floor is that of SGD itself: bits have nothing to do with it.
    ends = [row for row in alike if row["floor"] > NOISE * max(full, default=0.0)]
    by = {part[0]["precision"]: part[0]["floor"] for part in choosing.split(ends, ["precision"])}
    if len(by) > 1:
        first, last = int(min(by)), int(max(by))
        each = (by[first] / by[last]) ** (1 / (last - first))
        where = f", at {choosing.said(kept)}" if kept else ""
        above = ", above the floor of SGD" if len(ends) < len(alike) else ""
        unknown = "" if full else "; SGD's own floor was not swept"
        said = f"LP-SGD in fixed point from {first} to {last} bits{above}{where}{unknown}"
        found.append((f"÷ {each:.1f} a bit", said))
    weighed = sweep.evidence.summary()
    if weighed["groups_with_bound"]:
        extremes = dict.fromkeys(f"{weighed[f'{end}_ratio']:.2g}" for end in ("smallest", "largest"))
        which = f"{weighed['groups_with_bound']} of {len(groups)} groups have a bound"
        found.append((" … ".join(extremes), f"measured over proven, {which}"))
    bits = [value for value in choosing.values(groups, "precision") if value != choosing.NO_AXIS]
    seeds = f"groups of cells, {choosing.seeds(groups)} each, {choosing.plural(len(bits), 'precision')}"
    return [*found, (str(len(groups)), seeds)]


def _bits(sweep: Sweep) -> list[tuple[str, str]]:
    """(bits, of what) that a network needs, from the narrowest to the widest, for each rounding."""
    measured = choosing.plain(choosing.measured(sweep, {}))
    if sweep.metric.gap or not choosing.varies(measured, "precision"):
        return []
    alike, kept = comparable(sweep, measured, ["dimension", "rounding"], last=True)
    target, found = near_best(sweep, None), []
    for line in choosing.split(alike, ["rounding"]):
        widths = choosing.split(line, ["dimension"])
        if len(widths) > 1:
            ends = dict.fromkeys(_fewest(part, target, sweep.metric) for part in (widths[0], widths[-1]))
            narrow, wide = (text(part[0]["dimension"]) for part in (widths[0], widths[-1]))
            where = f", at {choosing.said(kept)}" if kept else ""
            which = f"{text(line[0]['rounding'])}, dimension {narrow} to {wide}{where}"
            said = f"{target.title.removeprefix('Bits ')}: {which}"
            found.append((f"{' → '.join(ends)} bits", said))
    return found


def _fewest(rows: Sequence[Group], target: Target, metric: Metric) -> str:
    """The fewest bits of any format that reach the target; `> 12` where none do."""
    lines = choosing.split(rows, sorted(COMPARED - {"precision"}))
    needed = [
        bits_needed(line, level, metric) for line in lines if (level := target.level(line[0])) is not None
    ]
    most = max(int(row["precision"]) for row in rows)
    return str(min((bits for bits in needed if bits), default=f"> {most}"))


def alarms(sweep: Sweep) -> list[tuple[str, str]]:
    """(number, what it is) of what may not be: groups that were measured above what is proven of them."""
    found = list(sweep.above.values())
    if not found:
        return []
    broken = sum(one["broken"] for one in found)
    said = f"measured above proven, {above.verdict(broken, len(found) - broken)}"
    return [(choosing.plural(len(found), "group"), f"{said} (lpbench bounds {sweep.name})")]


def _same(row: Group, kept: Mapping[str, str]) -> bool:
    return all(text(row[axis]) in (value, choosing.NO_AXIS) for axis, value in kept.items())


def _values(values: list[str]) -> str:
    return ", ".join(values[:12]) + (f" … ({len(values)})" if len(values) > 12 else "")


PAGE = Page("/", "Overview", "What did this sweep find?", 0, 2, controls, draw, body)
