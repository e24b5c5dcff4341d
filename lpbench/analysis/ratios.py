"""By which factor a metric differs between two sets of cells: geometric means with Student's and Welch's intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpbench.declared.columns import SHARES
from lpbench.declared.declarations import HIGHER, LOWER
from lpbench.theory.arithmetic import READS, resolution

GAPS = ("noise_floor", "final_gap", "mean_gap", "best_gap")
READ_BY_VALUE = ("status", *READS)  # beside the metric
LEVEL = 0.95
LEAST_SHARE = 1e-3  # that is told from 0: one of a thousand samples

Sample = Mapping[int, float]  # one configuration: log10 of a metric, or of a ratio, by seed


@dataclass(frozen=True)
class Estimate:
    """A mean of log10 of ratios (nan: there are none).

    error   its standard error, on `df` degrees of freedom; inf where it is not known.
    seeds   of either side: the replicates, which all configurations have.
    """

    mean: float
    error: float
    df: float
    seeds: tuple[int, int]

    def ratios(self) -> tuple[float | None, float | None, float | None]:
        """The ratio, and the ends of its 95 % interval; None where they are not known."""
        if math.isnan(self.mean):
            return None, None, None
        if math.isinf(self.error):
            return power(self.mean), None, None
        reach = _quantile(self.df) * self.error if self.error else 0.0
        return power(self.mean), power(self.mean - reach), power(self.mean + reach)


def _quantile(df: float) -> float:
    from scipy import stats

    return float(stats.t.ppf((1 + LEVEL) / 2, df))


def power(exponent: float) -> float:
    """10 to that power, never infinite."""
    return float(10.0 ** min(exponent, 300.0))


def value(cell: Mapping[str, Any], metric: str) -> float | None:
    """log10 of a metric; a gap below what the arithmetic can tell from 0 counts as that, and a share below LEAST_SHARE.

    None: it was not measured.
    """
    number = cell.get(metric)
    if cell["status"] != "ok" or not isinstance(number, int | float) or not math.isfinite(number):
        return None
    if metric in GAPS:
        number = max(number, least(cell))
    if metric in SHARES:
        number = max(number, LEAST_SHARE)
    return math.log10(number) if number > 0 else None


def least(cell: Mapping[str, Any]) -> float:
    """The least gap that a cell can tell from 0, and that has a logarithm."""
    return max(resolution(cell), 1e-300)


def logs(cells: Mapping[int, Mapping[str, Any]], metric: str) -> Sample:
    """log10 of a metric by seed, where it was measured."""
    return {seed: log for seed, cell in cells.items() if (log := value(cell, metric)) is not None}


def changes(
    a: Mapping[int, Mapping[str, Any]], b: Mapping[int, Mapping[str, Any]], metric: str
) -> dict[int, float]:
    """log10 of B / A by seed, ascending, where both were measured."""
    x, y = logs(a, metric), logs(b, metric)
    return {seed: y[seed] - x[seed] for seed in sorted(x.keys() & y.keys())}


def shared(samples: Sequence[Mapping[int, Any]]) -> list[int]:
    """The seeds that all samples have."""
    return sorted(set.intersection(*(set(sample) for sample in samples))) if samples else []


def replicates(samples: Sequence[Sample]) -> np.ndarray:
    """(seeds,) the mean over the samples at each seed that all of them have."""
    return np.array([np.mean([sample[seed] for sample in samples]) for seed in shared(samples)])


def paired(samples: Sequence[Sample]) -> Estimate:
    """The mean over configurations seed by seed, of log10 ratios.

    Of the seeds that all configurations have; without such, the mean of their means, whose error is not known.
    """
    if not samples:
        return Estimate(math.nan, math.inf, 0, (0, 0))
    x = replicates(samples)
    if not x.size:
        mean = float(np.mean([np.mean(list(sample.values())) for sample in samples]))
        return Estimate(mean, math.inf, 0, (0, 0))
    error = float(x.std(ddof=1) / math.sqrt(x.size)) if x.size > 1 else math.inf
    return Estimate(float(x.mean()), error, x.size - 1, (x.size, x.size))


def unpaired(a: Sequence[Sample], b: Sequence[Sample]) -> Estimate:
    """The mean of B less that of A, each as in `paired` but of the metric's log10, with Welch's degrees of freedom."""
    x, y = paired(a), paired(b)
    error, df = math.hypot(x.error, y.error), math.inf
    if 0 < error < math.inf:
        df = error**4 / (x.error**4 / x.df + y.error**4 / y.df)
    return Estimate(y.mean - x.mean, error, df, (x.seeds[0], y.seeds[0]))


def verdict(row: Mapping[str, Any], side: str | None) -> str | None:
    """`worse` or `better`, where the whole interval `low` ... `high` of a ratio lies on one `side` of 1.

    side   "lower" or "higher", whichever is better of the metric
    """
    if side not in (LOWER, HIGHER) or row["low"] is None or row["low"] <= 1 <= row["high"]:
        return None
    return "better" if (row["low"] > 1) == (side == HIGHER) else "worse"
