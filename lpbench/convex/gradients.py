"""Gradients of the problems: of one sample, the change of it since a snapshot, the full one.

A point is `scale * w` (plus, for bit centering, a full-precision centre): w are native numbers of the format, so no
weight is ever stored twice. A sample gradient comes as (c, i), meaning c * table[i]: where it is a multiple of a stored
row the table is the data itself, else a scratch row; without the regulariser, which every algorithm adds in its update.
"""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Matrix, Vector
from lpbench.arithmetic.generator import random_bits, random_index, step_words
from lpbench.arithmetic.jit import generic, inner
from lpbench.arithmetic.ops import like
from lpbench.arithmetic.vectors import fill
from lpbench.convex.losses import slope, softmax
from lpbench.convex.rows import add_row, place_row, row_dot
from lpbench.convex.sums import margin


class Linear(NamedTuple):
    """f_i(w) = l(x_i . w, y_i) + regularization/2 ||w||^2."""

    rows: Any
    loss: Any
    regularization: Any


class Multinomial(NamedTuple):
    """Softmax cross entropy of K margins; w holds class after class, y the class index."""

    rows: Any
    classes: np.int64
    regularization: Any


class Diagonal(NamedTuple):
    """f_i(w) = sum_j h_j (w_j - w*_j)^2 / 2 + n_i . (w - w*), n_i drawn anew each time (families Q and E)."""

    h: Vector
    w_star: Vector
    noise: Any  # sparse: sigma on one coordinate; dense: sigma / sqrt(d) on each
    sparse: bool
    regularization: Any


class Work(NamedTuple):
    """Directions and scratch of one cell."""

    table: Matrix  # (N, n) the samples, or (1, n) scratch: what gradients are multiples of
    p: Vector  # (K,) float64, margins, then probabilities
    q: Vector


@generic
def difference(model, run, w, scale, centred, snapshot, t):
    """(c, i): grad f_i(point) - grad f_i(anchor), mean over step t's batch; lambda (point - anchor) not included.

    snapshot   its anchor (n,) and its margins (N, K), x_i . anchor; None: nothing is subtracted.
    centred    1.0 when w is the offset from the anchor (bit centering), 0.0 when scale * w is the point itself.
    """


@inner
def gradient(run, w, scale, t):
    """(c, i): the mean gradient of step t's batch at scale * w; lambda w not included."""
    return difference(run.model, run, w, scale, 0.0, None, t)


@generic
def full_gradient(model, w, margins, work, g):
    """g = grad f(w) for a point w (n,) in full precision; margins (N, K) receives x_i . w."""


@difference.case(Linear)
def _difference_linear(model, run, w, scale, centred, snapshot, t):
    n, words, batch, work = model.rows.y.size, step_words(run.keys.samples, t), run.batch, run.work
    if batch == 1:
        i = random_index(words, 0, n)
        c = _slope_change(model, run.sums, w, scale, centred, snapshot, i, t, 0)
        return c, place_row(model.rows, i, work.table)
    g = work.table[0]
    fill(g, 0.0)
    for b in range(batch):
        i = random_index(words, b, n)
        change = _slope_change(model, run.sums, w, scale, centred, snapshot, i, t, b)
        add_row(model.rows, i, change / batch, g)
    return 1.0, np.int64(0)


@inner
def _slope_change(model, sums, w, scale, centred, snapshot, i, t, b):
    y, z = model.rows.y[i], margin(sums, model.rows, i, w, scale, t, b)
    if snapshot is None:
        return slope(model.loss, z, y)
    else:
        before = snapshot.margins[i, 0]
        return slope(model.loss, centred * before + z, y) - slope(model.loss, before, y)


@full_gradient.case(Linear)
def _full_gradient_linear(model, w, margins, work, g):
    n = model.rows.y.size
    fill(g, 0.0)
    for i in range(n):
        z = row_dot(model.rows, i, w)
        margins[i, 0] = z
        add_row(model.rows, i, slope(model.loss, z, model.rows.y[i]) / n, g)
    strength = like(g[0], model.regularization)
    for j in range(g.size):
        g[j] += strength * w[j]


@difference.case(Multinomial)
def _difference_multinomial(model, run, w, scale, centred, snapshot, t):
    words, batch, p, q = step_words(run.keys.samples, t), run.batch, run.work.p, run.work.q
    d, g = w.size // model.classes, run.work.table[0]
    fill(g, 0.0)
    for b in range(batch):
        i = random_index(words, b, model.rows.y.size)
        for k in range(model.classes):
            part = w[k * d : (k + 1) * d]
            p[k] = margin(run.sums, model.rows, i, part, scale, t, b * model.classes + k)
            if snapshot is not None:
                q[k] = snapshot.margins[i, k]
                p[k] += centred * q[k]
        softmax(p)
        if snapshot is None:
            p[np.int64(model.rows.y[i])] -= 1.0
        else:
            softmax(q)
            for k in range(model.classes):
                p[k] -= q[k]
        for k in range(model.classes):
            add_row(model.rows, i, p[k] / batch, g[k * d : (k + 1) * d])
    return 1.0, np.int64(0)


@full_gradient.case(Multinomial)
def _full_gradient_multinomial(model, w, margins, work, g):
    n, d = model.rows.y.size, w.size // model.classes
    p = work.p
    fill(g, 0.0)
    for i in range(n):
        for k in range(model.classes):
            margins[i, k] = row_dot(model.rows, i, w[k * d : (k + 1) * d])
            p[k] = margins[i, k]
        softmax(p)
        p[np.int64(model.rows.y[i])] -= 1.0
        for k in range(model.classes):
            add_row(model.rows, i, p[k] / n, g[k * d : (k + 1) * d])
    strength = like(g[0], model.regularization)
    for j in range(g.size):
        g[j] += strength * w[j]


@difference.case(Diagonal)
def _difference_diagonal(model, run, w, scale, centred, snapshot, t):
    g = run.work.table[0]
    if snapshot is None:
        for j in range(g.size):
            g[j] = model.h[j] * (scale * np.float64(w[j]) - model.w_star[j])
        _add_noise(model, step_words(run.keys.samples, t), run.batch, g)
    else:
        for j in range(g.size):
            g[j] = model.h[j] * (scale * np.float64(w[j]) - (1.0 - centred) * np.float64(snapshot.anchor[j]))
    return 1.0, np.int64(0)


@inner
def _add_noise(model, words, batch, g):
    size = model.noise / batch
    for b in range(batch):
        if model.sparse:
            j = random_index(words, 2 * b, g.size)
            sign = 1.0 if random_bits(words.first, words.second, 2 * b + 1) & np.uint32(1) else -1.0
            g[j] += like(g[0], size * sign)
        else:
            for j in range(g.size):
                bits = random_bits(words.first, words.second, b * g.size + j)
                sign = 1.0 if bits >> np.uint32(31) else -1.0
                g[j] += like(g[0], size * sign)


@full_gradient.case(Diagonal)
def _full_gradient_diagonal(model, w, margins, work, g):
    for j in range(g.size):
        g[j] = model.h[j] * (np.float64(w[j]) - model.w_star[j])
