"""SGD and SVRG in float32 and in integers on one problem: against loops in float64, and compiled as in Python."""

import numpy as np
import pytest

from lpbench.arithmetic.generator import SAMPLES, random_index, step_words, stream
from lpbench.arithmetic.integer import wide
from lpbench.arithmetic.jit import in_python
from lpbench.speed.problem import draw
from lpbench.speed.runs import NUMBERS, SGD, SVRG, data, runner

D, ROWS, LOOP, STEPS = 64, 200, 12, 29


@pytest.fixture(scope="module")
def problem():
    return draw(ROWS, D, 4.0)


def exact(problem, algorithm, step, seed):
    """The point after STEPS steps, in float64."""
    X, y, key = problem.data.X.astype(np.float64), problem.data.y, stream(seed, SAMPLES)
    w, snapshot, g = np.zeros(D), np.zeros(D), np.zeros(D)
    for t in range(STEPS):
        if algorithm == SVRG and t % LOOP == 0:
            snapshot, g = w.copy(), X.T @ (X @ w - y) / ROWS
        with np.errstate(over="ignore"):
            i = int(random_index(step_words(key, t), 0, ROWS))
        if algorithm == SVRG:
            w = w - step * (X[i] * (X[i] @ (w - snapshot)) + g)
        else:
            w = w - step * X[i] * (X[i] @ w - y[i])
    return w


@pytest.mark.parametrize("algorithm", [SGD, SVRG])
@pytest.mark.parametrize("numbers", NUMBERS)
def test_a_run_is_that_of_the_papers_loop(problem, numbers, algorithm):
    step = 0.1 / problem.L
    with in_python():
        walk = runner(problem.data, numbers, algorithm, step, seed=3, loop=LOOP, mu=20 * problem.mu)
        walk.advance(STEPS - 10)
        walk.advance(10)
    expected = exact(problem, algorithm, step, 3)
    # The problem's own mu would make the range of HALP's offset too wide for so few steps.
    error = np.linalg.norm(walk.point() - expected) / np.linalg.norm(expected)
    assert error < {"float32": 1e-5, "int16": 0.01, "int8": 0.03}[numbers]


@pytest.mark.parametrize(
    "case",
    [
        ("float32", SVRG),
        *(pytest.param((n, a), marks=pytest.mark.slow) for n in NUMBERS for a in (SGD, SVRG)),
    ],
)
def test_compiled_run_is_the_python_run(problem, case):
    walks = [runner(problem.data, *case, 0.1 / problem.L, seed=1, loop=LOOP, mu=problem.mu) for _ in range(2)]
    walks[0].advance(STEPS)
    with in_python():
        walks[1].advance(STEPS)
    assert walks[0].point().tobytes() == walks[1].point().tobytes()


def test_the_three_hold_the_same_data(problem):
    of = problem.data
    for samples, bits in ((of.eight, 8), (of.sixteen, 16)):
        X = np.array([wide(row) for row in samples.X]) * samples.unit
        assert abs(X - of.X).max() <= abs(of.X).max() / (2**bits - 2) * 1.01
    other = of.reshaped(2 * D)
    assert other.X.shape == other.eight.X.shape == other.sixteen.X.shape == (ROWS // 2, 2 * D)
    assert len(other.y) == ROWS // 2


def test_data_is_converted_in_parts_like_at_once(monkeypatch):
    X = np.random.default_rng(0).standard_normal((9, D)).astype(np.float32)
    whole = data(X, np.zeros(9))
    monkeypatch.setattr("lpbench.convex.integer.PART", 2 * D)
    parts = data(X, np.zeros(9))
    for one, other in ((whole.eight, parts.eight), (whole.sixteen, parts.sixteen)):
        assert np.array_equal(one.X, other.X)


def test_the_optimum_is_that_of_the_data(problem):
    X = problem.data.X.astype(np.float64)
    gradient = X.T @ (X @ problem.w_star - problem.data.y) / ROWS
    assert np.linalg.norm(gradient) < 1e-4 * np.linalg.norm(X.T @ problem.data.y / ROWS)
    assert problem.gap(np.zeros(D)) == pytest.approx(1.0)
    assert problem.gap(problem.w_star) == 0.0
