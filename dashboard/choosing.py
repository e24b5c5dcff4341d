"""Controls that pages share: a filter for each axis that varies, the axis of the panels, the order of values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .data import text
from .page import MULTI, SELECT, Control

if TYPE_CHECKING:
    import pandas

    from .data import Sweep
    from .page import State

NO_AXIS = "-"
# Methods without variance reduction before those with it, as in the papers.
ALGORITHMS = ("sgd", "lp_sgd", "swalp", "svrg", "lp_svrg", "halp")


def filters(sweep: Sweep, without: Sequence[str] = ()) -> list[Control]:
    """A control for each axis that varies, which chooses among its values; all where none is chosen."""
    return [
        Control(axis, named(axis), MULTI, (), tuple((value, value) for value in values_of(sweep, axis)))
        for axis in sweep.varying
        if axis not in without
    ]


def chosen(sweep: Sweep, state: State) -> pandas.DataFrame:
    """The groups that the filters leave."""
    return sweep.groups_where({axis: state.get(axis, ()) for axis in sweep.varying})


def by_axis(sweep: Sweep, key: str, label: str, first: Sequence[str], without: Sequence[str] = ()) -> Control:
    """A control that chooses one of the axes that vary, or none; by default the first of `first` that varies."""
    axes = [axis for axis in sweep.varying if axis not in without]
    default = next((axis for axis in first if axis in axes), NO_AXIS)
    options = ((NO_AXIS, "nothing"), *((axis, named(axis)) for axis in axes))
    return Control(key, label, SELECT, default, options)


def values_of(sweep: Sweep, axis: str) -> list[str]:
    """The values of an axis as texts, in their order."""
    return in_order(text(value) for value in sweep.groups[axis].unique())


def in_order(values: Iterable[str]) -> list[str]:
    """Different texts: numbers by size, algorithms as the papers list them, others by name, null last."""
    return sorted(set(values), key=natural)


def natural(value: str) -> tuple[int, float, str]:
    """What `in_order` sorts by."""
    if value == NO_AXIS:
        return (2, 0.0, "")
    if value in ALGORITHMS:
        return (0, float(ALGORITHMS.index(value)), "")
    try:
        return (0, float(value), "")
    except ValueError:
        return (1, 0.0, value)


def named(axis: str) -> str:
    """`step_size` as a label: step size."""
    return axis.replace("_", " ")


def label(axis: str, value: Any) -> str:
    """A value as a legend calls it: `fixed`, `8 bits`, `dimension 64`."""
    said = text(value)
    if axis == "precision":
        return f"{said} bits" if said != NO_AXIS else "no precision"
    worded = not isinstance(value, bool | int | float) and said != NO_AXIS and hasattr(value, "strip")
    return said if worded else f"{named(axis)} {said}"


def labels(row: Any, axes: Sequence[str], joint: str = ", ") -> str:
    """The labels of one row of `groups` (a Series or a dict)."""
    return joint.join(label(axis, row[axis]) for axis in axes)


def split(groups: pandas.DataFrame, axes: Sequence[str]) -> list[pandas.DataFrame]:
    """The groups parted by the values of the axes, in the order of the values."""
    if not axes:
        return [groups] if len(groups) else []
    parts = [part for _, part in groups.groupby(list(axes), dropna=False, sort=False)]
    return sorted(parts, key=lambda part: [natural(text(part.iloc[0][axis])) for axis in axes])


def fewer(
    groups: pandas.DataFrame, axes: Sequence[str], most: int
) -> tuple[pandas.DataFrame, dict[str, str]]:
    """Keep one value of each of `axes`, one axis after the other, until at most `most` groups are left.

    The value with the most groups stays, the first of equals. Returns what is left, and the values that were kept.
    """
    kept: dict[str, str] = {}
    for axis in axes:
        texts = groups[axis].map(text)
        if len(groups) <= most:
            break
        if texts.nunique() > 1:
            counts = texts.value_counts()
            value = min(counts.index, key=lambda value: (-counts[value], natural(value)))
            groups, kept[axis] = groups[texts == value], value
    return groups, kept


def capped(panels: Sequence[Sequence[pandas.DataFrame]], most: int) -> list[list[pandas.DataFrame]]:
    """At most `most` parts over all panels, in each those of the lowest floors, in their order."""
    quota = max(1, most // max(1, len(panels)))
    found = []
    for parts in panels[:most]:
        best = sorted(
            range(len(parts)), key=lambda i: (parts[i]["floor"].isna().all(), parts[i]["floor"].min())
        )
        found.append([parts[i] for i in sorted(best[:quota])])
    return found


def full_precision(everything: pandas.DataFrame, shown: pandas.DataFrame) -> pandas.DataFrame:
    """The groups in full precision that `shown` is set beside: of its problems, with snapshots where it takes some."""
    full = everything[(everything["format"] == "none") & (everything["floor"] > 0)]
    problems = set(_problems(shown))
    same = np.array([problem in problems for problem in _problems(full)], bool)
    return full[np.array(same, bool) & full["snapshot"].isna().isin(set(shown["snapshot"].isna())).to_numpy()]


def _problems(groups: pandas.DataFrame) -> list[tuple[str, ...]]:
    columns = [groups[axis].map(text) for axis in ("problem", "dataset", "dimension")]
    return list(zip(*columns, strict=True))


def plural(count: int, noun: str) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def seeds(groups: pandas.DataFrame) -> str:
    """`5 seeds`, or `3 to 5 seeds` where groups differ."""
    counts: list[Any] = sorted(set(groups["n"].astype(int)))
    if not counts:
        return "no seeds"
    return plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
