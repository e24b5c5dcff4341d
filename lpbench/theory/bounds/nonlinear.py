"""LP-SGD on floating-point and logarithmic grids."""

from typing import Any

import numpy as np

from lpbench.theory.theorem import DIMENSION_FREE, SGD, Setting, need, need_minimum, theorem


@theorem("4", DIMENSION_FREE, SGD)
def nonlinear(s: Setting) -> Any:
    """F <= [D_0/(alpha T) + (1 + zeta/4) 2 alpha sigma^2 + delta sigma_1 + zeta sigma_w + (...)^2/(4 mu A')] / (2 A').

    (...) = delta L_1_avg + zeta L_w + zeta sigma and A' = 1 - (1 + zeta/4) alpha L - zeta sqrt(kappa) / 2 > 0; delta is
    the spacing next to zero, zeta the relative gap. F is the mean over t < T of E f(w_t) - f*. Needs mu > 0 and w* in
    the range.
    Source: docs/theory.md, 4; the form of Li & De Sa 2019 for nonlinear quantization.
    """
    delta, zeta = s.grid.delta, s.grid.zeta
    need(zeta > 0, "the grid is linear: 1b says it")
    need_minimum(s)
    A = 1 - (1 + zeta / 4) * s.alpha * s.L - zeta * np.sqrt(s.L / s.mu) / 2
    need(A > 0, f"(1 + zeta/4) alpha L + zeta sqrt(kappa)/2 must be below 1, it is {1 - A:.3g}")
    noise = (1 + zeta / 4) * 2 * s.alpha * s.sigma**2 + delta * s.sigma_1 + zeta * s.sigma_w
    distance = delta * s.L_1_avg + zeta * s.L_w + zeta * s.sigma
    return (s.D_0 / (s.alpha * s.steps) + noise + distance**2 / (4 * s.mu * A)) / (2 * A)
