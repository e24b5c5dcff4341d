"""Value, gradient and Hessian product of a regularised empirical risk, for dense and sparse X alike.

All sums have a fixed order and all functions are our own: the optimum that is found with them is the same on every
machine. numpy's means and sums of rows are plain loops too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpbench.arithmetic import products
from lpbench.arithmetic.arrays import Matrix, Rows, Vector
from lpbench.arithmetic.elementary import to_exp, to_log1p
from lpbench.problems.base import LOGISTIC, SOFTMAX, SQUARED, SQUARED_HINGE


@dataclass(frozen=True, eq=False)
class Risk:
    """f(w) = mean_i l(x_i . w, y_i) + regularization/2 ||w||^2, with the fields of `Problem`.

    w is flat, (n,) with n = d * n_classes; margins Z = X w are (N, n_classes).
    """

    loss: str
    X: Rows
    y: Vector
    n_classes: int
    regularization: float

    @property
    def n_weights(self) -> int:
        """n, the length of w."""
        return int(self.X.shape[1]) * self.n_classes

    def margins(self, w: Vector) -> Matrix:
        """X w, (N, n_classes)."""
        return products.margins(self.X, w.reshape(self.n_classes, -1))

    def gradient(self, w: Vector) -> Vector:
        """grad f(w), (n,)."""
        return self._pull_back(self._slopes(self.margins(w))) + self.regularization * w

    def value_and_gradient(self, w: Vector) -> tuple[float, Vector]:
        """f(w) and grad f(w) from one product with X."""
        Z, strength = self.margins(w), self.regularization
        value = float(np.mean(self._losses(Z))) + 0.5 * strength * products.inner_product(w, w)
        return value, self._pull_back(self._slopes(Z)) + strength * w

    def value_and_gradient_norm(self, w: Vector) -> tuple[float, float]:
        """f(w) and ||grad f(w)||_2."""
        value, gradient = self.value_and_gradient(w)
        return value, products.norm(gradient)

    def curvature(self, w: Vector) -> Matrix:
        """What `hessian_product` needs of w: second derivatives (N, 1), or softmax probabilities (N, K)."""
        Z = self.margins(w)
        if self.loss == SQUARED:
            return np.ones_like(Z)
        if self.loss == LOGISTIC:
            return _sigmoid(Z) * _sigmoid(-Z)
        if self.loss == SQUARED_HINGE:
            return (self.y[:, None] * Z < 1.0).astype(np.float64)
        return _softmax(Z)

    def hessian_product(self, curvature: Matrix, v: Vector) -> Vector:
        """(Hessian of f at the point of `curvature`) v, (n,); for the squared hinge a generalised Hessian."""
        Z = self.margins(v)
        if self.loss == SOFTMAX:
            Z = curvature * (Z - np.sum(curvature * Z, axis=1, keepdims=True))
        else:
            Z = curvature * Z
        return self._pull_back(Z) + self.regularization * v

    def _pull_back(self, Z: Matrix) -> Vector:
        return products.combinations(np.ascontiguousarray(Z.T), self.X).ravel() / len(self.y)

    def _losses(self, Z: Matrix) -> Vector:
        if self.loss == SOFTMAX:
            largest = Z.max(axis=1)
            total = _exp(Z - largest[:, None]).sum(axis=1)
            return _log1p(total - 1.0) + largest - Z[np.arange(len(Z)), self.y.astype(np.intp)]
        z = Z[:, 0]
        if self.loss == SQUARED:
            return 0.5 * (z - self.y) ** 2
        if self.loss == LOGISTIC:
            return _log1p(_exp(-np.abs(z))) + np.maximum(0.0, -self.y * z)
        return 0.5 * np.maximum(0.0, 1.0 - self.y * z) ** 2

    def _slopes(self, Z: Matrix) -> Matrix:
        if self.loss == SOFTMAX:
            P = _softmax(Z)
            P[np.arange(len(Z)), self.y.astype(np.intp)] -= 1.0
            return P
        y = self.y[:, None]
        if self.loss == SQUARED:
            return Z - y
        if self.loss == LOGISTIC:
            return -y * _sigmoid(-y * Z)
        return -y * np.maximum(0.0, 1.0 - y * Z)


def _exp(x: np.ndarray) -> np.ndarray:
    """e**x of a new C-contiguous array, which is overwritten."""
    to_exp(x.reshape(-1))
    return x


def _log1p(x: np.ndarray) -> np.ndarray:
    """log(1 + x) of a new C-contiguous array, which is overwritten."""
    to_log1p(x.reshape(-1))
    return x


def _sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z))."""
    e = _exp(-np.abs(z))
    return np.where(z >= 0.0, 1.0, e) / (1.0 + e)


def _softmax(Z: Matrix) -> Matrix:
    """exp(Z) / its sum, row by row."""
    P = _exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    return P
