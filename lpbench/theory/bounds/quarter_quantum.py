"""LP-SGD with the variance of rounding at its worst, a quarter of the squared quantum in every coordinate."""

from typing import Any

from lpbench.theory.theorem import EARLIER, SGD, Setting, need, theorem


@theorem("1a-ii", EARLIER, SGD)
def quarter_quantum(s: Setting) -> Any:
    """F <= [D_0 / (alpha T) + 2 alpha sigma^2 + n delta^2 / (4 alpha)] / (m A), A = 1 - alpha L > 0: with n.

    F is the mean over t < T of E f(w_t) - f(w*). It has no limit as alpha goes to 0.
    Source: docs/theory.md, 1a-ii; the form of De Sa et al. 2017 and of the HALP paper.
    """
    need(s.A > 0, f"alpha L must be below 1, it is {s.alpha * s.L:.3g}")
    noise = 2 * s.alpha * s.sigma**2 + s.n * s.delta**2 / (4 * s.alpha)
    return (s.D_0 / (s.alpha * s.steps) + noise) / (s.m * s.A)
