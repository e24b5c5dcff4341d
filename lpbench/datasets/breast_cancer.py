"""Breast cancer Wisconsin."""

from lpbench.datasets.base import CLASSIFICATION
from lpbench.datasets.bundled import Bundled
from lpbench.registry import datasets


@datasets.register("breast_cancer")
class BreastCancer(Bundled):
    """Breast cancer Wisconsin, malignant -1, benign +1: 569 samples, 30 features (scikit-learn)."""

    tasks = frozenset({CLASSIFICATION})
    n_labels = 2
    shape = (569, 30)
