"""Linear support vector machine with the squared hinge."""

from lpbench.problems.base import SQUARED_HINGE
from lpbench.problems.empirical import EmpiricalRisk
from lpbench.registry import problems


@problems.register("squared_hinge")
class SquaredHinge(EmpiricalRisk):
    """Squared hinge for two classes: mean_i max(0, 1 - y_i x_i . w)^2 / 2 + lambda/2 ||w||^2."""

    binary = True

    @classmethod
    def loss(cls, n_labels: int) -> str:
        return SQUARED_HINGE
