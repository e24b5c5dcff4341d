"""Diabetes progression."""

from lpbench.datasets.base import REGRESSION
from lpbench.datasets.bundled import Bundled
from lpbench.registry import datasets


@datasets.register("diabetes")
class Diabetes(Bundled):
    """Diabetes progression after one year, a number to predict: 442 samples, 10 features (scikit-learn)."""

    tasks = frozenset({REGRESSION})
    n_labels = 0
    shape = (442, 10)
