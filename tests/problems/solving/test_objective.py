import numpy as np
import pytest
from scipy import sparse

from lpbench.problems.solving.objective import Risk

LOSSES = ["squared", "logistic", "squared_hinge", "softmax"]


def make(loss: str, seed: int = 0, lam: float = 0.2) -> Risk:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((30, 5))
    X[rng.random(X.shape) < 0.3] = 0.0
    if loss == "softmax":
        return Risk(loss, X, rng.integers(0, 4, 30).astype(float), 4, lam)
    y = rng.standard_normal(30) if loss == "squared" else rng.choice([-1.0, 1.0], 30)
    return Risk(loss, X, y, 1, lam)


def naive_loss(risk: Risk, x: np.ndarray, y: float, w: np.ndarray) -> float:
    if risk.loss == "softmax":
        z = [sum(w[k * 5 + j] * x[j] for j in range(5)) for k in range(4)]
        return float(np.log(sum(np.exp(z))) - z[int(y)])
    z = sum(w[j] * x[j] for j in range(5))
    if risk.loss == "squared":
        return (z - y) ** 2 / 2
    if risk.loss == "logistic":
        return float(np.log(1 + np.exp(-y * z)))
    return max(0.0, 1 - y * z) ** 2 / 2


@pytest.mark.parametrize("loss", LOSSES)
def test_value_is_the_formula(loss: str) -> None:
    risk = make(loss)
    w = np.random.default_rng(1).standard_normal(5 * risk.n_classes)
    terms = [naive_loss(risk, x, y, w) for x, y in zip(risk.X, risk.y, strict=True)]
    assert risk.value_and_gradient(w)[0] == pytest.approx(np.mean(terms) + 0.1 * w @ w, rel=1e-13)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("seed", range(3))
def test_derivatives_by_finite_differences(loss: str, seed: int) -> None:
    risk = make(loss, seed)
    rng = np.random.default_rng(seed)
    w, v = rng.standard_normal((2, 5 * risk.n_classes))
    h = 1e-6
    along = (risk.value_and_gradient(w + h * v)[0] - risk.value_and_gradient(w - h * v)[0]) / (2 * h)
    assert risk.gradient(w) @ v == pytest.approx(along, rel=1e-6, abs=1e-8)
    change = (risk.gradient(w + h * v) - risk.gradient(w - h * v)) / (2 * h)
    np.testing.assert_allclose(risk.hessian_product(risk.curvature(w), v), change, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(risk.value_and_gradient(w)[1], risk.gradient(w))


@pytest.mark.parametrize("loss", LOSSES)
def test_sparse_equals_dense(loss: str) -> None:
    risk = make(loss)
    thin = Risk(loss, sparse.csr_array(risk.X), risk.y, risk.n_classes, risk.regularization)
    w = np.random.default_rng(2).standard_normal(5 * risk.n_classes)
    assert thin.value_and_gradient(w)[0] == pytest.approx(risk.value_and_gradient(w)[0], rel=1e-14)
    np.testing.assert_allclose(thin.gradient(w), risk.gradient(w), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_no_overflow_far_out(loss: str) -> None:
    risk = make(loss)
    w = np.full(5 * risk.n_classes, 1e4)
    assert np.isfinite(risk.value_and_gradient(w)[0])
    assert np.isfinite(risk.gradient(w)).all()
