import numpy as np
import pytest
from scipy import sparse

from lpbench.problems.solving.objective import Risk
from lpbench.problems.solving.optimum import TOLERANCE, solve
from lpbench.theory.moments import moments


def data(n: int = 80, d: int = 6, n_labels: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    X[rng.random(X.shape) < 0.3] = 0.0
    return X, rng.integers(0, n_labels, n).astype(float)


@pytest.mark.parametrize("lam", [1e-4, 0.3])
def test_least_squares_equals_the_normal_equations(lam: float) -> None:
    X, _ = data()
    y = X @ np.arange(6.0) + 0.1
    expected = np.linalg.solve(X.T @ X / 80 + lam * np.eye(6), X.T @ y / 80)
    risk = Risk("squared", X, y, 1, lam)
    thin = Risk("squared", sparse.csr_array(X), y, 1, lam)
    for w, norm in (solve(risk, moments(X).gram), solve(risk), solve(thin)):
        np.testing.assert_allclose(w, expected, rtol=1e-11, atol=1e-13)
        assert norm <= 1e-14
        assert norm == pytest.approx(np.linalg.norm(risk.gradient(w)), abs=1e-15)


def test_more_weights_than_samples() -> None:
    X, _ = data(10, 40)
    risk = Risk("squared", X, np.linspace(-1, 1, 10), 1, 0.05)
    w, norm = solve(risk, moments(X).gram)
    assert norm <= TOLERANCE
    dual = X.T @ np.linalg.solve(X @ X.T + 10 * 0.05 * np.eye(10), risk.y)
    np.testing.assert_allclose(w, dual, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n_labels", [2, 4])
@pytest.mark.parametrize("lam", [1e-4, 0.1])
def test_logistic_regression_equals_scikit_learn(n_labels: int, lam: float) -> None:
    from sklearn.linear_model import LogisticRegression

    X, y = data(n_labels=n_labels)
    model = LogisticRegression(C=1 / (len(y) * lam), fit_intercept=False, tol=1e-10, max_iter=10_000)
    expected = model.fit(X, y).coef_.ravel()
    risk = Risk("logistic", X, 2 * y - 1, 1, lam) if n_labels == 2 else Risk("softmax", X, y, n_labels, lam)
    w, norm = solve(risk)
    assert norm <= TOLERANCE
    np.testing.assert_allclose(w, expected, rtol=1e-4, atol=1e-5)
    assert risk.value_and_gradient(w)[0] <= risk.value_and_gradient(expected)[0]


@pytest.mark.parametrize("lam", [1e-4, 0.1])
def test_squared_hinge_equals_scikit_learn(lam: float) -> None:
    from sklearn.svm import LinearSVC

    X, y = data()
    # LinearSVC minimises ||w||^2/2 + C sum max(0, 1 - yz)^2; ours is lambda times that at C = 1/(2 N lambda).
    model = LinearSVC(C=1 / (2 * len(y) * lam), fit_intercept=False, tol=1e-12, max_iter=200_000)
    expected = model.fit(X, 2 * y - 1).coef_.ravel()
    risk = Risk("squared_hinge", X, 2 * y - 1, 1, lam)
    w, norm = solve(risk)
    assert norm <= TOLERANCE
    np.testing.assert_allclose(w, expected, rtol=1e-3, atol=1e-4)
    assert risk.value_and_gradient(w)[0] <= risk.value_and_gradient(expected)[0]


@pytest.mark.parametrize("loss", ["logistic", "squared_hinge"])
def test_separable_data_with_a_tiny_regularizer(loss: str) -> None:
    X, _ = data(200, 10, seed=3)
    risk = Risk(loss, X, np.where(X.sum(axis=1) > 0, 1.0, -1.0), 1, 1e-8)
    assert solve(risk)[1] <= TOLERANCE
