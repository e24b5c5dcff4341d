"""The objective gap f(w) - f(w*) without cancellation, and the gradient, in float64.

A difference of two function values loses everything below 1e-16. Least squares is a quadratic form of w - w*; for
the other losses f(w) - f(w*) is the mean Bregman divergence of the losses plus lambda/2 ||w - w*||^2, because the
gradient at w* is zero. Both are sums of positive terms, good down to 1e-300.
"""

from typing import Any, NamedTuple

from lpbench.arithmetic.arrays import Matrix, Vector
from lpbench.arithmetic.dot import dot
from lpbench.arithmetic.elementary import excess, exp, log, log1p
from lpbench.arithmetic.jit import generic, inner, kernel
from lpbench.arithmetic.vectors import fill
from lpbench.convex.losses import Logistic, Squared, SquaredHinge, slope, softmax
from lpbench.convex.rows import add_row, row_dot


class QuadraticForm(NamedTuple):
    """1/2 (w-w*)' H (w-w*), H (n, n)."""

    w_star: Vector
    H: Matrix


class DiagonalForm(NamedTuple):
    """1/2 sum_j h_j (w_j - w*_j)^2."""

    w_star: Vector
    h: Vector


class LinearDivergence(NamedTuple):
    """mean_i D_l(x_i . w, x_i . w*) + lambda/2 ||w-w*||^2."""

    w_star: Vector
    rows: Any
    loss: Any
    regularization: Any
    margins: Matrix  # (N, 1) x_i . w*


class MultinomialDivergence(NamedTuple):
    """The same for softmax; margins (N, K)."""

    w_star: Vector
    rows: Any
    regularization: Any
    margins: Matrix


@generic
def gap(judge, delta, g, scratch):
    """f(w* + delta) - f(w*); g (n,) receives the gradient there; scratch (3, K). All float64."""


@generic
def divergence(loss, z, dz, y):
    """l(z + dz) - l(z) - l'(z) dz >= 0."""


@divergence.case(Squared)
def _divergence_squared(loss, z, dz, y):
    return 0.5 * dz * dz


@divergence.case(SquaredHinge)
def _divergence_squared_hinge(loss, z, dz, y):
    before, step = 1.0 - y * z, y * dz  # the hinge is active where it is positive
    after = before - step
    if before > 0.0:
        return 0.5 * step * step if after > 0.0 else 0.5 * step * step - 0.5 * after * after
    return 0.5 * after * after if after > 0.0 else 0.0


@divergence.case(Logistic)
def _divergence_logistic(loss, z, dz, y):
    # Two classes of softmax with margins (0, y z), of which the wrong one has probability s.
    margin, step = y * z, y * dz
    if margin > 0:
        e = exp(-margin)
        s, t = e / (1.0 + e), 1.0 / (1.0 + e)
    else:
        e = exp(margin)
        s, t = 1.0 / (1.0 + e), e / (1.0 + e)
    if abs(step) > 500.0:
        largest = max(0.0, -step)
        return largest + log(s * exp(-step - largest) + t * exp(-largest)) + s * step
    return log1p(s * excess(-t * step) + t * excess(s * step))


@gap.case(QuadraticForm)
def _gap_quadratic(judge, delta, g, scratch):
    for j in range(delta.size):
        g[j] = dot(judge.H[j], delta)
    return 0.5 * dot(g, delta)


@gap.case(DiagonalForm)
def _gap_diagonal(judge, delta, g, scratch):
    for j in range(delta.size):
        g[j] = judge.h[j] * delta[j]
    return 0.5 * dot(g, delta)


@gap.case(LinearDivergence)
def _gap_linear(judge, delta, g, scratch):
    n, total = judge.rows.y.size, 0.0
    fill(g, 0.0)
    for i in range(n):
        z, y, dz = judge.margins[i, 0], judge.rows.y[i], row_dot(judge.rows, i, delta)
        total += divergence(judge.loss, z, dz, y)
        add_row(judge.rows, i, (slope(judge.loss, z + dz, y) - slope(judge.loss, z, y)) / n, g)
    for j in range(g.size):
        g[j] += judge.regularization * delta[j]
    return total / n + 0.5 * judge.regularization * dot(delta, delta)


@gap.case(MultinomialDivergence)
def _gap_multinomial(judge, delta, g, scratch):
    n, classes = judge.margins.shape
    d = delta.size // classes
    before, after, dz = scratch[0], scratch[1], scratch[2]
    total = 0.0
    fill(g, 0.0)
    for i in range(n):
        for k in range(classes):
            before[k] = judge.margins[i, k]
            dz[k] = row_dot(judge.rows, i, delta[k * d : (k + 1) * d])
            after[k] = before[k] + dz[k]
        softmax(before)
        softmax(after)
        total += _divergence_softmax(before, dz)
        for k in range(classes):
            add_row(judge.rows, i, (after[k] - before[k]) / n, g[k * d : (k + 1) * d])
    for j in range(g.size):
        g[j] += judge.regularization * delta[j]
    return total / n + 0.5 * judge.regularization * dot(delta, delta)


@inner
def _divergence_softmax(p, dz):
    """log sum_k p_k exp(dz_k - mean), mean = sum_k p_k dz_k: what logsumexp rises above its tangent."""
    mean = 0.0
    for k in range(p.size):
        mean += p[k] * dz[k]
    largest, total = 0.0, 0.0
    for k in range(p.size):
        largest = max(largest, dz[k] - mean)
    if largest > 500.0:
        for k in range(p.size):
            total += p[k] * exp(dz[k] - mean - largest)
        return largest + log(total)
    for k in range(p.size):
        total += p[k] * excess(dz[k] - mean)
    return log1p(total)


@kernel
def judge_once(judge, delta, g, scratch):
    """`gap`, called from Python."""
    return gap(judge, delta, g, scratch)
