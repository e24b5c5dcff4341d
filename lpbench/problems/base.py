"""What a built problem is: data, loss, optimum and constants, ready for an algorithm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Rows, Vector

SQUARED = "squared"
LOGISTIC = "logistic"
SQUARED_HINGE = "squared_hinge"
SOFTMAX = "softmax"
QUADRATIC = "quadratic"


class Shape(NamedTuple):
    """Sizes of a problem, known without building it."""

    n_samples: int
    dimension: int  # columns of X, the column of ones included
    n_classes: int  # 1 unless softmax


@dataclass(frozen=True, eq=False)
class Problem:
    """f(w) = mean_i l(x_i . w, y_i) + regularization/2 ||w||^2, with its optimum and constants.

    key          hash of everything that decides the problem; data files count by their content.
    loss         squared       l = (z - y)^2 / 2
                 logistic      l = log(1 + exp(-y z)), y = -1 or +1
                 squared_hinge l = max(0, 1 - y z)^2 / 2, y = -1 or +1
                 softmax       l = logsumexp(z) - z[y], z in R^K, y the class index
                 quadratic     f_i(w) = 1/2 sum_j h_j (w_j - w*_j)^2 + n_i . (w - w*), the noise n_i drawn
                               anew at every step, E n_i = 0 (families Q and E): no X, no y.
    X            (N, d) float64, C-contiguous array or csr_array; None for quadratic.
    y            (N,) float64; empty for quadratic.
    n_classes    K for softmax, else 1.
    w_star       (n,) float64, n = d * n_classes, class after class: `w_star.reshape(K, d)`.
    f_star       f(w_star).
    optimum_gradient_norm   ||grad f(w_star)||_2; at most 1e-12 unless the solver could not reach that.
    constants    L mu L_f L_1 L_1_avg gamma sigma sigma_1 s_1 sigma_w L_w w_max: see lpbench.theory.constants.
    constant_kinds   for each of them `exact`, `upper` or `lower` (a valid bound on that side).
    h, noise, noise_kind   quadratic only: (d,) curvatures; sigma; `sparse` (n = +-sigma e_j, j uniform) or
                 `dense` (n_j = +-sigma/sqrt(d), independent signs).
    """

    key: str
    loss: str
    X: Rows | None
    y: Vector
    n_classes: int
    regularization: float
    w_star: Vector
    f_star: float
    optimum_gradient_norm: float
    constants: dict[str, float]
    n_samples: int
    dimension: int
    constant_kinds: dict[str, str] = field(default_factory=dict)
    h: Vector | None = None
    noise: float | None = None
    noise_kind: str | None = None

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays hold in memory."""
        X = self.X
        held = (X,) if X is None or isinstance(X, np.ndarray) else (X.data, X.indices, X.indptr)
        return sum(array.nbytes for array in (*held, self.y, self.w_star, self.h) if array is not None)
