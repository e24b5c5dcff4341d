"""Statistics of many small paired samples: does one of thousands of cells differ, with five seeds each?

Five differences tell little of their own spread. A cell's variance is therefore moderated: shrunk towards a prior that
all cells share (Smyth 2004, "Linear models and empirical Bayes methods for assessing differential expression in
microarray experiments"), which gives the t test d_0 further degrees of freedom. Multiplicity: Benjamini & Hochberg
1995. Steps in a series: l_1 Potts functional, solved by dynamic programming (Friedrich et al. 2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVEL = 0.01  # the expected share of false alarms among the alarms
LEAST_VARIANCE = 1e-5  # of the median: a variance of 0 is a coincidence of rounding, and has no logarithm


@dataclass(frozen=True)
class Prior:
    """What all cells say of a variance: a scaled inverse chi-square with `df` degrees of freedom around `variance`."""

    df: float
    variance: float


def trigamma_inverse(y: float) -> float:
    """x > 0 with trigamma(x) = y > 0, by Newton's method on 1 / trigamma, which is convex: it converges from below."""
    from scipy import special

    if y > 1e7:
        return float(1 / np.sqrt(y))
    if y < 1e-6:
        return float(1 / y)
    x = 0.5 + 1 / y
    for _ in range(60):
        value = special.polygamma(1, x)
        step = value * (1 - value / y) / special.polygamma(2, x)
        x += step
        if -step / x < 1e-10:
            break
    return float(x)


def fit_prior(variances: np.ndarray, df: np.ndarray) -> Prior:
    """The prior of sample variances (C,) on `df` (C,) degrees of freedom each, by the moments of their logarithms.

    Cells without a degree of freedom are left out; the prior is infinitely sure where the variances differ no more
    than chance lets them. Raises ValueError without a positive variance.
    """
    from scipy import special

    there = (df > 0) & np.isfinite(variances)
    s2, nu = variances[there], df[there]
    if not (s2 > 0).any():
        raise ValueError("no cell has a variance")
    s2 = np.maximum(s2, LEAST_VARIANCE * np.median(s2[s2 > 0]))
    e = np.log(s2) - special.digamma(nu / 2) + np.log(nu / 2)
    mean = float(e.mean())
    spread = float(e.var(ddof=1) - special.polygamma(1, nu / 2).mean()) if e.size > 1 else 0.0
    if spread <= 0:
        return Prior(np.inf, float(np.exp(mean)))
    df0 = 2 * trigamma_inverse(spread)
    return Prior(df0, float(np.exp(mean + special.digamma(df0 / 2) - np.log(df0 / 2))))


@dataclass(frozen=True)
class Difference:
    """Of two means: `mean`, its standard `error` (nan where nothing tells it), and the ends of its interval."""

    mean: float
    error: float
    low: float
    high: float


def difference(x: np.ndarray, y: np.ndarray | float, level: float) -> Difference:
    """mean(x) - mean(y) of unpaired samples, any lengths >= 1, with the two-sided interval of `level` (Welch).

    y   a number: it is exact.
    A sample of one tells no error, and its interval has no ends; a number in x that is not finite is above all.
    """
    from scipy.stats import t

    if not np.isfinite(x).all():
        return Difference(np.inf, np.nan, np.inf, np.inf)
    other = np.asarray(y, float)
    middle = float(x.mean() - other.mean())
    if x.size < 2 or (other.ndim and other.size < 2):
        return Difference(middle, np.nan, -np.inf, np.inf)
    parts = [(sample.var(ddof=1) / sample.size, sample.size - 1) for sample in (x, other) if sample.ndim]
    variance = sum(part for part, _ in parts)
    half = 0.0
    if variance > 0:
        freedom = variance**2 / sum(part**2 / df for part, df in parts)
        half = float(t.ppf((1 + level) / 2, freedom)) * float(np.sqrt(variance))
    return Difference(middle, float(np.sqrt(variance)), middle - half, middle + half)


@dataclass(frozen=True)
class Moderated:
    """A moderated one-sample t test for each of C cells; all arrays (C,).

    mean, error   of the differences: mean, and moderated standard error of it.     df   degrees of freedom
    p_above       one-sided, of "the mean is above 0";  p_below: of "below"
    """

    mean: np.ndarray
    error: np.ndarray
    df: np.ndarray
    p_above: np.ndarray
    p_below: np.ndarray

    def interval(self, level: float = 2 * LEVEL) -> tuple[np.ndarray, np.ndarray]:
        """The two-sided confidence interval of each mean that errs with probability `level`."""
        from scipy import stats

        reach = stats.t.isf(level / 2, self.df) * self.error
        return self.mean - reach, self.mean + reach

    def detectable(self, floor: float, power: float = 0.8, level: float = LEVEL) -> np.ndarray:
        """The least mean that a cell alone would be found at with this power; at least `floor`."""
        from scipy import stats

        reach = (stats.t.isf(level, self.df) + stats.t.isf(1 - power, self.df)) * self.error
        return np.maximum(reach, floor)


def moments(differences: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(means, variances, counts) of C samples, each an array of any length >= 1; the variance of one number is nan."""
    n = np.array([d.size for d in differences])
    mean = np.array([d.mean() for d in differences])
    s2 = np.array([d.var(ddof=1) if d.size > 1 else np.nan for d in differences])
    return mean, s2, n


def moderated_t(mean: np.ndarray, s2: np.ndarray, n: np.ndarray, prior: Prior) -> Moderated:
    """Test each mean (C,) of `n` differences with sample variance `s2` (nan where n = 1) against 0."""
    from scipy import stats

    own = np.maximum(n - 1, 0).astype(float)
    filled = np.where(own > 0, s2, 0.0)
    if np.isinf(prior.df):
        variance, df = np.full(mean.shape, prior.variance), np.full(mean.shape, np.inf)
    else:
        df = prior.df + own
        variance = (prior.df * prior.variance + own * filled) / df
    error = np.sqrt(variance / n)
    t = mean / error
    return Moderated(mean, error, df, stats.t.sf(t, df), stats.t.cdf(t, df))


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """The q value of each p value (m,): the smallest level at which its hypothesis is rejected."""
    from scipy import stats

    return np.asarray(stats.false_discovery_control(p))


def winsorised(values: np.ndarray, reach: float = 3.0) -> np.ndarray:
    """`values` (n,), none further from the median than `reach` times the deviation that its neighbours tell (MAD)."""
    middle = np.median(values)
    mad = 1.4826 * np.median(np.abs(values - middle))
    return np.clip(values, middle - reach * mad, middle + reach * mad) if mad > 0 else values


def steps(series: np.ndarray, penalty: float | None = None) -> list[int]:
    """Where the level of a series (T,) changes: the first index of every segment after the first.

    Minimises sum |y_t - median of its segment| + penalty * segments. By default the penalty grows with the noise, as
    a BIC does: 3 log(T) times the mean absolute deviation of neighbours / sqrt 2.
    """
    y = np.asarray(series, float)
    count = y.size
    if count < 3:
        return []
    if penalty is None:
        penalty = 3 * np.log(count) * max(float(np.median(np.abs(np.diff(y)))) / np.sqrt(2), 1e-3)
    best = np.full(count + 1, np.inf)
    best[0] = -penalty
    last = np.zeros(count + 1, int)
    for end in range(1, count + 1):
        for start in range(end):
            piece = y[start:end]
            cost = best[start] + penalty + float(np.abs(piece - np.median(piece)).sum())
            if cost < best[end]:
                best[end], last[end] = cost, start
    found, end = [], count
    while last[end] > 0:
        end = int(last[end])
        found.append(end)
    return found[::-1]
