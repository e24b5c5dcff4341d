"""The optimum w* of a strongly convex risk, to a gradient norm of 1e-12 or as far as float64 goes.

Least squares whose second moments were formed: Cholesky, then iterative refinement. Everything else: L-BFGS
of scipy, polished by Newton steps whose systems conjugate gradients solve. Both stop when the gradient norm
no longer falls, not at the tolerance: the gaps of bit-centred runs go down to 1e-26, so the last digits of w*
count.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lpbench.problems.base import SQUARED
from lpbench.problems.objective import Risk

TOLERANCE = 1e-12
MAX_NEWTON_STEPS = 200
MAX_CG_STEPS = 5000


def solve(risk: Risk, gram: np.ndarray | None = None) -> tuple[np.ndarray, float]:
    """w* (n,) and ||grad f(w*)||_2.

    gram: X'X/N (d, d) where it is known; least squares are then solved directly.
    """
    if risk.loss == SQUARED and gram is not None:
        return _refined_cholesky(risk, gram)
    n = risk.X.shape[1] * risk.n_classes
    w = np.zeros(n)
    if risk.loss != SQUARED:
        from scipy.optimize import minimize

        w = minimize(
            risk.value_and_gradient, w, jac=True, method="L-BFGS-B", options={"maxiter": 500, "gtol": 1e-6}
        ).x
    return _newton(risk, w)


def _refined_cholesky(risk: Risk, gram: np.ndarray) -> tuple[np.ndarray, float]:
    from scipy.linalg import cho_factor, cho_solve

    H = gram.copy()
    H[np.diag_indices_from(H)] += risk.regularization
    factor = cho_factor(H, overwrite_a=True, check_finite=False)
    w = np.zeros(len(H))
    gradient = risk.gradient(w)
    norm = float(np.linalg.norm(gradient))
    for _ in range(20):
        trial = w - cho_solve(factor, gradient, check_finite=False)
        trial_gradient = risk.gradient(trial)
        trial_norm = float(np.linalg.norm(trial_gradient))
        if not trial_norm < norm:
            break
        w, gradient, norm = trial, trial_gradient, trial_norm
    return w, norm


def _newton(risk: Risk, w: np.ndarray) -> tuple[np.ndarray, float]:
    value, gradient = risk.value_and_gradient(w)
    norm = float(np.linalg.norm(gradient))
    for _ in range(MAX_NEWTON_STEPS):
        if norm == 0.0:
            break
        curvature = risk.curvature(w)

        def product(v: np.ndarray, curvature: np.ndarray = curvature) -> np.ndarray:
            return risk.hessian_product(curvature, v)

        direction = conjugate_gradients(product, -gradient, relative=min(1e-3, norm))
        slope = float(gradient @ direction)
        step, moved = 1.0, False
        while step > 1e-6:
            trial = w + step * direction
            trial_value, trial_gradient = risk.value_and_gradient(trial)
            trial_norm = float(np.linalg.norm(trial_gradient))
            # Near w* differences of f drown in rounding, and the gradient norm decides alone.
            if trial_norm < 0.9 * norm or (norm > 1e-7 and trial_value <= value + 1e-4 * step * slope):
                w, value, gradient, norm = trial, trial_value, trial_gradient, trial_norm
                moved = True
                break
            step *= 0.5
        if not moved:
            break
    return w, norm


def conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray], right: np.ndarray, relative: float
) -> np.ndarray:
    """x with ||product(x) - right|| <= max(relative, 1e-10) ||right||, for a positive definite product."""
    x = np.zeros_like(right)
    residual = right.copy()
    direction = right.copy()
    square = float(residual @ residual)
    target = max(relative, 1e-10) ** 2 * square
    for _ in range(MAX_CG_STEPS):
        if square <= target:
            break
        image = product(direction)
        curvature = float(direction @ image)
        if curvature <= 0.0:
            break
        step = square / curvature
        x += step * direction
        residual -= step * image
        last, square = square, float(residual @ residual)
        direction = residual + (square / last) * direction
    return x
