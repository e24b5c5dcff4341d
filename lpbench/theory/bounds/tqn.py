"""LP-SGD for convex f, as earlier work has it."""

from typing import Any

import numpy as np

from lpbench.theory.theorem import EARLIER, SGD, Bound, Setting, need, theorem


@theorem("1a-i", EARLIER, SGD)
def tqn(s: Setting) -> Any:
    """F <= D_0 / (2 alpha T) + alpha G^2 / 2 + delta sqrt(n) G / 2: any convex f, with sqrt(n).

    F is the mean over t < T of E f(w_t) - f(w*). G: E ||g_t||_2^2 <= G^2 along the path; certified over the format's
    range, or from the largest update of the run. No smoothness is needed.
    Source: docs/theory.md, 1a-i; the form of Li et al. 2017, "Training Quantized Nets: A Deeper Understanding".
    """
    need(np.isfinite(s.G), "the gradients are not bounded without a range or a run")
    value = s.D_0 / (2 * s.alpha * s.steps) + s.alpha * s.G**2 / 2 + s.delta * np.sqrt(s.n) * s.G / 2
    return Bound(value, s.G_certified)
