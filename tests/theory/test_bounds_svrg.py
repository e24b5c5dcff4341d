"""LP-SVRG and HALP: one outer loop at a time, solved numerically, then averaged over the judged loops.

With e the gap of the snapshot, F the mean gap of the T inner steps and D_0 <= 2 e / mu, the inner steps say
0 <= 2 e / (mu T) - 2 alpha F + alpha^2 E ||v||^2 + V,   E ||v||^2 <= 4 L (F + e).
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from theorems import SEEDS, bound, largest, linear_grid, make_svrg

from lpbench.theory.evaluation import theorem
from lpbench.theory.theorem import Refused, Setting

Step = Callable[[float], float]


def l1_of_v(s: Setting, e: float, F: float) -> float:
    """E ||v||_1: of a sample's change since w*, of the snapshot's, and of the full gradient there."""
    return s.gamma * (np.sqrt(2 * F) + np.sqrt(2 * e) + np.sqrt(2 * e))


def start(s: Setting, e: float) -> float:
    return 2 * e / (s.mu * s.inner_steps)


def quarter_quantum(s: Setting, quantum: Callable[[float], float]) -> Step:
    def next_gap(e: float) -> float:
        V = s.n * quantum(e) ** 2 / 4
        return largest(lambda F: start(s, e) - 2 * s.alpha * F + s.alpha**2 * 4 * s.L * (F + e) + V)

    return next_gap


def dimension_free(s: Setting, quantum: Callable[[float], float]) -> Step:
    def excess(e: float, F: float) -> float:
        V = quantum(e) * s.alpha * l1_of_v(s, e, F)
        return start(s, e) - 2 * s.alpha * F + s.alpha**2 * 4 * s.L * (F + e) + V

    return lambda e: largest(lambda F: excess(e, F))


def coarse(s: Setting) -> Step:
    P_per_F = 2 if s.quadratic else 1

    def excess(e: float, F: float) -> float:  # alpha^2 ||v||^2 + V = delta alpha ||v||_1
        return start(s, e) - 2 * s.alpha * P_per_F * F + s.grid.delta * s.alpha * l1_of_v(s, e, F)

    return lambda e: largest(lambda F: excess(e, F))


def gaps(s: Setting, step: Step, loops: int) -> list[float]:
    found = [s.e_0]
    for _ in range(loops):
        found.append(step(found[-1]))
    return found


def over_loops(s: Setting, step: Step) -> float:
    found = gaps(s, step, max(s.loops))
    return float(np.mean([found[k] for k in s.loops]))


def fixed(s: Setting) -> Callable[[float], float]:
    return lambda e: s.grid.gap


def rescaled(s: Setting) -> Callable[[float], float]:
    """delta_k = ||grad f|| / (mu n_b), ||grad f||^2 <= 2 L_f e; n_b of the largest gaps make up the range."""
    return lambda e: np.sqrt(2 * s.L_f * e) / s.mu_used * s.grid.gap / s.grid.high


@pytest.mark.parametrize("s", [make_svrg(seed) for seed in SEEDS])
def test_5a(s: Setting) -> None:
    step = quarter_quantum(s, fixed(s))
    assert bound("5a", s) == pytest.approx(over_loops(s, step), rel=1e-9)
    assert bound("5a", replace(s, loops=None)) == pytest.approx(gaps(s, step, 200)[-1], rel=1e-9)


@pytest.mark.parametrize("s", [make_svrg(seed) for seed in SEEDS])
def test_5a_with_an_average_that_is_rounded(s: Setting) -> None:
    """f of a rounded point is f before plus at most L_f/2 of the variance, n delta^2/4."""
    exact = quarter_quantum(s, fixed(s))
    expected = over_loops(s, lambda e: exact(e) + s.L_f / 2 * s.n * s.grid.gap**2 / 4)
    assert bound("5a", replace(s, snapshot="average")) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("s", [make_svrg(seed) for seed in SEEDS])
def test_5b(s: Setting) -> None:
    step = dimension_free(s, fixed(s))
    assert bound("5b", s) == pytest.approx(over_loops(s, step), rel=1e-9)
    assert bound("5b", replace(s, loops=None)) == pytest.approx(gaps(s, step, 200)[-1], rel=1e-9)


@pytest.mark.parametrize("s", [make_svrg(seed) for seed in SEEDS])
def test_5b_coarse(s: Setting) -> None:
    s = replace(s, max_update=s.grid.delta)
    step = coarse(s)
    assert bound("5b-coarse", s) == pytest.approx(over_loops(s, step), rel=1e-9)
    assert bound("5b-coarse", replace(s, loops=None)) == pytest.approx(gaps(s, step, 200)[-1], rel=1e-9)


def halp_runs() -> list[Setting]:
    """On linear grids, and on one whose largest gap is not its smallest."""
    found = [make_svrg(seed, "halp") for seed in SEEDS]
    uneven = [
        replace(s, grid=s.grid._replace(delta=s.grid.gap / 7, zeta=s.grid.gap / s.grid.high))
        for s in found[:2]
    ]
    return found + uneven


@pytest.mark.parametrize("s", halp_runs())
@pytest.mark.parametrize("snapshot", ["random", "average"])
def test_5c_and_5d(s: Setting, snapshot: str) -> None:
    s = replace(s, snapshot=snapshot)
    for name, step in (("5c", quarter_quantum(s, rescaled(s))), ("5d", dimension_free(s, rescaled(s)))):
        assert bound(name, s) == pytest.approx(over_loops(s, step), rel=1e-9)
        assert bound(name, replace(s, loops=None)) == 0.0


@pytest.mark.parametrize("s", halp_runs())
def test_5c_is_what_its_page_says(s: Setting) -> None:
    """mu is the problem's, mu' what HALP scales its grid with: the two differ here."""
    assert s.mu_used != s.mu
    page = (Path(__file__).parents[2] / "docs" / "theory.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"E e_\{k\+1\} ≤ γ e_k,   γ = (ρ \+ .*)\.", page)
    words = {"μ'": "*used", "²": "**2*", "nL_f": "n*L_f", "4α": "4*α", "2αL": "2*α*L", "−": "-"}
    for word, meaning in words.items():
        said = said.replace(word, meaning)
    rho = (1 / (s.alpha * s.mu * s.inner_steps) + 2 * s.alpha * s.L) / (1 - 2 * s.alpha * s.L)
    known = {"n": s.n, "L_f": s.L_f, "α": s.alpha, "μ": s.mu, "used": s.mu_used, "L": s.L, "ρ": rho}
    rate = eval(said, {**known, "n_b": s.grid.high / s.grid.gap})
    one = replace(s, e_0=1.0, loops=np.array([1]))
    assert bound("5c", one) == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_parameters_of_halp_contract_by_exactly_their_rate(seed: int, rate: float) -> None:
    """alpha = rate / (4 L (1 + rate)), T = 8 kappa (1 + rate) / rate^2: rho = rate."""
    s = make_svrg(seed, e_0=1.0, loops=np.array([1]))
    alpha, T = rate / (4 * s.L * (1 + rate)), 8 * s.L / s.mu * (1 + rate) / rate**2
    s = replace(s, alpha=alpha, inner_steps=T)
    exact = replace(s, algorithm="svrg", rounding=None, grid=linear_grid(0.01)._replace(delta=0.0, gap=0.0))
    for name in ("5a", "5b"):
        assert bound(name, exact) == pytest.approx(rate, rel=1e-12)
    delta = s.grid.gap
    ball = s.n * delta**2 * s.L * (1 + rate) ** 2 / (rate * (2 + rate) * (1 - rate))
    assert bound("5a", replace(s, loops=None)) == pytest.approx(ball, rel=1e-12)
    fine = replace(s, algorithm="halp", grid=linear_grid(0.01, 60))
    assert bound("5c", fine) == pytest.approx(rate, rel=1e-9)
    assert bound("5d", fine) == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_bits_that_halp_needs(seed: int) -> None:
    """The bits formulas for a total rate are the inverse of 5c and 5d."""
    s = make_svrg(seed, "halp", e_0=1.0, loops=np.array([1]))
    slack = 1 - 2 * s.alpha * s.L
    rho = (1 / (s.alpha * s.mu * s.inner_steps) + 2 * s.alpha * s.L) / slack
    rate = (1 + rho) / 2
    n_b = np.sqrt(s.n * s.L_f / (4 * s.alpha * s.mu_used**2 * slack * (rate - rho)))
    exact = s.grid._replace(gap=s.grid.high / n_b, delta=s.grid.high / n_b)
    assert bound("5c", replace(s, grid=exact)) == pytest.approx(rate, rel=1e-9)
    x = slack * (rate - rho) / (2 + np.sqrt(rate))
    n_b = s.gamma * np.sqrt(s.L_f) / (s.mu_used * x)
    exact = s.grid._replace(gap=s.grid.high / n_b, delta=s.grid.high / n_b)
    assert bound("5d", replace(s, grid=exact)) == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_floors_of_lp_svrg_fall_by_four_with_every_bit(seed: int) -> None:
    s = make_svrg(seed, loops=None, max_update=0.0)
    finer = replace(s, grid=linear_grid(s.grid.delta / 2))
    for name in ("5a", "5b", "5b-coarse"):
        assert bound(name, s) / bound(name, finer) == pytest.approx(4.0, rel=1e-12)


def test_loops_that_are_already_settled() -> None:
    """Long runs: the recursion is cut where it no longer moves, and the mean is that of the whole."""
    s = make_svrg(2, loops=np.array([0, 3, 400, 100_000]))
    found = gaps(s, dimension_free(s, fixed(s)), 400)
    expected = np.mean([found[0], found[3], found[400], found[400]])
    assert bound("5b", s) == pytest.approx(expected, rel=1e-9)


def test_5b_coarse_is_certified_for_three_sample_gradients() -> None:
    """|v_j| <= |grad_j f_i(w)| + |grad_j f_i(snapshot)| + |grad_j f(snapshot)|."""
    s = make_svrg(1)
    third = s.grid.delta / (3 * s.alpha)
    assert theorem("5b-coarse")(replace(s, largest_gradient=third * (1 - 1e-9))).certified
    with pytest.raises(Refused, match="not the coarse regime"):
        bound("5b-coarse", replace(s, largest_gradient=third * 1.01))
    assert not theorem("5b-coarse")(
        replace(s, largest_gradient=third * 1.01, max_update=s.grid.delta)
    ).certified
