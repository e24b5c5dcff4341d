"""The rollup: per cell group (all but the seed) and step, quantiles of the objective gap over the seeds."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lpbench.store.arrays import DTYPES, flat, from_numpy, from_texts, to_numpy
from lpbench.store.files import open_parquet
from lpbench.store.schema import INT, REAL, ROLLUP
from lpbench.store.sorting import Buckets

LEAST_GAP = 1e-300  # in the mean of logarithms, what a gap of 0 counts as
POINT_ROWS, BATCH = 2_000_000, 200_000  # in memory at once, read at once
_COLUMNS = ["cell_id", "step", "epoch", "gradient_evaluations", "objective_gap"]
# Recorded points of traces, each trace in one piece by its steps; group and cell are indices.
_POINTS = pa.schema(
    {
        "group": INT,
        "cell": INT,
        "step": INT,
        "epoch": REAL,
        "gradient_evaluations": REAL,
        "objective_gap": REAL,
    }
)


def rollup(cells: pa.Table, traces: Path, beside: Path) -> Iterator[pa.Table]:
    """One row for each group and each step that all its seeds recorded, by group and step, in pieces.

    cells   at least `cell_id group_id status`;  traces  the sorted file of their traces
    beside  a folder where points may lie for a while, of sweeps that memory does not hold

    The log-spaced steps of a group are the same for all seeds; the even ones have a random offset and drop
    out (but for a group of one seed). A trace that ended early, by divergence or a time-out, counts up to
    its end. Columns: `n` finite gaps at the step, `n_diverged` diverged cells of the whole group, `q10 q50
    q90` (linear between seeds) `min max` of `objective_gap`, `mean_log10` the mean of its logarithm (0
    counts as 1e-300).
    """
    names, group_of_cell = np.unique(np.asarray(cells["group_id"].to_pylist(), "U"), return_inverse=True)
    diverged = np.asarray(cells["status"].to_pylist(), "U") == "diverged"
    n_diverged = np.bincount(group_of_cell, diverged, len(names)).astype(np.int64)
    with open_parquet(traces) as file:
        rows = file.metadata.num_rows
        with Buckets(len(names), rows, POINT_ROWS, _POINTS, beside) as buckets:
            for points in _points(file, flat(cells["cell_id"]), group_of_cell.astype(np.int64)):
                buckets.add(points, to_numpy(flat(points["group"])))
            for points in buckets:
                yield _summary(points, names, n_diverged)


def _summary(points: pa.Table, names: np.ndarray, n_diverged: np.ndarray) -> pa.Table:
    """The rows of the groups of `points`, which are sorted by group, and hold all points of these groups."""
    group, cell, step, epoch, evaluations, gap = (to_numpy(flat(column)) for column in points.columns)
    counts = np.flatnonzero(_shared(group, cell, step) & np.isfinite(gap))
    if not counts.size:
        return ROLLUP.empty_table()
    order = counts[np.lexsort((gap[counts], step[counts], group[counts]))]
    group, step, gap = group[order], step[order], gap[order]
    start = np.flatnonzero(np.r_[True, (group[1:] != group[:-1]) | (step[1:] != step[:-1])])
    n = np.diff(np.r_[start, len(gap)])
    first = order[start]
    missing = np.isnan(evaluations[first])
    columns = {
        "group_id": from_texts(names[group[start]].tolist()),
        "step": step[start],
        "epoch": epoch[first],
        "gradient_evaluations": from_numpy(
            np.where(missing, 0, evaluations[first]).astype(np.int64), ~missing
        ),
        "n": n,
        "n_diverged": n_diverged[group[start]],
        "q10": _quantile(gap, start, n, 0.1),
        "q50": _quantile(gap, start, n, 0.5),
        "q90": _quantile(gap, start, n, 0.9),
        "min": gap[start],
        "max": gap[start + n - 1],
        "mean_log10": np.add.reduceat(np.log10(np.maximum(gap, LEAST_GAP)), start) / n,
    }
    arrays = [from_numpy(column) if isinstance(column, np.ndarray) else column for column in columns.values()]
    return pa.table(arrays, schema=ROLLUP)


def _points(traces: pq.ParquetFile, cell_ids: pa.Array, group_of_cell: np.ndarray) -> Iterator[pa.Table]:
    """All recorded points as tables of _POINTS, in the order of the file."""
    for batch in traces.iter_batches(batch_size=BATCH, columns=_COLUMNS):
        cell = to_numpy(pc.index_in(batch.column("cell_id"), value_set=cell_ids)).astype(np.int64)
        columns = [group_of_cell[cell], cell]
        for name in _COLUMNS[1:]:
            columns.append(to_numpy(batch.column(name)).astype(DTYPES[_POINTS.field(name).type]))
        yield pa.table([from_numpy(column) for column in columns], schema=_POINTS)


def _shared(group: np.ndarray, cell: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Whether every trace of the point's group that reaches the point's step recorded it."""
    if not step.size:
        return np.zeros(0, bool)
    width = int(step.max()) + 1
    key = group * width + step
    keys, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    ends = np.sort(key[np.r_[cell[1:] != cell[:-1], True]])  # one for each trace
    next_group = (keys // width + 1) * width
    reaching = np.searchsorted(ends, next_group) - np.searchsorted(ends, keys)
    return np.asarray((counts == reaching)[inverse])


def _quantile(values: np.ndarray, start: np.ndarray, n: np.ndarray, q: float) -> np.ndarray:
    """The quantile of each run of sorted `values`, linear between its neighbours, as numpy's default."""
    position = q * (n - 1)
    low = np.floor(position).astype(np.int64)
    below, above = values[start + low], values[start + np.minimum(low + 1, n - 1)]
    return below + (position - low) * (above - below)
