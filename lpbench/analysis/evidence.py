"""Measured against proven: the cell groups of a sweep beside their bounds, and the bounds that are broken."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpbench.analysis.tables import ALWAYS, AXES, Columns, split, varying
from lpbench.analysis.tables import COLUMNS as FLOOR_COLUMNS
from lpbench.store.arrays import null_first, ranks
from lpbench.theory import arithmetic
from lpbench.theory.evalues import e_value, rejected

JUDGED = frozenset({"ok", "diverged"})  # what a bound is about: runs that went as far as was asked, or off
PROBLEM = ("problem", "dataset", "dimension")  # named whether they vary or not
VALUES = ("bound", "bound_earlier", "bound_dimension_free")
COLUMNS = list(
    dict.fromkeys(
        [*FLOOR_COLUMNS, "group_id", "mean_gap", "bound_kind", "bound_basis", *VALUES, *arithmetic.READS]
    )
)


@dataclass(frozen=True)
class Evidence:
    """Every cell group of a sweep, measured and proven.

    groups   one record a group, sorted by the axes: the axes that vary, PROBLEM, `algorithm`, `format`,
             `precision`; `n` seeds; `mean_gap` (mean over them), `noise_floor` (median); `bound`, `bound_earlier` and
             `bound_dimension_free` (means: they differ between seeds where they hold on a path), `bound_kind`,
             `bound_basis`; `bound_ratio` (mean of measured / proven), `e_value`, `broken`; `group_id`, and
             `cell_id` of the cell with the largest ratio. None where there is no bound.
    total    number of groups, with those that `weigh` left out.
    """

    groups: list[dict[str, Any]]
    total: int

    @property
    def broken(self) -> list[dict[str, Any]]:
        """The groups whose bound is broken, the clearest first."""
        return sorted(
            (group for group in self.groups if group["broken"]), key=lambda group: -group["e_value"]
        )

    def summary(self) -> dict[str, Any]:
        """The evidence in numbers: groups, those with a bound, their ratios, and the broken ones."""
        ratios = [group["bound_ratio"] for group in self.groups if group["bound"] is not None]
        return {
            "groups": self.total,
            "groups_with_bound": len(ratios),
            "smallest_ratio": min(ratios, default=None),
            "median_ratio": float(np.median(ratios)) if ratios else None,
            "largest_ratio": max(ratios, default=None),
            "above_within_error": sum(
                not group["broken"] and group["bound"] is not None and group["bound_ratio"] > 1
                for group in self.groups
            ),
            "broken": self.broken,
        }

    def line(self) -> str | None:
        """The evidence in one line; None where nothing has a bound."""
        said = self.summary()
        if not said["groups_with_bound"]:
            return None
        low, middle, high = (said[f"{name}_ratio"] for name in ("smallest", "median", "largest"))
        parts = [
            f"bounds: {said['groups_with_bound']} of {said['groups']} cell groups have a proven bound",
            f"measured/proven {low:.2g} ... {high:.2g} (median {middle:.2g})",
        ]
        if said["above_within_error"]:
            parts.append(
                f"{said['above_within_error']} above 1 within the error of the seeds: run more seeds"
            )
        return "; ".join([*parts, f"{len(said['broken'])} broken" if said["broken"] else "none broken"])


def weigh(columns: Columns, every: bool = True) -> Evidence:
    """The evidence of cells.

    columns   `COLUMNS` of `cells`, as lists of one length; further columns `bound_*` of numbers are averaged too.
    every     keep the groups without a bound, too.
    Only cells that are ok or diverged count, each with its gap less what its arithmetic may have added
    (lpbench.theory.arithmetic). A gap that is not finite, or above a bound of 0, is infinitely far above it.
    """
    shown = {*varying(columns), *ALWAYS, *PROBLEM}
    axes = [axis for axis in AXES if axis in shown]
    named = {*VALUES, "bound_kind", "bound_basis", "bound_ratio"}
    further = [name for name in columns if name.startswith("bound_") and name not in named]
    values = [*VALUES, *(name for name in further if not any(isinstance(v, str) for v in columns[name]))]
    places = ranks(columns, ["group_id"])
    bounded = places[np.array([bound is not None for bound in columns["bound"]], bool)]
    kept = np.flatnonzero(every | np.isin(places, bounded))
    groups = [_group(columns, kept[rows], axes, values) for rows in split(places[kept])]
    bounded = [group for group in groups if group["bound"] is not None]
    for group, broken in zip(bounded, rejected([group["e_value"] for group in bounded]), strict=True):
        group["broken"] = bool(broken)
    groups.sort(key=lambda group: [null_first(group[axis]) for axis in [*axes, "precision"]])
    return Evidence(groups, int(places.max(initial=-1)) + 1)


def _group(columns: Columns, rows: np.ndarray, axes: Sequence[str], values: Sequence[str]) -> dict[str, Any]:
    judged = [i for i in rows if columns["status"][i] in JUDGED]
    ratios = {i: ratio for i in judged if (ratio := _ratio(columns, i)) is not None}
    counted = list(ratios) or judged
    floors = [columns["noise_floor"][i] for i in judged if columns["status"][i] == "ok"]
    floors = [floor for floor in floors if floor is not None and math.isfinite(floor)]
    x = list(ratios.values())
    return {
        **{axis: columns[axis][rows[0]] for axis in [*axes, "precision"]},
        "n": len(counted),
        "mean_gap": _mean(columns["mean_gap"][i] for i in counted),
        "noise_floor": float(np.median(floors)) if floors else None,
        **{name: _mean(columns[name][i] for i in counted) for name in values},
        "bound": _mean(columns["bound"][i] for i in ratios),
        **{name: _texts(columns[name][i] for i in ratios) for name in ("bound_kind", "bound_basis")},
        "bound_ratio": float(np.mean(x)) if x else None,
        "e_value": e_value(x) if x else None,
        "broken": False,
        "group_id": columns["group_id"][rows[0]],
        "cell_id": columns["cell_id"][max(ratios or rows, key=lambda i: ratios.get(i, 0.0))],
    }


def _ratio(columns: Columns, i: int) -> float | None:
    """Measured over proven of one cell; None where it has no bound, or was not measured."""
    gap, bound, diverged = columns["mean_gap"][i], columns["bound"][i], columns["status"][i] == "diverged"
    if bound is None or (gap is None and not diverged):
        return None
    if diverged and columns["bound_basis"][i] != "certified":
        return None  # what the theorem takes from the path ended with it: it says nothing of a run cut short
    least = arithmetic.resolution({name: columns[name][i] for name in arithmetic.READS if name in columns})
    return arithmetic.ratio(math.nan if gap is None else gap, bound, least)


def _mean(values: Iterable[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers else None


def _texts(values: Iterable[str | None]) -> str | None:
    return ", ".join(sorted({value for value in values if value is not None})) or None


def complaint(group: Mapping[str, Any]) -> str:
    """A broken bound in words."""
    axes = [name for name in [*AXES, "precision"] if group.get(name) is not None]
    which = " ".join(f"{name}={_number(group[name])}" for name in axes)
    seeds = "1 seed" if group["n"] == 1 else f"{group['n']} seeds"
    return (
        f"broken bound: {which} ({seeds}): mean gap {_number(group['mean_gap'])}, proven at most "
        f"{_number(group['bound'])} (theorem {group['bound_kind']}, {group['bound_basis']}), "
        f"e-value {group['e_value']:.2g}"
    )


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
