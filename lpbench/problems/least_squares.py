"""Ridge regression."""

from lpbench.datasets.base import REGRESSION
from lpbench.problems.base import SQUARED
from lpbench.problems.empirical import EmpiricalRisk
from lpbench.registry import problems


@problems.register("least_squares")
class LeastSquares(EmpiricalRisk):
    """Ridge regression: mean_i (x_i . w - y_i)^2 / 2 + lambda/2 ||w||^2.

    regularization=0 is allowed where X'X is nonsingular.
    """

    task = REGRESSION
    zero_regularization = True

    @classmethod
    def loss(cls, n_labels: int) -> str:
        return SQUARED
