"""What a built problem is: data, loss, optimum and constants, ready for an algorithm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

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
    X: np.ndarray | csr_array | None
    y: np.ndarray
    n_classes: int
    regularization: float
    w_star: np.ndarray
    f_star: float
    optimum_gradient_norm: float
    constants: dict[str, float]
    n_samples: int
    dimension: int
    constant_kinds: dict[str, str] = field(default_factory=dict)
    h: np.ndarray | None = None
    noise: float | None = None
    noise_kind: str | None = None

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays hold in memory."""
        arrays = [self.y, self.w_star]
        if self.h is not None:
            arrays.append(self.h)
        if isinstance(self.X, np.ndarray):
            arrays.append(self.X)
        elif self.X is not None:
            arrays += [self.X.data, self.X.indices, self.X.indptr]
        return sum(array.nbytes for array in arrays)
