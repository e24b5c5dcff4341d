import numpy as np
import pytest

from lpbench.datasets.base import CLASSIFICATION, REGRESSION, Size
from lpbench.datasets.gaussian import Gaussian
from lpbench.errors import ConfigError


def test_rows_and_response() -> None:
    X, y, kind, _ = Gaussian.load(
        {"dimension": 50, "n_samples": 4000, "noise": 0.3, "data_seed": 1}, REGRESSION
    )
    assert kind == REGRESSION
    assert X.shape == (4000, 50)
    assert X.flags.c_contiguous
    assert X.std() == pytest.approx(2 / np.sqrt(50), rel=0.01)
    w, residual, *_ = np.linalg.lstsq(X, y, rcond=None)
    assert np.sqrt(residual[0] / 3950) == pytest.approx(0.3, rel=0.05)
    assert 0.8 < np.abs(w).max() < 1.1
    exact = Gaussian.load({"dimension": 50, "n_samples": 4000, "noise": 0, "data_seed": 1}, REGRESSION)
    w_true = np.linalg.lstsq(exact.X, exact.y, rcond=None)[0]
    assert np.abs(w_true).max() <= 1
    np.testing.assert_allclose(exact.X @ w_true, exact.y, atol=1e-12)


def test_labels_have_the_logistic_probability() -> None:
    choices = {"dimension": 3, "n_samples": 40_000, "data_seed": 2}
    X, y, kind, n_labels = Gaussian.load(choices, CLASSIFICATION)
    assert (kind, n_labels, set(y)) == (CLASSIFICATION, 2, {0.0, 1.0})
    exact = Gaussian.load(choices | {"noise": 0}, REGRESSION)
    np.testing.assert_array_equal(exact.X, X)
    probability = 1 / (1 + np.exp(-4 * exact.y))
    for low in np.arange(0, 1, 0.2):
        inside = (probability >= low) & (probability < low + 0.2)
        assert y[inside].mean() == pytest.approx(probability[inside].mean(), abs=0.03)


def test_drawn_from_the_seed() -> None:
    first, again, other = (Gaussian.load({"data_seed": seed}, REGRESSION) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.X, other.X)
    assert Gaussian.size({}, REGRESSION) == Size(1000, 64, 0) == Size(*first.X.shape, 0)


def test_one_class_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"n_samples=1, dimension=64, data_seed=0 holds one class"):
        Gaussian.load({"n_samples": 1}, CLASSIFICATION)
