"""Gradients against differences of the loss, in pure Python."""

from types import SimpleNamespace

import numpy as np
import pytest
import tiny

from lpbench.arithmetic.generator import random_index, step_words
from lpbench.cells.binding import kernel_problem
from lpbench.convex.gradients import Work, difference, full_gradient, gradient
from lpbench.convex.losses import slope, softmax

LOSSES = ["squared", "logistic", "squared_hinge", "softmax"]
SCALE = 0.25


def loss(problem, i, w):
    """l of sample i, without the regulariser."""
    x, y = (
        np.asarray(problem.X if isinstance(problem.X, np.ndarray) else problem.X.todense())[i],
        problem.y[i],
    )
    if problem.loss == "softmax":
        z = w.reshape(3, -1) @ x
        return np.log(np.exp(z).sum()) - z[int(y)]
    z = x @ w
    return {
        "squared": (z - y) ** 2 / 2,
        "logistic": np.log1p(np.exp(-y * z)),
        "squared_hinge": max(0.0, 1 - y * z) ** 2 / 2,
    }[problem.loss]


def slopes(function, w, h=1e-5):
    return np.array([(function(w + h * e) - function(w - h * e)) / (2 * h) for e in np.eye(w.size)])


KEY = np.uint32(5)


def run_of(problem, batch):
    """What gradients need of a Run."""
    model, _ = kernel_problem(problem, np.float64)
    stored = problem.loss not in ("softmax", "quadratic") and isinstance(problem.X, np.ndarray) and batch == 1
    table = model.rows.X if stored else np.zeros((1, problem.w_star.size))
    work = Work(table, np.zeros(problem.n_classes), np.zeros(problem.n_classes))
    return SimpleNamespace(model=model, keys=SimpleNamespace(samples=KEY), batch=batch, work=work, sums=None)


def drawn_at(t, batch):
    return [random_index(step_words(KEY, t), b, 12) for b in range(batch)]


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("batch", [1, 3])
def test_gradient_is_the_mean_slope_of_the_drawn_samples(name, sparse, batch):
    problem = tiny.problem(name, sparse)
    run = run_of(problem, batch)
    w = np.random.default_rng(0).uniform(-2, 2, problem.w_star.size)
    for t in range(4):
        c, i = gradient(run, w, SCALE, t)
        drawn = drawn_at(t, batch)
        expected = slopes(lambda v, drawn=drawn: np.mean([loss(problem, i, v) for i in drawn]), SCALE * w)
        assert np.allclose(c * run.work.table[i], expected, atol=1e-8)


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("centred", [0.0, 1.0])
def test_difference_is_that_of_two_gradients(name, batch, centred):
    problem = tiny.problem(name)
    run = run_of(problem, batch)
    generator = np.random.default_rng(1)
    w, anchor = generator.uniform(-2, 2, (2, problem.w_star.size))
    margins, full = np.zeros((12, problem.n_classes)), np.zeros(w.size)
    full_gradient(run.model, anchor, margins, run.work, full)
    snapshot = SimpleNamespace(anchor=anchor, margins=margins)
    point = SCALE * w + centred * anchor
    for t in range(4):
        c, i = difference(run.model, run, w, SCALE, centred, snapshot, t)
        drawn = drawn_at(t, batch)
        expected = slopes(lambda v, d=drawn: np.mean([loss(problem, i, v) for i in d]), point)
        expected -= slopes(lambda v, d=drawn: np.mean([loss(problem, i, v) for i in d]), anchor)
        assert np.allclose(c * run.work.table[i], expected, atol=1e-8)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("sparse", [False, True])
def test_full_gradient_and_margins(name, sparse):
    problem = tiny.problem(name, sparse)
    run = run_of(problem, 1)
    w = np.random.default_rng(2).uniform(-1, 1, problem.w_star.size)
    margins, g = np.zeros((12, problem.n_classes)), np.zeros(w.size)
    full_gradient(run.model, w, margins, run.work, g)
    expected = slopes(lambda v: np.mean([loss(problem, i, v) for i in range(12)]) + 0.05 * v @ v, w)
    assert np.allclose(g, expected, atol=1e-8)
    assert np.allclose(margins, problem.X @ w.reshape(problem.n_classes, -1).T, rtol=1e-13)


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize("batch", [1, 4])
def test_noise_of_the_quadratic_has_mean_zero_and_the_right_size(kind, batch):
    problem = tiny.problem("quadratic", noise_kind=kind)
    run, w, count = run_of(problem, batch), problem.w_star / SCALE, 1500
    noise = np.zeros((count, 5))
    for t in range(count):
        c, i = gradient(run, w, SCALE, t)
        noise[t] = c * run.work.table[i]
    # At w* there is nothing but noise, of which E ||n||^2 = sigma^2 / batch, spread evenly.
    sigma = problem.noise / np.sqrt(5 * batch)
    assert np.all(np.abs(noise.mean(0)) < 4.5 * sigma / np.sqrt(count))
    assert np.all(np.abs(noise.var(0) / sigma**2 - 1) < 0.35)
    if batch == 1:
        assert np.allclose(np.sum(noise**2, axis=1), problem.noise**2, rtol=1e-12)
        assert set(np.unique(np.count_nonzero(np.abs(noise) > 1e-12, axis=1))) == {
            1 if kind == "sparse" else 5
        }
    assert np.abs(np.corrcoef(noise.T) - np.eye(5)).max() < 0.15


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_variance_reduction_of_the_quadratic_has_no_noise():
    problem = tiny.problem("quadratic")
    run, (w, anchor) = run_of(problem, 1), np.random.default_rng(0).normal(size=(2, 5))
    for centred in (0.0, 1.0):
        c, i = difference(run.model, run, w, SCALE, centred, SimpleNamespace(anchor=anchor), 0)
        assert np.allclose(
            c * run.work.table[i], problem.h * (SCALE * w - (1 - centred) * anchor), rtol=1e-14
        )


def test_extreme_margins_neither_overflow_nor_lose_the_sign():
    model, _ = kernel_problem(tiny.problem("logistic"), np.float64)
    for z, y, expected in (
        (800.0, 1.0, -0.0),
        (-800.0, 1.0, -1.0),
        (800.0, -1.0, 1.0),
        (-800.0, -1.0, 0.0),
        (0.0, 1.0, -0.5),
    ):
        assert slope(model.loss, z, y) == expected
    p = np.array([1000.0, -1000.0, 999.0])
    softmax(p)
    assert p == pytest.approx([1 / (1 + np.exp(-1)), 0, 1 / (1 + np.exp(1))])


def test_samples_are_single_precision_where_the_arithmetic_is():
    model, _ = kernel_problem(tiny.problem("squared"), np.float32)
    assert model.rows.X.dtype == np.float32
    assert model.rows.y.dtype == np.float64
