"""Sums in an accumulator of few bits: how far they stray, what is proven of it, and how many bits that takes.

Terms are independent and alike, of mean `mean` and standard deviation 1. A partial sum has m mantissa bits, is rounded
behind every `chunk` terms, and leaves neither end of the accumulator's range.
"""

import math
from typing import NamedTuple

import numpy as np

MOST = 52  # mantissa bits that are asked for
NOT_SUITED = 50.0  # the largest v(n) of an accumulator that is said to be wide enough


class Sum(NamedTuple):
    """length terms of mean `mean` and standard deviation 1, `chunk` of them between two roundings."""

    length: int
    mean: float = 0.0
    chunk: int = 1

    @property
    def roundings(self) -> int:
        """How many there are."""
        return -(-self.length // self.chunk)

    def mean_squares(self) -> np.ndarray:
        """E S^2 of the exact partial sums that are rounded, (roundings,)."""
        k = np.minimum(np.arange(1, self.roundings + 1) * float(self.chunk), self.length)
        found: np.ndarray = self.mean**2 * k**2 + k
        return found


def nearest_error(of: Sum, mantissa_bits: int) -> float:
    """A bound on the error of the sum with rounding to nearest: root mean square, over that of the exact sum.

    A rounding adds at most u |s|, u = 2^-(m+1), to the error; norms add up: e_r <= (1 + u) e_(r-1) + u S_r.
    """
    u, norms = 2.0 ** -(mantissa_bits + 1), np.sqrt(of.mean_squares())
    with np.errstate(over="ignore"):
        return float(u * (norms * _grown(u, norms.size)).sum() / norms[-1])


def stochastic_error(of: Sum, mantissa_bits: int) -> float:
    """The same with stochastic rounding, whose errors have mean 0 whatever went before, so that squares add up.

    A rounding has variance at most (ulp / 2)^2 <= u^2 s^2: E e_r^2 <= (1 + u^2) E e_(r-1)^2 + u^2 E S_r^2.
    """
    u2, squares = 4.0 ** -(mantissa_bits + 1), of.mean_squares()
    with np.errstate(over="ignore"):
        return math.sqrt(float(u2 * (squares * _grown(u2, squares.size)).sum() / squares[-1]))


def _grown(u: float, n: int) -> np.ndarray:
    """(1 + u)^(n - r), r = 1 ... n."""
    return np.exp(math.log1p(u) * np.arange(n - 1, -1, -1.0))


PROVEN = {"nearest_even": nearest_error, "stochastic": stochastic_error}


def proven_bits(of: Sum, rounding: str, within: float) -> int | None:
    """The fewest mantissa bits with which the bound is at most `within`; None where nothing is proven, or none do."""
    if rounding not in PROVEN:
        return None
    return next((m for m in range(1, MOST + 1) if PROVEN[rounding](of, m) <= within), None)


def variance_retention(length: int, mantissa_bits: int, chunk: int = 1) -> float:
    """The share of its variance that a sum of mean 0 keeps where a partial sum beyond 2^m terms takes no more of them.

    S_i is about normal of variance i. It is lost at i with the probability that |S_i| >= 2^m and |S_(i-1)| < 2^m, and
    keeps i of n parts of the variance; VRR is the mean of these shares. Behind chunks the terms are the chunks' sums.
    Source: Sakr et al. 2019, arXiv 1901.06588, the lemma on full swamping.
    """
    n = -(-length // chunk)
    if n < 2:
        return 1.0
    inside = 1.0 - _beyond(2.0**mantissa_bits / np.sqrt(np.arange(1.0, n + 1)))
    lost = (1.0 - inside[1:-1]) * inside[:-2]
    i = np.arange(2.0, n)
    total = lost.sum() + inside[-1]
    return float(((i * lost).sum() / n + inside[-1]) / total) if total > 0 else 0.0


def _beyond(x: np.ndarray) -> np.ndarray:
    """P(|Z| >= x), Z standard normal."""
    from scipy.special import erfc

    found: np.ndarray = erfc(x / math.sqrt(2.0))
    return found


def retaining_bits(length: int, chunk: int = 1) -> int | None:
    """The fewest mantissa bits with v(n) = exp(n (1 - VRR)) < 50: the rule of the same source; None: more than MOST."""
    n = -(-length // chunk)
    most = math.log(NOT_SUITED) / n
    return next((m for m in range(1, MOST + 1) if 1.0 - variance_retention(length, m, chunk) < most), None)


def stalls_at(largest: float, mantissa_bits: int) -> float:
    """The sum at which terms up to `largest` no longer move it, rounding to nearest: half its spacing is larger.

    The least power of two 2^e with 2^(e - m) / 2 > largest; sums of positive terms stop there whatever their length.
    """
    return float(2.0 ** (math.floor(math.log2(largest)) + mantissa_bits + 2))
