"""Logistic regression, binary or multinomial."""

from lpbench.problems.base import LOGISTIC, SOFTMAX
from lpbench.problems.empirical import EmpiricalRisk
from lpbench.registry import problems


@problems.register("logistic_regression")
class LogisticRegression(EmpiricalRisk):
    """Logistic regression with lambda/2 ||w||^2: log(1 + exp(-y x . w)) for two classes, softmax for more.

    Of two labels the smaller one is y = -1; of more, class k is the k-th smallest.
    """

    @classmethod
    def loss(cls, n_labels: int) -> str:
        return LOGISTIC if n_labels == 2 else SOFTMAX
