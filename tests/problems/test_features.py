from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from lpbench.errors import ConfigError
from lpbench.problems.features import n_columns, remarks, standardised_target, transform


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


@pytest.mark.parametrize("shape", [(200, 4), (57, 3), (40, 1), (9, 7)])
def test_ordinary_columns_keep_their_bits(shape: tuple[int, int]) -> None:
    X = raw(*shape)[:, : shape[1]] if shape[1] <= 4 else np.random.default_rng(1).standard_normal(shape)
    centred = np.empty((len(X), X.shape[1] + 1))[:, :-1]  # sums of one column depend on where it lies
    np.subtract(X, X.mean(axis=0), out=centred)
    spread = np.sqrt(np.einsum("ij,ij->j", centred, centred) / len(X))
    np.testing.assert_array_equal(transform(X, "standard", None, 0)[:, :-1], centred / spread)
    y = X[:, 0]
    np.testing.assert_array_equal(standardised_target(y), (y - y.mean()) / y.std())


@pytest.mark.parametrize("exponent", [-1000, -600, 600, 1000])
@pytest.mark.parametrize("make", [np.array, sparse.csr_array])
def test_columns_of_any_size_are_scaled_alike(exponent: int, make: Callable) -> None:
    """Also beside ordinary ones: a power of two changes no bit of what standardising gives."""
    X = np.random.default_rng(2).standard_normal((50, 3)) * (np.random.default_rng(3).random((50, 3)) < 0.7)
    far = X * [2.0**exponent, 1.0, 2.0 ** (exponent // 2)]
    for scaling in ("standard", "max_norm"):
        found, expected = (transform(make(of), scaling, None, 0) for of in (far, X))
        if make is not np.array:
            found, expected = found.toarray(), expected.toarray()
        np.testing.assert_array_equal(found, expected)
    y = X[:, 0]
    np.testing.assert_array_equal(standardised_target(y * 2.0**exponent), standardised_target(y))


@pytest.mark.parametrize("size", [1e160, 1e-170, 5e-324])
@pytest.mark.parametrize("make", [np.array, sparse.csr_array])
@pytest.mark.parametrize("dimension", [None, 6])
def test_numbers_whose_squares_overflow_or_vanish_need_scaling(
    size: float, make: Callable, dimension
) -> None:
    X = make(np.array([[1.0, 2.0], [-1.0, 3.0]]) * size)
    with pytest.raises(
        ConfigError, match=r"the data: the largest magnitude .* use scaling=max_norm or standard"
    ):
        transform(X, "none", dimension, 0)
    assert transform(make(np.zeros((2, 2))), "none", None, 0).shape == (2, 2)


def test_columns_that_scaling_takes_away_are_named() -> None:
    X = raw(300)
    assert remarks(X, ["a", "b", "c", "d"]) == []
    one_of_a_kind = np.zeros(300)
    one_of_a_kind[7] = 1e-30
    assert remarks(one_of_a_kind[:, None], ["a"]) == []
    X[:, 1], X[:, 2] = 0.1, 1.0 + 1e-14 * X[:, 0]
    X[5, 3] = -np.finfo(float).max
    assert remarks(X, ["a", "b", "c", "d"]) == [
        "column 'b' is constant, and 0 once scaled",
        "column 'c' is 0 once scaled: its values differ by less than 1e-12 of their size",
        "column 'd' is all but equal once scaled: a huge value (a mark for a missing one?) hides the others",
    ]
    assert remarks(np.ones((4, 9)), range(1, 10)) == [
        "columns 1, 2, 3, 4, 5 and 4 more are constant, and 0 once scaled"
    ]
    half = sparse.csr_array(np.array([[2.0, 0, 1], [2.0, 0, 3]]))
    assert remarks(half, range(1, 4)) == ["column 1 is constant"]
