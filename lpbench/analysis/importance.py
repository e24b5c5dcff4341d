"""Which of the swept keys a result depends on: the shares of its variance that they explain."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpbench.theory.arithmetic import resolution


@dataclass(frozen=True)
class Importance:
    """Shares of a variance.

    keys           eta^2 of each key that has more than one value, the largest first: between the means of its values,
                   whatever the other keys are (one-way analysis of variance; Fisher 1925).
    seeds          within cells that have all keys in common; None where no two have.
    interactions   what is left, of a balanced design; there keys, seeds and this add up to 1. Else None: keys that vary
                   together explain the same twice, and their shares do not add up.
    """

    keys: dict[str, float]
    seeds: float | None
    interactions: float | None


def importance(values: Sequence[float], keys: Mapping[str, Sequence[Any]]) -> Importance | None:
    """The shares of the variance of `values` (n,) that each of `keys` (n,) explains.

    None where there is nothing to explain: no key has two values, or all values are one.
    """
    y = np.asarray(values, float)
    codes = {name: np.unique(np.asarray(one, str), return_inverse=True)[1] for name, one in keys.items()}
    codes = {name: one for name, one in codes.items() if one.size and one.max() > 0}
    total = float(((y - y.mean()) ** 2).sum()) if y.size else 0.0
    if not codes or total <= (8 * np.finfo(float).eps * np.abs(y).max()) ** 2 * y.size:
        return None
    shares = {name: _between(y, one) / total for name, one in codes.items()}
    shares = dict(sorted(shares.items(), key=lambda one: -one[1]))
    _, whole = np.unique(np.stack([*codes.values()]), axis=1, return_inverse=True)
    seeds = 1 - _between(y, whole.ravel()) / total
    repeated = bool(np.bincount(whole.ravel()).max() > 1)
    balanced = all(_orthogonal(a, b) for a, b in itertools.combinations(codes.values(), 2))
    rest = max(0.0, 1 - sum(shares.values()) - seeds) if balanced else None
    return Importance(shares, max(0.0, seeds) if repeated else None, rest)


def _between(y: np.ndarray, codes: np.ndarray) -> float:
    """The sum of squares between the means of the groups."""
    counts = np.bincount(codes)
    means = np.bincount(codes, y - y.mean()) / np.maximum(counts, 1)
    return float((counts * means**2).sum())


def _orthogonal(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether each value of one is there as often with every value of the other, in proportion."""
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    return np.array_equal(table * a.size, np.outer(table.sum(axis=1), table.sum(axis=0)))


def numbers(rows: Iterable[Mapping[str, Any]], name: str, log: bool) -> tuple[list[float | None], int, int]:
    """As `final_gaps`, of another column: itself, or its logarithm. Nothing of it counts as a least number."""
    found: list[float | None] = []
    zeros = 0
    for row in rows:
        value = row.get(name)
        if row["status"] != "ok" or value is None or not math.isfinite(value):
            found.append(None)
            continue
        zero = log and value <= 0
        zeros += zero
        found.append(None if zero else math.log10(value) if log else float(value))
    return found, 0, zeros


def final_gaps(rows: Iterable[Mapping[str, Any]]) -> tuple[list[float | None], int, int]:
    """log10 of the final gap of each row of `cells`, None where there is none; how many count as the least that their
    arithmetic tells from 0; and how many are 0 with no such least, and have no logarithm.
    """
    found: list[float | None] = []
    near = zeros = 0
    for row in rows:
        gap = row["final_gap"]
        if row["status"] != "ok" or gap is None or not math.isfinite(gap):
            found.append(None)
            continue
        least = resolution(row)
        near += gap < least
        zeros += gap <= 0 and least <= 0
        found.append(math.log10(max(gap, least)) if max(gap, least) > 0 else None)
    return found, near, zeros
