"""Pareto fronts: what nothing beats in cost and error."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lpbench.analysis.tables import Columns, results
from lpbench.declared.choices import PROBLEM


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The places of the points that no other dominates, by their first coordinate, then as they came.

    points   (cost, error), less of each is better. One dominates another where it is at most as large in both and
             smaller in one, so equal points are on the front together. A point that is not finite is on none, and
             dominates nothing.
    """
    there = [i for i, point in enumerate(points) if all(map(math.isfinite, point))]
    found: list[int] = []
    best = math.inf
    for i in sorted(there, key=lambda i: points[i]):
        cost, error = points[i]
        if error < best or (found and points[found[-1]] == (cost, error)):
            found.append(i)
            best = error
    return found


@dataclass(frozen=True)
class Fronts:
    """Of each problem of a sweep the front of its groups.

    metric    the column that groups are judged by.        axes   what names a group, those of problems first.
    members, dominated   records of `results` with their cost, the members of each problem by their cost.
    """

    metric: str
    axes: list[str]
    members: list[dict[str, Any]]
    dominated: list[dict[str, Any]]


def fronts(
    columns: Columns, cost: str, metric: str | None, every: Sequence[str], higher: bool = False
) -> Fronts:
    """The fronts of cells: medians over the seeds of a group, of those that are ok and have both numbers.

    columns  as `results` takes them, and `cost`.      every   the axes.
    metric   None: the result of the cells, which is that of the first group where groups differ in it.
    higher   whether more of it is better.
    """
    found, prices = (results(columns, name, every) for name in (metric, cost))
    named = [_metric(record) for record in found]
    chosen = metric or (named[0] if named else "")
    records = [
        record | {cost: price[cost]}
        for record, price, name in zip(found, prices, named, strict=True)
        if name == chosen and None not in (record[chosen], price[cost])
    ]
    axes = [*itertools.takewhile(lambda name: name != "precision", found[0])] if found else []
    of_problem = [axis for axis in axes if axis in PROBLEM]
    problems: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for record in records:
        problems.setdefault(tuple(record[axis] for axis in of_problem), []).append(record)
    members, dominated = [], []
    for one in problems.values():
        points = [(record[cost], -record[chosen] if higher else record[chosen]) for record in one]
        kept = front(points)
        members += [one[i] for i in kept]
        dominated += [one[i] for i in range(len(one)) if i not in kept]
    ordered = dict.fromkeys([*of_problem, "algorithm", "format", "precision", *axes])
    return Fronts(chosen, list(ordered), members, dominated)


def _metric(record: Mapping[str, Any]) -> str:
    names = list(record)
    return names[names.index("precision") + 1]
