"""Steps at which cells are set beside each other, which mostly record steps of their own, and how many are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas

FEW = 4  # steps that all seeds recorded: of fewer there is no curve


def by_all(traces: pandas.DataFrame) -> np.ndarray:
    """The steps that every trace recorded which reaches them, as in the rollup: the even ones differ by seed."""
    recorded = traces.groupby("step").size()
    ends = np.sort(traces.groupby("cell_id")["step"].max().to_numpy())
    reaching = len(ends) - np.searchsorted(ends, recorded.index)
    return recorded.index[recorded == reaching].to_numpy()


def common(each: Sequence[np.ndarray], points: int) -> np.ndarray:
    """Every k-th of the ascending steps of all k cells, with the first and the last, and of these at most `points`,
    evenly.
    """
    ordered = np.sort(np.concatenate(each))
    grid = np.unique(np.r_[ordered[0], ordered[len(each) // 2 :: len(each)], ordered[-1]])
    return grid[np.unique(np.linspace(0, len(grid) - 1, min(points, len(grid))).round().astype(int))]


def thin(steps: np.ndarray, points: int) -> np.ndarray:
    """Indices of at most `points` of ascending `steps`, spread evenly in log(step), with the first and the last."""
    if len(steps) <= points:
        return np.arange(len(steps))
    places = np.log1p(steps.astype(float))
    wanted = np.linspace(places[0], places[-1], points)
    return np.unique(np.clip(np.searchsorted(places, wanted), 0, len(steps) - 1))
