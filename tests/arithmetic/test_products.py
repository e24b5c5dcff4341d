"""Against numpy's products, and the sums in the order that the module promises."""

import numpy as np
import pytest
from scipy import sparse

from lpbench.arithmetic import products

SHAPES = [(1, 1), (7, 5), (64, 3), (200, 33), (3, 700), (130, 520)]


def matrix(n: int, d: int, seed: int = 0) -> np.ndarray:
    X = np.random.default_rng(seed).standard_normal((n, d))
    X[np.abs(X) < 0.5] = 0.0
    return X


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_products_are_products(n: int, d: int) -> None:
    X, W, A = matrix(n, d), matrix(3, d, 1), matrix(4, n, 2)
    for rows in (X, sparse.csr_array(X)):
        np.testing.assert_allclose(products.margins(rows, W), X @ W.T, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(products.combinations(A, rows), A @ X, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(products.second_moments(X), X.T @ X / n, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(products.row_products(X), X @ X.T, rtol=1e-12, atol=1e-12)
    assert products.inner_product(X[0], W[0]) == pytest.approx(X[0] @ W[0], rel=1e-12, abs=1e-13)
    assert products.norm(W[0]) == pytest.approx(np.linalg.norm(W[0]), rel=1e-15)
    assert (products.second_moments(X) == products.second_moments(X).T).all()


def test_rows_need_not_lie_close_together() -> None:
    X = matrix(40, 60)[::2, ::3]
    np.testing.assert_array_equal(products.second_moments(X), products.second_moments(X.copy()))
    np.testing.assert_array_equal(products.row_products(X), products.row_products(X.copy()))
    np.testing.assert_array_equal(products.margins(X, X), products.margins(X.copy(), X.copy()))


def test_a_column_more_does_not_change_the_others() -> None:
    """So no sum depends on how many columns a machine takes at a time."""
    X, A = matrix(300, 37), matrix(2, 300, 1)
    moments, rows = products.second_moments(X), products.combinations(A, X)
    for d in range(1, 37):
        np.testing.assert_array_equal(products.second_moments(X[:, :d]), moments[:d, :d])
        np.testing.assert_array_equal(products.combinations(A, X[:, :d]), rows[:, :d])


@pytest.mark.parametrize("n", [1, 5, 31, 33, 100])
def test_cholesky_factor(n: int) -> None:
    X = matrix(3 * n, n)
    H = products.second_moments(X) + 0.01 * np.eye(n)
    U = products.cholesky(H)
    assert U is not None
    np.testing.assert_allclose(U, np.linalg.cholesky(H).T, rtol=1e-10, atol=1e-12)
    b = np.arange(1.0, n + 1)
    np.testing.assert_allclose(H @ products.cholesky_solve(U, b), b, rtol=1e-9)
    assert (b == np.arange(1.0, n + 1)).all()
    low = np.linalg.eigvalsh(H)[0]
    assert products.cholesky(H - (low - 1e-10) * np.eye(n)) is not None
    assert products.cholesky(H - (low + 1e-10) * np.eye(n)) is None
    assert products.cholesky(np.full((n, n), np.nan)) is None


@pytest.mark.parametrize("name", ["_margins", "_combine", "_add_outer", "_factor", "_solve"])
def test_compiled_and_python_agree(name: str) -> None:
    X, function = matrix(75, 40), getattr(products, name)
    H = products.second_moments(X) + np.eye(40)
    found = []
    for call in (function, function.py_func):
        out = {"_margins": np.zeros((75, 2)), "_combine": np.zeros((2, 40)), "_solve": X[0].copy()}.get(
            name, H.copy()
        )
        if name == "_margins":
            call(X, X[:2].copy(), out)
        elif name == "_combine":
            call(X[:, :2].T.copy(), X, np.zeros(40), out)
        elif name == "_add_outer":
            call(X, out)
        elif name == "_factor":
            assert call(out)
        else:
            call(H, out)
        found.append(out)
    np.testing.assert_array_equal(*found)
