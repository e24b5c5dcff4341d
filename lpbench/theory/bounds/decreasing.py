"""LP-SGD with a decreasing step size: the noise of the gradient goes, the noise of the rounding stays."""

from typing import Any

import numpy as np

from lpbench.theory.theorem import DIMENSION_FREE, EARLIER, PLAIN_SGD, Setting, need, need_minimum, theorem

# The shares of the schedule: alpha_t = 2 / (mu A PHI (t + s)), s = 2 kappa / (A PHI (1 - A)).
A, PHI = 0.5, 0.5


def _shift(s: Setting) -> float:
    need_minimum(s)
    return 2 * s.L / (s.mu * A * PHI * (1 - A))


def _transient(s: Setting, shift: float) -> Any:
    rate, T = s.mu * A * PHI, s.steps
    start = rate * (shift - 1) * (shift - 2) * s.D_0 / T
    return (start + 8 * s.sigma**2 / rate) / (T + 2 * shift - 3)


@theorem("2", DIMENSION_FREE, PLAIN_SGD, schedule="decreasing")
def decreasing(s: Setting) -> Any:
    """F <= (1/2a) [mu a phi (s-1)(s-2) D_0 / (T (T+2s-3)) + 8 sigma^2 / (mu a phi (T+2s-3)) + delta sigma_1 + ...].

    The last term is delta^2 L_1_avg^2 / (4 mu a (1 - phi)); a = phi = 1/2, s = 16 kappa. F is the mean over t < T of
    E f(w_t) - f*, weighted by t + s - 1. Needs mu > 0 and w* in the range.
    Source: docs/theory.md, 2.
    """
    shift = _shift(s)
    rounding = s.delta * s.sigma_1 + s.delta**2 * s.L_1_avg**2 / (4 * s.mu * A * (1 - PHI))
    return (_transient(s, shift) + rounding) / (2 * A)


@theorem("2-old", EARLIER, PLAIN_SGD, schedule="decreasing")
def decreasing_quarter_quantum(s: Setting) -> Any:
    """The same with n delta^2 / 4 a step: the rounding term is the mean of n delta^2 / (4 alpha_t), which grows with T.

    Source: docs/theory.md, 2-old.
    """
    shift, T = _shift(s), s.steps
    need(np.isfinite(T), "it grows with T without end")
    x = shift + T
    sum_of_products = (x * (x - 1) * (x - 2) - shift * (shift - 1) * (shift - 2)) / 3  # of (t + s)(t + s - 1)
    inverse_step = s.mu * A * PHI / 2 * sum_of_products / (T * (T + 2 * shift - 3) / 2)
    return (_transient(s, shift) + s.n * s.delta**2 / 4 * inverse_step) / (2 * A)
