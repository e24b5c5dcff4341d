"""The least of a convex risk over a box, and how far above f(w*) it lies.

L-BFGS-B of scipy comes near; Newton steps then run over the coordinates that are free, their systems solved by
conjugate gradients and their trial points clipped. They stop when the projected gradient no longer falls, as the
unconstrained solver does with the gradient.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lpbench.arithmetic import products
from lpbench.arithmetic.arrays import Matrix, Vector
from lpbench.problems.base import LOGISTIC, SQUARED, SQUARED_HINGE
from lpbench.problems.solving.objective import Risk
from lpbench.problems.solving.optimum import TOLERANCE, conjugate_gradients

MAX_STEPS = 200
GRADIENT_STEPS = 50  # projected gradient steps where a Newton step fails


def minimise(risk: Risk, low: float, high: float, start: Vector, L_f: float) -> Vector:
    """argmin of f over low <= w_j <= high, (n,); start (n,) any point; grad f is L_f-Lipschitz."""
    from scipy.optimize import minimize

    w = np.clip(start, low, high)
    if _state(risk, low, high, w, L_f).norm > TOLERANCE:
        options = {"maxiter": 1000, "maxfun": 2000, "gtol": 1e-9, "ftol": 1e-15}
        bounds = [(low, high)] * len(w)
        found = minimize(
            risk.value_and_gradient, w, jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        w = np.clip(found.x, low, high)
    return _polished(risk, low, high, w, L_f)


def excess(risk: Risk, w_star: Vector, w: Vector) -> float:
    """f(w) - f(w*), a sum of terms >= 0: the gradient at w* counts as zero, so it is a mean divergence."""
    away = w - w_star
    parts = _divergences(risk, risk.margins(w_star), risk.margins(away))
    return float(np.mean(parts)) + 0.5 * products.inner_product(risk.regularization * away, away)


class _State(NamedTuple):
    w: Vector
    value: float
    gradient: Vector
    norm: float  # of the gradient mapping, zero at the optimum alone: the gradient, less what would leave the box


def _state(risk: Risk, low: float, high: float, w: Vector, L_f: float) -> _State:
    value, gradient = risk.value_and_gradient(w)
    mapping = (w - np.clip(w - gradient / L_f, low, high)) * L_f
    return _State(w, value, gradient, products.norm(mapping))


def _polished(risk: Risk, low: float, high: float, w: Vector, L_f: float) -> Vector:
    now = _state(risk, low, high, w, L_f)
    for _ in range(MAX_STEPS):
        if now.norm == 0.0:
            break
        direction = _newton_direction(risk, low, high, now, min(now.norm / L_f, 1e-3 * (high - low)))
        step, moved = 1.0, False
        while step > 1e-6:
            trial = _state(risk, low, high, np.clip(now.w + step * direction, low, high), L_f)
            # Near the optimum differences of f drown in rounding, and the gradient mapping decides alone.
            slope = products.inner_product(now.gradient, trial.w - now.w)
            falls = trial.value < now.value + 1e-4 * min(0.0, slope)
            if trial.norm < 0.9 * now.norm or (now.norm > 1e-7 and falls):
                now, moved = trial, True
                break
            step *= 0.5
        if not moved:  # the set of free coordinates may be wrong: short steps, which cannot fail, mend it
            w = now.w
            for _ in range(GRADIENT_STEPS):
                w = np.clip(w - risk.gradient(w) / L_f, low, high)
            trial = _state(risk, low, high, w, L_f)
            slow = trial.norm < now.norm and now.norm > TOLERANCE
            if not (trial.norm < 0.9 * now.norm or slow or (now.norm > 1e-7 and trial.value < now.value)):
                break
            now = trial
    return now.w


def _newton_direction(risk: Risk, low: float, high: float, now: _State, near: float) -> Vector:
    """To the bound for coordinates that press on it from within `near`; a Newton step for all others."""
    w, gradient = now.w, now.gradient
    at_low = (w <= low + near) & (gradient > 0.0)
    at_high = (w >= high - near) & (gradient < 0.0)
    free = ~(at_low | at_high)
    direction = np.where(at_low, low - w, np.where(at_high, high - w, 0.0))
    curvature = risk.curvature(w)

    def product(v: Vector) -> Vector:
        return np.where(free, risk.hessian_product(curvature, v), 0.0)

    return direction + conjugate_gradients(product, np.where(free, -gradient, 0.0), min(1e-3, now.norm))


def _divergences(risk: Risk, Z: Matrix, dZ: Matrix) -> Vector:
    """l(z + dz) - l(z) - l'(z) dz of every sample, (N,), to full relative accuracy; Z, dZ (N, K)."""
    if risk.loss == SQUARED:
        return 0.5 * dZ[:, 0] ** 2
    if risk.loss == SQUARED_HINGE:
        before, step = 1.0 - risk.y * Z[:, 0], risk.y * dZ[:, 0]  # the hinge is active where it is positive
        after = before - step
        behind = 0.5 * np.minimum(after, 0.0) ** 2
        return np.where(before > 0.0, 0.5 * step**2 - behind, 0.5 * np.maximum(after, 0.0) ** 2)
    if risk.loss == LOGISTIC:  # two classes of softmax, their margins 0 and z
        none = np.zeros_like(Z)
        Z, dZ = np.hstack([none, Z]), np.hstack([none, dZ])
    return _softmax_divergences(Z, dZ)


def _softmax_divergences(Z: Matrix, dZ: Matrix) -> Vector:
    """log sum_k p_k exp(c_k) with p the probabilities at Z and c = dZ less its mean under p, (N,)."""
    from scipy.special import logsumexp, softmax

    P = softmax(Z, axis=1)
    centred = dZ - np.sum(P * dZ, axis=1, keepdims=True)
    small = np.clip(centred, -1.0, 1.0)
    series = np.zeros_like(small)
    for k in range(20, 1, -1):  # sum of x^k / k!, k >= 2: expm1(x) - x without its cancellation
        series = (1.0 + series) * small / k
    large = np.expm1(np.minimum(centred, 500.0)) - centred
    beyond_linear = np.where(np.abs(centred) <= 1.0, series * small, large)
    near = np.log1p(np.sum(P * beyond_linear, axis=1))
    far = logsumexp(Z + dZ, axis=1) - logsumexp(Z, axis=1) - np.sum(P * dZ, axis=1)
    return np.where(centred.max(axis=1) <= 500.0, near, far)
