"""The costs of whole cells as columns beside the stored ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from lpbench.declared.columns import COSTS
from lpbench.declared.costs import READS, bits_moved, gradient_evaluations
from lpbench.theory.theorem import SGD

_COLUMNS = ["status", "algorithm", "snapshot", "steps", "n_samples", "inner_steps", *READS]


def with_costs(cells: pa.Table) -> pa.Table:
    """`cells` with the columns COSTS of declared/columns, null of what did not run to its end or lacks a part of it.

    A column that is there stays: a plug-in of before recorded it.
    """
    there = [name for name in _COLUMNS if name in cells.column_names]
    rows = list(zip(*(cells[name].to_pylist() for name in there), strict=True))
    known = {
        row: _costs(dict(zip(there, row, strict=True))) for row in set(rows)
    }  # seeds have them in common
    counted = [known[row] for row in rows]
    for i, metric in enumerate(COSTS):
        if metric.name not in cells.column_names:
            values = pa.array([costs[i] for costs in counted], pa.float64())
            cells = cells.append_column(metric.name, values)
    return cells


def _costs(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    steps, samples, batch = (row.get(name) for name in ("steps", "n_samples", "batch_size"))
    if row["status"] != "ok" or steps is None or samples is None or batch is None:
        return None, None
    inner = row.get("inner_steps")
    if inner is None and row.get("algorithm") not in SGD:
        if row.get("snapshot") is None:  # an algorithm of the user's own, of which the row does not say
            return None, None
        inner = 2 * samples  # what null stands for
    evaluations = gradient_evaluations(steps, batch, samples, inner)
    return evaluations, bits_moved(row, steps, evaluations)
