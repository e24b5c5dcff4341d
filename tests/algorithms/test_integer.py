"""LP-SGD, LP-SVRG and HALP in integers against the papers' loops in whole numbers of Python, point by point."""

import math

import numpy as np
import pytest
import tiny

from lpbench.arithmetic.generator import ROUNDING, SAMPLES, random_bits, random_index, step_words, stream
from lpbench.arithmetic.jit import in_python
from lpbench.convex.integer import quantised
from lpbench.problems.base import LOGISTIC, SQUARED, SQUARED_HINGE

STEPS, LOOP, SEED = 30, 7, 3
INTEGER = {"arithmetic": "integer", "seed": SEED, "compute_dtype": "float64"}
SVRG = {"inner_steps": LOOP, "snapshot": "last"}
CASES = {
    "lp_sgd squared 8 8": (SQUARED, {"algorithm": "lp_sgd", "precision": 8, "data_bits": 8}),
    "lp_sgd hinge 16 8": (SQUARED_HINGE, {"algorithm": "lp_sgd", "precision": 16, "data_bits": 8}),
    "lp_sgd squared coarse": (
        SQUARED, {"algorithm": "lp_sgd", "precision": 16, "data_bits": 8, "limit": 0.5, "step_size": 0.6},
    ),
    "lp_sgd logistic clipped": (
        LOGISTIC, {"algorithm": "lp_sgd", "precision": 8, "data_bits": 16, "limit": 0.03},
    ),
    "lp_svrg logistic 16 8": (LOGISTIC, {"algorithm": "lp_svrg", "precision": 16, "data_bits": 8, **SVRG}),
    "halp squared 8 8": (SQUARED, {"algorithm": "halp", "precision": 8, "data_bits": 8, **SVRG}),
    "halp logistic 16 8": (LOGISTIC, {"algorithm": "halp", "precision": 16, "data_bits": 8, **SVRG}),
    "halp squared 16 16": (SQUARED, {"algorithm": "halp", "precision": 16, "data_bits": 16, **SVRG, "mu": 2.0}),
}  # fmt: skip
FEW = ["lp_sgd squared 8 8", "halp logistic 16 8"]
COMPILED = [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in CASES]


def cell(name):
    loss, choices = CASES[name]
    return tiny.ready(tiny.problem(loss, regularization=0.05), **INTEGER, **choices)


class Slow:
    """One run, with the weights and the samples as lists of whole numbers."""

    def __init__(self, name):
        self.loss, choices = CASES[name]
        self.problem = tiny.problem(self.loss, regularization=0.05)
        self.choices = {**tiny.CHOICES, **INTEGER, **choices}
        self.low, self.alpha = 16 - self.choices["precision"], self.choices["step_size"]
        codes, unit = quantised(self.problem.X, self.choices["data_bits"])
        wide = 2 ** (16 - self.choices["data_bits"])
        self.X, self.unit = [[wide * int(one) for one in row] for row in codes], unit / wide
        full, unit = quantised(self.problem.X, 16)
        self.full = full * unit
        self.keys = [stream(SEED, purpose) for purpose in (SAMPLES, ROUNDING)]
        self.rows, self.d = self.problem.X.shape
        self.z, self.h, self.bits = [0] * self.d, [0] * self.d, 12

    def slope(self, z, y):
        if self.loss == LOGISTIC:
            return -y / (1 + math.exp(y * z))
        return z - y if self.loss == SQUARED else -y * max(0.0, 1 - y * z)

    def margin(self, i, scale):
        return scale * self.unit * sum(x * w for x, w in zip(self.X[i], self.z, strict=True)) / 2**self.low

    def gradient(self, w):
        p = self.problem
        slopes = [self.slope(float(x @ w), y) for x, y in zip(self.full, p.y, strict=True)]
        return np.mean([c * x for c, x in zip(slopes, self.full, strict=True)], axis=0) + p.regularization * w

    def room(self, coefficient, constant):
        """Fraction bits."""
        decay = self.alpha * self.problem.regularization / 2**self.low
        self.bits = 12
        while self.bits > self.low - 4 and (
            max(coefficient, decay) * 2 ** (16 + self.bits) > 2**15 - 1
            or constant * 2 ** (1 + self.bits) > 2**15 - 1
        ):
            self.bits -= 1

    def sample(self, t):
        with np.errstate(over="ignore"):
            return int(random_index(step_words(self.keys[0], t), 0, self.rows))

    def step(self, t, i, c, scale):
        with np.errstate(over="ignore"):
            words = step_words(self.keys[1], t)
            draw = int(random_bits(*words, np.uint32(2**32 - 1)))
            half = [int(random_bits(*words, np.uint32(k))) for k in range(16)]

        def factor(x, part):
            return math.floor(min(max(x + part / 2**16, -32767.0), 32767.0))

        a = factor(self.alpha * self.unit / scale * c * 2 ** (16 + self.bits), draw >> 16)
        b = factor(self.alpha * self.problem.regularization * 2 ** (16 + self.bits - self.low), draw & 0xFFFF)
        for j in range(self.d):
            random = half[j // 2] >> 16 * (j % 2) & (1 << max(self.bits, 0)) - 1
            t_j = random
            for product in (self.X[i][j] * a, self.z[j] * b):
                t_j = fit(t_j - (-(-product >> 16) if t % 2 else product >> 16))
            t_j = fit(t_j - self.h[j])
            shift = self.bits - self.low
            t_j = t_j >> shift if shift >= 0 else fit(t_j << -shift)
            self.z[j] = fit(self.z[j] + t_j) >> self.low << self.low

    def values(self, scale):
        return np.array([scale * (w >> self.low) for w in self.z])

    def points(self):
        return {"lp_sgd": self.sgd, "lp_svrg": self.svrg, "halp": self.halp}[self.choices["algorithm"]]()

    def sgd(self):
        y, scale = self.problem.y, self.choices["limit"] * 2.0 ** (1 - self.choices["precision"])
        steepest = abs(self.slope(0.0, abs(y).max()))
        self.room(2 * self.alpha / scale * steepest * self.unit, 0.0)
        for t in range(STEPS):
            i = self.sample(t)
            self.step(t, i, self.slope(self.margin(i, scale), y[i]), scale)
            yield self.values(scale)

    def loops(self, anchor, scale_of, constant_of):
        """Of SVRG and HALP: (t, i, the anchor, its margins by the data of full gradients, scale)."""
        for t in range(STEPS):
            if t % LOOP == 0:
                w = anchor()
                g = self.gradient(w)
                scale, mu = scale_of(g), self.choices["mu"] or self.problem.constants["mu"]
                norm, constant = math.sqrt(g @ g), constant_of(g, w)
                steepest = math.sqrt(self.problem.constants["L"])
                factor = self.alpha / scale
                self.room(factor * steepest * (norm / mu) * self.unit, factor * abs(constant).max())
                self.h = [round(factor * one * 2**self.bits) for one in constant]
                margins = self.full @ w
            yield t, self.sample(t), w, margins, scale

    def svrg(self):
        p, scale = self.problem, self.choices["limit"] * 2.0 ** (1 - self.choices["precision"])
        walk = self.loops(lambda: self.values(scale), lambda g: scale, lambda g, w: g - p.regularization * w)
        for t, i, *_ in walk:
            if t % LOOP == 0:
                before = [self.margin(k, scale) for k in range(self.rows)]
            c = self.slope(before[i] + (self.margin(i, scale) - before[i]), p.y[i]) - self.slope(
                before[i], p.y[i]
            )
            self.step(t, i, c, scale)
            yield self.values(scale)

    def halp(self):
        p, at = self.problem, np.zeros(self.d)
        reach = 2.0 ** (self.choices["precision"] - 1) - 1
        mu = self.choices["mu"] or p.constants["mu"]
        walk = self.loops(lambda: at, lambda g: math.sqrt(g @ g) / (mu * reach), lambda g, w: g)
        for t, i, _, margins, scale in walk:
            z = self.margin(i, scale)
            squared = self.loss == SQUARED
            c = z if squared else self.slope(margins[i] + z, p.y[i]) - self.slope(margins[i], p.y[i])
            self.step(t, i, c, scale)
            if t % LOOP == LOOP - 1:
                at = at + self.values(scale)
                self.z = [0] * self.d
            yield at + self.values(scale) if t % LOOP != LOOP - 1 else at


def fit(x):
    return min(max(x, -(2**15)), 2**15 - 1)


@pytest.mark.parametrize("name", CASES)
def test_every_point_is_the_one_of_the_papers_loop(name):
    with in_python():
        found, _, _ = tiny.walk(cell(name), STEPS)
    expected = np.array(list(Slow(name).points()))
    assert np.allclose(
        found[1:], expected, rtol=1e-12, atol=1e-15
    )  # sums of full gradients differ in their order
    assert np.abs(expected).max() > 0


@pytest.mark.parametrize("name", COMPILED)
def test_compiled_run_is_the_python_run(name):
    compiled = tiny.walk(cell(name), STEPS)
    with in_python():
        python = tiny.walk(cell(name), STEPS)
    for one, other in zip(compiled, python, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", ["lp_sgd squared 8 8", "halp logistic 16 8"])
def test_stops_do_not_change_the_run(name):
    with in_python():
        every, fifth = tiny.walk(cell(name), STEPS), tiny.walk(cell(name), STEPS, stride=5)
    for one, other in zip(every, fifth, strict=True):
        assert np.array_equal(one[::5], other)


def test_clipped_weights_are_counted():
    with in_python():
        _, _, rows = tiny.walk(cell("lp_sgd logistic clipped"), STEPS)
        _, _, free = tiny.walk(cell("lp_sgd hinge 16 8"), STEPS)
    assert rows[-1, 4] > 0
    assert free[-1, 4] == 0
