"""LP-SGD with a constant step: each bound against its one-step inequality, solved numerically.

With F the mean gap and D >= 0 the squared distance, a step with the gradient's noise and the variance V of its
rounding says E D' <= D - 2 alpha A P + 2 alpha^2 sigma^2 + V. Summed over T steps, D_0 is all that there is to lose.
"""

from dataclasses import replace

import numpy as np
import pytest
from theorems import INF, SEEDS, bound, largest, linear_grid, make, peak

from lpbench.theory.spacings import Spacing
from lpbench.theory.theorem import Setting

CLOSE = 1e-9


def runs() -> list[Setting]:
    """Random runs, finite and endless, on linear grids and on one whose largest gap is not its smallest step."""
    found = [make(seed) for seed in SEEDS]
    uneven = Spacing(0.003, 0.125, 0.04, -0.7, 0.7)
    return [
        *found,
        replace(found[0], steps=INF),
        replace(found[1], steps=INF),
        replace(found[2], grid=uneven),
    ]


def lost(s: Setting) -> float:
    return 0.0 if s.steps == INF else s.D_0 / s.steps


@pytest.mark.parametrize("s", runs())
def test_1a_i(s: Setting) -> None:
    G = 1.7
    step = s.alpha**2 * G**2 + s.grid.gap * s.alpha * (np.sqrt(s.n) * G)  # ||g||_1 <= sqrt(n) ||g||_2
    expected = largest(lambda F: lost(s) + step - 2 * s.alpha * F)
    assert bound("1a-i", replace(s, G=G)) == pytest.approx(expected, rel=CLOSE)


@pytest.mark.parametrize("s", runs())
def test_1a_ii(s: Setting) -> None:
    P_per_F = 2.0 if s.quadratic else 1.0
    V = s.n * s.grid.gap**2 / 4

    def excess(F: float) -> float:
        P = P_per_F * F
        return lost(s) - 2 * s.alpha * P + s.alpha**2 * (2 * s.L * P + 2 * s.sigma**2) + V

    assert bound("1a-ii", s) == pytest.approx(largest(excess), rel=CLOSE)


def strongly_convex(s: Setting, L_1: float) -> float:
    """The largest F for the D that allows the most: P >= F + mu/2 D, V <= delta alpha (sigma_1 + L_1 sqrt(D))."""

    def gained(root_D: float) -> float:
        V = s.grid.gap * s.alpha * (s.sigma_1 + L_1 * root_D)
        P = s.mu / 2 * root_D**2
        return -2 * s.alpha * P + s.alpha**2 * (2 * s.L * P + 2 * s.sigma**2) + V

    most = peak(gained)
    return largest(lambda F: lost(s) + most - 2 * s.alpha * F + 2 * s.alpha**2 * s.L * F)


@pytest.mark.parametrize("s", runs())
def test_1b(s: Setting) -> None:
    assert bound("1b", s) == pytest.approx(strongly_convex(s, s.L_1_avg), rel=CLOSE)
    assert bound("1b-L1", s) == pytest.approx(strongly_convex(s, s.L_1), rel=CLOSE)


@pytest.mark.parametrize("s", runs())
def test_1c(s: Setting) -> None:
    P_per_F = 2.0 if s.quadratic else 1.0

    def excess(F: float) -> float:
        P = P_per_F * F
        V = s.grid.gap * s.alpha * (s.sigma_1 + s.gamma * np.sqrt(2 * F))
        return lost(s) - 2 * s.alpha * P + s.alpha**2 * (2 * s.L * P + 2 * s.sigma**2) + V

    assert bound("1c", s) == pytest.approx(largest(excess), rel=CLOSE)


@pytest.mark.parametrize("s", [s for s in runs() if s.grid.linear])
def test_1d(s: Setting) -> None:
    P_per_F = 2.0 if s.quadratic else 1.0

    def excess(F: float) -> float:  # alpha^2 ||g||^2 + V = delta alpha ||g||_1
        both = s.grid.delta * s.alpha * (s.sigma_1 + s.gamma * np.sqrt(2 * F))
        return lost(s) - 2 * s.alpha * P_per_F * F + both

    coarse = replace(s, max_update=s.grid.delta)
    assert bound("1d", coarse) == pytest.approx(largest(excess), rel=CLOSE)
    steep = replace(coarse, alpha=2 / s.L)
    assert bound("1d", replace(steep, steps=INF)) == pytest.approx(
        bound("1d", replace(coarse, steps=INF)), rel=1e-12
    )


@pytest.mark.parametrize("s", [make(seed) for seed in SEEDS])
def test_outside_the_range_only_the_factor_of_a_quadratic_changes(s: Setting) -> None:
    outside, plain = replace(s, quadratic=True, inside=False), replace(s, quadratic=False)
    for name in ("1a-ii", "1b", "1b-L1", "1c"):
        assert bound(name, outside) == bound(name, plain)
    coarse = {"max_update": 0.0}
    assert bound("1d", replace(outside, **coarse)) == bound("1d", replace(plain, **coarse))


@pytest.mark.parametrize("s", [make(seed) for seed in SEEDS])
def test_1b_with_small_steps(s: Setting) -> None:
    """alpha <= 1/(2L): at most D_0/(alpha T) + 2 alpha sigma^2 + delta sigma_1 + delta^2 L_1^2/(2 mu)."""
    delta = s.grid.delta
    half = replace(s, alpha=0.5 / s.L)
    corollary = s.D_0 / (half.alpha * s.steps) + 2 * half.alpha * s.sigma**2 + delta * s.sigma_1
    assert bound("1b", half) == pytest.approx(corollary + delta**2 * s.L_1_avg**2 / (2 * s.mu), rel=1e-12)
    tiny = replace(s, alpha=1e-12, steps=INF)
    limit = delta * s.sigma_1 / 2 + delta**2 * s.L_1_avg**2 / (8 * s.mu)
    assert bound("1b", tiny) == pytest.approx(limit, rel=1e-6)


@pytest.mark.parametrize("s", [make(seed) for seed in SEEDS])
def test_1e_is_the_recursion_of_the_distance(s: Setting) -> None:
    A = 1 - s.alpha * s.L

    def step(D: float) -> float:
        V = s.alpha * s.grid.gap * (s.sigma_1 + s.L_1_avg * np.sqrt(D))
        return (1 - 2 * s.alpha * s.mu * A) * D + 2 * s.alpha**2 * s.sigma**2 + V

    D = s.D_0
    for T in range(1, 301):
        D = step(D)
        proven = bound("1e", replace(s, steps=T))
        assert proven >= s.L_f / 2 * D * (1 - 1e-12)
        assert proven <= s.L_f / 2 * D * 1.35
    for _ in range(20_000):
        D = step(D)
    assert bound("1e", replace(s, steps=INF)) == pytest.approx(s.L_f / 2 * D, rel=1e-9)
    assert bound("1e", replace(s, steps=1, D_0=D)) == pytest.approx(s.L_f / 2 * D, rel=1e-9)


@pytest.mark.parametrize("s", [make(seed) for seed in SEEDS])
def test_1e_follows_the_tangent_at_the_fixed_point(s: Setting) -> None:
    """Near where the distance settles the closed form and the recursion have the same slope."""
    A = 1 - s.alpha * s.L
    settled = 2 * bound("1e", replace(s, steps=INF)) / s.L_f
    slope = 1 - 2 * s.alpha * s.mu * A + s.alpha * s.grid.gap * s.L_1_avg / (2 * np.sqrt(settled))
    off = replace(s, D_0=settled * 1.5)
    for T in (1, 2, 7):
        expected = settled * (1 + 0.5 * slope**T)
        assert 2 * bound("1e", replace(off, steps=T)) / s.L_f == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("s", [make(seed) for seed in SEEDS])
def test_full_precision_is_plain_sgd(s: Setting) -> None:
    plain = replace(s, algorithm="sgd", rounding=None, grid=Spacing(0.0, 0.0, 0.0, -INF, INF), G=2.0)
    noise = s.D_0 / (s.alpha * s.steps) + 2 * s.alpha * s.sigma**2
    P_per_F = 2 if s.quadratic else 1
    assert bound("1a-i", plain) == pytest.approx(s.D_0 / (2 * s.alpha * s.steps) + s.alpha * 2.0, rel=1e-12)
    assert bound("1b", plain) == pytest.approx(noise / (2 * (1 - s.alpha * s.L)), rel=1e-12)
    for name in ("1a-ii", "1c"):
        assert bound(name, plain) == pytest.approx(noise / (2 * P_per_F * (1 - s.alpha * s.L)), rel=1e-12)


def test_a_hand_made_run() -> None:
    """delta = 1/8, alpha = 1/4, L = 1 (A = 3/4), D_0 = 3, T = 24: every term by hand."""
    s = replace(
        make(0), n=16, grid=linear_grid(0.125), alpha=0.25, steps=24, L=1.0, mu=0.5, L_f=0.75, L_1=4.0, L_1_avg=2.0,
        gamma=2.5, sigma=1.0, sigma_1=3.0, D_0=3.0, quadratic=True, G=2.0, max_update=0.1,
    )  # fmt: skip
    assert bound("1a-i", s) == pytest.approx(0.25 + 0.5 + 0.5, rel=1e-12)
    assert bound("1a-ii", s) == pytest.approx((0.5 + 0.5 + 0.25) / 3, rel=1e-12)
    assert bound("1b", s) == pytest.approx((0.5 + 0.5 + 0.375 + 0.0625 / 1.5) / 1.5, rel=1e-12)
    assert bound("1b-L1", s) == pytest.approx((0.5 + 0.5 + 0.375 + 0.25 / 1.5) / 1.5, rel=1e-12)
    F = bound("1c", s)
    assert pytest.approx((1.375 + 0.3125 * np.sqrt(2 * F)) / 3, rel=1e-12) == F
    F = bound("1d", s)
    assert pytest.approx((0.875 + 0.3125 * np.sqrt(2 * F)) / 4, rel=1e-12) == F
