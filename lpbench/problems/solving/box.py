"""The range of a format as a box: the optimum in it, the constants there, and what holds all over it.

A run cannot leave the range of its format. Where w* lies outside, the iterates settle around w_B, the optimum over
the box, and the bounds hold with w_B in place of w* (derived in docs/theory.md); f(w_B) - f* comes on top.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from lpbench.arithmetic import products
from lpbench.arithmetic.arrays import Rows, Vector
from lpbench.errors import ConfigError
from lpbench.problems.base import LOGISTIC, QUADRATIC, SOFTMAX, SQUARED, Problem
from lpbench.problems.solving.blas import one_blas_thread
from lpbench.problems.solving.box_solver import excess, minimise
from lpbench.problems.solving.memory import remembered
from lpbench.problems.solving.objective import Risk
from lpbench.theory import constants
from lpbench.theory.moments import row_blocks, row_sums


class AtBox(NamedTuple):
    """The optimum w_B of a problem over a box; w* itself where it lies inside.

    w              (n,) float64, argmin of f over low <= w_j <= high.
    excess         f(w_B) - f* >= 0, to full relative accuracy.
    gradient_norm  ||grad f(w_B)||_2. It is not zero where a bound presses, and it is part of sigma.
    constants      the problem's constants with w_B as the reference: all names of lpbench.theory.constants.
                   gamma refers to f - f(w_B), and holds on the box.
    """

    w: Vector
    excess: float
    gradient_norm: float
    constants: dict[str, float]


@remembered
def box_optimum(problem: Problem, low: float, high: float) -> AtBox:
    """The optimum over the box low <= w_j <= high, and the constants there.

    Families Q and E are clipped in closed form, all else is solved to a projected gradient of about 1e-12.
    Infinite ends are allowed. Raises ConfigError unless low <= high.
    """
    _check(low, high)
    w_star = problem.w_star
    if low <= w_star.min() and w_star.max() <= high:
        return AtBox(w_star, 0.0, problem.optimum_gradient_norm, problem.constants)
    if problem.loss == QUADRATIC:
        h, noise, noise_kind = _quadratic_parts(problem)
        w = np.clip(w_star, low, high)
        gradient = h * (w - w_star)
        above = 0.5 * products.inner_product(gradient, w - w_star)
        found = constants.quadratic_elsewhere(h, noise, noise_kind, w, gradient)
        return AtBox(w, above, products.norm(gradient), found)
    X, y, lam, n_classes = _data(problem), problem.y, problem.regularization, problem.n_classes
    risk = Risk(problem.loss, X, y, n_classes, lam)
    with one_blas_thread():
        w = minimise(risk, low, high, w_star, problem.constants["L_f"])
        found = constants.empirical_elsewhere(problem.constants, X, y, problem.loss, w, lam, n_classes)
        return AtBox(w, excess(risk, w_star, w), products.norm(risk.gradient(w)), found)


def largest_gradient(problem: Problem, low: float, high: float) -> float:
    """At least max_j |grad_j f_i(w)| for every sample i and every w in the box low <= w_j <= high.

    From the exact range of every margin x_i . w over the box, at the cost of one pass over X. Attained for the
    squared loss without a regulariser and for families Q and E. inf where the box is too large for float64.
    Raises ConfigError unless low <= high.
    """
    _check(low, high)
    with np.errstate(over="ignore", invalid="ignore"):
        if problem.loss == QUADRATIC:
            h, noise, noise_kind = _quadratic_parts(problem)
            size = noise if noise_kind == "sparse" else noise / problem.dimension**0.5
            away = np.maximum(high - problem.w_star, problem.w_star - low)
            bound = float((h * away).max()) + size
        else:
            total, absolute, largest = _row_parts(problem)
            centre, half = (0.5 * high + 0.5 * low) * total, (0.5 * high - 0.5 * low) * absolute
            bound = float((_largest_slopes(problem, centre, half) * largest).max())
            if problem.regularization > 0.0:
                bound += problem.regularization * max(abs(low), abs(high))
    return bound * (1.0 + 1e-12) if math.isfinite(bound) else math.inf


def active(problem: Problem) -> int:
    """The most coordinates in which the gradient of one sample can differ from zero, at any w."""
    if problem.X is None or problem.regularization > 0.0:
        return len(problem.w_star)
    if isinstance(problem.X, np.ndarray):
        n, d = problem.X.shape
        blocks = row_blocks(n, d, 2**20)
        longest = max(int(np.count_nonzero(problem.X[rows], axis=1).max()) for rows in blocks)
    else:
        longest = int(np.diff(problem.X.indptr).max())
    return longest * problem.n_classes


def _check(low: float, high: float) -> None:
    if not low <= high:
        raise ConfigError(f"box: low must be at most high, got low={low:g} and high={high:g}")


def _row_parts(problem: Problem) -> tuple[Vector, Vector, Vector]:
    """Of every row of X its sum, its l1 norm and its largest |x_ij|, each (N,)."""
    X = _data(problem)
    n, d = X.shape
    if not isinstance(X, np.ndarray):
        size = np.abs(X.data)
        largest = row_sums(size, X.indptr, np.maximum)
        return row_sums(X.data, X.indptr), row_sums(size, X.indptr), largest
    total, absolute, largest = np.empty(n), np.empty(n), np.empty(n)
    for rows in row_blocks(n, d, 2**17):
        total[rows] = X[rows].sum(axis=1)
        block = np.abs(X[rows])
        absolute[rows], largest[rows] = block.sum(axis=1), block.max(axis=1)
    return total, absolute, largest


def _largest_slopes(problem: Problem, centre: Vector, half: Vector) -> Vector:
    """max |l'(z)| over |z - centre| <= half, (N,): l is convex, so an end of the interval decides."""
    from scipy.special import expit

    y = problem.y
    if problem.loss == SQUARED:
        return np.abs(centre - y) + half
    if problem.loss == LOGISTIC:
        return expit(half - y * centre)
    if problem.loss == SOFTMAX:  # p_y is least where z_y is least and the others are largest; 1 - p_y decides
        return expit(math.log(problem.n_classes - 1) + 2.0 * half)
    return np.maximum(0.0, 1.0 - y * centre + half)


def _data(problem: Problem) -> Rows:
    assert problem.X is not None  # every loss but the quadratic one has data
    return problem.X


def _quadratic_parts(problem: Problem) -> tuple[Vector, float, str]:
    assert problem.h is not None
    assert problem.noise is not None
    assert problem.noise_kind is not None
    return problem.h, problem.noise, problem.noise_kind
