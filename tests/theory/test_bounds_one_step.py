"""One step from random states, with the exact expectation over the samples and over the rounding.

With T = 1 a bound of LP-SGD says of F(w_0): what E ||w_1 - w*||^2 loses pays for it. So the theorem is called with that
loss in place of D_0, and must still hold: the inequality of the proof itself, at problems of a few samples.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from theorems import bound, make

from lpbench.formats import Fixed, Float
from lpbench.theory import spacings
from lpbench.theory.spacings import Spacing
from lpbench.theory.theorem import Setting

LINEAR = ("1a-i", "1a-ii", "1b", "1b-L1", "1c")


@dataclass(frozen=True)
class Problem:
    """Least squares or logistic regression with a regulariser, dense rows (N, d)."""

    X: np.ndarray
    y: np.ndarray
    lam: float
    logistic: bool

    def slopes(self, w: np.ndarray) -> np.ndarray:
        z = self.X @ w
        return -self.y / (1 + np.exp(self.y * z)) if self.logistic else z - self.y

    def gradients(self, w: np.ndarray) -> np.ndarray:
        return self.X * self.slopes(w)[:, None] + self.lam * w

    def value(self, w: np.ndarray) -> float:
        z = self.X @ w
        loss = np.logaddexp(0, -self.y * z) if self.logistic else (z - self.y) ** 2 / 2
        return float(loss.mean() + self.lam / 2 * w @ w)

    def optimum(self) -> np.ndarray:
        w = np.zeros(self.X.shape[1])
        for _ in range(60):  # Newton's method
            z = self.X @ w
            curvature = 1 / (2 + 2 * np.cosh(z)) if self.logistic else np.ones_like(z)
            H = (self.X * curvature[:, None]).T @ self.X / len(z) + self.lam * np.eye(len(w))
            w = w - np.linalg.solve(H, self.gradients(w).mean(axis=0))
        return w

    def constants(self, w_star: np.ndarray) -> dict[str, float]:
        """Valid constants from the norms of the rows, none of them from lpbench."""
        c, (N, n), lam = (0.25 if self.logistic else 1.0), self.X.shape, self.lam
        r_2, r_1 = np.linalg.norm(self.X, axis=1), np.abs(self.X).sum(axis=1)
        eigenvalues = np.linalg.eigvalsh(self.X.T @ self.X / N)
        mu = lam if self.logistic else lam + eigenvalues[0]
        weighted = np.linalg.eigvalsh((self.X * (r_1**2)[:, None]).T @ self.X / N)[-1]
        L_1_avg = c * weighted**0.5 + lam * n**0.5
        at = self.gradients(w_star)
        sizes = np.abs(w_star)
        return {
            "L": float(c * (r_2**2).max() + lam), "mu": float(mu), "L_f": float(c * eigenvalues[-1] + lam),
            "L_1": float((c * r_1 * r_2).max() + lam * n**0.5), "L_1_avg": float(L_1_avg),
            "gamma": float(min(np.sqrt(c * (r_1**2).mean() + lam * n), L_1_avg / mu**0.5)),
            "sigma": float(np.sqrt((at**2).sum(axis=1).mean())), "sigma_1": float(np.abs(at).sum(axis=1).mean()),
            "sigma_w": float((np.abs(at) @ sizes).mean()),
            "L_w": float(min((c * r_1 * r_2).max() + lam * n**0.5, L_1_avg) * sizes.max()),
        }  # fmt: skip


def random_problem(seed: int, logistic: bool) -> Problem:
    rng = np.random.default_rng([26, seed])
    N, d = int(rng.integers(3, 8)), int(rng.integers(1, 5))
    X = rng.standard_normal((N, d)) * np.exp(0.5 * rng.standard_normal((N, 1)))
    y = rng.choice([-1.0, 1.0], N) if logistic else rng.standard_normal(N)
    return Problem(X, y, float(10 ** rng.uniform(-2, 0)), logistic)


def neighbours(values: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    above = np.clip(np.searchsorted(values, c, side="left"), 1, len(values) - 1)
    return values[above - 1], values[above]


@dataclass(frozen=True)
class Step:
    """E ||w_1 - w*||_2^2 after one step, the moments of the gradients there, and whether anything was clipped."""

    after: float
    l1: float
    square: float
    longest: float
    clipped: bool


def step(problem: Problem, w: np.ndarray, w_star: np.ndarray, alpha: float, values: np.ndarray) -> Step:
    g = problem.gradients(w)
    u = w - alpha * g
    c = np.clip(u, values[0], values[-1])
    low, high = neighbours(values, c)
    after = ((c - w_star) ** 2 + (c - low) * (high - c)).sum(axis=1).mean()
    l1, square = np.abs(g).sum(axis=1).mean(), (g**2).sum(axis=1).mean()
    return Step(
        float(after), float(l1), float(square), float(alpha * np.abs(g).max()), not np.array_equal(c, u)
    )


def setting(problem: Problem, w_star: np.ndarray, grid: Spacing, alpha: float, lost: float) -> Setting:
    found = make(0, n=len(w_star), grid=grid, alpha=alpha, steps=1, D_0=lost, quadratic=not problem.logistic)
    return replace(found, **problem.constants(w_star))


def states(seed: int, logistic: bool, values: np.ndarray):
    """A problem whose optimum lies in the range, then states: on the grid, near the optimum or at random."""
    rng = np.random.default_rng([27, seed])
    problem = random_problem(seed, logistic)
    w_star = problem.optimum()
    scale = np.abs(w_star).max() * rng.uniform(1.02, 2.5)
    values = values * (scale / values[-1])
    for _ in range(12):
        w = rng.choice(values, len(w_star))
        if rng.random() < 0.5:
            w = neighbours(values, np.clip(w_star, values[0], values[-1]))[int(rng.integers(2))]
        alpha = float(10 ** rng.uniform(-3.5, -0.05)) / problem.constants(w_star)["L"]
        yield problem, w_star, values, w, alpha


SEEDS = range(16)
WIDTHS = [3, 5, 8]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("logistic", [False, True])
@pytest.mark.parametrize("bits", WIDTHS)
def test_linear_grid(seed: int, logistic: bool, bits: int) -> None:
    """1a to 1d, fine and coarse, with and without clipping; 1e as a bound of the distance itself."""
    for problem, w_star, values, w, alpha in states(seed, logistic, Fixed.for_range(bits, 1.0).values()):
        grid = spacings.linear(bits, -values[0])
        taken = step(problem, w, w_star, alpha, values)
        D, F = float(((w - w_star) ** 2).sum()), problem.value(w) - problem.value(w_star)
        s = setting(problem, w_star, grid, alpha, D - taken.after)
        s = replace(s, G=taken.square**0.5, max_update=taken.longest)
        slack = 1e-9 * (1 + F)
        for name in LINEAR:
            assert bound(name, s) >= F - slack, name
        if taken.longest <= grid.delta:
            assert bound("1d", s) >= F - slack
            if not taken.clipped:  # an identity where nothing clips
                V_and_square = D - taken.after - 2 * alpha * inner(problem, w, w_star)
                assert V_and_square == pytest.approx(-alpha * grid.delta * taken.l1, rel=1e-10, abs=1e-13)
                if not logistic:
                    assert 4 * alpha * F == pytest.approx(
                        D - taken.after + alpha * grid.delta * taken.l1, rel=1e-10, abs=1e-13
                    )
        if 2 * alpha * s.mu * s.A <= 1:
            assert bound("1e", replace(s, D_0=D)) * 2 / s.L_f >= taken.after * (1 - 1e-12)


def inner(problem: Problem, w: np.ndarray, w_star: np.ndarray) -> float:
    return float(problem.gradients(w).mean(axis=0) @ (w - w_star))


def test_the_states_meet_every_case() -> None:
    """Coarse and fine steps, clipped and not: else the test above says less than it seems to."""
    met = set()
    for seed in SEEDS:
        for problem, w_star, values, w, alpha in states(seed, False, Fixed.for_range(5, 1.0).values()):
            taken = step(problem, w, w_star, alpha, values)
            met.add((taken.longest <= values[1] - values[0], taken.clipped))
    assert met == {(True, True), (True, False), (False, True), (False, False)}


FLOATS = [(3, 2, True), (2, 3, True), (3, 2, False), (4, 3, True), (2, 5, False)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("logistic", [False, True])
@pytest.mark.parametrize(("exponent", "mantissa", "subnormals"), FLOATS)
def test_float_grid(seed: int, logistic: bool, exponent: int, mantissa: int, subnormals: bool) -> None:
    """4 where its condition holds, and the linear theorems with the largest gap."""
    form = Float(exponent, mantissa, 1.0, subnormals=subnormals)
    for problem, w_star, values, w, alpha in states(seed, logistic, form.values()):
        grid = spacings.floating(exponent, mantissa, float(values[-1]), subnormals)
        taken = step(problem, w, w_star, alpha, values)
        D, F = float(((w - w_star) ** 2).sum()), problem.value(w) - problem.value(w_star)
        s = replace(setting(problem, w_star, grid, alpha, D - taken.after), G=taken.square**0.5)
        slack = 1e-9 * (1 + F)
        kappa = s.L / s.mu
        names = LINEAR
        if (1 + grid.zeta / 4) * alpha * s.L + grid.zeta * kappa**0.5 / 2 < 1:
            names = (*LINEAR, "4")
        for name in names:
            assert bound(name, s) >= F - slack, name


def test_some_states_come_close() -> None:
    """On one sample in one dimension 1d is an equality: the inequalities above are not all slack."""
    problem = Problem(np.array([[1.0]]), np.array([0.3]), 0.0, False)
    values = Fixed.for_range(4, 1.0).values()
    w, alpha = np.array([0.75]), 0.05
    w_star = problem.optimum()
    taken = step(problem, w, w_star, alpha, values)
    D, F = float(((w - w_star) ** 2).sum()), problem.value(w) - problem.value(w_star)
    s = setting(problem, w_star, spacings.linear(4, 1.0), alpha, D - taken.after)
    assert bound("1d", replace(s, max_update=taken.longest)) == pytest.approx(F, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("logistic", [False, True])
def test_gradients_of_svrg(seed: int, logistic: bool) -> None:
    """v = grad f_i(w) - grad f_i(snapshot) + grad f(snapshot): the two moments that the SVRG theorems start from."""
    rng = np.random.default_rng([28, seed])
    problem = random_problem(seed, logistic)
    w_star = problem.optimum()
    c = problem.constants(w_star)
    for _ in range(8):
        w, snapshot = w_star + 10 ** rng.uniform(-2, 1, (2, 1)) * rng.standard_normal((2, len(w_star)))
        at = problem.gradients(snapshot)
        v = problem.gradients(w) - at + at.mean(axis=0)
        F, e = (problem.value(x) - problem.value(w_star) for x in (w, snapshot))
        assert (v**2).sum(axis=1).mean() <= 4 * c["L"] * (F + e) * (1 + 1e-9)
        l1 = c["gamma"] * (np.sqrt(2 * F) + 2 * np.sqrt(2 * e))
        assert np.abs(v).sum(axis=1).mean() <= l1 * (1 + 1e-6)
        assert np.linalg.norm(at.mean(axis=0)) <= np.sqrt(2 * c["L_f"] * e) * (1 + 1e-6)
        assert np.abs(w_star - snapshot).max() <= np.linalg.norm(at.mean(axis=0)) / c["mu"] * (1 + 1e-9)
