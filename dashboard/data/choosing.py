"""What pages share: a filter for each axis that varies, the axis of the panels, the order and the names of values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..charts.curves import OF_ZERO, Axes
from ..page import MULTI, SELECT, SWITCH, Control
from .metrics import GAP, Metric
from .sweeps import Group, text
from .words import word

if TYPE_CHECKING:
    from ..page import State
    from .sweeps import Sweep

Part = TypeVar("Part")
NO_AXIS = "-"
MANY = 6  # algorithms, for one
UNFINISHED = ("diverged", "timeout", "failed")  # statuses of cells that have no noise floor
# Methods without variance reduction before those with it, as in the papers.
ALGORITHMS = ("sgd", "lp_sgd", "swalp", "svrg", "lp_svrg", "halp")


def filters(sweep: Sweep, without: Sequence[str] = ()) -> list[Control]:
    """A control for each axis that varies, which chooses among its values; all where none is chosen."""
    return [
        Control(
            axis,
            named(axis),
            MULTI,
            (),
            tuple((value, value) for value in values_of(sweep, axis)),
            word(axis) or f"only cells of these {named(axis)}",
        )
        for axis in sweep.varying
        if axis not in without
    ]


def panels_by(state: State) -> list[str]:
    """The axes that the controls `facet` and `rows` chose, each once."""
    return list(
        dict.fromkeys(axis for key in ("facet", "rows") if (axis := state.get(key, NO_AXIS)) != NO_AXIS)
    )


def chosen(sweep: Sweep, state: State) -> list[Group]:
    """The groups that the filters leave, of those that the metric measures."""
    found = sweep.groups_where({axis: state.get(axis, ()) for axis in sweep.varying})
    return [row for row in found if sweep.has(row)]


def rounds(row: Group) -> bool:
    """Whether a group has a number format that rounds."""
    return bool(row["format"] != "none")


def measured(sweep: Sweep, state: State, zeros: bool = False) -> list[Group]:
    """Those of them that round and have a floor that its axis has a place for; `zeros`: or that is 0."""
    rows = chosen(sweep, state)
    return [row for row in rows if rounds(row) and sweep.metric.drawn(row["floor"], zeros)]


def zeros(sweep: Sweep, state: State) -> list[str]:
    """A sentence on the groups that `measured` leaves out since their floor is 0."""
    if not sweep.metric.log:
        return []
    count = sum(rounds(row) and row["floor"] == 0 for row in chosen(sweep, state))
    return count_note(count, "point", OF_ZERO)


def plain(rows: Sequence[Group]) -> list[Group]:
    """The groups of LP-SGD, which the theorems are first of all about; without any all of them."""
    return [row for row in rows if row["algorithm"] == "lp_sgd"] or list(rows)


HELP = {
    "facet": "a panel for each value",
    "rows": "and for each value of a second choice",
    "color": "lines of one colour have this value in common",
}


def by_axis(sweep: Sweep, key: str, label: str, first: Sequence[str], without: Sequence[str] = ()) -> Control:
    """A control that chooses one of the axes that vary, or none; by default the first of `first` that varies."""
    axes = [axis for axis in sweep.varying if axis not in without]
    default = next((axis for axis in first if axis in axes), NO_AXIS)
    options = ((NO_AXIS, "nothing"), *((axis, named(axis)) for axis in axes))
    return Control(key, label, SELECT, default, options, HELP.get(key, ""))


def metric(sweep: Sweep, traced: bool = False) -> list[Control]:
    """The control that chooses what is measured, where there is a choice; `traced`: among what traces hold."""
    found = [one for one in sweep.metrics if one.traced or not traced]
    if len(found) < 2:
        return []
    options = tuple((one.name, one.followed if traced else one.title) for one in found)
    return [Control("metric", "Metric", SELECT, found[0].name, options, "what is measured of a cell")]


def shared(sweep: Sweep) -> Control:
    """The control of one y scale for all panels, which errors have by default: they have one range."""
    told = "one scale for all panels, or each its own"
    return Control("shared", "One y scale", SWITCH, not sweep.metrics[0].gap, help=told)


def target(sweep: Sweep) -> str:
    """What a control of a level to reach is called."""
    return "Target gap" if sweep.metrics == [GAP] else "Target"


def rounding_first(sweep: Sweep) -> tuple[str, ...]:
    """What panels are by before all else: of networks, whose bits the rounding decides on, the rounding."""
    return () if sweep.metrics[0].gap else ("rounding",)


def over(sweep: Sweep) -> Control:
    """The horizontal axis: precision where it varies, else the number that varies most."""
    numbers = [
        axis for axis in sweep.varying if axis != "precision" and all(map(is_number, values_of(sweep, axis)))
    ]
    numbers.sort(key=lambda axis: -len(values_of(sweep, axis)))
    axes = ["precision"] if "precision" in sweep.varying or not numbers else numbers
    options = tuple((axis, named(axis)) for axis in axes)
    return Control("x", "Over", SELECT, axes[0], options, "what the horizontal axis is")


def axes_over(axis: str, y: str, rows: Iterable[Group], metric: Metric = GAP) -> Axes:
    """The axes of a figure of `y`, which is of a metric, over what `over` chose."""
    ticks = sorted({float(row[axis]) for row in rows})
    if axis == "precision":
        return Axes("precision (bits)", y, x_values=ticks, x_unit="bits", **metric.axis)
    return Axes(named(axis), y, x_log=ticks[0] > 0, **metric.axis)


def color_by(
    sweep: Sweep, first: Sequence[str], panels: Sequence[Control], without: Sequence[str] = ()
) -> Control:
    """The control of the axis that lines have colours by: the first of `first`, then of the sweep, that makes none of
    `panels`; but one of more than MANY values, which dashes would not tell apart, comes before the others.
    """
    taken = {*without, *(control.default for control in panels)}
    axes = [axis for axis in dict.fromkeys((*first, *sweep.varying)) if axis in {*sweep.varying} - taken]
    many = {axis: count for axis in axes if (count := len(values_of(sweep, axis))) > MANY}
    most = sorted(axes, key=lambda axis: -many.get(axis, 0))
    return by_axis(sweep, "color", "Colour by", most, without)


def elsewhere(sweep: Sweep, state: State) -> list[str]:
    """A sentence on the groups that the filters leave and the metric does not measure."""
    found = sweep.groups_where({axis: state.get(axis, ()) for axis in sweep.varying})
    count = sum(not sweep.has(row) for row in found)
    return count_note(count, "group", f"of a kind without a {sweep.metric.title}: another metric shows them")


def unseen(sweep: Sweep, state: State, axes: Iterable[str]) -> list[str]:
    """A sentence on what varies among the groups that are left, and is on no axis (`axes`), panel or colour."""
    rows = chosen(sweep, {axis: state.get(axis, ()) for axis in sweep.varying})
    seen = {*axes, *(state.get(key) for key in ("facet", "rows", "color"))}
    counts = [(axis, len(values(rows, axis))) for axis in sweep.varying if axis not in seen]
    told = ", ".join(f"{named(axis)} ({count} values)" for axis, count in counts if count > 1)
    return [f"Also varied, on no axis, panel or colour (dashes at most): {told}."] if told else []


def values_of(sweep: Sweep, axis: str) -> list[str]:
    """The values of an axis as texts, in their order."""
    return values(sweep.groups, axis)


def values(rows: Iterable[Group], axis: str) -> list[str]:
    """The same of some groups."""
    return in_order(text(row[axis]) for row in rows)


def varies(rows: Sequence[Group], axis: str) -> bool:
    """Whether the groups differ in an axis."""
    return len({text(row[axis]) for row in rows}) > 1


def in_order(values: Iterable[str]) -> list[str]:
    """Different texts: numbers by size, algorithms as the papers list them, others by name, null last."""
    return sorted(set(values), key=natural)


def natural(value: str) -> tuple[int, float, str]:
    """What `in_order` sorts by."""
    if value == NO_AXIS:
        return (2, 0.0, "")
    if value in ALGORITHMS:
        return (0, float(ALGORITHMS.index(value)), "")
    return (0, float(value), "") if is_number(value) else (1, 0.0, value)


def is_number(value: str) -> bool:
    """Whether a value is one of those that stand in the order of their size."""
    try:
        return not math.isnan(float(value))
    except ValueError:
        return False


def named(axis: str) -> str:
    """`step_size` as a label: step size."""
    return axis.replace("_", " ")


def label(axis: str, value: Any) -> str:
    """A value as a legend calls it: `fixed`, `8 bits`, `dimension 64`, `no limit`."""
    said = text(value)
    if said == NO_AXIS:
        return f"no {named(axis)}"
    if axis == "precision":
        return f"{said} bits"
    return f"{named(axis)} {said}" if isinstance(value, bool | int | float) else said


def labels(row: Group, axes: Sequence[str], joint: str = ", ") -> str:
    """The labels of one group."""
    return joint.join(label(axis, row[axis]) for axis in axes)


def split(rows: Iterable[Group], axes: Sequence[str]) -> list[list[Group]]:
    """The groups parted by the values of the axes, in the order of the values."""
    parts: dict[tuple[str, ...], list[Group]] = {}
    for row in rows:
        parts.setdefault(tuple(text(row[axis]) for axis in axes), []).append(row)
    return [parts[key] for key in sorted(parts, key=lambda key: [natural(value) for value in key])]


def fewer(rows: list[Group], axes: Sequence[str], most: int) -> tuple[list[Group], dict[str, str]]:
    """Keep one value of each of `axes`, one axis after the other, until at most `most` groups are left.

    The value with the most groups stays, the first of equals. Returns what is left, and the values that were kept.
    """
    kept: dict[str, str] = {}
    for axis in axes:
        if len(rows) <= most:
            break
        counts = Counter(text(row[axis]) for row in rows)
        if len(counts) > 1:
            value = min(counts, key=lambda value: (-counts[value], natural(value)))
            rows, kept[axis] = [row for row in rows if text(row[axis]) == value], value
    return rows, kept


def ahead(first: Sequence[str], axes: Iterable[str]) -> list[str]:
    """The axes, those of `first` before the others."""
    return sorted(axes, key=lambda axis: first.index(axis) if axis in first else len(first))


def said(kept: Mapping[str, str]) -> str:
    """What `fewer` kept, in words: `format fixed, problem family_s`."""
    return ", ".join(f"{named(axis)} {value}" for axis, value in kept.items())


def spread(panels: Sequence[Sequence[Part]], most: int) -> list[list[Part]]:
    """At most `most` parts over all panels, in each evenly spread over their order, first and last included."""
    quota = max(2, most // max(1, len(panels)))
    return [
        [parts[i] for i in sorted({round(j * (len(parts) - 1) / (quota - 1)) for j in range(quota)})]
        if len(parts) > quota
        else list(parts)
        for parts in panels[: max(1, most // 2)]
    ]


def full_precision(everything: Iterable[Group], shown: Iterable[Group], metric: Metric = GAP) -> list[Group]:
    """The groups in full precision that `shown` is set beside: of its problems, with snapshots where it takes some, and
    of networks with the moments of Adam.
    """
    problems = {yardstick(row) for row in shown}
    return [
        row
        for row in everything
        if not rounds(row)
        and metric.drawn(row["floor"])
        and row["floor"] < math.inf
        and yardstick(row) in problems
    ]


def yardstick(row: Group) -> tuple[Any, ...]:
    """What a group and its full precision have in common."""
    problem = tuple(text(row[axis]) for axis in ("problem", "dataset", "dimension"))
    return (*problem, *(text(row.get(axis)) == NO_AXIS for axis in ("snapshot", "second_momentum")))


def left_out(shown: int, there: int, what: str, which: str) -> list[str]:
    """A sentence on what a figure leaves out, where it does."""
    return (
        [f"{shown} of {there} {what} ({which}): the filters of the page choose others."]
        if shown < there
        else []
    )


def count_note(count: int, noun: str, what: str) -> list[str]:
    """`3 cells diverged.`; nothing where there is none."""
    return [f"{plural(count, noun)} {what}."] if count else []


def unfinished(rows: Sequence[Group]) -> list[str]:
    """A sentence for each way in which cells ended without a noise floor."""
    counts = {name: sum(int(row[f"n_{name}"]) for row in rows) for name in UNFINISHED}
    return [
        note
        for name, count in counts.items()
        for note in count_note(count, "cell", f"{name}: not in the medians")
    ]


def columns(rows: Sequence[Group], *names: str) -> list[list[float]]:
    """Columns of some groups as numbers, for the points of a line."""
    return [[float(row[name]) for row in rows] for name in names]


def finite(value: float | None) -> float | None:
    """A number for a table; None where there is none."""
    return None if value is None or not math.isfinite(value) else float(value)


def plural(count: int, noun: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def medians(rows: Sequence[Group], more: str = "") -> str:
    """What points are: `medians over 5 seeds; bars: 10-90 %`, or `one seed each`, which has no bars."""
    if all(row["n"] == 1 for row in rows):
        return "one seed each"
    return f"medians over {seeds(rows)}" + (f"; {more}" if more else "")


def seeds(rows: Iterable[Group]) -> str:
    """`5 seeds`, or `3 to 5 seeds` where groups differ."""
    counts = sorted({int(row["n"]) for row in rows})
    if not counts:
        return "no seeds"
    return plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
