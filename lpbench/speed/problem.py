"""The least-squares problem on which a gap is reached: Gaussian rows, eigenvalues spread evenly in their logarithm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpbench.arithmetic.arrays import Matrix, Vector, zeros
from lpbench.speed.runs import Data, data

NOISE = 0.1  # of the labels, as a share of their standard deviation over that of a weight
_ROWS = 8192  # that are drawn at a time


@dataclass(frozen=True)
class Problem:
    """f(w) = mean_i (x_i . w - y_i)^2 / 2 in float32, with its Hessian and optimum in float64; no regularizer.

    L    the mean of ||x_i||^2, of which those of the rows hardly differ.      mu   the least eigenvalue of the Hessian.
    """

    data: Data
    H: Matrix
    w_star: Vector
    L: float
    mu: float

    @property
    def condition(self) -> float:
        """The largest eigenvalue of the Hessian over the least."""
        return float(np.linalg.eigvalsh(self.H)[-1] / self.mu)

    def gap(self, w: Vector) -> float:
        """f(w) - f(w*) as a share of that at 0."""
        return self._form(w - self.w_star) / self._form(self.w_star)

    def _form(self, delta: Vector) -> float:
        return float(delta @ (self.H @ delta)) / 2


def draw(rows: int, d: int, condition: float, seed: int = 0) -> Problem:
    """(rows, d) samples, d a multiple of 64. Only for time: sums are those of whatever BLAS there is."""
    random = np.random.default_rng(seed)
    spread = np.geomspace(1, 1 / condition, d)
    turned = np.linalg.qr(random.standard_normal((d, d)))[0]
    mixing = (np.sqrt(spread)[:, None] * turned).astype(np.float32)
    w = random.standard_normal(d)
    X, y = zeros(rows * d, np.float32).reshape(rows, d), np.empty(rows)
    H, b = np.zeros((d, d)), np.zeros(d)
    for start in range(0, rows, _ROWS):
        part, labels = X[start : start + _ROWS], y[start : start + _ROWS]
        np.matmul(random.standard_normal(part.shape, dtype=np.float32), mixing, out=part)
        noise = random.standard_normal(len(part))
        labels[:] = part @ w + NOISE * np.sqrt(spread.sum()) * noise
        H += part.T @ part
        b += part.T.astype(np.float64) @ labels
    H, b = H / rows, b / rows
    return Problem(data(X, y), H, np.linalg.solve(H, b), float(np.trace(H)), float(np.linalg.eigvalsh(H)[0]))
