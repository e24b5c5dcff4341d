"""The rollup: per cell group (all but the seed) and step, quantiles of the objective gap over the seeds."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from lpbench.store.arrays import from_numpy, from_texts, to_numpy
from lpbench.store.files import open_parquet
from lpbench.store.schema import ROLLUP

LEAST_GAP = 1e-300  # in the mean of logarithms, what a gap of 0 counts as
_COLUMNS = ["cell_id", "step", "epoch", "gradient_evaluations", "objective_gap"]


class Points(NamedTuple):
    """Recorded points of all traces: arrays of one length."""

    group: np.ndarray  # int64, index of the group
    last: np.ndarray  # int64, the last step of the point's trace
    step: np.ndarray  # int64
    epoch: np.ndarray  # float64
    evaluations: np.ndarray  # float64, NaN where not counted
    gap: np.ndarray  # float64

    def take(self, index: np.ndarray) -> "Points":
        """The points that `index` (numbers or booleans) selects."""
        return Points(*(column[index] for column in self))


def rollup(cells: pa.Table, traces: Path) -> pa.Table:
    """One row for each group and each step that all its seeds recorded.

    cells   at least `cell_id group_id status`;  traces  the sorted file of their traces.

    The log-spaced steps of a group are the same for all seeds; the even ones have a random offset and drop
    out (but for a group of one seed). A trace that ended early, by divergence or a time-out, counts up to
    its end. Columns: `n` finite gaps at the step, `n_diverged` diverged cells of the whole group, `q10 q50
    q90` (linear between seeds) `min max` of `objective_gap`, `mean_log10` the mean of its logarithm (0
    counts as 1e-300).
    """
    names, group_of_cell = np.unique(np.asarray(cells["group_id"].to_pylist(), "U"), return_inverse=True)
    diverged = np.asarray(cells["status"].to_pylist(), "U") == "diverged"
    n_diverged = np.bincount(group_of_cell, diverged, len(names)).astype(np.int64)

    points = _points(traces, cells["cell_id"].to_pylist(), group_of_cell)
    points = points.take(_shared(points) & np.isfinite(points.gap))
    points = points.take(np.lexsort((points.gap, points.step, points.group)))
    group, step, gap = points.group, points.step, points.gap
    if not len(gap):
        return ROLLUP.empty_table()

    start = np.flatnonzero(np.r_[True, (group[1:] != group[:-1]) | (step[1:] != step[:-1])])
    n = np.diff(np.r_[start, len(gap)])
    evaluations = points.evaluations[start]
    missing = np.isnan(evaluations)
    columns = {
        "group_id": from_texts(names[group[start]].tolist()),
        "step": step[start],
        "epoch": points.epoch[start],
        "gradient_evaluations": from_numpy(np.where(missing, 0, evaluations).astype(np.int64), ~missing),
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


def _points(traces: Path, cell_ids: list[str], group_of_cell: np.ndarray) -> Points:
    number = {cell_id: i for i, cell_id in enumerate(cell_ids)}
    pieces: list[list[np.ndarray]] = []
    for batch in open_parquet(traces).iter_batches(batch_size=1_000_000, columns=_COLUMNS):
        codes = batch.column("cell_id").dictionary_encode()
        cells = np.array([number[name] for name in codes.dictionary.to_pylist()], np.int64)
        piece = [cells[to_numpy(codes.indices)]]
        for name in _COLUMNS[1:]:
            values = to_numpy(batch.column(name))
            piece.append(values.astype(np.int64 if name == "step" else np.float64))
        pieces.append(piece)
    if not pieces:
        nothing = np.zeros(0, np.int64)
        return Points(nothing, nothing, nothing, np.zeros(0), np.zeros(0), np.zeros(0))
    cell, step, epoch, evaluations, gap = (np.concatenate(column) for column in zip(*pieces, strict=True))
    ends = np.flatnonzero(np.r_[cell[1:] != cell[:-1], True])  # the file is sorted by cell and step
    last = np.repeat(step[ends], np.diff(np.r_[-1, ends]))
    return Points(group_of_cell[cell], last, step, epoch, evaluations, gap)


def _shared(points: Points) -> np.ndarray:
    """Whether every trace of the point's group that reaches the point's step recorded it."""
    if not len(points.step):
        return np.zeros(0, bool)
    width = int(points.step.max()) + 1
    key = points.group * width + points.step
    keys, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    ends = np.sort(key[points.step == points.last])  # one for each trace
    next_group = (keys // width + 1) * width
    reaching = np.searchsorted(ends, next_group) - np.searchsorted(ends, keys)
    return (counts == reaching)[inverse]


def _quantile(values: np.ndarray, start: np.ndarray, n: np.ndarray, q: float) -> np.ndarray:
    """The quantile of each run of sorted `values`, linear between its neighbours, as numpy's default."""
    position = q * (n - 1)
    low = np.floor(position).astype(np.int64)
    below, above = values[start + low], values[start + np.minimum(low + 1, n - 1)]
    return below + (position - low) * (above - below)
