"""LP-SGD without the dimension and without strong convexity."""

from typing import Any

from lpbench.theory.theorem import DIMENSION_FREE, SGD, Setting, need, root, theorem


@theorem("1c", DIMENSION_FREE, SGD)
def convex(s: Setting) -> Any:
    """m A F <= D_0 / (alpha T) + 2 alpha sigma^2 + delta sigma_1 + delta Gamma sqrt(2 F), A = 1 - alpha L > 0: no mu.

    F is the mean over t < T of E f(w_t) - f(w*); the bound is the largest F that satisfies it. m = 4 for quadratic f,
    else 2.
    Source: docs/theory.md, 1c.
    """
    need(s.A > 0, f"alpha L must be below 1, it is {s.alpha * s.L:.3g}")
    K = s.D_0 / (s.alpha * s.steps) + 2 * s.alpha * s.sigma**2 + s.delta * s.sigma_1
    return root(s.m * s.A, s.delta * s.gamma, K)
