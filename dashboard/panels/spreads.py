"""The spread over seeds around the medians of a figure: its kinds, their ends and words, and each seed as a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lpbench.analysis.ratios import LEVEL
from lpbench.analysis.spread import INTERVAL, least_count

from ..charts.curves import Curve
from ..charts.look import Look
from ..data import choosing
from ..data.metrics import Metric
from ..data.sweeps import Group, Sweep
from ..page import SELECT, SWITCH, Control, State

SEEDS, NONE = "seeds", "none"
MOST = 3000  # points of single seeds in a figure: a browser draws them without a wait


@dataclass(frozen=True)
class Spread:
    """One spread: what its option and the notes call it, and the columns of its ends after `floor_`; none without."""

    label: str
    said: str = ""
    ends: tuple[str, ...] = ()


SPREADS = {
    "10-90": Spread("10-90 %", "10-90 % of them", ("q10", "q90")),
    "quartiles": Spread("quartiles", "the quartiles, 25-75 % of them", ("q25", "q75")),
    "min-max": Spread("least to largest", "least to largest of them", ("min", "max")),
    "interval": Spread(
        f"{LEVEL * 100:g} % interval of the median",
        f"an interval that holds the median of all seeds with {LEVEL * 100:g} % at least, whatever their distribution",
        INTERVAL,
    ),
    SEEDS: Spread("each seed"),
    NONE: Spread("none"),
}


def control(key: str = "spread", without: Sequence[str] = ()) -> Control:
    """The control that chooses one."""
    options = tuple((name, one.label) for name, one in SPREADS.items() if name not in without)
    return Control(key, "Spread over seeds", SELECT, "10-90", options, "what stands around the medians")


def proven(sweep: Sweep, label: str, told: str) -> list[Control]:
    """The switch of what is proven, where the sweep has an objective gap, which theorems are about."""
    return (
        [Control("bounds", label, SWITCH, True, help=told)] if any(one.gap for one in sweep.metrics) else []
    )


def bounded(state: State, metric: Metric) -> bool:
    """Whether what is proven is to be drawn."""
    return bool(state.get("bounds", False)) and metric.gap


def label(state: State) -> str:
    """What the chosen one is called."""
    return SPREADS[state["spread"]].label


def ends(
    rows: Sequence[Group], state: State, of: str = "floor_"
) -> tuple[list[float], ...] | tuple[None, None]:
    """The lower and upper ends at the points of a line, in columns that begin with `of`; None where none are asked."""
    found = SPREADS[state["spread"]].ends
    return tuple(choosing.columns(rows, *(of + end for end in found))) if found else (None, None)


def notes(rows: Sequence[Group], state: State) -> list[str]:
    """`Points: medians over 5 seeds; bars: 10-90 % of them.`, and how many have too few seeds for an interval."""
    one = SPREADS[state["spread"]]
    more = f"bars: {one.said}" if one.said else "small: each seed" if state["spread"] == SEEDS else ""
    return [
        f"Points: {choosing.medians(rows, more)}.",
        *without(one.ends, (row["n_ok"] for row in rows), "point"),
    ]


def without(ends: Sequence[str], seeds: Iterable[int], noun: str) -> list[str]:
    """A sentence on the points (or lines) of so few seeds that they have no interval, where that is asked for."""
    few = sum(0 < count < least_count() for count in seeds) if ends == INTERVAL else 0
    return choosing.count_note(
        few, noun, f"of fewer than {least_count()} seeds, which allow no such interval"
    )


def points(
    sweep: Sweep,
    state: State,
    look: Look,
    lines: Sequence[Sequence[Group]],
    place: Callable[[Group], tuple[str, float]],
    column: str = "",
) -> tuple[list[Curve], list[str]]:
    """Where each seed is asked for: a small point for each of the groups of some lines, and a note on those left out.

    place   facet and x of a group.     column   of the cells; "": that of the metric.
    """
    if state["spread"] != SEEDS:
        return [], []
    seeds = sweep.seeds(column or sweep.metric.name)
    count = sum(len(seeds.get(row["group_id"], ())) for line in lines for row in line)
    quota = max(1, MOST // sum(map(len, lines))) if count > MOST else count
    found = []
    for line in lines:
        there = [
            (place(row)[1], number)
            for row in line
            for number in seeds.get(row["group_id"], ())[:quota]
            if math.isfinite(number)
        ]
        if there:
            x, y = zip(*there, strict=True)
            more = {"lines": False, "marker": "circle", "size": 4, "legend": False, "silent": True}
            found.append(look.curve(line[0], place(line[0])[0], x, y, **more))
    left = [f"The first {choosing.plural(quota, 'seed')} of each point: {MOST} are drawn at most."]
    return found, left if count > MOST else []
