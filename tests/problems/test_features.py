import numpy as np
import pytest
from scipy import sparse

from lpbench.errors import ConfigError
from lpbench.problems.features import n_columns, standardised_target, transform


def raw(n: int = 200, d: int = 4) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, d)) * [1.0, 100.0, 1e-6, 3.0][:d] + [5.0, -7.0, 1.0, 0.0][:d]


def test_standard_and_max_norm() -> None:
    X = raw()
    before = X.copy()
    standard = transform(X, "standard", None, 0)
    np.testing.assert_array_equal(X, before)  # the raw data is shared and stays as it is
    np.testing.assert_allclose(standard[:, :4].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(standard[:, :4].std(axis=0), 1, rtol=1e-9)
    assert (standard[:, 4] == 1).all()
    scaled = transform(X, "max_norm", None, 0)
    np.testing.assert_allclose(scaled, standard / np.linalg.norm(standard, axis=1).max(), rtol=1e-14)
    assert standard.flags.c_contiguous
    assert scaled.flags.c_contiguous
    assert transform(X, "none", None, 0) is X


def test_constant_columns_become_zero() -> None:
    X = raw()
    X[:, 1] = 0.1
    assert (transform(X, "standard", None, 0)[:, 1] == 0).all()


def test_sparse_stays_sparse() -> None:
    X = sparse.csr_array(np.array([[0, 3.0, 0], [0, 0, 0], [1.0, -4.0, 0], [2.0, 0, 0]]))
    standard = transform(X, "standard", None, 0)
    assert sparse.issparse(standard)
    expected = X.toarray() / np.sqrt([5 / 4, 25 / 4, 1])
    np.testing.assert_allclose(standard.toarray(), np.column_stack([expected, np.ones(4)]))
    scaled = transform(X, "max_norm", None, 0)
    assert np.sqrt((scaled * scaled).sum(axis=1).max()) == pytest.approx(1)
    assert X.data.tolist() == [3, 1, -4, 2]


@pytest.mark.parametrize("scaling", ["max_norm", "standard", "none"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_random_features(scaling: str, make) -> None:
    X = make(raw(50))
    Z = transform(X, scaling, 12, 3)
    assert Z.shape == (50, n_columns(4, scaling, 12) == 12 and 12)
    assert isinstance(Z, np.ndarray)
    np.testing.assert_array_equal(Z, transform(X, scaling, 12, 3))
    assert not np.array_equal(Z, transform(X, scaling, 12, 4))
    assert (np.ptp(Z[:, -1]) == 0) == (scaling != "none")
    assert n_columns(4, scaling, None) == (4 if scaling == "none" else 5)


def test_random_features_approach_the_gaussian_kernel() -> None:
    X = np.random.default_rng(1).standard_normal((40, 3))
    D = 40_000
    Z = transform(X, "none", D, 0)
    squares = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    bandwidth_square = np.median(squares[np.triu_indices(40, 1)])
    np.testing.assert_allclose(Z @ Z.T / D, np.exp(-squares / (2 * bandwidth_square)), atol=0.03)


def test_identical_rows_have_a_bandwidth() -> None:
    assert np.isfinite(transform(np.ones((5, 2)), "max_norm", 6, 0)).all()


def test_target() -> None:
    y = standardised_target(np.array([1.0, 2.0, 6.0]))
    assert y.mean() == pytest.approx(0)
    assert y.std() == pytest.approx(1)
    with pytest.raises(ConfigError, match="the target is constant"):
        standardised_target(np.full(4, 0.1))
