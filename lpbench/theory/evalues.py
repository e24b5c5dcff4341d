"""Whether measurements contradict a bound: e-values over seeds, and e-Benjamini-Hochberg over groups of cells.

The claim is E x <= 1, x = measured / proven >= 0. A bet of a share L of one's capital on "x is above 1" then pays
1 + L (x - 1), which the claim makes at most 1 on average: a large product over independent seeds is evidence against
the claim, whatever the distribution of x, and stays evidence when more seeds follow.
Sources: Waudby-Smith & Ramdas 2024, "Estimating means of bounded random variables by betting"; Wang & Ramdas 2022,
"False discovery rate control with e-values".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

BETS = (0.1, 0.25, 0.5, 0.75, 1.0)
LEVEL = 0.01  # the expected share of false alarms among the bounds that are called broken
LARGEST = 1e300  # an e-value may always be replaced by a smaller one; this one fits into any file


def e_value(ratios: Sequence[float] | np.ndarray) -> float:
    """The mean over BETS of prod_s (1 + L (x_s - 1)), at most LARGEST; 1 without measurements.

    ratios (S,) >= 0: measured / proven, one a seed. inf is evidence enough alone; NaN, a gap that is no number any
    more, counts as inf.
    """
    x = np.asarray(ratios, np.float64)
    x = np.where(np.isnan(x), np.inf, x)
    bets = np.array(BETS)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log1p(bets * (x - 1.0)).sum(axis=1)
    logs = np.where(np.isnan(logs), -np.inf, logs)  # all was lost at x = 0 before x = inf could pay
    top = float(logs.max())
    if top > math.log(LARGEST):
        return LARGEST
    return float(np.exp(logs).mean())


def rejected(e_values: Sequence[float] | np.ndarray, level: float = LEVEL) -> np.ndarray:
    """Which claims e-Benjamini-Hochberg rejects, (m,) bool; valid however the e-values depend on each other.

    The k largest are rejected, k the largest number with e_(k) >= m / (level k).
    """
    e = np.asarray(e_values, np.float64)
    order = np.argsort(-e, kind="stable")
    k = np.arange(1, e.size + 1)
    enough = np.flatnonzero(e[order] * k * level >= e.size)
    found = np.zeros(e.size, bool)
    if enough.size:
        found[order[: enough[-1] + 1]] = True
    return found
