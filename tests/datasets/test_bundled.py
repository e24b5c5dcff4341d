import numpy as np
import pytest
import sklearn.datasets

from lpbench.datasets.base import CLASSIFICATION, REGRESSION, Size
from lpbench.datasets.bundled import Bundled
from lpbench.registry import datasets

NAMES = [name for name in datasets.names() if issubclass(datasets.get(name), Bundled)]


@pytest.mark.parametrize("name", NAMES)
def test_sizes_are_those_of_the_data(name: str) -> None:
    dataset = datasets.get(name)
    task = CLASSIFICATION if dataset.n_labels else REGRESSION
    data = dataset.load({}, task)
    assert dataset.tasks == {task} == {data.kind}
    assert dataset.size({}, task) == Size(*data.X.shape, data.n_labels)
    assert data.X.dtype == data.y.dtype == np.float64
    assert data.X.flags.c_contiguous
    if data.n_labels:
        assert set(data.y) == set(range(data.n_labels))


def test_bundled_names() -> None:
    assert NAMES == ["breast_cancer", "diabetes", "digits"]


def test_malignant_is_the_first_class() -> None:
    y = datasets.get("breast_cancer").load({}, CLASSIFICATION).y
    assert sklearn.datasets.load_breast_cancer().target_names[0] == "malignant"
    assert (y == 0).sum() == 212
