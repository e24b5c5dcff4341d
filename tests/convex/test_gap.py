"""The objective gap keeps its relative accuracy however small it is: against 60 decimal digits."""

from decimal import Decimal, getcontext, localcontext

import numpy as np
import pytest
import tiny

from lpbench.cells.binding import kernel_problem
from lpbench.convex.gap import (
    DiagonalForm,
    LinearDivergence,
    QuadraticForm,
    divergence,
    excess,
    gap,
    judge_once,
)
from lpbench.convex.losses import Logistic, Squared, SquaredHinge

STEPS = [1e-150, 1e-20, 1e-9, 1e-5, 1e-3, 0.02, 0.0999, 0.1001, 0.5, 3.0, 40.0, 499.0, 501.0, 900.0]


@pytest.fixture(autouse=True)
def digits():
    with localcontext() as context:
        context.prec = 400
        yield getcontext()


def loss(name: str, z: Decimal, y: Decimal) -> tuple[Decimal, Decimal]:
    """l(z) and l'(z)."""
    if name == "logistic":
        e = (-y * z).exp()
        return (1 + e).ln(), -y * e / (1 + e)
    if name == "squared":
        return (z - y) ** 2 / 2, z - y
    active = max(Decimal(0), 1 - y * z)
    return active**2 / 2, -y * active


@pytest.mark.parametrize(
    ("name", "kind"), [("logistic", Logistic()), ("squared", Squared()), ("hinge", SquaredHinge())]
)
@pytest.mark.parametrize("z", [-30.0, -1.5, 0.0, 0.75, 4.0, 30.0])
def test_divergences_to_full_relative_accuracy(name, kind, z):
    for y in (1.0, -1.0):
        for size in STEPS:
            for dz in (size, -size):
                before, slope = loss(name, Decimal(z), Decimal(y))
                after, _ = loss(name, Decimal(z) + Decimal(dz), Decimal(y))
                exact = float(after - before - slope * Decimal(dz))
                # A step of 500 in the margin is divergence: there 15 digits of the step itself are enough.
                allowed = 1e-15 * size if size > 500 else 0.0
                assert divergence(kind, z, dz, y) == pytest.approx(exact, rel=1e-12, abs=allowed), (y, dz)


@pytest.mark.parametrize("x", [s * v for v in STEPS[:-3] for s in (1, -1)])
def test_excess(x):
    exact = float(Decimal(x).exp() - 1 - Decimal(x))
    assert excess(x) == pytest.approx(exact, rel=1e-14, abs=0)


def objective(problem, w: list[Decimal]) -> Decimal:
    """f(w), from the data."""
    X = problem.X if isinstance(problem.X, np.ndarray) else problem.X.todense()
    X, total, classes = (
        [[Decimal(float(v)) for v in row] for row in np.asarray(X)],
        Decimal(0),
        problem.n_classes,
    )
    for x, y in zip(X, problem.y, strict=True):
        z = [sum(a * b for a, b in zip(x, w[5 * k : 5 * k + 5], strict=True)) for k in range(classes)]
        if problem.loss == "softmax":
            total += sum(v.exp() for v in z).ln() - z[int(y)]
        else:
            name = {"squared_hinge": "hinge"}.get(problem.loss, problem.loss)
            total += loss(name, z[0], Decimal(float(y)))[0]
    return total / len(X) + Decimal(problem.regularization) / 2 * sum(v * v for v in w)


@pytest.mark.parametrize("name", ["squared", "logistic", "squared_hinge", "softmax"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("size", [1.0, 1e-8, 1e-15])
def test_gap_is_the_divergence_of_the_objective(name, sparse, size):
    # f(w* + delta) - f(w*) - grad f(w*) . delta: the last is zero at an optimum, which this w* is not.
    problem = tiny.problem(name, sparse)
    _, judge = kernel_problem(problem, np.float64)
    n = problem.w_star.size
    delta, g = size * np.random.default_rng(3).standard_normal(n), np.zeros(n)
    found = gap(judge, delta, g, np.zeros((3, problem.n_classes)))
    star, move = ([Decimal(float(v)) for v in vector] for vector in (problem.w_star, delta))
    tiny_step = Decimal("1e-120")
    there, back = ([s + sign * tiny_step * m for s, m in zip(star, move, strict=True)] for sign in (1, -1))
    slope = (objective(problem, there) - objective(problem, back)) / (2 * tiny_step)
    moved = [s + m for s, m in zip(star, move, strict=True)]
    exact = float(objective(problem, moved) - objective(problem, star) - slope)
    assert found == pytest.approx(exact, rel=1e-9, abs=0)


@pytest.mark.parametrize("name", ["squared", "logistic", "squared_hinge", "softmax"])
def test_gradient_is_that_of_the_gap(name):
    problem = tiny.problem(name)
    _, judge = kernel_problem(problem, np.float64)
    n = problem.w_star.size
    delta, g, other = np.random.default_rng(4).standard_normal(n), np.zeros(n), np.zeros(n)
    gap(judge, delta, g, np.zeros((3, problem.n_classes)))
    for j in range(n):
        step = np.where(np.arange(n) == j, 1e-5, 0.0)
        up, down = (gap(judge, delta + s * step, other, np.zeros((3, problem.n_classes))) for s in (1, -1))
        assert g[j] == pytest.approx((up - down) / 2e-5, abs=1e-8)


def test_forms_and_divergences_agree_on_least_squares():
    problem = tiny.problem("squared")
    _, form = kernel_problem(problem, np.float64)
    assert isinstance(form, QuadraticForm)
    _, sparse = kernel_problem(tiny.problem("squared", True), np.float64)
    assert isinstance(sparse, LinearDivergence)
    delta, g, h = np.random.default_rng(5).standard_normal(5), np.zeros(5), np.zeros(5)
    one, other = gap(form, delta, g, np.zeros((3, 1))), gap(sparse, delta, h, np.zeros((3, 1)))
    assert one == pytest.approx(other, rel=1e-13)
    assert np.allclose(g, h, rtol=1e-12)


def test_diagonal_form_and_the_compiled_judge():
    judge = DiagonalForm(np.zeros(3), np.array([1.0, 0.5, 0.25]))
    for call in (gap, judge_once):
        g = np.zeros(3)
        assert call(judge, np.array([2.0, 2.0, -4.0]), g, np.zeros((3, 1))) == 0.5 * (4 + 2 + 4)
        assert g.tolist() == [2.0, 1.0, -1.0]
