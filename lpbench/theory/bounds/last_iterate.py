"""LP-SGD: the last iterate."""

from typing import Any

import numpy as np

from lpbench.theory.theorem import DIMENSION_FREE, FINAL_GAP, PLAIN_SGD, Setting, shrinkage, theorem


@theorem("1e", DIMENSION_FREE, PLAIN_SGD, judges=FINAL_GAP)
def last_iterate(s: Setting) -> Any:
    """f(w_T) - f* <= L_f/2 D, D' = (1 - 2 alpha mu A) D + 2 alpha^2 sigma^2 + alpha delta (sigma_1 + L_1_avg sqrt(D)).

    The recursion for D_t = ||w_t - w*||^2 is concave with the fixed point y; its tangent there gives D_T <= y +
    q^T (D_0 - y). Needs mu > 0, A = 1 - alpha L > 0, 2 alpha mu A <= 1 and w* in the range.
    Source: docs/theory.md, 1e.
    """
    shrink = shrinkage(s)
    noise, slope = 2 * s.alpha * s.sigma**2 + s.delta * s.sigma_1, s.delta * s.L_1_avg
    root_y = (slope + np.sqrt(slope**2 + 8 * s.mu * s.A * noise)) / (4 * s.mu * s.A)
    q = 1 - shrink + (s.alpha * slope / (2 * root_y) if root_y > 0 else 0.0)
    return s.L_f / 2 * (root_y**2 + q**s.steps * (s.D_0 - root_y**2))
