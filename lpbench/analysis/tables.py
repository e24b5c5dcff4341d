"""The table at the end of a sweep: noise floor by precision and format, and by the other axes that vary."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lpbench.store.schema import CHOICES, further
from lpbench.terminal import Table

# The axes in the order in which they name a row. An axis that the ones before it determine is left out: with
# `step_size=0.1/L` the number differs between problems, and says nothing that the problem does not.
AXES = ["problem", "dataset", "dimension", "algorithm", "format"]
AXES += [name for name in CHOICES if name not in {*AXES, "precision", "seed"}]
ALWAYS = {"algorithm", "format"}
COLUMNS = [*AXES, "precision", "seed", "cell_id", "status", "noise_floor"]

Columns = Mapping[str, Sequence[Any]]


def axes_of(schema: Any) -> list[str]:
    """AXES, and the choices of plug-ins that a table of cells has."""
    return [*AXES, *(name for name, role in further(schema).items() if role == "choice")]


def varying(columns: Columns, axes: Sequence[str] = AXES) -> list[str]:
    """The axes of `columns` that vary, without those that the axes before them determine."""
    kept: list[str] = []
    combined = _codes(columns["precision"])
    distinct = len(np.unique(combined))
    for axis in axes:
        codes = _codes(columns[axis])
        both = combined * (int(codes.max(initial=0)) + 1) + codes
        _, both = np.unique(both, return_inverse=True)
        count = int(both.max(initial=-1)) + 1
        if count > distinct:
            kept.append(axis)
            combined, distinct = both, count
    return kept


def _codes(values: Sequence[Any]) -> np.ndarray:
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)


def noise_floors(columns: Columns, every: Sequence[str] = AXES) -> list[dict[str, Any]]:
    """One record for each combination of the axes that vary: the median noise floor over its cells.

    columns  `COLUMNS` of `cells` and the axes `every`, as lists of one length. Records hold the axes, `precision`,
             `noise_floor` (of the cells that are ok; None where there is none), `n` cells and the number of each status
             that is not ok.
    """
    found = varying(columns, every)
    axes = [axis for axis in every if axis in found or axis in ALWAYS]
    groups: dict[tuple[Any, ...], list[int]] = {}
    keys = zip(*(columns[axis] for axis in axes), columns["precision"], strict=True)
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    records = []
    for key in sorted(groups, key=_sortable):
        record: dict[str, Any] = dict(zip([*axes, "precision"], key, strict=True))
        floors = [columns["noise_floor"][i] for i in groups[key] if columns["status"][i] == "ok"]
        floors = [floor for floor in floors if floor is not None and math.isfinite(floor)]
        record["noise_floor"] = float(np.median(floors)) if floors else None
        record["n"] = len(groups[key])
        for status in ("diverged", "timeout", "failed"):
            count = sum(columns["status"][i] == status for i in groups[key])
            if count:
                record[status] = count
        records.append(record)
    return records


def _sortable(key: tuple[Any, ...]) -> tuple[tuple[bool, Any], ...]:
    return tuple((value is not None, value if value is not None else 0) for value in key)


def pivot(records: Sequence[Mapping[str, Any]]) -> Table:
    """The records of `noise_floors` with a column for each precision."""
    precisions = sorted({record["precision"] for record in records}, key=lambda bits: (bits is None, bits))
    axes = list(itertools.takewhile(lambda name: name != "precision", records[0])) if records else []
    rows: dict[tuple[Any, ...], dict[Any, str]] = {}
    for record in records:
        row = rows.setdefault(tuple(record[axis] for axis in axes), {})
        row[record["precision"]] = _floor(record)
    names = [f"{bits} bits" if bits is not None else "no precision" for bits in precisions]
    return Table(
        [*axes, *names],
        [[*key, *(row.get(bits, "") for bits in precisions)] for key, row in rows.items()],
        "noise floor (median over seeds)",
        frozenset({*names, "dimension"}),
        keys=len(axes),
    )


def _floor(record: Mapping[str, Any]) -> str:
    bad = [
        f"{record[s]} {s}" if record["n"] > 1 else s for s in ("diverged", "timeout", "failed") if s in record
    ]
    if record["noise_floor"] is None:
        return ", ".join(bad) or "-"
    floor = f"{record['noise_floor']:.1e}"
    return f"{floor} ({', '.join(bad)})" if bad else floor
