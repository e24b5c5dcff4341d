"""Value, gradient and Hessian product of a regularised empirical risk, for dense and sparse X alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lpbench.problems.base import LOGISTIC, SOFTMAX, SQUARED, SQUARED_HINGE

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class Risk:
    """f(w) = mean_i l(x_i . w, y_i) + regularization/2 ||w||^2, with the fields of `Problem`.

    w is flat, (n,) with n = d * n_classes; margins Z = X w are (N, n_classes).
    """

    loss: str
    X: np.ndarray | csr_array
    y: np.ndarray
    n_classes: int
    regularization: float

    @property
    def n_weights(self) -> int:
        """n, the length of w."""
        return int(self.X.shape[1]) * self.n_classes

    def margins(self, w: np.ndarray) -> np.ndarray:
        """X w, (N, n_classes)."""
        return self.X @ w.reshape(self.n_classes, -1).T

    def value(self, w: np.ndarray) -> float:
        """f(w)."""
        return float(np.mean(self._losses(self.margins(w)))) + 0.5 * self.regularization * float(w @ w)

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """grad f(w), (n,)."""
        return self._pull_back(self._slopes(self.margins(w))) + self.regularization * w

    def value_and_gradient(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """f(w) and grad f(w) from one product with X."""
        Z = self.margins(w)
        value = float(np.mean(self._losses(Z))) + 0.5 * self.regularization * float(w @ w)
        return value, self._pull_back(self._slopes(Z)) + self.regularization * w

    def value_and_gradient_norm(self, w: np.ndarray) -> tuple[float, float]:
        """f(w) and ||grad f(w)||_2."""
        value, gradient = self.value_and_gradient(w)
        return value, float(np.linalg.norm(gradient))

    def curvature(self, w: np.ndarray) -> np.ndarray:
        """What `hessian_product` needs of w: second derivatives (N, 1), or softmax probabilities (N, K)."""
        from scipy.special import expit, softmax

        Z = self.margins(w)
        if self.loss == SQUARED:
            return np.ones_like(Z)
        if self.loss == LOGISTIC:
            return expit(Z) * expit(-Z)
        if self.loss == SQUARED_HINGE:
            return (self.y[:, None] * Z < 1.0).astype(np.float64)
        return softmax(Z, axis=1)

    def hessian_product(self, curvature: np.ndarray, v: np.ndarray) -> np.ndarray:
        """(Hessian of f at the point of `curvature`) v, (n,); for the squared hinge a generalised Hessian."""
        Z = self.margins(v)
        if self.loss == SOFTMAX:
            Z = curvature * (Z - np.sum(curvature * Z, axis=1, keepdims=True))
        else:
            Z = curvature * Z
        return self._pull_back(Z) + self.regularization * v

    def _pull_back(self, Z: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray((self.X.T @ Z).T).ravel() / len(self.y)

    def _losses(self, Z: np.ndarray) -> np.ndarray:
        if self.loss == SOFTMAX:
            from scipy.special import logsumexp

            return logsumexp(Z, axis=1) - Z[np.arange(len(Z)), self.y.astype(np.intp)]
        z = Z[:, 0]
        if self.loss == SQUARED:
            return 0.5 * (z - self.y) ** 2
        if self.loss == LOGISTIC:
            return np.logaddexp(0.0, -self.y * z)
        return 0.5 * np.maximum(0.0, 1.0 - self.y * z) ** 2

    def _slopes(self, Z: np.ndarray) -> np.ndarray:
        from scipy.special import expit, softmax

        if self.loss == SOFTMAX:
            P = softmax(Z, axis=1)
            P[np.arange(len(Z)), self.y.astype(np.intp)] -= 1.0
            return P
        y = self.y[:, None]
        if self.loss == SQUARED:
            return Z - y
        if self.loss == LOGISTIC:
            return -y * expit(-y * Z)
        return -y * np.maximum(0.0, 1.0 - y * Z)
