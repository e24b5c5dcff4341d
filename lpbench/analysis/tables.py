"""The table at the end of a sweep: its result by precision and format, and by the other axes that vary."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lpbench.declared.columns import COMPARED
from lpbench.errors import ConfigError, did_you_mean
from lpbench.store.arrays import ranks, refine
from lpbench.store.read import read_columns
from lpbench.store.schema import CELLS, CHOICES, INT, REAL, further, own_choices
from lpbench.terminal import Table

# The axes in the order in which they name a row. An axis that the ones before it determine is left out: with
# `step_size=0.1/L` the number differs between problems, and says nothing that the problem does not.
AXES = ["problem", "dataset", "dimension", "algorithm", "format"]
AXES += [name for name in CHOICES if name not in {*AXES, "precision", "seed"}]
ALWAYS = {"algorithm", "format"}
# The result of a cell, unless its column `result` names another one: it has an engine of its own.
RESULT = "noise_floor"
COLUMNS = [*AXES, "precision", "seed", "cell_id", "asked", "status", RESULT, "result"]
_BAD = ("diverged", "timeout", "failed")

Columns = Mapping[str, Sequence[Any]]


def read(folder: Path, names: Iterable[str], metric: str | None = None) -> tuple[Columns, pa.Schema]:
    """The columns `names` of a sweep's cells, those that plug-ins declared, and `metric`, or the result of each cell.

    Raises ConfigError for a metric that is none of COMPARED, and no number that a plug-in recorded, or that cells which
    are ok have not: a network has no gap.
    """
    wanted = list(dict.fromkeys([*names, "result", metric or RESULT]))
    columns, schema = read_columns(folder, wanted)
    named = set(columns.get("result", ())) - {None}
    if metric is None and named - columns.keys():
        return read_columns(folder, [*wanted, *named])
    if metric is not None and metric not in COMPARED:
        there = metric in columns and metric not in CELLS.names
        if not there or schema.field(metric).type not in (INT, REAL):
            more = further(schema)
            own = [name for name in more if name not in own_choices(more)]
            raise ConfigError(f"unknown metric {metric!r}.{did_you_mean(metric, [*COMPARED, *named, *own])}")
    if metric is not None and _lacks(columns, metric):
        results = " and ".join(sorted({name or RESULT for name in columns.get("result", (None,))}))
        raise ConfigError(f"no cell of {folder.name} has a {metric}; their result is {results}")
    return columns, schema


def _lacks(columns: Columns, metric: str) -> bool:
    """Whether some cells are ok and none of these has the metric."""
    ok = [i for i, status in enumerate(columns["status"]) if status == "ok"]
    return bool(ok) and (metric not in columns or all(columns[metric][i] is None for i in ok))


def axes_of(schema: Any) -> list[str]:
    """AXES, and the choices of plug-ins that a table of cells has."""
    return [*AXES, *own_choices(further(schema))]


def expressions(
    asked: Sequence[str | None], columns: Columns, axes: Iterable[str]
) -> dict[str, list[str | None]]:
    """By axis the expression of each row, where one stands for several numbers: `0.1/L` of several dimensions.

    asked    the column of that name, which a sweep of before it lacks (nulls).    columns    the axes.
    Axes on which every expression gives one number are not there: the number says more.
    """
    parsed = {
        text: dict(part.split("=", 1) for part in text.split() if "=" in part)
        for text in dict.fromkeys(asked)
        if text
    }
    given = [parsed.get(text or "", {}) for text in asked]
    found = {}
    for axis in {axis for one in parsed.values() for axis in one} & {*axes}:
        numbers: dict[str, set[Any]] = {}
        for one, number in zip(given, columns[axis], strict=True):
            if axis in one:
                numbers.setdefault(one[axis], set()).add(number)
        several = {text for text, different in numbers.items() if len(different) > 1}
        if several:
            found[axis] = [one[axis] if one.get(axis) in several else None for one in given]
    return found


def as_asked(columns: Columns, axes: Iterable[str] = AXES) -> Columns:
    """`columns` with such expressions in place of their numbers, so that what was asked for once is one value."""
    found = expressions(columns.get("asked", ()), columns, axes)
    joined = {
        axis: [number if text is None else text for text, number in zip(texts, columns[axis], strict=True)]
        for axis, texts in found.items()
    }
    return {**columns, **joined}


def varying(columns: Columns, axes: Sequence[str] = AXES) -> list[str]:
    """The axes of `columns` that vary, without those that the axes before them determine."""
    kept: list[str] = []
    combined = ranks(columns, ["precision"])
    for axis in axes:
        both = refine(combined, columns[axis])
        if both.max(initial=0) > combined.max(initial=0):
            kept.append(axis)
            combined = both
    return kept


def split(places: np.ndarray) -> list[np.ndarray]:
    """The rows of each different place (`ranks`), in the order of the places."""
    order = np.argsort(places, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(places[order])) + 1) if order.size else []


def results(columns: Columns, metric: str | None = None, every: Sequence[str] = AXES) -> list[dict[str, Any]]:
    """One record for each combination of the axes that vary: the median over its cells of `metric`, or their result.

    columns  `COLUMNS` of `cells`, the axes `every`, and the results that they name, as lists of one length. Records
             hold the axes, `precision`, the median by its name (of the cells that are ok; None where there is none),
             `n` cells and the number of each status that is not ok. A choice is the expression that was asked for
             where that stands for several numbers.
    """
    columns = as_asked(columns, every)
    shown = {*varying(columns, every), *ALWAYS}
    axes = [*(axis for axis in every if axis in shown), "precision"]
    records = []
    for rows in split(ranks(columns, axes)):
        record: dict[str, Any] = {axis: columns[axis][rows[0]] for axis in axes}
        name = metric or ("result" in columns and columns["result"][rows[0]]) or RESULT
        statuses = [columns["status"][i] for i in rows]
        ok = [i for i, status in zip(rows, statuses, strict=True) if status == "ok" and name in columns]
        found = [
            value for i in ok if isinstance(value := columns[name][i], int | float) and math.isfinite(value)
        ]
        record[name] = float(np.median(found)) if found else None
        record["n"] = len(rows)
        record |= {status: count for status in _BAD if (count := statuses.count(status))}
        records.append(record)
    return records


def pivot(records: Sequence[Mapping[str, Any]]) -> Table:
    """The records of `results` with a column for each precision."""
    precisions = sorted({record["precision"] for record in records}, key=lambda bits: (bits is None, bits))
    axes = list(itertools.takewhile(lambda name: name != "precision", records[0])) if records else []
    rows: dict[tuple[Any, ...], dict[Any, str]] = {}
    for record in records:
        row = rows.setdefault(tuple(record[axis] for axis in axes), {})
        row[record["precision"]] = _shown(record)
    metrics = dict.fromkeys(_metric(record) for record in records) or [RESULT]
    names = [f"{bits} bits" if bits is not None else "no precision" for bits in precisions]
    return Table(
        [*axes, *names],
        [[*key, *(row.get(bits, "") for bits in precisions)] for key, row in rows.items()],
        f"{', '.join(metrics).replace('_', ' ')} (median over seeds)",
        frozenset({*names, "dimension"}),
        keys=len(axes),
    )


def _metric(record: Mapping[str, Any]) -> str:
    names = list(record)
    return names[names.index("precision") + 1]


def _shown(record: Mapping[str, Any]) -> str:
    bad = [f"{record[s]} {s}" if record["n"] > 1 else s for s in _BAD if s in record]
    median = record[_metric(record)]
    if median is None:
        return ", ".join(bad) or "-"
    return f"{median:.1e} ({', '.join(bad)})" if bad else f"{median:.1e}"
