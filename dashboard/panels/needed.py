"""The bits that a target gap needs: of one line of measurements, and against the dimension of the model."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lpbench.declared import choices as declared
from lpbench.terminal import Table

from ..charts import style
from ..charts.curves import Axes, Curve, Key, figure, spaced
from ..charts.look import MEASURED, Look
from ..data import choosing
from ..data.metrics import GAP, Metric
from ..data.sweeps import Group, Sweep, text
from ..page import Panel, State
from . import above, spreads

BITS = "Bits that reach the target"
ERROR, OTHER = (
    0.01,
    0.1,
)  # how far from the best reachable is near enough: a point of a share, a tenth of other numbers
# Choices that say how a cell rounds: what differs in these alone may be as good as the widest of them.
ROUNDING = {
    "precision", "format", *declared.FORMAT, "recipe", "full_precision", "compensation",
    *(name for name in declared.NETWORK if name.endswith("_format")),
}  # fmt: skip
FULL = "full precision"
FREE, EARLIER = "dimension-free limit, T = ∞", "earlier limit, T = ∞"
# Column of a limit, its name, and the place of its dash.
PROVEN = (("noise_ball_dimension_free", FREE, 1), ("noise_ball_earlier", EARLIER, 0))
LINES = 24  # of a figure: more are a thicket
TICKS = 10
BEYOND = "triangle-up-open"  # the marker of what no bits reach


def bits_needed(
    line: Sequence[Group], target: float, metric: Metric = GAP, column: str = "floor"
) -> int | None:
    """The fewest bits of a line whose floor reaches the target, as those of all more bits do; None: there are none."""
    found = None
    for row in sorted(line, key=lambda row: -row["precision"]):
        if not metric.reaches(row[column], target):
            break
        found = int(row["precision"])
    return found


@dataclass(frozen=True)
class Target:
    """What a group has to reach.

    title    of the figure.              level     of a group; None where nothing is known to compare it with.
    notes    how it was set.             beyond    whether lines that do not reach it are drawn above all bits.
    """

    title: str
    level: Callable[[Group], float | None]
    notes: tuple[str, ...]
    beyond: bool = False


def fixed(metric: Metric, level: float) -> Target:
    """One level for all."""
    what = "floor (or limit)" if metric.gap else metric.title
    most = "least" if metric.higher else "most"
    said = f"The fewest swept bits whose {what} is at {most} {level:g}, as all larger ones' are."
    return Target(BITS, lambda row: level, (said,), not metric.gap)


@dataclass(frozen=True)
class Reference:
    """What a group is compared with: the median of some runs, in full precision or else at the most bits."""

    level: float
    full: bool
    runs: int


def near_best(sweep: Sweep, within: float | None) -> Target:
    """Near what training reaches in full precision, where that was swept, else at the most bits, of the same width.

    An error or loss in itself says nothing of bits: wider networks have less of it, whatever they are rounded to.
    within   how near; None: `ERROR` of shares, `OTHER` of the number itself.
    """
    metric, found = sweep.metric, _references(sweep)
    margin = within or (ERROR if metric.share else OTHER)
    kinds = {one.full for one in found.values()}
    whom = "full precision" if True in kinds else "the widest format"
    whose = f"{whom}'s" if len(kinds) < 2 else f"{whom}'s (or the widest format's)"
    near = f"{100 * margin:g} %"
    if metric.share:
        near = f"{100 * margin:g} point{'' if margin == ERROR else 's'}"

    def level(row: Group) -> float | None:
        if row["group_id"] not in found:
            return None
        best = found[row["group_id"]].level
        room = margin if metric.share else margin * abs(best)
        return best - room if metric.higher else best + room

    title = f"Bits to a {metric.title} within {near} of {whose}, at the same width"
    said = "The fewest swept bits whose median is so near, as those of all larger ones are."
    return Target(
        title,
        level,
        (said, *_told(sweep, found, f"{whom} (or the widest format)" if len(kinds) > 1 else whom)),
        True,
    )


def _references(sweep: Sweep) -> dict[str, Reference]:
    """Of each group that rounds, over all seeds of the groups that differ from it in how they round alone."""
    seeds = sweep.seeds(sweep.metric.name)
    there = [row for row in choosing.chosen(sweep, {}) if row["group_id"] in seeds]
    axes = [axis for axis in sweep.varying if axis not in ROUNDING]
    alike = [axis for axis in axes if axis != "algorithm"]  # full precision has one of its own
    full: dict[Any, list[Group]] = {}
    rounded: dict[Any, list[Group]] = {}
    for row in there:
        if choosing.rounds(row):
            rounded.setdefault(tuple(text(row[axis]) for axis in axes), []).append(row)
        else:
            full.setdefault((*(text(row[axis]) for axis in alike), choosing.yardstick(row)), []).append(row)
    found = {}
    for same in rounded.values():
        most = max(one["precision"] for one in same)
        widest = [one for one in same if one["precision"] == most]
        for row in same:
            yardstick = (*(text(row[axis]) for axis in alike), choosing.yardstick(row))
            among = full.get(yardstick, widest)
            numbers = [number for one in among for number in seeds[one["group_id"]]]
            found[row["group_id"]] = Reference(statistics.median(numbers), yardstick in full, len(numbers))
    return found


def _told(sweep: Sweep, found: Mapping[str, Reference], whom: str) -> list[str]:
    """The levels of reference by dimension, where they depend on nothing else."""
    by: dict[float, set[Reference]] = {}
    for row in sweep.groups:
        if row["group_id"] in found:
            by.setdefault(row["dimension"], set()).add(found[row["group_id"]])
    if not by or any(len(references) > 1 for references in by.values()):
        return []
    told = {d: next(iter(references)) for d, references in sorted(by.items())}
    levels = ", ".join(f"{sweep.metric.text(one.level)} at {d:g}" for d, one in told.items())
    counts = sorted({one.runs for one in told.values()})
    runs = choosing.plural(counts[-1], "run") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} runs"
    return [f"{whom[:1].upper()}{whom[1:]}: {levels} (medians of {runs})."]


def _sharp(sweep: Sweep, lines: Sequence[Sequence[Group]], target: Target) -> list[str]:
    """A sentence where the seeds lie further apart than the margin that they are to tell."""
    if not target.beyond or not sweep.metric.share:
        return []
    spreads = [row["floor_q90"] - row["floor_q10"] for line in lines for row in line if row["n_ok"] > 1]
    if not spreads or (middle := statistics.median(spreads)) <= ERROR:
        return []
    return [
        f"Seeds of one point lie {100 * middle:.1f} points apart (10-90 %): where lines are close, run more seeds."
    ]


def bits(
    sweep: Sweep,
    rows: list[Group],
    facets: list[str],
    others: list[str],
    state: State,
    target: Target | None,
    dark: bool,
) -> Panel:
    """The bits that reach the target against the dimension: measured, and as the limits promise them.

    facets   axes of the panels.     others   axes that part the lines, precision not among them.
    """
    if target is None or not choosing.varies(rows, "precision"):
        said = "Only one precision was swept: precision=4,6,8,10 shows the bits needed."
        return Panel(BITS, None, notes=(said if target else "Give a target gap.",))
    metric = sweep.metric
    swept = sorted({int(row["precision"]) for row in rows})
    beyond = swept[-1] + max(1, round((swept[-1] - swept[0]) / 4))
    color = state["color"] if state["color"] in others else next(iter(others), "")
    panels = [
        [line for line in choosing.split(panel, others) if choosing.varies(line, "dimension")]
        for panel in choosing.split(rows, facets)
    ]
    look = Look(sweep, color, others, [panel for panel in panels if panel], dark, LINES)
    lines = [line for panel in look.panels for line in panel]
    curves: list[Curve] = []
    table: list[list[Any]] = []
    axes = [*facets, *others]
    for line in lines:
        first, facet = line[0], choosing.labels(line[0], facets)
        for column, way, kind in (("floor", MEASURED, 0), *(PROVEN if metric.gap else ())):
            needed = {}
            for part in choosing.split(line, ["dimension"]):
                level = target.level(part[0])
                there = [row for row in part if metric.drawn(row[column], zeros=True)]
                d = float(part[0]["dimension"])
                needed[d] = bits_needed(there, level, metric, column) if level is not None else None
                told = [] if metric.gap else [level]
                table.append([*(text(first[axis]) for axis in axes), int(d), way, needed[d], *told])
            x, y = [d for d, bits in needed.items() if bits], [bits for bits in needed.values() if bits]
            if way == MEASURED and target.beyond:
                curves += _reaching(needed, swept[-1], beyond, first, facet, look)
            elif x and way == MEASURED:
                curves.append(look.curve(first, facet, x, y))
            elif x and spreads.bounded(state, metric):
                curves += look.limit(first, facet, x, y, way, kind)
    notes = [*target.notes, *look.left(sum(map(len, panels)), "lines"), *look.limits_left()]
    zeros = sum(row["floor"] == 0 for line in lines for row in line) if metric.log else 0
    notes += choosing.count_note(zeros, "floor", "of 0 among them: reached")
    notes += _sharp(sweep, lines, target)
    unreached = any(curve.marker == BEYOND for curve in curves)
    scale = whole_bits([y for curve in curves for y in curve.y])
    if target.beyond:
        scale = _swept_bits(swept, beyond if unreached else None)
    notes += [f"Triangles: not with any swept number of bits, up to {swept[-1]}."] if unreached else []
    drawn = over_dimension(
        curves, look, "bits needed", rows, metric, y_log=False, y_share=False, y_more=scale
    )
    heads = [*axes, "dimension", "by", "bits", *([] if metric.gap else ["target"])]
    return Panel(target.title, drawn, Table(heads, table), tuple(notes))


def _reaching(
    needed: Mapping[float, int | None], most: int, beyond: int, first: Group, facet: str, look: Look
) -> list[Curve]:
    """A line that goes above all bits where none of them reaches the target."""
    x, y = [*needed], [bits or beyond for bits in needed.values()]
    hover = ["" if bits else f"more than {most} bits" for bits in needed.values()]
    over = [d for d, bits in needed.items() if not bits]
    within = [d for d, bits in needed.items() if bits]
    marks = {"lines": False, "silent": True}
    found = [look.curve(first, facet, x, y, hover=hover, width=2.4, marker=None)]
    found += [look.curve(first, facet, within, [needed[d] for d in within], **marks)] if within else []
    beyonds = {**marks, "marker": BEYOND, "size": 13}
    found += [look.curve(first, facet, over, [beyond] * len(over), **beyonds)] if over else []
    return found


def _swept_bits(swept: Sequence[int], beyond: int | None) -> dict[str, Any]:
    """Ticks at the numbers of bits that were swept, and one above them."""
    kept = style.evenly(swept, TICKS)
    names = [str(bits) for bits in kept] + ([f"> {swept[-1]}"] if beyond is not None else [])
    values = [*kept, *([beyond] if beyond is not None else [])]
    room = max(0.5, 0.06 * (values[-1] - values[0]))
    return {"tickvals": values, "ticktext": names, "range": [values[0] - room, values[-1] + room]}


def whole_bits(counts: Sequence[int]) -> dict[str, Any]:
    """Ticks of a y axis over `counts` at whole numbers, at most TICKS or so."""
    counts = counts or [0]
    return {"tick0": 0, "dtick": max(1, math.ceil((max(counts) - min(counts)) / TICKS))}


def over_dimension(
    curves: Sequence[Curve],
    look: Look,
    y: str,
    rows: Sequence[Group],
    metric: Metric = GAP,
    own_y: bool = False,
    keys: Sequence[Key] = (),
    **more: Any,
) -> dict[str, Any] | None:
    """A figure over the dimension; None without curves. `more` is of its axes, `keys` of the legend."""
    ticks = spaced(row["dimension"] for row in rows)
    x = "dimension d" if metric.gap else "dimension (width of the network)"
    axes = Axes(x, y, x_log=True, x_values=ticks, **{**metric.axis, **more})
    keys = [*look.keys(), *keys, *above.key(curves, look.dark)]
    return figure(curves, axes, look.dark, keys=keys, own_y=own_y) if curves else None
