"""The costs of whole cells as columns beside the stored ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lpbench.declared.columns import COSTS
from lpbench.declared.costs import READS, bits_moved, gradient_evaluations
from lpbench.theory.theorem import SGD

_COLUMNS = ["status", "algorithm", "snapshot", "steps", "n_samples", "inner_steps", *READS]
_BYTES, _BITS = "bytes_per_step", "bits_per_step"
# Of a whole run, what one step has, and the factor that brings it to the unit of the run.
_OF_RUNS = {
    "bytes_per_run": (_BYTES, 1.0),
    "energy_per_run": ("energy_per_step", 1e-9),
    "arithmetic_energy_per_run": ("arithmetic_energy_per_step", 1e-9),
}
_COUNTED = [metric.name for metric in COSTS if metric.name not in _OF_RUNS]


def with_costs(cells: pa.Table) -> pa.Table:
    """`cells` with the columns COSTS of declared/columns, null of what did not run to its end or lacks a part of it.

    A column that is there stays: a plug-in of before recorded it. The bytes of a step are those of its bits, where a
    network was stored before they had a column of their own.
    """
    there = [name for name in _COLUMNS if name in cells.column_names]
    rows = list(zip(*(cells[name].to_pylist() for name in there), strict=True))
    known = {
        row: _costs(dict(zip(there, row, strict=True))) for row in set(rows)
    }  # seeds have them in common
    counted = [known[row] for row in rows]
    for i, name in enumerate(_COUNTED):
        if name not in cells.column_names:
            values = pa.array([costs[i] for costs in counted], pa.float64())
            cells = cells.append_column(name, values)
    return _of_runs(_with_bytes(cells))


def _with_bytes(cells: pa.Table) -> pa.Table:
    if _BYTES not in cells.column_names or _BITS not in cells.column_names:
        return cells
    filled = pc.coalesce(cells[_BYTES], pc.divide(cells[_BITS], 8.0))
    return cells.set_column(cells.column_names.index(_BYTES), cells.field(_BYTES), filled)


def _of_runs(cells: pa.Table) -> pa.Table:
    nothing = pa.nulls(cells.num_rows, pa.float64())
    for name, (each, unit) in _OF_RUNS.items():
        if name in cells.column_names:
            continue
        values = nothing
        if {each, "steps", "status"} <= {*cells.column_names}:
            whole = pc.multiply(pc.multiply(cells[each], cells["steps"].cast(pa.float64())), unit)
            values = pc.if_else(pc.equal(cells["status"], "ok"), whole, None)
        cells = cells.append_column(name, values)
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
