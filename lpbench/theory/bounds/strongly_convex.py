"""LP-SGD on strongly convex f, without the dimension: the theorem that Li & De Sa (2019) is about."""

from typing import Any

from lpbench.theory.theorem import DIMENSION_FREE, SGD, Setting, need, theorem


def _bound(s: Setting, L_1: float) -> Any:
    need(s.mu > 0, "f must be strongly convex; mu is 0")
    need(s.A > 0, f"alpha L must be below 1, it is {s.alpha * s.L:.3g}")
    rounding = s.delta * s.sigma_1 + s.delta**2 * L_1**2 / (4 * s.mu * s.A)
    return (s.D_0 / (s.alpha * s.steps) + 2 * s.alpha * s.sigma**2 + rounding) / (2 * s.A)


@theorem("1b", DIMENSION_FREE, SGD)
def strongly_convex(s: Setting) -> Any:
    """F <= [D_0 / (alpha T) + 2 alpha sigma^2 + delta sigma_1 + delta^2 L_1_avg^2 / (4 mu A)] / (2 A), A = 1 - alpha L.

    F is the mean over t < T of E f(w_t) - f(w*). The number of weights is not in it; sigma_1 and L_1_avg are.
    Source: docs/theory.md, 1b; the form of Li & De Sa 2019, with constants derived there.
    """
    return _bound(s, s.L_1_avg)


@theorem("1b-L1", DIMENSION_FREE, SGD)
def strongly_convex_worst_sample(s: Setting) -> Any:
    """1b with L_1, the constant of the worst sample, as Li & De Sa (2019) state it; never below 1b.

    Source: docs/theory.md, 1b.
    """
    return _bound(s, s.L_1)
