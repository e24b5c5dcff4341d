"""The constants of a problem that the bounds are made of.

All at the optimum w*, with E over the samples i, g_i = grad f_i(w*), n the number of weights:

    L         every f_i is convex with an L-Lipschitz gradient (l2)          upper
    mu        f is mu-strongly convex                                        lower
    L_f       f has an L_f-Lipschitz gradient                                upper
    L_1       ||grad f_i(x) - grad f_i(y)||_1 <= L_1 ||x - y||_2, all i      upper
    L_1_avg   E ||grad f_i(x) - g_i||_1 <= L_1_avg ||x - w*||_2              upper
    gamma     E ||grad f_i(x) - g_i||_1 <= gamma sqrt(2 (f(x) - f*))         upper
    sigma     sqrt(E ||g_i||_2^2)           sigma_1   E ||g_i||_1            exact
    s_1       sum_j sqrt(E g_ij^2)          sigma_w   E sum_j |w*_j g_ij|    exact
    L_w       E sum_j |w*_j| |grad_j f_i(x) - g_ij| <= L_w ||x - w*||_2      upper
    w_max     max_j |w*_j|                                                   exact

The third column says which side is safe; `kinds` says of each value whether it is `exact` (the supremum
itself), an `upper` or a `lower` bound of it. The l1 norm of a matrix from l2, ||M||_{2->1} = max over signs s
of ||M s||_2, is what makes L_1 of a rank-one matrix plus a multiple of the identity exact. The softmax rows
use ||diag(p) - pp'||_2 <= 1/2 and ||diag(p) - pp'||_{2->1} <= 1/sqrt(2), and Pinsker's inequality for gamma.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lpbench.arithmetic import products
from lpbench.arithmetic.arrays import Rows, Vector
from lpbench.theory.moments import Moments
from lpbench.theory.reference import CURVATURE, at_reference

NAMES = ("L", "mu", "L_f", "L_1", "L_1_avg", "gamma", "sigma", "sigma_1", "s_1", "sigma_w", "L_w", "w_max")


class Constants(NamedTuple):
    """The values by name, and of each whether it is `exact`, an `upper` or a `lower` bound."""

    values: dict[str, float]
    kinds: dict[str, str]


def empirical(
    X: Rows,
    y: Vector,
    loss: str,
    w_star: Vector,
    regularization: float,
    X_moments: Moments,
    n_classes: int = 1,
) -> Constants:
    """Constants of mean_i l(x_i . w, y_i) + regularization/2 ||w||^2, the regulariser counted in every f_i.

    X (N, d), y (N,), w_star (d * n_classes,), X_moments = moments(X), loss a key of CURVATURE.
    """
    m, c, lam, n = X_moments, CURVATURE[loss], regularization, len(w_star)
    softmax = loss == "softmax"
    c_1 = np.sqrt(0.5) if softmax else c  # the 2 -> 1 norm of the loss's Hessian
    root_n, r1_mean_square = np.sqrt(n), float(np.mean(m.r1**2))

    L = c * float(m.r2_squared.max()) + lam
    L_f = min(c * m.largest + lam, L)
    mu = lam + (m.smallest if loss == "squared" else 0.0)
    if softmax:
        L_1 = float((c_1 * m.r1 * np.sqrt(m.r2_squared)).max() + lam * root_n)
    else:
        L_1 = float(np.sqrt(((c * c * m.r2_squared + 2 * c * lam) * m.r1**2 + lam * lam * n).max()))
    # By Cauchy-Schwarz over i; tighter on data than the largest eigenvalue of mean_i r1_i^2 x_i x_i'.
    L_1_avg = min(c_1 * float(np.sqrt(r1_mean_square * m.largest)) + lam * root_n, L_1)
    gamma = float(np.sqrt((1.0 if softmax else c) * r1_mean_square + lam * n))
    if mu > 0:
        gamma = min(gamma, L_1_avg / float(np.sqrt(mu)))

    squared = loss == "squared"
    values = {
        "L": L,
        "mu": mu,
        "L_f": L_f,
        "L_1": L_1,
        "L_1_avg": L_1_avg,
        "gamma": gamma,
        **at_reference(X, y, loss, w_star.reshape(n_classes, -1), lam, L, L_1_avg, m.largest),
    }
    kinds = dict.fromkeys(NAMES, "exact")
    kinds |= dict.fromkeys(("L_1_avg", "gamma", "L_w"), "upper")
    if softmax:
        kinds["L_1"] = "upper"
    if not (squared and m.exact):
        kinds |= {"L_f": "upper", "mu": "lower"}
    return Constants({name: float(value) for name, value in values.items()}, kinds)


def empirical_elsewhere(
    values: dict[str, float],
    X: Rows,
    y: Vector,
    loss: str,
    w: Vector,
    regularization: float,
    n_classes: int = 1,
) -> dict[str, float]:
    """The constants with w (d * n_classes,) in place of w*, from `values`, those at w*; family S too.

    w: any point with <grad f(w), x - w> >= 0 for all x in question, as the optimum over a box has on the box;
    gamma then refers to f(x) - f(w). L, mu, L_f, L_1 and L_1_avg hold between any two points, so they stay.
    So does gamma: each proof bounds the left side by the divergence f(x) - f(w) - <grad f(w), x - w>, and at
    w* that is f(x) - f*. What was exact stays exact, but gamma, which is an upper bound at w.
    """
    c, L, L_f = CURVATURE[loss], values["L"], values["L_f"]
    # L_f is c times at least the largest eigenvalue of X'X/N, plus regularization; moved up by the rounding.
    largest = (L_f - regularization + 4 * np.finfo(np.float64).eps * L_f) / c
    W = w.reshape(n_classes, -1)
    return values | at_reference(X, y, loss, W, regularization, L, values["L_1_avg"], largest)


def family_s(d: int, k: int, s: float, w_star: Vector, perm: Vector) -> Constants:
    """Constants of family S: rows with k entries +-1/sqrt(k), X'X/N = I/d, residuals +-s; all exact.

    perm (d,): the columns of block b are perm[b k : (b+1) k]. For L_w: with V = |A| |w*|, constant within a
    block, E V_i |a_i . v| is largest when a_i . v is proportional to V_i, as A is orthogonal.
    """
    weights = np.abs(w_star)
    block_sums = weights[perm].reshape(d // k, k).sum(axis=1)
    values = {
        "L": 1.0,
        "mu": 1.0 / d,
        "L_f": 1.0 / d,
        "L_1": k**0.5,
        "L_1_avg": (k / d) ** 0.5,
        "gamma": k**0.5,
        "sigma": s,
        "sigma_1": s * k**0.5,
        "s_1": s * d**0.5,
        "sigma_w": s * k**0.5 * float(weights.sum()) / d,
        "L_w": products.norm(block_sums) / d,
        "w_max": float(weights.max()),
    }
    return Constants(values, dict.fromkeys(NAMES, "exact"))


def quadratic(h: Vector, sigma: float, noise_kind: str, w_star: Vector) -> Constants:
    """Constants of families Q and E: f_i(w) = 1/2 sum_j h_j (w_j - w*_j)^2 + n_i . (w - w*). All exact.

    noise_kind `sparse`: n = +-sigma e_j, j uniform; `dense`: n_j = +-sigma/sqrt(d), independent signs. Every
    f_i has the Hessian diag(h), so the differences of gradients do not depend on i.
    """
    d, weights = len(h), np.abs(w_star)
    coordinate = sigma / d if noise_kind == "sparse" else sigma / d**0.5  # E |n_j|
    values = {
        "L": float(h.max()),
        "mu": float(h.min()),
        "L_f": float(h.max()),
        "L_1": products.norm(h),
        "L_1_avg": products.norm(h),
        "gamma": float(np.sqrt(h.sum())),
        "sigma": sigma,
        "sigma_1": coordinate * d,
        "s_1": sigma * d**0.5,
        "sigma_w": coordinate * float(weights.sum()),
        "L_w": products.norm(weights * h),
        "w_max": float(weights.max()),
    }
    return Constants(values, dict.fromkeys(NAMES, "exact"))


def quadratic_elsewhere(
    h: Vector, sigma: float, noise_kind: str, w: Vector, gradient: Vector
) -> dict[str, float]:
    """Constants of families Q and E with w (d,) in place of w*; gradient (d,) = grad f(w) = h (w - w*).

    w as in `empirical_elsewhere`. The sample gradients at w are gradient + n: E |g_j| and E g_j^2 are exact
    for both kinds of noise. gamma is an upper bound: f(x) - f(w) is at least 1/2 sum_j h_j (x_j - w_j)^2.
    """
    d, size = len(h), np.abs(gradient)
    if noise_kind == "sparse":  # coordinate j has the noise +-sigma once in d draws
        absolute = size + (np.maximum(size, sigma) - size) / d
    else:
        absolute = np.maximum(size, sigma / d**0.5)
    return quadratic(h, sigma, noise_kind, w).values | {
        "sigma": float(np.sqrt(sigma**2 + products.inner_product(gradient, gradient))),
        "sigma_1": float(absolute.sum()),
        "s_1": float(np.sqrt(sigma**2 / d + gradient**2).sum()),
        "sigma_w": products.inner_product(absolute, np.abs(w)),
    }
