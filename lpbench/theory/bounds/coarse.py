"""LP-SGD where no update exceeds a quantum: rounding then swallows the noise of the gradient."""

from typing import Any

from lpbench.theory.theorem import DIMENSION_FREE, SGD, Bound, Setting, coarse, need, root, theorem


@theorem("1d", DIMENSION_FREE, SGD, coarse_only=True)
def coarse_regime(s: Setting) -> Any:
    """m F <= D_0 / (alpha T) + delta sigma_1 + delta Gamma sqrt(2 F) where alpha |g_j| <= delta: any alpha, no sigma^2.

    F is the mean over t < T of E f(w_t) - f(w*); the bound is the largest F that satisfies it. On a linear grid the
    second moment of a step and the variance of its rounding are then delta alpha |g_j| together, exactly where nothing
    clips: for quadratic f the stationary gap IS delta E ||g||_1 / 4. Certified over the range, or on this path.
    Source: docs/theory.md, 1d.
    """
    need(s.grid.linear, "the grid must be linear")
    need(s.delta > 0, "there is no quantum in full precision")
    certified = coarse(s)
    need(certified is not None, "an update may exceed the quantum: it is not the coarse regime")
    K = s.D_0 / (s.alpha * s.steps) + s.delta * s.sigma_1
    return Bound(root(s.m, s.delta * s.gamma, K), bool(certified))
