"""Biased rounding: the recursions of the distance, step by step, and few random bits against their exact law."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from theorems import INF, SEEDS, bound, largest, linear_grid, make

from lpbench.theory.spacings import Spacing
from lpbench.theory.theorem import Setting

Law = Callable[[float], float]  # of the distance


def mean_gap(s: Setting, step: Law, T: int) -> float:
    x, total = np.sqrt(s.D_0), 0.0
    for _ in range(T):
        total += s.L_f / 2 * x**2
        x = step(x)
    return total / T


def settled(step: Law) -> float:
    return largest(lambda x: step(x) - x)


def contraction(s: Setting) -> float:
    return np.sqrt(1 - 2 * s.alpha * s.mu * (1 - s.alpha * s.L))


@pytest.mark.parametrize("s", [make(seed) for seed in SEEDS])
@pytest.mark.parametrize(("rounding", "share"), [("nearest_even", 0.5), ("toward_zero", 1.0)])
def test_7(s: Setting, rounding: str, share: float) -> None:
    """||Q(u) - w*|| <= ||u - w*|| + the error, of half a quantum in every coordinate, or of a whole one."""
    s = replace(s, rounding=rounding, grid=Spacing(0.001, 0.1, 0.03, -1.0, 1.0) if s.n % 2 else s.grid)

    def step(x: float) -> float:
        return (
            contraction(s) * x
            + np.sqrt(2 * s.alpha**2 * s.sigma**2)
            + np.sqrt(s.n * (share * s.grid.gap) ** 2)
        )

    for T in (1, 2, 3, 50, 400):
        assert bound("7", replace(s, steps=T)) == pytest.approx(mean_gap(s, step, T), rel=1e-9)
    assert bound("7", replace(s, steps=INF)) == pytest.approx(s.L_f / 2 * settled(step) ** 2, rel=1e-9)


def law_of_few_bits(s: Setting, r: int, form: int, majorised: bool) -> Law:
    """x -> the largest E-root distance after a step with r random bits, in the form 1 or 2 of the variance.

    The grid is first refined 2^r times, to the nearest: beta = sqrt(n) delta 2^-(r+1) of distance. A step h then has
    the variance delta h at most, with h <= alpha |g_j| + delta 2^-(r+1); or h <= 2 alpha |g_j|.
    """
    delta, n = s.grid.delta, s.n
    beta = np.sqrt(n) * delta * 2.0 ** -(r + 1)
    noise = 2 * s.alpha**2 * s.sigma**2
    if form == 1:
        noise += delta * s.alpha * s.sigma_1 + n * delta * (delta * 2.0 ** -(r + 1))
        slope = delta * s.alpha * s.L_1_avg
    else:
        noise += 2 * delta * s.alpha * s.sigma_1
        slope = 2 * delta * s.alpha * s.L_1_avg
    p = contraction(s)
    k = max(np.sqrt(noise), slope / (2 * p))

    def exact(x: float) -> float:
        return np.sqrt(p**2 * x**2 + slope * x + noise) + beta

    def linear(x: float) -> float:  # (p x + k)^2 is at least p^2 x^2 + slope x + noise
        return p * x + k + beta

    return linear if majorised else exact


@pytest.mark.parametrize("s", [make(seed) for seed in SEEDS])
@pytest.mark.parametrize(("r", "smaller"), [(1, 1), (1, 100), (4, 1), (4, 100), (10, 1)])
def test_7_r(s: Setting, r: int, smaller: float) -> None:
    s = replace(s, random_bits=r, alpha=s.alpha / smaller)
    laws = {
        majorised: [law_of_few_bits(s, r, form, majorised) for form in (1, 2)] for majorised in (False, True)
    }
    for T in (1, 2, 3, 50, 400):
        found = bound("7-r", replace(s, steps=T))
        assert found == pytest.approx(min(mean_gap(s, law, T) for law in laws[True]), rel=1e-6)
        assert found >= min(mean_gap(s, law, T) for law in laws[False]) * (1 - 1e-6)
    found = bound("7-r", replace(s, steps=INF))
    assert found == pytest.approx(s.L_f / 2 * min(settled(law) for law in laws[True]) ** 2, rel=1e-9)
    assert found >= s.L_f / 2 * min(settled(law) for law in laws[False]) ** 2


def test_both_forms_of_7_r_are_used() -> None:
    s = replace(make(1), alpha=1e-4)
    least = {
        r: int(np.argmin([mean_gap(s, law_of_few_bits(s, r, form, True), 50) for form in (1, 2)]))
        for r in (1, 16)
    }
    assert least == {1: 1, 16: 0}
    # Where the gradient's change outweighs its noise, the slope of the square root sets k.
    steep = replace(make(1), L_1_avg=1e5, steps=50, random_bits=8)
    slope = steep.alpha * steep.grid.delta * steep.L_1_avg / (2 * contraction(steep))
    assert slope > 10 * np.sqrt(
        2 * steep.alpha**2 * steep.sigma**2 + steep.alpha * steep.grid.delta * steep.sigma_1
    )
    expected = min(mean_gap(steep, law_of_few_bits(steep, 8, form, True), 50) for form in (1, 2))
    assert bound("7-r", steep) == pytest.approx(expected, rel=1e-9)


def test_many_random_bits_are_the_exact_rounding_but_for_the_majorant() -> None:
    s = make(2, random_bits=40, steps=INF)
    p = contraction(s)
    noise = 2 * s.alpha**2 * s.sigma**2 + s.alpha * s.grid.delta * s.sigma_1
    k = max(np.sqrt(noise), s.alpha * s.grid.delta * s.L_1_avg / (2 * p))
    assert bound("7-r", s) == pytest.approx(s.L_f / 2 * (k / (1 - p)) ** 2, rel=1e-6)


def second_moment_after_a_step(h: float, delta: float, r: int) -> float:
    """E Q^2 from 0 by a step of +-h < delta: up iff u < h/delta for u = (k + 1/2) 2^-r, k uniform."""
    u = (np.arange(2**r) + 0.5) / 2**r
    return float(np.mean(u < h / delta)) * delta**2


@pytest.mark.parametrize("r", [4, 8, 12])
def test_the_variance_is_that_of_the_prerounded_step(r: int) -> None:
    """f_i = mu w^2/2 +- g w at w = 0: one step, just over half of the fine quantum, lands on delta once in 2^r."""
    delta, mu, alpha = 0.5, 1.0, 0.25
    h = delta * 2.0**-r
    g = h / 2 * (1 + 1e-9) / alpha
    after = second_moment_after_a_step(alpha * g, delta, r)
    assert after == h * delta
    s = replace(
        make(0), n=1, alpha=alpha, L=mu, mu=mu, L_f=mu, L_1=mu, L_1_avg=mu, gamma=mu**0.5, sigma=g, sigma_1=g, D_0=0.0,
        grid=linear_grid(delta), random_bits=r, steps=2,
    )  # fmt: skip
    proven = 4 * bound("7-r", s) / s.L_f  # the mean over t < 2 of L_f/2 x_t^2, x_0 = 0
    assert after <= proven
    # Without the second rounding's own share the recursion would promise less than what happens.
    lost = (np.sqrt(2 * alpha**2 * g**2 + alpha * delta * g) + h / 2) ** 2
    assert lost < after


@pytest.mark.parametrize("seed", range(60))
def test_one_step_with_few_random_bits(seed: int) -> None:
    """E ||w' - w*||^2 with every coordinate's exact law, on quadratics with two samples, against the theorem."""
    rng = np.random.default_rng([23, seed])
    n, r, delta, mu = int(rng.integers(1, 6)), int(rng.integers(1, 9)), 0.1, 1.0
    alpha = float(10 ** rng.uniform(-3, -0.5))
    noise = rng.standard_normal(n) * 10 ** rng.uniform(-2, 1)
    w_star = rng.uniform(-1, 1, n)
    w = np.rint((w_star + rng.standard_normal(n) * 10 ** rng.uniform(-2, 0)) / delta).clip(-100, 100) * delta
    after = 0.0
    for sign in (1, -1):
        u = w - alpha * (mu * (w - w_star) + sign * noise)
        low = np.floor(u / delta)
        up = np.array([np.mean((np.arange(2**r) + 0.5) / 2**r < f) for f in u / delta - low])
        after += (up * ((low + 1) * delta - w_star) ** 2 + (1 - up) * (low * delta - w_star) ** 2).sum() / 2
    D = float(((w - w_star) ** 2).sum())
    s = replace(
        make(0), n=n, alpha=alpha, L=mu, mu=mu, L_f=mu, L_1=mu * n**0.5, L_1_avg=mu * n**0.5, gamma=(mu * n) ** 0.5,
        sigma=float(np.linalg.norm(noise)), sigma_1=float(np.abs(noise).sum()), D_0=D, grid=linear_grid(delta, 12),
        random_bits=r, steps=2,
    )  # fmt: skip
    x_1_squared = 4 * bound("7-r", s) / s.L_f - D
    assert after <= x_1_squared * (1 + 1e-9)


def test_a_hand_made_run() -> None:
    """a^2 = 1 - 2 (1/2)(1/2)(1/2) = 3/4; sqrt(2) alpha sigma = 1/2, sqrt(n) delta = 1/2."""
    s = replace(
        make(0), n=4, alpha=0.5, L=1.0, mu=0.5, L_f=0.8, sigma=2**-0.5, D_0=4.0, grid=linear_grid(0.25), steps=2,
        rounding="nearest_even",
    )  # fmt: skip
    x_1 = 0.75**0.5 * 2 + 0.5 + 0.25
    assert bound("7", s) == pytest.approx(0.4 * (4 + x_1**2) / 2, rel=1e-12)
    x_1 += 0.25
    assert bound("7", replace(s, rounding="toward_zero")) == pytest.approx(0.4 * (4 + x_1**2) / 2, rel=1e-12)


@pytest.mark.parametrize("alpha", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("T", [1, 10, 1000])
def test_small_steps_lose_no_digits(alpha: float, T: int) -> None:
    """Where the distance settles far beyond what T steps reach, the mean over them is still exact."""
    s = make(2, alpha=alpha, steps=T, rounding="nearest_even")

    def step(x: float) -> float:
        return contraction(s) * x + np.sqrt(2) * alpha * s.sigma + np.sqrt(s.n) * s.grid.gap / 2

    assert bound("7", s) == pytest.approx(mean_gap(s, step, T), rel=1e-6)
    few = replace(s, rounding="stochastic", random_bits=3)
    expected = min(mean_gap(few, law_of_few_bits(few, 3, form, True), T) for form in (1, 2))
    assert bound("7-r", few) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("T", [99_000, 101_000, 250_000])
def test_long_runs(T: int) -> None:
    """The mean over many steps, however it is computed."""
    s = make(3, alpha=1e-5, steps=T, rounding="nearest_even")
    x = np.empty(T)
    a, added = contraction(s), np.sqrt(2) * s.alpha * s.sigma + np.sqrt(s.n) * s.grid.gap / 2
    x[0] = np.sqrt(s.D_0)
    for t in range(1, T):
        x[t] = a * x[t - 1] + added
    assert bound("7", s) == pytest.approx(s.L_f / 2 * np.mean(x**2), rel=1e-8)
