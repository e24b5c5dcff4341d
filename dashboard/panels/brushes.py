"""Ranges on the axes of parallel coordinates: as the address and a text field have them, and what lies within."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lpbench.errors import did_you_mean

from ..data import choosing
from ..data.sweeps import Group, Sweep, text
from ..page import TEXT, Control

KEY = "ranges"  # of the control, also in assets/state.js
Ranges = Mapping[str, tuple[str, str]]


def control(sweep: Sweep) -> Control:
    """The text field that holds them."""
    own = sweep.metrics[0]
    most = "0.1" if own.share else "1e-6"
    told = f"drawn on the axes below, or typed: precision=4:8; {own.name}=:{most}"
    return Control(KEY, "Ranges", TEXT, "", help=told)


def parse(sweep: Sweep, asked: str) -> tuple[Ranges, list[str]]:
    """The ends by axis, of which either may be empty, of `precision=4:8; noise_floor=:1e-6`; and what is no range."""
    axes = [*sweep.varying, *measured(sweep)]
    found: dict[str, tuple[str, str]] = {}
    wrong = []
    for part in filter(None, map(str.strip, asked.split(";"))):
        name, _, written = (one.strip() for one in part.partition("="))
        axis = name.replace(" ", "_")
        low, colon, high = (one.strip() for one in written.partition(":"))
        ends = (low, high if colon else low)
        known = values(sweep, axis) if axis in axes else []
        numeric = all(map(choosing.is_number, [*filter(None, ends), *({*known} - {choosing.NO_AXIS})]))
        unknown = [end for end in ends if end and end not in known and not numeric]
        if axis not in axes:
            wrong.append(f"Ranges: there is no axis {name!r}.{did_you_mean(axis, axes)}")
        elif unknown:
            wrong.append(
                f"Ranges: {choosing.named(axis)} has no {unknown[0]!r}.{did_you_mean(unknown[0], known)}"
            )
        else:
            found[axis] = ends
    return found, wrong


def measured(sweep: Sweep) -> list[str]:
    """The metrics, of which that which is shown is the last axis."""
    return [one.name for one in sweep.metrics]


def values(sweep: Sweep, axis: str) -> list[str]:
    """The values of an axis in their order; none of a metric, which has a scale."""
    return [] if axis in measured(sweep) else choosing.values_of(sweep, axis)


def within(sweep: Sweep, rows: Sequence[Group], ranges: Ranges) -> list[bool]:
    """Which of the groups lie in all ranges."""
    orders = {axis: values(sweep, axis) for axis in ranges}
    levels = {
        name: {row["group_id"]: repr(float(row["floor"])) for row in sweep.of(name).groups}
        for name in measured(sweep)
        if name in ranges
    }
    return [
        all(
            between(levels[axis][row["group_id"]] if axis in levels else text(row[axis]), ends, orders[axis])
            for axis, ends in ranges.items()
        )
        for row in rows
    ]


def between(value: str, ends: tuple[str, str], order: Sequence[str]) -> bool:
    """Whether a value lies between two others: by size where they are numbers, else by their places on the axis."""
    low, high = ends
    if all(choosing.is_number(end) for end in ends if end):
        known = choosing.is_number(value)
        return known and (not low or float(low) <= float(value)) and (not high or float(value) <= float(high))
    place = order.index(value)
    return (not low or order.index(low) <= place) and (not high or place <= order.index(high))
