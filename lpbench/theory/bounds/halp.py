"""HALP: the quantum is proportional to the gradient, so every loop contracts."""

import math
from typing import Any

from lpbench.theory.bounds.lp_svrg import contraction, mean_over_loops
from lpbench.theory.theorem import DIMENSION_FREE, EARLIER, HALP, Setting, need, theorem


def _rescaled(s: Setting) -> tuple[float, float]:
    """mu', and n_b: how many of the largest gaps reach from 0 to the end of the range, 2^(b-1) - 1 in fixed point."""
    mu = s.mu_used
    assert mu is not None
    need(mu <= s.mu * (1 + 1e-12), f"mu must be at most the problem's {s.mu:.3g}, it is {mu:.3g}")
    return mu, s.grid.high / s.grid.gap if s.grid.gap > 0 else math.inf


@theorem("5c", EARLIER, HALP)
def halp(s: Setting) -> Any:
    """E e_{k+1} <= gamma e_k, gamma = rho + n L_f / (4 alpha mu'^2 n_b^2 (1 - 2 alpha L)), n_b = 2^(b-1) - 1.

    e_k is the gap of the k-th snapshot; the bound is its mean over the recorded loops. rho as in 5a, with the problem's
    mu; mu' is what HALP scales its grid with. The bits grow like log2(kappa sqrt(n)). Needs gamma < 1 and mu' <= mu.
    Source: docs/theory.md, 5c; De Sa et al. 2018 (HALP).
    """
    rho, (mu, n_b) = contraction(s), _rescaled(s)
    rate = rho + s.n * s.L_f / (4 * s.alpha * mu**2 * n_b**2 * (1 - 2 * s.alpha * s.L))
    need(rate < 1, f"an outer loop need not contract (gamma = {rate:.3g}); more bits or inner_steps")
    return mean_over_loops(s, rate, 0.0)


@theorem("5d", DIMENSION_FREE, HALP)
def halp_dimension_free(s: Setting) -> Any:
    """E e_{k+1} <= gamma e_k, (1 - 2 alpha L) gamma = 1/(alpha mu T) + 2 alpha L + 2 x + x sqrt(gamma).

    x = Gamma sqrt(L_f) / (mu' n_b), mu' what HALP scales its grid with, n_b = 2^(b-1) - 1. e_k is the gap of the k-th
    snapshot; the bound is its mean over the recorded loops. Needs gamma < 1, and mu' no larger than mu.
    Source: docs/theory.md, 5d.
    """
    rho, (mu, n_b) = contraction(s), _rescaled(s)
    slack, x = 1 - 2 * s.alpha * s.L, s.gamma * math.sqrt(s.L_f) / (mu * n_b)
    root = (x + math.sqrt(x**2 + 4 * slack * (rho * slack + 2 * x))) / (2 * slack)
    need(root < 1, f"an outer loop need not contract (gamma = {root**2:.3g}); more bits or inner_steps")
    return mean_over_loops(s, root**2, 0.0)
