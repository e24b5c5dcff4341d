"""Runs in numbers for the tests of the theorems, and the two numerical tools that they derive bounds with."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from lpbench.theory.evaluation import theorem
from lpbench.theory.spacings import Spacing
from lpbench.theory.theorem import Setting

SEEDS = range(8)
INF = float("inf")


def linear_grid(delta: float, bits: int = 8) -> Spacing:
    """Fixed point from -delta 2^(bits-1) to delta (2^(bits-1) - 1)."""
    return Spacing(delta, 0.0, delta, -delta * 2.0 ** (bits - 1), delta * (2.0 ** (bits - 1) - 1))


def make(seed: int, **changes: Any) -> Setting:
    """A random run of LP-SGD on a linear grid. All constants differ, so that none can stand for another."""
    rng = np.random.default_rng([20, seed])

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    n, L = int(rng.integers(5, 60)), between(0.5, 3.0)
    mu = L * between(0.02, 0.2)
    L_1 = L * n**0.5 * between(0.6, 1.0)
    L_1_avg = L_1 * between(0.4, 0.9)
    D_0, L_f, sigma = between(0.2, 3.0), between(1.5 * mu, 0.9 * L), between(0.3, 2.0)
    found = Setting(
        n=n,
        algorithm="lp_sgd",
        grid=linear_grid(between(0.005, 0.05)),
        alpha=between(0.05, 0.4) / L,
        steps=int(rng.integers(2, 400)),
        L=L,
        mu=mu,
        L_f=L_f,
        L_1=L_1,
        L_1_avg=L_1_avg,
        gamma=L_1_avg / mu**0.5 * between(0.5, 0.95),
        sigma=sigma,
        sigma_1=sigma * n**0.5 * between(0.3, 0.9),
        sigma_w=between(0.2, 2.0),
        L_w=between(0.2, 2.0),
        D_0=D_0,
        e_0=D_0 * between(mu / 2, L_f / 2),
        quadratic=bool(seed % 2),
    )
    return replace(found, **changes)


def make_svrg(seed: int, algorithm: str = "lp_svrg", **changes: Any) -> Setting:
    """A random run of LP-SVRG or HALP whose outer loops contract."""
    rng = np.random.default_rng([21, seed])
    s = make(seed)
    alpha = float(rng.uniform(0.03, 0.12)) / s.L
    mu_used = s.mu * float(rng.uniform(0.5, 1.0))
    # HALP: so many quanta to the range that rounding leaves the loops contracting.
    quanta = s.gamma * s.L_f**0.5 / (mu_used * float(rng.uniform(0.01, 0.04)))
    grid = Spacing(0.01, 0.0, 0.01, -0.01 * quanta, 0.01 * quanta) if algorithm == "halp" else s.grid
    found = replace(
        s,
        algorithm=algorithm,
        grid=grid,
        alpha=alpha,
        inner_steps=int(rng.uniform(4, 12) / (alpha * s.mu)),
        loops=np.array([1, 2, 5, 9]),
        snapshot="random",
        mu_used=mu_used,
    )
    return replace(found, **changes)


def bound(name: str, s: Setting) -> float:
    """What lpbench says."""
    return theorem(name)(s).value


def largest(excess: Callable[[float], float]) -> float:
    """The F > 0 up to which excess is positive: where a concave right side no longer exceeds the left."""
    high = 1e-9
    while excess(high) >= 0:
        high *= 2
    return float(brentq(excess, 0.0, high, xtol=1e-300, rtol=1e-14)) if high > 1e-9 else 0.0


def peak(height: Callable[[float], float]) -> float:
    """The maximum over x >= 0 of a concave function."""
    high = 1.0
    while height(2 * high) > height(high):
        high *= 2
    found = minimize_scalar(
        lambda x: -height(x), bounds=(0.0, 2 * high), method="bounded", options={"xatol": 1e-9}
    )
    return max(-float(found.fun), height(0.0))
