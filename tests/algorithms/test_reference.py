"""Every algorithm against plain numpy, written from the papers' pseudo-code: only the random words are shared.

The references keep the weights themselves, where the kernels keep native numbers, and round by a search in the list
of the format's numbers.
"""

import numpy as np
import pytest
import tiny

from lpbench.arithmetic.generator import (
    ROUNDING,
    SAMPLES,
    SNAPSHOT,
    random_bits,
    random_index,
    step_words,
    stream,
)
from lpbench.cells.binding import number_format
from lpbench.formats import Block

STEPS = 28
CASES = [
    pytest.param(name, marks=[pytest.mark.slow] if name in tiny.SLOW else [])
    for name, (_, choices, _) in (tiny.KERNELS | tiny.SLOW).items()
    if choices["compute_dtype"] == "float64"
]


class Words:
    """The random words of one seed, for every purpose."""

    def __init__(self, seed: int):
        self.keys = {purpose: stream(seed, purpose) for purpose in (SAMPLES, ROUNDING, SNAPSHOT)}

    def word(self, purpose: int, t: int, j: int) -> int:
        with np.errstate(over="ignore"):
            return int(random_bits(*step_words(self.keys[purpose], t), j))

    def index(self, purpose: int, t: int, j: int, n: int) -> int:
        with np.errstate(over="ignore"):
            return int(random_index(step_words(self.keys[purpose], t), j, n))


class Reference:
    """One cell: gradients of the problem, and Q."""

    def __init__(self, problem, choices):
        self.problem, self.choices = problem, choices
        self.X = (
            None
            if problem.X is None
            else np.asarray(problem.X if isinstance(problem.X, np.ndarray) else problem.X.todense())
        )
        self.words = Words(choices["seed"])
        self.format = number_format(choices)
        self.values = None if self.format.bits > 16 else self.format.values()
        self.batch, self.n = choices["batch_size"], problem.w_star.size

    def loss_gradient(self, i, w):
        """Of sample i, without the regulariser."""
        p = self.problem
        x, y = self.X[i], p.y[i]
        if p.loss == "softmax":
            z = w.reshape(3, -1) @ x
            e = np.exp(z - z.max())
            return np.outer(e / e.sum() - (np.arange(3) == y), x).ravel()
        z = x @ w
        slope = {
            "squared": z - y,
            "logistic": -y / (1 + np.exp(y * z)),
            "squared_hinge": -y * max(0.0, 1 - y * z),
        }[p.loss]
        return slope * x

    def samples(self, t):
        return [self.words.index(SAMPLES, t, b, self.problem.n_samples) for b in range(self.batch)]

    def gradient(self, t, w):
        """The stochastic gradient of step t at w."""
        p = self.problem
        if p.loss != "quadratic":
            return np.mean([self.loss_gradient(i, w) for i in self.samples(t)], axis=0) + p.regularization * w
        noise = np.zeros(self.n)
        for b in range(self.batch):
            if p.noise_kind == "sparse":
                place = self.words.index(SAMPLES, t, 2 * b, self.n)
                noise[place] += p.noise * (1 if self.words.word(SAMPLES, t, 2 * b + 1) % 2 else -1)
            else:
                signs = [
                    1 if self.words.word(SAMPLES, t, b * self.n + j) >= 2**31 else -1 for j in range(self.n)
                ]
                noise += p.noise / np.sqrt(self.n) * np.array(signs)
        return p.h * (w - p.w_star) + noise / self.batch

    def variance_reduced(self, t, w, snapshot, full):
        p = self.problem
        if p.loss == "quadratic":
            return p.h * (w - snapshot) + full
        pairs = [self.loss_gradient(i, w) - self.loss_gradient(i, snapshot) for i in self.samples(t)]
        return np.mean(pairs, axis=0) + p.regularization * (w - snapshot) + full

    def full(self, w):
        p = self.problem
        if p.loss == "quadratic":
            return p.h * (w - p.w_star)
        return np.mean([self.loss_gradient(i, w) for i in range(p.n_samples)], axis=0) + p.regularization * w

    def quantize(self, x, uniforms, largest=None):
        """Q(x); largest: of bit centering, the range to which the format is scaled."""
        if self.choices["format"] == "none":
            return x
        factor = 1.0 if largest is None else largest / self.format.max
        out = np.empty(self.n)
        size = self.format.block_size if isinstance(self.format, Block) else 1
        for start in range(0, self.n, size):
            block, values = x[start : start + size], None if self.values is None else factor * self.values
            if isinstance(self.format, Block):
                top = values[-1]
                shift = np.floor(np.log2(top / np.abs(block).max())) if np.any(block) else 0
                values = values * 2.0 ** -max(0, shift)
            for j, v in enumerate(np.clip(block, values[0], values[-1])):
                k = min(max(int(np.searchsorted(values, v, side="right")) - 1, 0), values.size - 2)
                lo, hi = values[k], values[k + 1]
                out[start + j] = hi if self.up(v, lo, hi, uniforms[start + j]) else lo
        return out

    def up(self, v, lo, hi, u):
        place = (v - lo) / (hi - lo)
        if self.choices["rounding"] == "stochastic":
            return u < place - 1e-12  # a number of the grid that comes out a little high stays
        if self.choices["rounding"] == "toward_zero":
            return place > 1 - 1e-12 if lo >= 0 else place > 1e-12
        return place > 0.5 if abs(place - 0.5) > 1e-12 else self.even(hi)

    def even(self, value):
        return np.searchsorted(self.values, value) % 2 == self.values.searchsorted(0.0) % 2

    def uniforms(self, purpose, t, first=0):
        words = np.array([self.words.word(purpose, t, first + j) for j in range(self.n)])
        bits = self.choices["random_bits"]
        return words / 2**32 if bits is None else (words // 2 ** (32 - bits) + 0.5) / 2**bits

    def alpha(self, t):
        c = self.problem.constants
        if self.choices["schedule"] == "constant":
            return self.choices["step_size"]
        L = c["L"] / self.batch + (1 - 1 / self.batch) * c["L_f"]
        return 8 / (c["mu"] * (t + 16 * L / c["mu"]))


def sgd(r):
    w = np.zeros(r.n)
    yield w, w
    for t in range(STEPS):
        w = r.quantize(w - r.alpha(t) * r.gradient(t, w), r.uniforms(ROUNDING, t))
        yield w, w


def swalp(r):
    w, taken = np.zeros(r.n), []
    yield w, w
    for t in range(STEPS):
        if (
            t >= r.choices["average_start"]
            and (t - r.choices["average_start"]) % r.choices["average_every"] == 0
        ):
            taken.append(w)
        w = r.quantize(w - r.alpha(t) * r.gradient(t, w), r.uniforms(ROUNDING, t))
        yield (np.mean(taken, axis=0) if taken else w), w


def lp_svrg(r):
    w, T, rule = np.zeros(r.n), r.choices["inner_steps"], r.choices["snapshot"]
    yield w, w
    for k in range(STEPS // T):
        snapshot, full, seen = w, r.full(w), []
        for t in range(k * T, (k + 1) * T):
            seen.append(w)
            v = r.variance_reduced(t, w, snapshot, full)
            w = r.quantize(w - r.alpha(t) * v, r.uniforms(ROUNDING, t))
            if t < (k + 1) * T - 1:
                yield w, w
        last = w
        if rule == "random":
            w = seen[r.words.index(SNAPSHOT, k, 0, T)]
        elif rule == "average":
            w = r.quantize(np.mean(seen, axis=0), r.uniforms(SNAPSHOT, k, first=1))
        yield w, last


def halp(r):
    centre, T, rule = np.zeros(r.n), r.choices["inner_steps"], r.choices["snapshot"]
    yield centre, centre
    for k in range(STEPS // T):
        full, z, seen = r.full(centre), np.zeros(r.n), []
        largest = np.linalg.norm(full) / (r.choices["mu"] or r.problem.constants["mu"])
        for t in range(k * T, (k + 1) * T):
            seen.append(z)
            v = r.variance_reduced(t, centre + z, centre, full)
            z = r.quantize(z - r.alpha(t) * v, r.uniforms(ROUNDING, t), largest)
            if t < (k + 1) * T - 1:
                yield centre + z, centre + z
        last = centre + z
        step = {
            "last": z,
            "random": seen[r.words.index(SNAPSHOT, k, 0, T)],
            "average": np.mean(seen, axis=0),
        }[rule]
        centre = centre + step
        yield centre, last


REFERENCES = {"sgd": sgd, "lp_sgd": sgd, "swalp": swalp, "svrg": lp_svrg, "lp_svrg": lp_svrg, "halp": halp}


@pytest.mark.parametrize("name", CASES)
def test_kernel_follows_the_reference(name):
    on, choices, variants = (tiny.KERNELS | tiny.SLOW)[name]
    problem = tiny.problem(**on)
    for variant in variants:
        cell = tiny.ready(problem, **choices | variant)
        outputs, iterates, _ = tiny.walk(cell, STEPS)
        expected = list(REFERENCES[cell.choices["algorithm"]](Reference(problem, cell.choices)))
        for t, (output, iterate) in enumerate(expected):
            assert np.allclose(outputs[t], output, rtol=1e-9, atol=1e-11), (variant, t)
            assert np.allclose(iterates[t], iterate, rtol=1e-9, atol=1e-11), (variant, t)
        assert len(np.unique(outputs, axis=0)) > 3


@pytest.mark.slow
def test_sparse_rows_walk_like_dense_ones():
    cells = [tiny.ready(tiny.problem("logistic", sparse, 0.0), **tiny.FLOAT) for sparse in (False, True)]
    dense, sparse = (tiny.walk(cell, STEPS)[0] for cell in cells)
    assert np.allclose(dense, sparse, rtol=1e-12, atol=0)
