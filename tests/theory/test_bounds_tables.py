"""Tabulated values: the bits that every form asks for, and the measured floors over their bounds.

Families S and Q are defined in docs/theory.md; their constants are written out again here. The ratios of the second
half were measured once, by code of its own, with the bounds at their best eta (E ||g||^2 <= (1+eta) L P + (1+1/eta)
sigma^2); lpbench takes eta = 1. So each is compared twice: the tabulated ratio with the best eta, lpbench with eta = 1.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from theorems import INF, bound, make

from lpbench.theory.constants import family_s, quadratic
from lpbench.theory.spacings import Spacing, linear, symmetric_linear
from lpbench.theory.theorem import Setting

BITS = {  # fewest bits for 1e-2 with R = 1, sigma = 1, alpha = eps/4: 1c, 1b, 1b-L1, 1a-ii, 1a-i
    (16, 4): (8, 9, 9, 9, 9), (256, 4): (8, 9, 9, 11, 11),
    (4096, 4): (8, 9, 11, 13, 13), (65536, 4): (8, 9, 13, 15, 15),
    (16, 16): (9, 10, 10, 9, 9), (256, 256): (11, 12, 12, 11, 11), (4096, 4096): (13, 14, 16, 13, 13),
    (65536, 65536): (15, 16, 20, 15, 15),
}  # fmt: skip
FORMS = ("1c", "1b", "1b-L1", "1a-ii", "1a-i")


def family_s_setting(d: int, k: int, grid: Spacing, alpha: float) -> Setting:
    """Family S with residuals +-1, H = I/d, rows of k entries: the noise ball."""
    found = make(
        0, n=d, alpha=alpha, steps=INF, grid=grid, quadratic=True, L=1.0, mu=1 / d, L_f=1 / d,
        L_1=k**0.5, L_1_avg=(k / d) ** 0.5, gamma=k**0.5, sigma=1.0, sigma_1=k**0.5, G=1.0,
    )  # fmt: skip
    return replace(found, max_update=found.grid.delta)


def family_q_setting(d: int, dense: bool, grid: Spacing) -> Setting:
    """Family Q: curvatures max(1/64, 1/j), noise of size 1 in one coordinate or in all."""
    h = np.maximum(1 / 64, 1 / np.arange(1, d + 1))
    found = make(
        0, n=d, alpha=1.0, steps=INF, grid=grid, quadratic=True, L=1.0, mu=h[-1], L_f=1.0,
        L_1=np.sqrt((h**2).sum()), L_1_avg=np.sqrt((h**2).sum()), gamma=np.sqrt(h.sum()), sigma=1.0,
        sigma_1=d**0.5 if dense else 1.0,
    )  # fmt: skip
    return replace(found, max_update=found.grid.delta)


@pytest.mark.parametrize(("d", "k"), BITS)
def test_bits_table(d: int, k: int) -> None:
    eps = 1e-2
    found = []
    for name in FORMS:
        reached = [
            bound(name, family_s_setting(d, k, symmetric_linear(bits, 1.0), eps / 4)) <= eps
            for bits in range(2, 26)
        ]
        found.append(2 + reached.index(True))
        assert all(reached[reached.index(True) :])
    assert tuple(found) == BITS[d, k]


@pytest.mark.parametrize(("d", "k"), [key for key in BITS if key[0] <= 4096])
def test_the_bits_formulas_are_the_inverse_of_the_bounds(d: int, k: int) -> None:
    """The quantum that a form allows, solved for delta, gives the gap eps exactly."""
    eps, alpha = 1e-2, 1e-2 / 4
    s = family_s_setting(d, k, linear(8, 1.0), alpha)
    A, noise = 1 - alpha, 2 * alpha
    q = s.L_1_avg**2 / (4 * s.mu * A)
    q_1 = s.L_1**2 / (4 * s.mu * A)
    room = 2 * A * eps - noise
    delta = {
        "1a-i": 2 * (eps - alpha / 2) / np.sqrt(d),
        "1a-ii": np.sqrt(4 * alpha * (4 * A * eps - noise) / d),
        "1b": 2 * room / (s.sigma_1 + np.sqrt(s.sigma_1**2 + 4 * q * room)),
        "1b-L1": 2 * room / (s.sigma_1 + np.sqrt(s.sigma_1**2 + 4 * q_1 * room)),
        "1c": (4 * A * eps - noise) / (s.sigma_1 + s.gamma * np.sqrt(2 * eps)),
    }
    for name, quantum in delta.items():
        exact = s.grid._replace(delta=quantum, gap=quantum)
        assert bound(name, replace(s, grid=exact)) == pytest.approx(eps, rel=1e-9)


@pytest.mark.parametrize(("d", "k"), [(16, 4), (256, 4), (64, 64)])
def test_closed_constants_are_those_of_lpbench(d: int, k: int) -> None:
    s = family_s_setting(d, k, linear(8, 1.0), 0.1)
    theirs = family_s(d, k, 1.0, np.full(d, 0.25), np.arange(d)).values
    for name in ("L", "mu", "L_f", "L_1", "L_1_avg", "gamma", "sigma", "sigma_1"):
        assert theirs[name] == pytest.approx(getattr(s, name), rel=1e-12)
    h = np.maximum(1 / 64, 1 / np.arange(1, d + 1))
    for dense in (False, True):
        s = family_q_setting(d, dense, linear(10, 1.0))
        theirs = quadratic(h, 1.0, "dense" if dense else "sparse", np.full(d, 0.25)).values
        for name in ("L", "mu", "L_f", "L_1", "L_1_avg", "gamma", "sigma", "sigma_1"):
            assert theirs[name] == pytest.approx(getattr(s, name), rel=1e-12)


def reference(name: str, s: Setting, eta: float) -> float:
    """The noise balls with any eta, written out once more; P = 2 F for quadratic f."""
    delta, A = s.grid.delta, 1 - s.alpha * s.L * (1 + eta) / 2
    noise = s.alpha * (1 + 1 / eta) * s.sigma**2
    if name == "1a-ii":
        return (noise + s.n * delta**2 / (4 * s.alpha)) / (4 * A)
    if name in ("1b", "1b-L1"):
        L_1 = s.L_1 if name == "1b-L1" else s.L_1_avg
        return (noise + delta * s.sigma_1 + delta**2 * L_1**2 / (4 * s.mu * A)) / (2 * A)
    slope, offset = delta * s.gamma * np.sqrt(2), noise + delta * s.sigma_1
    return float(max(np.roots([4 * A, -slope, -offset]).real) ** 2)


def best(name: str, s: Setting) -> float:
    """At the best eta."""
    most = 2 / (s.alpha * s.L) - 1
    found = minimize_scalar(
        lambda x: reference(name, s, np.exp(x)), bounds=(-3, np.log(most) - 1e-6), method="bounded"
    )
    return float(found.fun)


DIMENSIONS = (16, 64, 256, 1024, 4096)
S_SPARSE = {  # b = 8, k = 4
    "floor": (3.86e-3, 4.01e-3, 3.89e-3, 3.88e-3, 3.93e-3),
    "1d": (0.90, 0.94, 0.91, 0.91, 0.92), "1c": (0.70, 0.73, 0.71, 0.70, 0.71), "1b": (0.38, 0.39, 0.38, 0.38, 0.38),
    "1b-L1": (0.36, 0.33, 0.21, 0.092, 0.029), "1a-ii": (0.23, 0.062, 0.015, 0.0039, 0.00098),
}  # fmt: skip
S_DENSE = {  # b = 10, k = d
    "floor": (1.95e-3, 4.00e-3, 7.51e-3, 1.55e-2, 2.99e-2),
    "1d": (0.94, 0.94, 0.85, 0.83, 0.75), "1c": (0.73, 0.73, 0.65, 0.62, 0.54),
    "1b-L1": (0.38, 0.33, 0.14, 0.027, 0.0035), "1a-ii": (0.77, 0.79, 0.72, 0.73, 0.67),
}  # fmt: skip
Q_SPARSE = {"floor": (5.07e-4, 5.16e-4, 5.25e-4, 5.34e-4, 5.90e-4), "1d": (0.98, 0.99, 0.99, 0.95, 0.94)}
Q_DENSE = {"floor": (1.96e-3, 3.91e-3, 7.78e-3, 1.56e-2, 3.14e-2), "1d": (0.97, 0.98, 0.97, 0.98, 0.97)}


def s_sparse(d: int) -> Setting:
    return family_s_setting(d, 4, linear(8, 1.0), 2.0**-8)


def s_dense(d: int) -> Setting:
    return family_s_setting(d, d, linear(10, 1.0), min(0.25, 2.0**-9 * d**0.5 / 4))


def agrees(value: float, table: dict[str, tuple[float, ...]], name: str, d: int) -> bool:
    """Whether floor / value, the floor known to three digits, is the tabulated ratio, known to two."""
    i = DIMENSIONS.index(d)
    floor, ratio = table["floor"][i], table[name][i]
    half_floor, half_ratio = (
        0.5 * 10 ** (np.floor(np.log10(x)) - digits) for x, digits in ((floor, 2), (ratio, 1))
    )
    return bool(abs(floor / value - ratio) <= half_ratio + half_floor / value)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_floors_over_1d(d: int) -> None:
    for table, s in (
        (S_SPARSE, s_sparse(d)), (S_DENSE, s_dense(d)), (Q_SPARSE, family_q_setting(d, False, linear(10, 1.0))),
        (Q_DENSE, family_q_setting(d, True, linear(10, 1.0))),
    ):  # fmt: skip
        assert agrees(bound("1d", s), table, "1d", d)


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize(("table", "family"), [(S_SPARSE, s_sparse), (S_DENSE, s_dense)])
def test_floors_over_the_bounds_with_eta(table, family, d: int) -> None:
    s = family(d)
    for name in set(table) - {"floor", "1d"}:
        assert agrees(best(name, s), table, name, d), name
        assert bound(name, s) == pytest.approx(reference(name, s, 1.0), rel=1e-9)
        assert best(name, s) <= bound(name, s) <= 1.2 * best(name, s)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_floors_of_family_s_lie_between_the_proofs(d: int) -> None:
    """E |a'v +- s| >= s: the floor is at least delta sigma_1 / 4, and 1d is at most a tenth above it for k = 4."""
    s = s_sparse(d)
    assert 1.0 < bound("1d", s) / (s.grid.delta * s.sigma_1 / 4) < 1.15
