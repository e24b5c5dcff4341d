"""How far seeds lie apart: quantiles of each group, and a distribution-free interval of its median."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from lpbench.analysis.ratios import LEVEL

if TYPE_CHECKING:
    import pandas

QUANTILES = {"q10": 0.1, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q90": 0.9}
INTERVAL = ("low", "high")  # the columns of its ends


@functools.cache
def median_rank(n: int, level: float = LEVEL) -> int:
    """k, by which [x_(k), x_(n+1-k)] of n ordered draws holds their median with probability `level` at least.

    The largest such k: P(Bin(n, 1/2) < k) <= (1 - level) / 2, whatever the distribution (David & Nagaraja 2003, Order
    Statistics, 7.1). 0 where even the range is no such interval: of fewer than six draws, at 95 %.
    """
    below, k = 1, 0
    while below <= (1 - level) / 2 * 2**n:
        k += 1
        below += math.comb(n, k)
    return k


@functools.cache
def least_count(level: float = LEVEL) -> int:
    """The fewest draws that have an interval of `median_rank`."""
    return next(n for n in range(1, 10_000) if median_rank(n, level))


def spread(frame: pandas.DataFrame, by: str, column: str) -> pandas.DataFrame:
    """Of each value of `by` (the index): n, min, max, QUANTILES and the INTERVAL of the median of `column`.

    Quantiles are linear between neighbours. NaN counts for nothing, and is what an interval of too few numbers has.
    """
    import pandas as pd

    ordered = frame[[by, column]].dropna().sort_values([by, column])
    values = ordered.groupby(by)[column]
    found = pd.DataFrame({name: values.quantile(at) for name, at in QUANTILES.items()})
    found["n"], found["min"], found["max"] = values.size(), values.min(), values.max()
    place, count = values.cumcount() + 1, values.transform("size")
    k = count.map(median_rank)
    for name, rank in zip(INTERVAL, (k, count + 1 - k), strict=True):
        found[name] = ordered[(k > 0) & (place == rank)].set_index(by)[column]
    return found
