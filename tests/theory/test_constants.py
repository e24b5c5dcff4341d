"""The constants against what they promise, on random points, and against brute force at small sizes."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from lpbench.problems.solving.objective import Risk
from lpbench.problems.solving.optimum import solve
from lpbench.theory import moments as moments_module
from lpbench.theory.constants import (
    NAMES,
    empirical,
    empirical_elsewhere,
    family_s,
    quadratic,
    quadratic_elsewhere,
)
from lpbench.theory.moments import moments

LOSSES = ["squared", "logistic", "squared_hinge", "softmax"]
SAFE = 1 + 1e-9


def make_risk(loss: str, seed: int, lam: float, n: int = 25, d: int = 6) -> Risk:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * np.exp(rng.standard_normal((n, 1)))
    X[rng.random((n, d)) < 0.4] = 0.0
    if loss == "softmax":
        return Risk(loss, X, rng.integers(0, 3, n).astype(float), 3, lam)
    y = rng.standard_normal(n) if loss == "squared" else rng.choice([-1.0, 1.0], n)
    return Risk(loss, X, y, 1, lam)


def sample_gradients(risk: Risk, w: np.ndarray) -> np.ndarray:
    """(N, n): grad f_i(w), the regulariser included."""
    rows = range(len(risk.y))
    one = [
        Risk(risk.loss, risk.X[i : i + 1], risk.y[i : i + 1], risk.n_classes, risk.regularization)
        for i in rows
    ]
    return np.array([f.gradient(w) for f in one])


def constants_of(risk: Risk, w_star: np.ndarray):
    return empirical(risk.X, risk.y, risk.loss, w_star, risk.regularization, moments(risk.X), risk.n_classes)


def check_promises(risk: Risk, w_star: np.ndarray, c: dict[str, float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    at_optimum = sample_gradients(risk, w_star)
    f_star = risk.value_and_gradient(w_star)[0]
    weights = np.abs(w_star)
    for trial in range(12):
        x, y = w_star + 10.0 ** rng.uniform(-2, 1.5) * rng.standard_normal((2, len(w_star)))
        if trial % 3 == 0:  # the directions that the l1 constants are about
            x = w_star + 0.1 * np.sign(rng.standard_normal(len(w_star)))
        gx, gy = sample_gradients(risk, x), sample_gradients(risk, y)
        distance = np.linalg.norm(x - y)
        assert np.linalg.norm(gx - gy, axis=1).max() <= c["L"] * distance * SAFE
        assert np.abs(gx - gy).sum(axis=1).max() <= c["L_1"] * distance * SAFE
        assert np.linalg.norm((gx - gy).mean(axis=0)) <= c["L_f"] * distance * SAFE
        assert (gx - gy).mean(axis=0) @ (x - y) >= c["mu"] * distance**2 / SAFE
        moved, away = np.abs(gx - at_optimum), np.linalg.norm(x - w_star)
        assert moved.sum(axis=1).mean() <= c["L_1_avg"] * away * SAFE
        assert moved.sum(axis=1).mean() <= c["gamma"] * np.sqrt(
            2 * (risk.value_and_gradient(x)[0] - f_star)
        ) * (1 + 1e-6)
        assert (moved @ weights).mean() <= c["L_w"] * away * SAFE


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("lam", [0.01, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_constants_hold_at_random_points(loss: str, lam: float, seed: int) -> None:
    risk = make_risk(loss, seed, lam)
    w_star, norm = solve(risk)
    assert norm <= 1e-12
    values, kinds = constants_of(risk, w_star)
    assert tuple(values) == tuple(kinds) == NAMES
    assert set(kinds.values()) <= {"exact", "upper", "lower"}
    assert all(type(value) is float for value in values.values())
    check_promises(risk, w_star, values, seed)


@pytest.mark.parametrize("loss", LOSSES)
def test_constants_without_eigenvalues_hold_too(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    risk = make_risk(loss, 5, 0.05)
    w_star, _ = solve(risk)
    exact = constants_of(risk, w_star).values
    monkeypatch.setattr(moments_module, "EXACT_SPARSE_SIDE", 0)
    thin = Risk(loss, sparse.csr_array(risk.X), risk.y, risk.n_classes, risk.regularization)
    values, kinds = constants_of(thin, w_star)
    check_promises(risk, w_star, values, 5)
    assert kinds["mu"] == "lower"
    assert kinds["L_f"] == "upper"
    assert values["mu"] == 0.05 <= exact["mu"]
    for name in ("L_f", "L_1_avg", "gamma", "L_w"):
        assert values[name] >= exact[name] / SAFE
    for name in ("L", "L_1", "sigma", "sigma_1", "s_1", "sigma_w", "w_max"):
        assert values[name] == pytest.approx(exact[name], rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_sparse_and_dense_constants_agree(loss: str) -> None:
    risk = make_risk(loss, 7, 0.1)
    thin = Risk(loss, sparse.csr_array(risk.X), risk.y, risk.n_classes, risk.regularization)
    w_star, _ = solve(risk)
    dense, other = constants_of(risk, w_star), constants_of(thin, w_star)
    assert other.kinds == dense.kinds
    assert other.values == pytest.approx(dense.values, rel=1e-11)


@pytest.mark.parametrize("loss", LOSSES)
def test_noise_at_the_optimum_by_enumeration(loss: str) -> None:
    risk = make_risk(loss, 3, 0.2)
    w_star, _ = solve(risk)
    g = sample_gradients(risk, w_star)
    weights = np.abs(w_star)
    c = constants_of(risk, w_star).values
    assert c["sigma"] == pytest.approx(np.sqrt((g**2).sum(axis=1).mean()), rel=1e-12)
    assert c["sigma_1"] == pytest.approx(np.abs(g).sum(axis=1).mean(), rel=1e-12)
    assert c["s_1"] == pytest.approx(np.sqrt((g**2).mean(axis=0)).sum(), rel=1e-12)
    assert c["sigma_w"] == pytest.approx((np.abs(g) @ weights).mean(), rel=1e-12)
    assert c["w_max"] == weights.max()
    assert c["sigma_w"] <= min(np.linalg.norm(w_star) * c["sigma"], c["w_max"] * c["sigma_1"])
    assert c["sigma_1"] <= c["s_1"] <= np.sqrt(len(w_star)) * c["sigma"]


@pytest.mark.parametrize("loss", ["squared", "logistic", "squared_hinge"])
def test_exact_norms_by_sign_enumeration(loss: str) -> None:
    risk = make_risk(loss, 2, 0.3)
    curvature = {"squared": 1.0, "logistic": 0.25, "squared_hinge": 1.0}[loss]
    hessians = [curvature * np.outer(a, a) + 0.3 * np.eye(6) for a in risk.X]
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=6)))
    c, kinds = constants_of(risk, np.ones(6))
    assert c["L"] == pytest.approx(max(np.linalg.norm(M, 2) for M in hessians), rel=1e-12)
    assert c["L_1"] == pytest.approx(
        max(np.linalg.norm(signs @ M, axis=1).max() for M in hessians), rel=1e-12
    )
    assert kinds["L"] == kinds["L_1"] == "exact"
    if loss == "squared":
        eigenvalues = np.linalg.eigvalsh(np.mean(hessians, axis=0))
        assert c["mu"] == pytest.approx(eigenvalues[0], rel=1e-9)
        assert c["L_f"] == pytest.approx(eigenvalues[-1], rel=1e-9)
        assert kinds["mu"] == kinds["L_f"] == "exact"


@pytest.mark.parametrize(("d", "k"), [(8, 1), (8, 2), (8, 4), (8, 8), (4, 4)])
def test_family_s_against_brute_force(d: int, k: int) -> None:
    from lpbench.problems.family_s import hadamard_rows

    rng = np.random.default_rng(d + k)
    s, w_star, perm = 0.7, rng.uniform(-0.5, 0.5, d), rng.permutation(d)
    A = hadamard_rows(d, k, rng.choice([-1.0, 1.0], d), perm).toarray()
    np.testing.assert_allclose(A @ A.T, np.eye(d), atol=1e-12)
    assert ((A != 0).sum(axis=1) == k).all()
    X, y = np.vstack([A, A]), np.concatenate([A @ w_star + s, A @ w_star - s])
    risk = Risk("squared", X, y, 1, 0.0)
    assert np.linalg.norm(risk.gradient(w_star)) <= 1e-14
    assert risk.value_and_gradient(w_star)[0] == pytest.approx(s * s / 2)

    c, kinds = family_s(d, k, s, w_star, perm)
    assert tuple(c) == NAMES
    assert set(kinds.values()) == {"exact"}
    generic = constants_of(risk, w_star).values
    for name in ("L", "mu", "L_f", "L_1", "L_1_avg", "gamma", "sigma", "sigma_1", "s_1", "sigma_w", "w_max"):
        assert c[name] == pytest.approx(generic[name], rel=1e-9), name
    check_promises(risk, w_star, c, d)
    # The suprema of L_1_avg and L_w are attained: E V_i |a_i . v| / ||v|| over v = A'u is largest at u = V.
    row_l1 = np.abs(A).sum(axis=1)
    assert (row_l1 @ np.abs(A @ (A.T @ row_l1))) / d / np.linalg.norm(row_l1) == pytest.approx(c["L_1_avg"])
    V = np.abs(A) @ np.abs(w_star)
    assert (V @ np.abs(A @ (A.T @ V))) / d / np.linalg.norm(V) == pytest.approx(c["L_w"])


@pytest.mark.parametrize("noise_kind", ["sparse", "dense"])
@pytest.mark.parametrize("shape", ["isotropic", "decaying"])
def test_quadratic_against_enumeration(noise_kind: str, shape: str) -> None:
    d, sigma = 6, 0.8
    h = np.ones(d) if shape == "isotropic" else np.maximum(1 / 4, 1 / np.arange(1.0, d + 1))
    w_star = np.random.default_rng(1).uniform(-1, 1, d)
    if noise_kind == "sparse":
        noise = np.concatenate([sigma * np.eye(d), -sigma * np.eye(d)])
    else:
        noise = sigma / np.sqrt(d) * np.array(list(itertools.product([-1.0, 1.0], repeat=d)))
    c = quadratic(h, sigma, noise_kind, w_star).values
    assert tuple(c) == NAMES
    assert c["sigma"] == pytest.approx(np.sqrt((noise**2).sum(axis=1).mean()))
    assert c["sigma_1"] == pytest.approx(np.abs(noise).sum(axis=1).mean())
    assert c["s_1"] == pytest.approx(np.sqrt((noise**2).mean(axis=0)).sum())
    assert c["sigma_w"] == pytest.approx((np.abs(noise) @ np.abs(w_star)).mean())
    assert c["w_max"] == np.abs(w_star).max()
    H = np.diag(h)
    assert (c["L"], c["L_f"], c["mu"]) == (np.linalg.norm(H, 2), 1.0, h.min())
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=d)))
    assert c["L_1"] == c["L_1_avg"] == pytest.approx(np.linalg.norm(signs @ H, axis=1).max())
    # sup of ||Hv||_1 / sqrt(v'Hv) is at v = 1, that of sum |w*_j| h_j |v_j| / ||v|| at v = |w*| h.
    assert c["gamma"] == pytest.approx(h.sum() / np.sqrt(np.ones(d) @ H @ np.ones(d)))
    v = np.abs(w_star) * h
    assert c["L_w"] == pytest.approx(v @ v / np.linalg.norm(v))
    for trial in range(20):
        v = np.random.default_rng(trial).standard_normal(d)
        assert np.abs(h * v).sum() <= c["gamma"] * np.sqrt(v @ H @ v) * SAFE
        assert np.abs(w_star) @ np.abs(h * v) <= c["L_w"] * np.linalg.norm(v) * SAFE


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_another_reference_point(loss: str, thin: bool) -> None:
    """Derived from the constants at w*, they are those that the data give."""
    risk = make_risk(loss, 9, 0.1)
    X = sparse.csr_array(risk.X) if thin else risk.X
    w_star, _ = solve(risk)
    w = np.clip(w_star, -0.2, 0.1)
    values = constants_of(risk, w_star).values
    moved = empirical_elsewhere(values, X, risk.y, loss, w, 0.1, risk.n_classes)
    assert moved == pytest.approx(constants_of(risk, w).values, rel=1e-10)
    assert moved["sigma"] != pytest.approx(values["sigma"], rel=1e-3)
    same = empirical_elsewhere(values, X, risk.y, loss, w_star, 0.1, risk.n_classes)
    assert same == pytest.approx(values, rel=1e-10)


def test_another_reference_point_of_family_s() -> None:
    """What is exact at w* is exact elsewhere: L_w and sigma_w, too, depend on the weights alone."""
    from lpbench.problems.family_s import hadamard_rows

    d, k, s = 16, 4, 0.7
    rng = np.random.default_rng(4)
    w_star, perm = rng.uniform(-0.5, 0.5, d), rng.permutation(d)
    A = hadamard_rows(d, k, rng.choice([-1.0, 1.0], d), perm)
    X, y = sparse.vstack([A, A], format="csr"), np.concatenate([A @ w_star + s, A @ w_star - s])
    at_optimum = family_s(d, k, s, w_star, perm).values
    w = np.clip(w_star, -0.25, 0.2)
    moved = empirical_elsewhere(at_optimum, X, y, "squared", w, 0.0)
    assert moved["L_w"] == pytest.approx(family_s(d, k, s, w, perm).values["L_w"], rel=1e-12)
    residuals = A @ (w - w_star)
    assert moved["sigma"] == pytest.approx(np.sqrt(s**2 + np.mean(residuals**2)), rel=1e-12)
    largest = np.maximum(np.abs(residuals), s)  # E |r +- s|
    assert moved["sigma_1"] == pytest.approx(k**0.5 * largest.mean(), rel=1e-12)
    for name in ("L", "mu", "L_f", "L_1", "L_1_avg", "gamma"):
        assert moved[name] == at_optimum[name]


@pytest.mark.parametrize("noise_kind", ["sparse", "dense"])
def test_another_reference_point_of_a_quadratic(noise_kind: str) -> None:
    d, sigma = 6, 0.8
    rng = np.random.default_rng(2)
    h, w_star = rng.uniform(0.1, 1.0, d), rng.uniform(-2, 2, d)
    w = np.clip(w_star, -0.5, 0.4)
    if noise_kind == "sparse":
        noise = np.concatenate([sigma * np.eye(d), -sigma * np.eye(d)])
    else:
        noise = sigma / np.sqrt(d) * np.array(list(itertools.product([-1.0, 1.0], repeat=d)))
    g = noise + h * (w - w_star)
    c = quadratic_elsewhere(h, sigma, noise_kind, w, h * (w - w_star))
    assert tuple(c) == NAMES
    assert c["sigma"] == pytest.approx(np.sqrt((g**2).sum(axis=1).mean()))
    assert c["sigma_1"] == pytest.approx(np.abs(g).sum(axis=1).mean())
    assert c["s_1"] == pytest.approx(np.sqrt((g**2).mean(axis=0)).sum())
    assert c["sigma_w"] == pytest.approx((np.abs(g) @ np.abs(w)).mean())
    assert (c["w_max"], c["L_w"]) == (np.abs(w).max(), pytest.approx(np.linalg.norm(w * h)))
    kept = quadratic(h, sigma, noise_kind, w_star).values
    assert all(c[name] == kept[name] for name in ("L", "mu", "L_f", "L_1", "L_1_avg", "gamma"))
    at_optimum = quadratic_elsewhere(h, sigma, noise_kind, w_star, np.zeros(d))
    assert at_optimum == pytest.approx(kept, rel=1e-14)


def test_published_values_of_family_q() -> None:
    """||h||_2 and sqrt(sum h) at d = 16 ... 4096, as the analysis of the family gives them."""
    for d, L_1 in [(16, 1.26), (64, 1.28), (256, 1.30), (1024, 1.37), (4096, 1.62)]:
        h = np.maximum(1 / 64, 1 / np.arange(1.0, d + 1))
        assert quadratic(h, 1.0, "sparse", np.ones(d)).values["L_1"] == pytest.approx(L_1, abs=0.006)
    assert quadratic(h, 1.0, "sparse", np.ones(d)).values["gamma"] == pytest.approx(8.23, abs=0.01)


def test_no_bound_beats_what_no_method_can() -> None:
    """L_1 >= L_1_avg >= mu sqrt(n) and gamma >= sqrt(mu n), for any problem at all."""
    for loss in LOSSES:
        risk = make_risk(loss, 11, 0.5)
        c = constants_of(risk, solve(risk)[0]).values
        n = 6 * risk.n_classes
        assert c["L_1"] >= c["L_1_avg"] >= c["mu"] * np.sqrt(n)
        assert c["gamma"] >= np.sqrt(c["mu"] * n)
