"""SWALP: the average of LP-SGD's iterates."""

from typing import Any

import numpy as np

from lpbench.theory.bounds.convex import convex
from lpbench.theory.bounds.quarter_quantum import quarter_quantum
from lpbench.theory.bounds.strongly_convex import strongly_convex
from lpbench.theory.theorem import OTHER, Bound, Refused, Setting, coarse, need, need_minimum, theorem


@theorem("6", OTHER, frozenset({"swalp"}))
def swalp(s: Setting) -> Any:
    """f(wbar_T) - f* <= (D_0/T + V) / (2 alpha^2 mu T) for quadratic f: no noise ball at all.

    V = alpha^2 (4 L F + 2 sigma^2) + min(n delta^2/4, alpha delta (sigma_1 + Gamma sqrt(2 F))) bounds the variance
    that a step adds, F the mean gap of the iterates by 1a-ii, 1b or 1c; where no update exceeds the quantum it is the
    last term alone. By Jensen's inequality F is a bound too. Needs alpha L_f <= 1, w* in the range, and that nothing
    saturates.
    Source: docs/theory.md, 6; the form of Yang et al. 2019, "SWALP", theorem 1.
    """
    need(s.quadratic, "f must be quadratic")
    need_minimum(s)
    need(s.alpha * s.L_f <= 1, f"alpha L_f must be at most 1, it is {s.alpha * s.L_f:.3g}")
    need(not s.saturated, f"nothing may saturate; {s.saturated or 0:.2g} of the updates did")
    F = _iterates(s)
    rounding = s.alpha * s.delta * (s.sigma_1 + s.gamma * np.sqrt(2 * F))
    gradient = s.alpha**2 * (4 * s.L * F + 2 * s.sigma**2)
    V = gradient + np.minimum(s.n * s.delta**2 / 4, rounding)
    if s.delta > 0 and coarse(s) is not None:
        V = np.minimum(V, rounding)
    average = (s.D_0 / s.steps + V) / (2 * s.alpha**2 * s.mu * s.steps)
    return Bound(np.minimum(F, average), certified=False)


def _iterates(s: Setting) -> Any:
    found = []
    for bound in (quarter_quantum, strongly_convex, convex):
        try:
            found.append(bound.function(s))
        except Refused as refused:
            reason = refused
    if not found:
        raise reason
    return np.minimum.reduce(found)
