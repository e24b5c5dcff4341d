"""LP-SGD on floating-point and logarithmic grids, from the rounding variance of one coordinate.

On such a grid var_j <= alpha |g_j| max(delta, zeta |w_j|) + (zeta/4) alpha^2 g_j^2, and |w_j| <= |w*_j| + |w_j - w*_j|.
"""

from dataclasses import replace

import numpy as np
import pytest
from theorems import INF, SEEDS, bound, largest, make, peak

from lpbench.theory.spacings import Spacing, floating
from lpbench.theory.theorem import Setting


def runs() -> list[Setting]:
    found = []
    for seed in SEEDS:
        rng = np.random.default_rng([22, seed])
        s = make(seed)
        zeta = float(rng.uniform(0.1, 0.5)) / np.sqrt(s.L / s.mu)
        found.append(replace(s, grid=Spacing(float(rng.uniform(0.001, 0.02)), zeta, 0.09, -3.0, 3.0)))
    return [*found, replace(found[0], steps=INF), replace(found[1], steps=INF)]


@pytest.mark.parametrize("s", runs())
def test_4(s: Setting) -> None:
    delta, zeta = s.grid.delta, s.grid.zeta

    def gained(root_D: float, F: float) -> float:
        P = F + s.mu / 2 * root_D**2
        square = 2 * s.L * P + 2 * s.sigma**2  # E ||g||_2^2
        near_zero = delta * (s.sigma_1 + s.L_1_avg * root_D)  # delta E ||g||_1
        at_optimum = zeta * (s.sigma_w + s.L_w * root_D)  # zeta E sum |w*_j g_j|
        away = zeta * (
            root_D * s.sigma + np.sqrt(P / s.mu) * np.sqrt(s.L * P)
        )  # zeta E sum |w_j - w*_j| |g_j|
        V = s.alpha * (near_zero + at_optimum + away) + zeta / 4 * s.alpha**2 * square
        return -2 * s.alpha * P + s.alpha**2 * square + V

    lost = 0.0 if s.steps == INF else s.D_0 / s.steps
    most = peak(lambda x: gained(x, 0.0))
    # F and sqrt(D) do not mix: sqrt(kappa) P is linear in F + mu/2 D.
    per_F = gained(0.0, 1.0) - gained(0.0, 0.0)
    assert gained(0.7, 0.3) == pytest.approx(gained(0.7, 0.0) + 0.3 * per_F, rel=1e-12)
    assert bound("4", s) == pytest.approx(largest(lambda F: lost + most + per_F * F), rel=1e-9)


@pytest.mark.parametrize("s", runs())
def test_4_with_small_steps_and_gaps(s: Setting) -> None:
    """alpha <= 1/(4L), zeta <= 1/(4 sqrt(kappa)): below the form without A'."""
    kappa = s.L / s.mu
    s = replace(
        s, alpha=min(s.alpha, 0.25 / s.L), grid=s.grid._replace(zeta=min(s.grid.zeta, 0.25 / np.sqrt(kappa)))
    )
    delta, zeta, alpha = s.grid.delta, s.grid.zeta, s.alpha
    start = 0.0 if s.steps == INF else s.D_0 / (alpha * s.steps)
    mixed = (delta * s.L_1_avg + zeta * s.L_w + zeta * s.sigma) ** 2 / (2 * s.mu)
    corollary = start + 2.5 * alpha * s.sigma**2 + delta * s.sigma_1 + zeta * s.sigma_w + mixed
    assert corollary / 2 <= bound("4", s) <= corollary


@pytest.mark.parametrize("s", runs())
def test_4_tends_to_1b_as_the_grid_becomes_even(s: Setting) -> None:
    nearly = replace(s, grid=s.grid._replace(zeta=1e-13, gap=s.grid.delta))
    assert bound("4", nearly) == pytest.approx(
        bound("1b", replace(s, grid=nearly.grid._replace(zeta=0.0))), rel=1e-9
    )


def test_the_largest_gap_judges_the_linear_theorems_and_not_4() -> None:
    s = runs()[0]
    wider = replace(s, grid=s.grid._replace(gap=2 * s.grid.gap))
    assert bound("4", wider) == bound("4", s)
    for name in ("1a-ii", "1b", "1c"):
        assert bound(name, wider) > bound(name, s)


def test_a_hand_made_run() -> None:
    """zeta = 1/4, delta = 1/16, kappa = 4, alpha L = 16/85: A' = 1 - 1/5 - 1/4."""
    s = replace(
        make(0), L=1.0, mu=0.25, alpha=16 / 85, steps=85, D_0=4.0, sigma=0.5, sigma_1=3.0, L_1_avg=8.0, sigma_w=2.0,
        L_w=1.5, grid=Spacing(0.0625, 0.25, 0.2, -1.0, 1.0),
    )  # fmt: skip
    inner = 0.25 + 2 * (17 / 16) * (16 / 85) * 0.25 + 0.1875 + 0.5 + (0.5 + 0.375 + 0.125) ** 2 / 0.55
    assert bound("4", s) == pytest.approx(inner / 1.1, rel=1e-12)


def test_4_of_a_float_format() -> None:
    """The constants of the grid that `floating` gives are those that the theorem takes."""
    s = make(1, L=1.0, mu=0.5, L_f=0.9, alpha=0.1)
    grid = floating(4, 3, 1.0)
    step, gap = 1 / (2 - 0.125) * 2.0**-14 / 8, 0.125
    by_hand = Spacing(step, gap, 1.0, -1.0, 1.0)
    assert bound("4", replace(s, grid=grid)) == pytest.approx(bound("4", replace(s, grid=by_hand)), rel=1e-12)
