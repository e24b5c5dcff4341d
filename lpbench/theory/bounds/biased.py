"""LP-SGD with biased rounding: to the nearest, towards zero, or stochastic with few random bits."""

from typing import Any

import numpy as np

from lpbench.theory.theorem import EARLIER, Setting, need, shrinkage, theorem

LP_SGD = frozenset({"lp_sgd"})
# Steps up to which a mean is summed: the closed form loses digits in short runs of tiny steps.
_SUMMED = 100_000


def _mean_gap(s: Setting, rate: float, added: float) -> Any:
    """The mean over t < T of L_f/2 x_t^2, x_{t+1} = sqrt(1 - rate) x_t + added, x_0 = sqrt(D_0)."""
    lost = rate / (1 + np.sqrt(1 - rate))  # 1 - sqrt(1 - rate), without cancellation
    ball, start, T = added / lost, np.sqrt(s.D_0), s.steps
    if np.isinf(T):
        return s.L_f / 2 * ball**2
    log_shrink = np.log1p(-min(rate, 1 - 2.0**-53)) / 2
    if T <= _SUMMED:
        t = np.arange(T) * log_shrink
        return s.L_f / 2 * np.mean((start * np.exp(t) - ball * np.expm1(t)) ** 2)
    linear = -np.expm1(T * log_shrink) / (lost * T)  # the mean of sqrt(1 - rate)^t
    square = -np.expm1(2 * T * log_shrink) / (rate * T)
    start -= ball
    return s.L_f / 2 * (ball**2 + 2 * ball * start * linear + start**2 * square)


@theorem("7", EARLIER, LP_SGD, roundings=("nearest_even", "toward_zero"))
def biased(s: Setting) -> Any:
    """f(w_t) - f* <= L_f/2 E x_t^2, x' <= a x + sqrt(2) alpha sigma + sqrt(n) delta / 2, a = sqrt(1 - 2 alpha mu A).

    x_t = ||w_t - w*||_2; towards zero the last term is sqrt(n) delta. The bound is the mean over t < T. It grows as
    alpha falls, and so does what it bounds: updates below half a quantum are lost.
    Source: docs/theory.md, 7.
    """
    error = np.sqrt(s.n) * s.delta * (0.5 if s.rounding == "nearest_even" else 1.0)
    return _mean_gap(s, shrinkage(s), np.sqrt(2) * s.alpha * s.sigma + error)


@theorem("7-r", EARLIER, LP_SGD, few_bits=True)
def few_random_bits(s: Setting) -> Any:
    """Stochastic rounding with r random bits: x' <= p x + k + sqrt(n) delta 2^(-r-1), p = sqrt(1 - 2 alpha mu A).

    It is rounding to the grid of delta 2^-r first, to the nearest, and exact stochastic rounding after it. The first
    moves a coordinate by delta 2^(-r-1) at most; the variance of the second is delta alpha |g_j| + delta^2 2^(-r-1),
    or, as an update that is not lost at most doubles, 2 delta alpha |g_j|. So k = max(sqrt(2 alpha^2 sigma^2 + c alpha
    delta sigma_1 + b), c alpha delta L_1_avg / (2 p)) with c = 1, b = n delta^2 2^(-r-1) or with c = 2, b = 0; the
    bound is the lesser mean over t < T of L_f/2 x_t^2.
    Source: docs/theory.md, 7-r.
    """
    assert s.random_bits is not None
    need(s.grid.linear, "the grid must be linear")
    rate, half = shrinkage(s), 2.0 ** (-s.random_bits - 1)
    need(rate < 1, "2 alpha mu A must be below 1")
    p = np.sqrt(1 - rate)
    found = []
    for c, extra in ((1, s.n * s.delta**2 * half), (2, 0.0)):
        noise = np.sqrt(2 * s.alpha**2 * s.sigma**2 + c * s.alpha * s.delta * s.sigma_1 + extra)
        k = max(noise, c * s.alpha * s.delta * s.L_1_avg / (2 * p))
        found.append(_mean_gap(s, rate, k + np.sqrt(s.n) * s.delta * half))
    return min(found)
