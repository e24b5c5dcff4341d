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

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lpbench.theory.moments import Moments, row_blocks

if TYPE_CHECKING:
    from scipy.sparse import csr_array

VERSION = 1  # rises when a value changes: stored constants of another version are computed anew
NAMES = ("L", "mu", "L_f", "L_1", "L_1_avg", "gamma", "sigma", "sigma_1", "s_1", "sigma_w", "L_w", "w_max")
CURVATURE = {"squared": 1.0, "logistic": 0.25, "squared_hinge": 1.0, "softmax": 0.5}  # largest of l


class Constants(NamedTuple):
    """The values by name, and of each whether it is `exact`, an `upper` or a `lower` bound."""

    values: dict[str, float]
    kinds: dict[str, str]


def empirical(
    X: np.ndarray | csr_array,
    y: np.ndarray,
    loss: str,
    w_star: np.ndarray,
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
    w_norm, w_max = float(np.linalg.norm(w_star)), float(np.abs(w_star).max())
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

    absolute, square = _optimum_gradients(X, y, loss, w_star.reshape(n_classes, -1), lam)
    weights = np.abs(w_star)
    L_w = min(L * w_norm, L_1_avg * w_max)
    if not softmax:
        q = abs(X) @ weights if not isinstance(X, np.ndarray) else _absolute_product(X, weights)
        L_w = min(L_w, c * float(np.sqrt(np.mean(q * q) * m.largest)) + lam * w_norm)

    squared = loss == "squared"
    values = {
        "L": L,
        "mu": mu,
        "L_f": L_f,
        "L_1": L_1,
        "L_1_avg": L_1_avg,
        "gamma": gamma,
        "sigma": float(np.sqrt(square.sum())),
        "sigma_1": float(absolute.sum()),
        "s_1": float(np.sqrt(square).sum()),
        "sigma_w": float(absolute @ weights),
        "L_w": L_w,
        "w_max": w_max,
    }
    kinds = dict.fromkeys(NAMES, "exact")
    kinds |= dict.fromkeys(("L_1_avg", "gamma", "L_w"), "upper")
    if softmax:
        kinds["L_1"] = "upper"
    if not (squared and m.exact):
        kinds |= {"L_f": "upper", "mu": "lower"}
    return Constants({name: float(value) for name, value in values.items()}, kinds)


def family_s(d: int, k: int, s: float, w_star: np.ndarray, perm: np.ndarray) -> Constants:
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
        "L_w": float(np.linalg.norm(block_sums)) / d,
        "w_max": float(weights.max()),
    }
    return Constants(values, dict.fromkeys(NAMES, "exact"))


def quadratic(h: np.ndarray, sigma: float, noise_kind: str, w_star: np.ndarray) -> Constants:
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
        "L_1": float(np.linalg.norm(h)),
        "L_1_avg": float(np.linalg.norm(h)),
        "gamma": float(np.sqrt(h.sum())),
        "sigma": sigma,
        "sigma_1": coordinate * d,
        "s_1": sigma * d**0.5,
        "sigma_w": coordinate * float(weights.sum()),
        "L_w": float(np.linalg.norm(weights * h)),
        "w_max": float(weights.max()),
    }
    return Constants(values, dict.fromkeys(NAMES, "exact"))


def _optimum_gradients(
    X: np.ndarray | csr_array, y: np.ndarray, loss: str, W: np.ndarray, lam: float
) -> tuple[np.ndarray, np.ndarray]:
    """E |g_ij| and E g_ij^2 for every weight j, each (K d,), from W (K, d)."""
    slopes = _slopes(X, y, loss, W)
    parts = [_column_means(X, slopes[:, k], lam * W[k]) for k in range(len(W))]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _slopes(X: np.ndarray | csr_array, y: np.ndarray, loss: str, W: np.ndarray) -> np.ndarray:
    """Derivatives of the loss in the K margins, (N, K)."""
    from scipy.special import expit, softmax

    Z = X @ W.T
    if loss == "squared":
        return Z - y[:, None]
    if loss == "logistic":
        return -y[:, None] * expit(-y[:, None] * Z)
    if loss == "squared_hinge":
        return -y[:, None] * np.maximum(0.0, 1.0 - y[:, None] * Z)
    P = softmax(Z, axis=1)
    P[np.arange(len(y)), y.astype(np.intp)] -= 1.0
    return P


def _column_means(
    X: np.ndarray | csr_array, slope: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Means over i of |slope_i X_ij + shift_j| and of its square, each (d,)."""
    n, d = X.shape
    if isinstance(X, np.ndarray):
        absolute, square = np.zeros(d), np.zeros(d)
        for rows in row_blocks(n, d, 2**17):
            part = X[rows] * slope[rows, None]
            part += shift
            square += np.einsum("ij,ij->j", part, part)
            absolute += np.abs(part, out=part).sum(axis=0)
        return absolute / n, square / n
    # Only non-zeros differ from shift_j, so add what they change.
    part = X.data * np.repeat(slope, np.diff(X.indptr))
    at = shift[X.indices]
    part += at
    np.abs(at, out=at)
    square = np.bincount(X.indices, weights=part * part - at * at, minlength=d) / n + shift**2
    absolute = np.bincount(X.indices, weights=np.abs(part) - at, minlength=d) / n + np.abs(shift)
    return np.maximum(absolute, 0.0), np.maximum(square, 0.0)


def _absolute_product(X: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """|X| weights, (N,), block by block."""
    product = np.empty(len(X))
    for rows in row_blocks(X.shape[0], X.shape[1], 2**17):
        product[rows] = np.abs(X[rows]) @ weights
    return product
