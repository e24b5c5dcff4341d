"""Handwritten digits."""

from lpbench.datasets.base import CLASSIFICATION
from lpbench.datasets.bundled import Bundled
from lpbench.registry import datasets


@datasets.register("digits")
class Digits(Bundled):
    """8 x 8 images of handwritten digits, ten classes: 1797 samples, 64 features (scikit-learn)."""

    tasks = frozenset({CLASSIFICATION})
    n_labels = 10
    shape = (1797, 64)
