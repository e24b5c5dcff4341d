"""LP-SGD with a decreasing step: the weighted sum of the one-step inequalities, term by term in a loop.

With a = phi = 1/2, alpha_t = 8 / (mu (t + s)), s = 16 L / mu and the weights omega_t = t + s - 1, a step says
2 a F_t <= (1/alpha_t - mu a phi) D_t - D_{t+1}/alpha_t + 2 alpha_t sigma^2 + rounding_t / alpha_t.
"""

from dataclasses import replace

import numpy as np
import pytest
from theorems import INF, SEEDS, bound, make, peak

from lpbench.theory.spacings import Spacing
from lpbench.theory.theorem import Setting

A = PHI = 0.5


def runs() -> list[Setting]:
    return [make(seed, schedule="decreasing") for seed in SEEDS]


def decreasing_step(s: Setting, t: int) -> float:
    return 8 / (s.mu * (t + 16 * s.L / s.mu))


def weight(s: Setting, t: int) -> float:
    return t + 16 * s.L / s.mu - 1


def absorbed(s: Setting) -> float:
    """delta (sigma_1 + L_1_avg sqrt(D)) less the share of the contraction that pays for it."""
    left = A * (1 - PHI) * s.mu
    return peak(lambda x: s.grid.gap * (s.sigma_1 + s.L_1_avg * x) - left * x**2)


def summed(s: Setting, rounding: list[float], noise: list[float]) -> float:
    """Sum of omega_t 2 a F_t over 2 a sum of omega_t, at most."""
    T = len(rounding)
    omega = np.array([weight(s, t) for t in range(T)])
    inverse = np.array([1 / decreasing_step(s, t) for t in range(T)])
    left_over = omega[1:] * (inverse[1:] - s.mu * A * PHI) - omega[:-1] * inverse[:-1]
    assert np.abs(left_over).max(initial=0) <= 1e-9 * (omega * inverse).max()  # D_1 ... D_{T-1} cancel
    start = omega[0] * (inverse[0] - s.mu * A * PHI) * s.D_0
    return float((start + omega @ (np.array(noise) + np.array(rounding))) / (2 * A * omega.sum()))


@pytest.mark.parametrize("s", runs())
@pytest.mark.parametrize("T", [1, 2, 37, 400])
def test_2(s: Setting, T: int) -> None:
    rounding = [absorbed(s)] * T
    steps = [decreasing_step(s, t) for t in range(T)]
    exact = summed(s, rounding, [2 * alpha * s.sigma**2 for alpha in steps])
    # The theorem rounds omega_t alpha_t = (8 / mu) (t + s - 1)/(t + s) up to 8 / mu.
    rounded_up = summed(s, rounding, [2 * 8 / s.mu / weight(s, t) * s.sigma**2 for t in range(T)])
    found = bound("2", replace(s, steps=T))
    assert found == pytest.approx(rounded_up, rel=1e-9)
    assert exact * (1 - 1e-9) <= found <= exact * 17 / 16


@pytest.mark.parametrize("s", runs())
@pytest.mark.parametrize("T", [1, 2, 37, 400])
def test_2_old(s: Setting, T: int) -> None:
    steps = [decreasing_step(s, t) for t in range(T)]
    rounding = [s.n * s.grid.gap**2 / 4 / alpha for alpha in steps]
    expected = summed(s, rounding, [2 * 8 / s.mu / weight(s, t) * s.sigma**2 for t in range(T)])
    assert bound("2-old", replace(s, steps=T)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("s", runs())
def test_noise_ball_of_2(s: Setting) -> None:
    delta = s.grid.gap
    ball = delta * s.sigma_1 + delta**2 * s.L_1_avg**2 / s.mu
    assert bound("2", replace(s, steps=INF)) == pytest.approx(ball, rel=1e-12)
    uneven = replace(s, steps=INF, grid=Spacing(0.001, 0.25, delta, -1.0, 1.0))
    assert bound("2", uneven) == pytest.approx(ball, rel=1e-12)


@pytest.mark.parametrize("s", runs())
def test_2_old_grows_with_T(s: Setting) -> None:
    late = [bound("2-old", replace(s, steps=T)) for T in (10**6, 10**7, 10**8)]
    assert late[0] < late[1] < late[2]
    assert late[2] / late[1] == pytest.approx(10, rel=0.05)
    assert bound("2", replace(s, steps=10**8)) == pytest.approx(bound("2", replace(s, steps=INF)), rel=0.01)


def test_neither_depends_on_the_step_size_of_the_setting() -> None:
    s = make(3, schedule="decreasing")
    for name in ("2", "2-old"):
        assert bound(name, replace(s, alpha=s.alpha / 3)) == bound(name, s)


def test_a_hand_made_run() -> None:
    """mu = 1/2, L = 1/2 (s = 16), D_0 = 2, T = 3: the weights 15, 16, 17 sum to 48, alpha_0 = 1."""
    s = replace(
        make(0), n=8, L=0.5, mu=0.5, sigma=3.0, sigma_1=5.0, L_1_avg=2.0, D_0=2.0, schedule="decreasing"
    )
    s = replace(s, steps=3, grid=Spacing(0.25, 0.0, 0.25, -8.0, 7.75))
    start, noise = 15 * (1 - 0.125) * 2.0, 3 * 2 * 16 * 9.0
    assert bound("2", s) == pytest.approx((start + noise) / 48 + 1.25 + 0.25 / 0.5, rel=1e-12)
    old = 0.125 * (15 * 16 + 16 * 17 + 17 * 18) / 16
    assert bound("2-old", s) == pytest.approx((start + noise + old) / 48, rel=1e-12)
