"""The optimum w* of a strongly convex risk, to a gradient norm of 1e-12 or as far as float64 goes.

Least squares whose second moments were formed: Cholesky, then iterative refinement. Everything else: Newton steps
whose systems conjugate gradients solve. Both stop when the gradient norm no longer falls, not at the tolerance: the
gaps of bit-centred runs go down to 1e-26, so the last digits of w* count. They also count in every digest, so the whole
way from zero to w* is arithmetic in a fixed order: w* has the same bits on every machine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lpbench.arithmetic import products
from lpbench.arithmetic.arrays import Matrix, Vector
from lpbench.problems.base import SQUARED
from lpbench.problems.solving.objective import Risk

TOLERANCE = 1e-12
MAX_NEWTON_STEPS = 200
MAX_CG_STEPS = 5000


def solve(risk: Risk, gram: Matrix | None = None) -> tuple[Vector, float]:
    """w* (n,) and ||grad f(w*)||_2.

    gram: X'X/N (d, d) where it is known; least squares are then solved directly.
    """
    w = np.zeros(risk.n_weights)
    if risk.loss == SQUARED and gram is not None:
        H = gram + risk.regularization * np.eye(len(gram))
        factor = products.cholesky(H)
        if factor is not None:  # else it is too near to singular, and the data itself must do
            return _refined(risk, factor, w)
    return _newton(risk, w)


def _refined(risk: Risk, factor: Vector, w: Vector) -> tuple[Vector, float]:
    gradient = risk.gradient(w)
    norm = products.norm(gradient)
    for _ in range(20):
        trial = w - products.cholesky_solve(factor, gradient)
        trial_gradient = risk.gradient(trial)
        trial_norm = products.norm(trial_gradient)
        if not trial_norm < norm:
            break
        w, gradient, norm = trial, trial_gradient, trial_norm
    return w, norm


def _newton(risk: Risk, w: Vector) -> tuple[Vector, float]:
    value, gradient = risk.value_and_gradient(w)
    norm = first = products.norm(gradient)
    for _ in range(MAX_NEWTON_STEPS):
        if norm == 0.0:
            break
        curvature = risk.curvature(w)

        def product(v: Vector, curvature: Matrix = curvature) -> Vector:
            return risk.hessian_product(curvature, v)

        # As exact as Newton's method gains from: a quadratic, everything at once.
        relative = 0.0 if risk.loss == SQUARED else min(0.1, norm / first)
        direction = conjugate_gradients(product, -gradient, relative)
        slope = products.inner_product(gradient, direction)
        step, moved = 1.0, False
        # Near w* differences of f drown in rounding and the gradient norm decides alone: a short step cannot help it.
        near = -slope <= 1e-10 * value
        while step > (0.1 if near else 1e-6):
            trial = w + step * direction
            trial_value, trial_gradient = risk.value_and_gradient(trial)
            trial_norm = products.norm(trial_gradient)
            if trial_norm < 0.9 * norm or (not near and trial_value <= value + 1e-4 * step * slope):
                w, value, gradient, norm = trial, trial_value, trial_gradient, trial_norm
                moved = True
                break
            step *= 0.5
        if not moved:
            break
    return w, norm


def conjugate_gradients(product: Callable[[Vector], Vector], right: Vector, relative: float) -> Vector:
    """x with ||product(x) - right|| <= max(relative, 1e-10) ||right||, for a positive definite product."""
    x = np.zeros_like(right)
    residual = right.copy()
    direction = right.copy()
    square = products.inner_product(residual, residual)
    target = max(relative, 1e-10) ** 2 * square
    for _ in range(MAX_CG_STEPS):
        if square <= target:
            break
        image = product(direction)
        curvature = products.inner_product(direction, image)
        if curvature <= 0.0:
            break
        step = square / curvature
        x += step * direction
        residual -= step * image
        last, square = square, products.inner_product(residual, residual)
        direction = residual + (square / last) * direction
    return x
