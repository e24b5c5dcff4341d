"""The constants that depend on the reference point: the noise there, and its products with the weights."""

from __future__ import annotations

import numpy as np

from lpbench.arithmetic import products
from lpbench.arithmetic.arrays import Matrix, Rows, Vector
from lpbench.arithmetic.elementary import to_exp
from lpbench.theory.moments import row_blocks

CURVATURE = {"squared": 1.0, "logistic": 0.25, "squared_hinge": 1.0, "softmax": 0.5}  # largest of l


def at_reference(
    X: Rows,
    y: Vector,
    loss: str,
    W: Matrix,
    lam: float,
    L: float,
    L_1_avg: float,
    largest: float,
) -> dict[str, float]:
    """sigma, sigma_1, s_1, sigma_w, L_w and w_max at the point W (K, d).

    lam: the regularization; L, L_1_avg: the constants of those names; largest: at least the largest
    eigenvalue of X'X/N.
    """
    w = W.ravel()
    weights = np.abs(w)
    w_norm, w_max = products.norm(w), float(weights.max())
    absolute, square = _reference_gradients(X, y, loss, W, lam)
    L_w = min(L * w_norm, L_1_avg * w_max)
    if loss != "softmax":
        q = abs(X) @ weights if not isinstance(X, np.ndarray) else _absolute_product(X, weights)
        L_w = min(L_w, CURVATURE[loss] * float(np.sqrt(np.mean(q * q) * largest)) + lam * w_norm)
    return {
        "sigma": float(np.sqrt(square.sum())),
        "sigma_1": float(absolute.sum()),
        "s_1": float(np.sqrt(square).sum()),
        "sigma_w": products.inner_product(absolute, weights),
        "L_w": float(L_w),
        "w_max": w_max,
    }


def _reference_gradients(
    X: Rows, y: Vector, loss: str, W: Matrix, lam: float
) -> tuple[np.ndarray, np.ndarray]:
    """E |g_ij| and E g_ij^2 for every weight j, each (K d,), from W (K, d)."""
    slopes = _slopes(X, y, loss, W)
    parts = [_column_means(X, slopes[:, k], lam * W[k]) for k in range(len(W))]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _slopes(X: Rows, y: Vector, loss: str, W: Matrix) -> np.ndarray:
    """Derivatives of the loss in the K margins, (N, K)."""
    Z = products.margins(X, W)
    if loss == "squared":
        return Z - y[:, None]
    if loss == "logistic":
        e = y[:, None] * Z
        to_exp(e.reshape(-1))  # inf far on the right side, where the slope is 0
        return -y[:, None] / (1.0 + e)
    if loss == "squared_hinge":
        return -y[:, None] * np.maximum(0.0, 1.0 - y[:, None] * Z)
    P = Z - Z.max(axis=1, keepdims=True)
    to_exp(P.reshape(-1))
    P /= P.sum(axis=1, keepdims=True)
    P[np.arange(len(y)), y.astype(np.intp)] -= 1.0
    return P


def _column_means(X: Rows, slope: Vector, shift: Vector) -> tuple[np.ndarray, np.ndarray]:
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


def _absolute_product(X: Matrix, weights: Vector) -> np.ndarray:
    """|X| weights, (N,), block by block."""
    product = np.empty(len(X))
    for rows in row_blocks(X.shape[0], X.shape[1], 2**17):
        product[rows] = products.margins(np.abs(X[rows]), weights[None])[:, 0]
    return product
