"""Problems as kernels see them: the gradient of one sample, the change of it since a snapshot, the full gradient.

A point is `scale * w` (plus, for bit centering, a full-precision centre): w are native numbers of the format, so no
weight is ever stored twice. A sample gradient comes as (c, i), meaning c * table[i]: where it is a multiple of a stored
row the table is the data itself, else a scratch row; without the regulariser, which every algorithm adds in its update.
"""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.dot import dot
from lpbench.arithmetic.elementary import exp
from lpbench.arithmetic.generator import random_bits, random_index, step_words
from lpbench.arithmetic.jit import generic, inner
from lpbench.arithmetic.ops import like


class Dense(NamedTuple):
    """Rows of X (N, d), C-contiguous, in the arithmetic's dtype; y (N,) float64."""

    X: Any
    y: Any


class Sparse(NamedTuple):
    """Rows of a CSR matrix."""

    starts: Any
    columns: Any
    values: Any
    y: Any


class Squared(NamedTuple):
    """l(z) = (z - y)^2 / 2."""


class Logistic(NamedTuple):
    """l(z) = log(1 + exp(-y z)), y = -1 or 1."""


class SquaredHinge(NamedTuple):
    """l(z) = max(0, 1 - y z)^2 / 2, y = -1 or 1."""


class Linear(NamedTuple):
    """f_i(w) = l(x_i . w, y_i) + regularization/2 ||w||^2."""

    rows: Any
    loss: Any
    regularization: Any


class Multinomial(NamedTuple):
    """Softmax cross entropy of K margins; w holds class after class, y the class index."""

    rows: Any
    classes: Any
    regularization: Any


class Diagonal(NamedTuple):
    """f_i(w) = sum_j h_j (w_j - w*_j)^2 / 2 + n_i . (w - w*), n_i drawn anew each time (families Q and E)."""

    h: Any
    w_star: Any
    noise: Any  # sparse: sigma on one coordinate; dense: sigma / sqrt(d) on each
    sparse: Any
    regularization: Any


class Work(NamedTuple):
    """Directions and scratch of one cell."""

    table: Any  # (N, n) the samples, or (1, n) scratch: what gradients are multiples of
    p: Any  # (K,) float64, margins, then probabilities
    q: Any


@inner
def fill(x, value):
    """x = value; a slice assignment would cost a check of shapes."""
    for j in range(x.size):
        x[j] = value


@inner
def copy(x, y):
    """x = y."""
    for j in range(x.size):
        x[j] = y[j]


@generic
def row_dot(rows, i, w):
    """x_i . w, float64."""


@generic
def add_row(rows, i, c, g):
    """g += c x_i."""


@generic
def place_row(rows, i, table):
    """The place of x_i in the table, after putting it there if it is stored otherwise."""


@generic
def slope(loss, z, y):
    """dl/dz; all float64."""


@generic
def gradient(model, run, w, scale, t):
    """(c, i): the mean gradient of the samples of step t at scale * w, run.batch of them; lambda w not included."""


@generic
def difference(model, run, w, scale, centred, snapshot, t):
    """(c, i): grad f_i(point) - grad f_i(anchor), mean over step t's batch; lambda (point - anchor) not included.

    snapshot   its anchor (n,) and its margins (N, K), x_i . anchor.
    centred    1.0 when w is the offset from the anchor (bit centering), 0.0 when scale * w is the point itself.
    """


@generic
def full_gradient(model, w, margins, work, g):
    """g = grad f(w) for a point w (n,) in full precision; margins (N, K) receives x_i . w."""


@row_dot.case(Dense)
def _row_dot_dense(rows, i, w):
    return np.float64(dot(rows.X[i], w))


@row_dot.case(Sparse)
def _row_dot_sparse(rows, i, w):
    z = 0.0
    for p in range(rows.starts[i], rows.starts[i + 1]):
        z += np.float64(rows.values[p]) * np.float64(w[rows.columns[p]])
    return z


@add_row.case(Dense)
def _add_row_dense(rows, i, c, g):
    x, c = rows.X[i], like(g[0], c)
    for j in range(g.size):
        g[j] += c * x[j]


@add_row.case(Sparse)
def _add_row_sparse(rows, i, c, g):
    c = like(g[0], c)
    for p in range(rows.starts[i], rows.starts[i + 1]):
        g[rows.columns[p]] += c * rows.values[p]


@place_row.case(Dense)
def _place_row_dense(rows, i, table):
    return i


@place_row.case(Sparse)
def _place_row_sparse(rows, i, table):
    fill(table[0], 0.0)
    add_row(rows, i, 1.0, table[0])
    return np.int64(0)


@slope.case(Squared)
def _slope_squared(loss, z, y):
    return z - y


@slope.case(Logistic)
def _slope_logistic(loss, z, y):
    margin = y * z
    if margin > 0:
        e = exp(-margin)
        return -y * e / (1.0 + e)
    return -y / (1.0 + exp(margin))


@slope.case(SquaredHinge)
def _slope_squared_hinge(loss, z, y):
    return -y * max(0.0, 1.0 - y * z)


@gradient.case(Linear)
def _gradient_linear(model, run, w, scale, t):
    words, batch, work = step_words(run.keys.samples, t), run.batch, run.work
    n = model.rows.y.size
    if batch == 1:
        i = random_index(words, 0, n)
        c = slope(model.loss, scale * row_dot(model.rows, i, w), model.rows.y[i])
        return c, place_row(model.rows, i, work.table)
    g = work.table[0]
    fill(g, 0.0)
    for b in range(batch):
        i = random_index(words, b, n)
        c = slope(model.loss, scale * row_dot(model.rows, i, w), model.rows.y[i])
        add_row(model.rows, i, c / batch, g)
    return 1.0, np.int64(0)


@difference.case(Linear)
def _difference_linear(model, run, w, scale, centred, snapshot, t):
    words, batch, work = step_words(run.keys.samples, t), run.batch, run.work
    margins = snapshot.margins
    n = model.rows.y.size
    if batch == 1:
        i = random_index(words, 0, n)
        c = _slope_change(model, w, scale, centred, margins, i)
        return c, place_row(model.rows, i, work.table)
    g = work.table[0]
    fill(g, 0.0)
    for b in range(batch):
        i = random_index(words, b, n)
        add_row(model.rows, i, _slope_change(model, w, scale, centred, margins, i) / batch, g)
    return 1.0, np.int64(0)


@inner
def _slope_change(model, w, scale, centred, margins, i):
    y, before = model.rows.y[i], margins[i, 0]
    z = centred * before + scale * row_dot(model.rows, i, w)
    return slope(model.loss, z, y) - slope(model.loss, before, y)


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


@inner
def softmax(p):
    """Margins to probabilities, in place."""
    largest = p[0]
    for k in range(1, p.size):
        largest = max(largest, p[k])
    total = 0.0
    for k in range(p.size):
        p[k] = exp(p[k] - largest)
        total += p[k]
    for k in range(p.size):
        p[k] /= total


@gradient.case(Multinomial)
def _gradient_multinomial(model, run, w, scale, t):
    words, batch, work = step_words(run.keys.samples, t), run.batch, run.work
    d = w.size // model.classes
    g = work.table[0]
    fill(g, 0.0)
    for b in range(batch):
        i = random_index(words, b, model.rows.y.size)
        for k in range(model.classes):
            work.p[k] = scale * row_dot(model.rows, i, w[k * d : (k + 1) * d])
        softmax(work.p)
        work.p[np.int64(model.rows.y[i])] -= 1.0
        for k in range(model.classes):
            add_row(model.rows, i, work.p[k] / batch, g[k * d : (k + 1) * d])
    return 1.0, np.int64(0)


@difference.case(Multinomial)
def _difference_multinomial(model, run, w, scale, centred, snapshot, t):
    words, batch, work = step_words(run.keys.samples, t), run.batch, run.work
    margins = snapshot.margins
    d = w.size // model.classes
    g = work.table[0]
    fill(g, 0.0)
    for b in range(batch):
        i = random_index(words, b, model.rows.y.size)
        for k in range(model.classes):
            work.q[k] = margins[i, k]
            work.p[k] = centred * margins[i, k] + scale * row_dot(model.rows, i, w[k * d : (k + 1) * d])
        softmax(work.p)
        softmax(work.q)
        for k in range(model.classes):
            add_row(model.rows, i, (work.p[k] - work.q[k]) / batch, g[k * d : (k + 1) * d])
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


@gradient.case(Diagonal)
def _gradient_diagonal(model, run, w, scale, t):
    words, batch, work = step_words(run.keys.samples, t), run.batch, run.work
    g = work.table[0]
    for j in range(g.size):
        g[j] = model.h[j] * (scale * np.float64(w[j]) - model.w_star[j])
    size = model.noise / batch
    for b in range(batch):
        if model.sparse:
            j = random_index(words, 2 * b, g.size)
            sign = 1.0 if random_bits(words.first, words.second, 2 * b + 1) & np.uint32(1) else -1.0
            g[j] += like(g[0], size * sign)
        else:
            for j in range(g.size):
                sign = (
                    1.0 if random_bits(words.first, words.second, b * g.size + j) >> np.uint32(31) else -1.0
                )
                g[j] += like(g[0], size * sign)
    return 1.0, np.int64(0)


@difference.case(Diagonal)
def _difference_diagonal(model, run, w, scale, centred, snapshot, t):
    g, anchor = run.work.table[0], snapshot.anchor
    for j in range(g.size):
        g[j] = model.h[j] * (scale * np.float64(w[j]) - (1.0 - centred) * np.float64(anchor[j]))
    return 1.0, np.int64(0)


@full_gradient.case(Diagonal)
def _full_gradient_diagonal(model, w, margins, work, g):
    for j in range(g.size):
        g[j] = model.h[j] * (np.float64(w[j]) - model.w_star[j])
