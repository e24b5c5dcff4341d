"""SWALP: every step of the run in a loop, from the iterates' bounds written out again."""

from dataclasses import replace

import numpy as np
import pytest
from theorems import INF, SEEDS, bound, largest, make, peak

from lpbench.theory.theorem import Refused, Setting


def runs() -> list[Setting]:
    found = [make(seed, algorithm="swalp", quadratic=True, steps=300) for seed in SEEDS]
    # With gamma <= L_1_avg/sqrt(mu), 1c is never above 1b: a larger one makes 1b the least of the three.
    wide = replace(found[0], gamma=found[0].gamma * 20, n=10**6)
    return [*found, wide]


def iterates(s: Setting, T: int) -> float:
    """The least of 1a-ii, 1b and 1c after T steps; P = 2 F for quadratic f."""
    delta, A, lost = s.grid.gap, 1 - s.alpha * s.L, s.D_0 / T
    noise = 2 * s.alpha**2 * s.sigma**2
    worst = (lost + noise + s.n * delta**2 / 4) / (4 * s.alpha * A)
    most = peak(lambda x: delta * s.alpha * (s.sigma_1 + s.L_1_avg * x) - s.alpha * s.mu * A * x**2)
    strong = (lost + noise + most) / (2 * s.alpha * A)
    convex = largest(
        lambda F: (
            lost + noise + delta * s.alpha * (s.sigma_1 + s.gamma * np.sqrt(2 * F)) - 4 * s.alpha * A * F
        )
    )
    return min(worst, strong, convex)


def average(s: Setting, T: int, coarse: bool = False) -> float:
    """f of the mean of w_0 ... w_{T-1}: 1/2 E ||H^(1/2) sum_t||^2 / T^2, ||H^(1/2) S_k|| <= 1/(alpha sqrt(mu))."""
    F = iterates(s, T)
    rounding = s.alpha * s.grid.gap * (s.sigma_1 + s.gamma * np.sqrt(2 * F))
    gradient = s.alpha**2 * (2 * (2 * s.L * F) + 2 * s.sigma**2)
    V = gradient + min(s.n * s.grid.gap**2 / 4, rounding)
    if coarse:
        V = min(V, rounding)
    return min(F, 0.5 * (s.D_0 + T * V) / (s.alpha**2 * s.mu * T**2))


@pytest.mark.parametrize("s", runs())
@pytest.mark.parametrize("coarse", [False, True])
def test_6(s: Setting, coarse: bool) -> None:
    """The mean over t of the bound of the average of w_0 ... w_{t-1}; at t = 0 it is w_0 itself."""
    s = replace(s, max_update=s.grid.gap * (1.0 if coarse else 1.01))
    exact = (s.e_0 + sum(average(s, T, coarse) for T in range(1, s.steps))) / s.steps
    assert exact * (1 - 1e-9) <= bound("6", s) <= exact * 1.02


@pytest.mark.parametrize("s", runs())
@pytest.mark.parametrize("coarse", [False, True])
def test_6_late(s: Setting, coarse: bool) -> None:
    """In the last thousandth of a long run the mean over t has little to do: (mean to T) T - (mean to t) t."""
    s = replace(s, max_update=s.grid.gap * (1.0 if coarse else 1.01))
    T, share = 10**8, 0.5
    half = bound("6", replace(s, steps=int(T * share)))
    whole = bound("6", replace(s, steps=T))
    late = (whole * T - half * T * share) / (T * (1 - share))
    # 1/t averaged over the second half is log(2) / (T/2).
    assert late == pytest.approx(average(s, T, coarse) * 2 * np.log(2), rel=0.03)


@pytest.mark.parametrize("s", runs())
def test_6_has_no_noise_ball(s: Setting) -> None:
    assert bound("6", replace(s, steps=INF)) == 0.0
    assert bound("1c", replace(s, steps=INF)) > 0.0


@pytest.mark.parametrize("s", runs())
@pytest.mark.parametrize("name", ["1a-i", "1a-ii", "1b", "1b-L1", "1c", "1d"])
def test_the_average_keeps_the_bounds_of_the_iterates(s: Setting, name: str) -> None:
    """By Jensen's inequality, each at its own T; the mean over the run has a larger transient."""
    s = replace(s, G=2.0, max_update=0.0)
    run = replace(s, algorithm="lp_sgd")
    each = [bound(name, replace(run, steps=T)) for T in range(1, s.steps)]
    exact = (s.e_0 + sum(each)) / s.steps
    assert exact * (1 - 1e-12) <= bound(name, s) <= exact * 1.01
    assert bound(name, replace(s, steps=INF)) == bound(name, replace(run, steps=INF))


def test_6_uses_what_applies_to_the_iterates() -> None:
    """alpha L_f <= 1 is not enough: without a bound of the iterates there is none of the average."""
    s = replace(runs()[0], alpha=1.0 / runs()[0].L, L_f=runs()[0].mu)
    with pytest.raises(Refused, match="alpha L must be below 1"):
        bound("6", s)


def test_a_hand_made_run() -> None:
    """One step: the mean over t = 0 of the gap is e_0 itself; two steps: and that after one."""
    s = replace(
        make(1), algorithm="swalp", n=4, alpha=0.5, L=1.0, mu=0.5, L_f=1.0, L_1_avg=1.0, gamma=1.0, sigma=0.0,
        sigma_1=0.0, D_0=0.125, e_0=0.0625, steps=2,
    )  # fmt: skip
    s = replace(s, grid=s.grid._replace(delta=0.0, gap=0.0))
    assert bound("6", replace(s, steps=1)) == 0.0625
    F = 0.125 / 0.5 / 2  # min of (D_0 / alpha) / (4 A) and (D_0 / alpha) / (2 A), A = 1/2
    V = 0.25 * 4 * F
    assert bound("6", s) == pytest.approx((0.0625 + min(F, (0.125 + V) / (2 * 0.25 * 0.5))) / 2, rel=1e-12)
