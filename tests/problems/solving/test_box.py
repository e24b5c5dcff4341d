"""The optimum over a format's range: optimality conditions, constants there, and certificates over the range."""

import gc
import itertools
import math
import weakref
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from lpbench.errors import ConfigError
from lpbench.problems.base import Problem
from lpbench.problems.build import build
from lpbench.problems.solving.box import active, box_optimum, largest_gradient
from lpbench.problems.solving.box_solver import excess, minimise
from lpbench.problems.solving.objective import Risk
from lpbench.problems.solving.optimum import solve
from lpbench.theory.constants import NAMES, empirical
from lpbench.theory.moments import moments

LOSSES = ["squared", "logistic", "squared_hinge", "softmax"]
SAFE = 1 + 1e-9


def make(loss: str, seed: int = 0, lam: float = 0.02, thin: bool = False, n: int = 30, d: int = 6) -> Problem:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) * np.exp(0.5 * rng.standard_normal((n, 1)))
    X[rng.random((n, d)) < 0.3] = 0.0
    K = 3 if loss == "softmax" else 1
    y = X @ rng.uniform(-2, 2, d) + 0.3 * rng.standard_normal(n)
    if loss == "softmax":
        y = np.digitize(y, [-1.0, 1.0]).astype(float)
    elif loss != "squared":
        y = np.where(y > 0, 1.0, -1.0)
    X_moments = moments(X)
    data = sparse.csr_array(X) if thin else X
    risk = Risk(loss, data, y, K, lam)
    w_star, norm = solve(risk)
    found = empirical(data, y, loss, w_star, lam, X_moments, K)
    value = risk.value_and_gradient(w_star)[0]
    return Problem("", loss, data, y, K, lam, w_star, value, norm, found.values, n, d, found.kinds)


def risk_of(problem: Problem) -> Risk:
    return Risk(problem.loss, problem.X, problem.y, problem.n_classes, problem.regularization)


def sample_gradients(problem: Problem, w: np.ndarray) -> np.ndarray:
    """(N, n); for families Q and E one row for each value that the noise takes."""
    if problem.X is None:
        d = problem.dimension
        if problem.noise_kind == "sparse":
            noise = problem.noise * np.concatenate([np.eye(d), -np.eye(d)])
        else:
            noise = problem.noise / np.sqrt(d) * np.array(list(itertools.product([-1.0, 1.0], repeat=d)))
        return noise + problem.h * (w - problem.w_star)
    X = problem.X @ np.eye(problem.dimension)
    W, y = w.reshape(problem.n_classes, -1), problem.y[:, None]
    Z = X @ W.T
    if problem.loss == "squared":
        slopes = Z - y
    elif problem.loss == "logistic":
        slopes = -y / (1.0 + np.exp(y * Z))
    elif problem.loss == "squared_hinge":
        slopes = np.where(y * Z < 1.0, Z - y, 0.0)
    else:
        exponentials = np.exp(Z - Z.max(axis=1, keepdims=True))
        slopes = exponentials / exponentials.sum(axis=1, keepdims=True) - (y == np.arange(problem.n_classes))
    return (slopes[:, :, None] * X[:, None, :]).reshape(len(y), -1) + problem.regularization * w


def gap(problem: Problem, w: np.ndarray) -> float:
    if problem.X is None:
        return 0.5 * float(problem.h @ (w - problem.w_star) ** 2)
    return excess(risk_of(problem), problem.w_star, w)


def check_optimal(w: np.ndarray, gradient: np.ndarray, low: float, high: float) -> None:
    assert low <= w.min()
    assert w.max() <= high
    assert np.abs(gradient[(low < w) & (w < high)]).max(initial=0.0) <= 1e-10
    assert gradient[w == low].min(initial=0.0) >= -1e-10
    assert gradient[w == high].max(initial=0.0) <= 1e-10


def box_points(w: np.ndarray, low: float, high: float, seed: int) -> list[np.ndarray]:
    """Inside, at corners, and near w."""
    rng = np.random.default_rng(seed)
    inside = [rng.uniform(low, high, len(w)) for _ in range(6)]
    corners = [rng.choice([low, high], len(w)) for _ in range(6)]
    near = [
        np.clip(w + 10.0 ** -rng.uniform(1, 3) * rng.standard_normal(len(w)), low, high) for _ in range(6)
    ]
    return [*inside, *corners, *near, np.full(len(w), low), np.full(len(w), high)]


FAMILIES = [
    {"problem": "family_s", "dimension": 16, "k": 4},
    {"problem": "family_s", "dimension": 8, "k": 8},
    {"problem": "family_q", "dimension": 8},
    {"problem": "family_q", "dimension": 8, "noise_kind": "dense", "noise": 0.1},
    {"problem": "family_e", "dimension": 8, "solution": "uniform"},
    {"problem": "family_e", "dimension": 8, "solution": "uniform", "noise_kind": "sparse"},
]
CASES = [(loss, seed, thin) for loss in LOSSES for seed, thin in [(0, False), (1, True), (2, False)]]


def problems() -> list[tuple[Problem, float, float]]:
    """Problems with a box that cuts w* off, and sits unevenly about zero as a format's range does."""
    made = [make(loss, seed, thin=thin) for loss, seed, thin in CASES] + [
        build(choices) for choices in FAMILIES
    ]
    return [(p, -0.4 * np.abs(p.w_star).max(), 0.3 * np.abs(p.w_star).max()) for p in made]


PROBLEMS = problems()
IDS = [f"{loss}-{seed}" for loss, seed, _ in CASES] + [f"{c['problem']}-{i}" for i, c in enumerate(FAMILIES)]
everywhere = pytest.mark.parametrize(("problem", "low", "high"), PROBLEMS, ids=IDS)


@everywhere
def test_optimality_conditions(problem: Problem, low: float, high: float) -> None:
    found = box_optimum(problem, low, high)
    gradient = sample_gradients(problem, found.w).mean(axis=0)
    check_optimal(found.w, gradient, low, high)
    assert ((found.w == low) | (found.w == high)).any()
    assert found.gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-9)
    assert found.gradient_norm > 1e-3 * problem.constants["mu"]
    assert found.excess == pytest.approx(gap(problem, found.w), rel=1e-9)
    if problem.X is not None:
        assert found.excess == pytest.approx(
            risk_of(problem).value_and_gradient(found.w)[0] - problem.f_star, rel=1e-9, abs=1e-14
        )
    half = problem.constants["L_f"] / 2
    assert (
        0.0 < found.excess <= half * np.sum((np.clip(problem.w_star, low, high) - problem.w_star) ** 2) * SAFE
    )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("thin", [False, True])
def test_optimum_equals_scipy(loss: str, thin: bool) -> None:
    from scipy.optimize import minimize

    problem = make(loss, 4, thin=thin)
    risk = risk_of(problem)
    w = box_optimum(problem, -0.25, 0.25).w
    bounds = [(-0.25, 0.25)] * len(w)
    other = minimize(
        risk.value_and_gradient, np.zeros(len(w)), jac=True, method="TNC", bounds=bounds, tol=1e-14
    ).x
    np.testing.assert_allclose(w, other, atol=1e-5)
    assert risk.value_and_gradient(w)[0] <= risk.value_and_gradient(other)[0] + 1e-16


@pytest.mark.parametrize("choices", FAMILIES)
def test_isotropic_and_diagonal_problems_are_clipped(choices: dict) -> None:
    problem = build(choices)
    found = box_optimum(problem, -0.25, 0.125)
    np.testing.assert_allclose(found.w, np.clip(problem.w_star, -0.25, 0.125), rtol=0, atol=1e-13)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("lam", [1e-6, 1e-3])
def test_more_weights_than_samples_and_hardly_a_regulariser(loss: str, lam: float) -> None:
    problem = make(loss, 3, lam, n=15, d=40)
    risk = risk_of(problem)
    for limit in (1e-3, 0.05, 0.5 * np.abs(problem.w_star).max()):
        w = minimise(risk, -limit, limit, problem.w_star, problem.constants["L_f"])
        check_optimal(w, risk.gradient(w), -limit, limit)


def test_a_box_that_holds_the_optimum_changes_nothing() -> None:
    problem = make("logistic")
    for limit in (np.abs(problem.w_star).max(), math.inf):
        found = box_optimum(problem, -limit, limit)
        assert found.w is problem.w_star
        assert found.excess == 0.0
        assert found.gradient_norm == problem.optimum_gradient_norm
        assert found.constants == problem.constants


@pytest.mark.parametrize("loss", LOSSES)
def test_excess_has_all_its_digits_next_to_the_optimum(loss: str) -> None:
    problem = make(loss, 2)
    risk = risk_of(problem)
    v = np.random.default_rng(0).standard_normal(len(problem.w_star))
    for size in (1e-5, 1e-9, 1e-12):
        step = (problem.w_star + size * v) - problem.w_star
        form = 0.5 * step @ risk.hessian_product(risk.curvature(problem.w_star), step)
        assert excess(risk, problem.w_star, problem.w_star + size * v) == pytest.approx(
            form, rel=20 * size + 1e-10
        )
    far = problem.w_star + 1e4 * v
    assert excess(risk, problem.w_star, far) == pytest.approx(
        risk.value_and_gradient(far)[0] - problem.f_star, rel=1e-9
    )


@everywhere
def test_constants_hold_on_the_box(problem: Problem, low: float, high: float) -> None:
    found = box_optimum(problem, low, high)
    c, w = found.constants, found.w
    assert tuple(c) == NAMES
    assert all(type(value) is float for value in c.values())
    g = sample_gradients(problem, w)
    size = np.abs(w)
    assert c["sigma"] == pytest.approx(np.sqrt((g**2).sum(axis=1).mean()), rel=1e-10)
    assert c["sigma_1"] == pytest.approx(np.abs(g).sum(axis=1).mean(), rel=1e-10)
    assert c["s_1"] == pytest.approx(np.sqrt((g**2).mean(axis=0)).sum(), rel=1e-10)
    assert c["sigma_w"] == pytest.approx((np.abs(g) @ size).mean(), rel=1e-10)
    assert c["w_max"] == size.max()
    assert c["sigma"] >= found.gradient_norm
    at_w = gap(problem, w)
    for x in box_points(w, low, high, 1):
        gx = sample_gradients(problem, x)
        moved, away = np.abs(gx - g), float(np.linalg.norm(x - w))
        slack = 1e-12
        F = gap(problem, x) - at_w
        assert -slack <= F
        assert moved.sum(axis=1).mean() <= c["L_1_avg"] * away * SAFE + slack
        assert moved.sum(axis=1).max() <= c["L_1"] * away * SAFE + slack
        assert (
            moved.sum(axis=1).mean() <= c["gamma"] * np.sqrt(2 * max(F, 0.0) + slack**2) * (1 + 1e-6) + slack
        )
        assert (moved @ size).mean() <= c["L_w"] * away * SAFE + slack
        # What the proofs use of w_B: P >= F + mu/2 D, and E ||g - g_B||^2 at most L P and 2 L F.
        P = float(gx.mean(axis=0) @ (x - w))
        assert F + 0.5 * c["mu"] * away**2 - slack <= P
        spread = float((moved**2).sum(axis=1).mean())
        assert spread <= c["L"] * P * SAFE + slack
        assert spread <= 2 * c["L"] * F * SAFE + slack


@everywhere
def test_no_gradient_exceeds_the_largest(problem: Problem, low: float, high: float) -> None:
    for scale in (1.0, 0.1, 30.0):
        bound = largest_gradient(problem, scale * low, scale * high)
        points = box_points(np.zeros_like(problem.w_star), scale * low, scale * high, 2)
        if problem.dimension <= 8 and problem.n_classes == 1:
            corners = itertools.product([scale * low, scale * high], repeat=problem.dimension)
            points += [np.array(corner) for corner in corners]
        reached = max(np.abs(sample_gradients(problem, w)).max() for w in points[:200])
        assert reached <= bound


@pytest.mark.parametrize("lam", [0.02, 1.0])
@pytest.mark.parametrize("thin", [False, True])
def test_largest_gradient_of_the_squared_loss_is_attained(lam: float, thin: bool) -> None:
    problem = make("squared", 5, lam, thin)
    corners = [np.array(corner) for corner in itertools.product([-1.0, 0.75], repeat=6)]
    reached = max(np.abs(sample_gradients(problem, w)).max() for w in corners)
    bound = largest_gradient(problem, -1.0, 0.75)
    assert reached <= bound <= reached * 1.1


@pytest.mark.parametrize("choices", FAMILIES)
def test_largest_gradient_of_the_families_is_attained(choices: dict) -> None:
    problem = build(choices)
    low, high = -1.0, 0.75
    if problem.X is None:
        points = [np.where(high - problem.w_star > problem.w_star - low, high, low)]
    else:
        rows = problem.X @ np.eye(problem.dimension)
        points = [np.where(row > 0, *ends) for row in rows for ends in ((low, high), (high, low))]
    reached = max(np.abs(sample_gradients(problem, w)).max() for w in points)
    assert largest_gradient(problem, low, high) == pytest.approx(reached, rel=1e-9)


@pytest.mark.parametrize("dimension", [16, 1024, 16384])
def test_family_s_is_certified_coarse(dimension: int) -> None:
    """On [-1, 1 - delta] no sample gradient has an entry above 2: step 2^-7 moves by at most delta = 2^-6."""
    problem = build({"problem": "family_s", "dimension": dimension, "k": 4})
    assert 1.5 < largest_gradient(problem, -1.0, 1.0 - 2.0**-6) <= 2.0


def test_ranges_too_large_for_a_certificate() -> None:
    for problem, _, _ in PROBLEMS:
        assert largest_gradient(problem, -math.inf, math.inf) == math.inf
        assert largest_gradient(problem, -1e38, 1e38) > 0.0
    assert largest_gradient(make("logistic", lam=0.02), -1e308, 1e308) > 1e305
    assert largest_gradient(make("squared"), -1e308, 1e308) == math.inf


def test_bounded_slopes_keep_the_certificate_small() -> None:
    for loss in ("logistic", "softmax"):
        problem = make(loss, 1, 1e-9)
        assert largest_gradient(problem, -1e6, 1e6) <= np.abs(problem.X).max() * SAFE + 1e-3


@pytest.mark.parametrize("thin", [False, True])
def test_active_coordinates(thin: bool) -> None:
    for loss in LOSSES:
        problem = make(loss, 0, thin=thin)
        assert active(problem) == len(problem.w_star)
        free = replace(problem, regularization=0.0)
        row = int((np.asarray(np.abs(problem.X) @ np.eye(6)) > 0).sum(axis=1).max())
        assert active(free) == row * problem.n_classes
    # Rows of family S have k entries, whether they are stored sparse (k <= d/4) or dense.
    for d, k in [(64, 4), (16, 8), (8, 8)]:
        assert active(build({"problem": "family_s", "dimension": d, "k": k})) == k
    assert active(build({"problem": "family_q", "dimension": 64})) == 64


def test_rows_without_entries() -> None:
    problem = make("squared")
    X = problem.X.copy()
    X[[0, 7, 29]] = 0.0
    for data in (X, sparse.csr_array(X)):
        empty = replace(problem, X=data)
        points = box_points(problem.w_star, -1.0, 1.0, 3)
        reached = max(np.abs(sample_gradients(empty, w)).max() for w in points)
        assert reached <= largest_gradient(empty, -1.0, 1.0) <= 2 * reached


@pytest.mark.parametrize(("low", "high"), [(1.0, -1.0), (math.nan, 1.0), (-1.0, math.nan)])
def test_a_box_upside_down_is_refused(low: float, high: float) -> None:
    for function in (box_optimum, largest_gradient):
        with pytest.raises(ConfigError, match="low must be at most high"):
            function(make("squared"), low, high)


def test_boxes_are_remembered_as_long_as_the_problem() -> None:
    problem = make("squared")
    found = box_optimum(problem, -0.1, 0.1)
    assert box_optimum(problem, -0.1, 0.1) is found
    assert box_optimum(problem, -0.1, 0.2) is not found
    gone = weakref.ref(problem)
    del problem
    gc.collect()
    assert gone() is None
