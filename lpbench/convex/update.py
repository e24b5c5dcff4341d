"""The low-precision update w <- Q(w - alpha g) that all algorithms share, and what is counted while it runs."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.dot import dot
from lpbench.arithmetic.generator import GOLDEN, key_from, random_index, step_words
from lpbench.arithmetic.jit import generic, inner
from lpbench.arithmetic.ops import from_magnitude, like, magnitude
from lpbench.arithmetic.rounding import offset
from lpbench.arithmetic.vectors import copy
from lpbench.convex.gradients import Linear
from lpbench.convex.losses import slope
from lpbench.convex.rows import Sparse
from lpbench.convex.sums import margin
from lpbench.formats.base import block_length, fit, fitted_length, has_blocks, move, quantize, shared_unit

# Saturation and the largest update are counted at every step; what is a mean anyway is sampled at every 16th.
AUDIT_EVERY = 16
# Places in a Tally; in a row of the record they follow each other in this order.
SATURATED, AUDITED, MOVED, STALLED = range(4)
PEAK, L1 = range(2)


class Tally(NamedTuple):
    """Counts of one cell.

    counts  (4,) int64: coordinate updates that saturated; audited steps; in them, coordinate updates with non-zero
            alpha g, and those of them that left the coordinate where it was.
    sums    (2,) float64: the largest alpha |g_j| so far; the sum of ||g||_1 over audited steps.
    old, ones   (n,) scratch, and ones.
    """

    counts: Vector
    sums: Vector
    old: Vector
    ones: Vector


def new_tally(n: int, dtype: Any) -> Tally:
    """Nothing counted yet."""
    return Tally(np.zeros(4, np.int64), np.zeros(2), np.zeros(n, dtype), np.ones(n, dtype))


@inner
def round_step(run, w, v, a, b, h, t, scale, alpha):
    """Step t: w <- Q(w - (a v + b w + h)) in native units; w (n,) in place.

    a, b    alpha c / scale and alpha lambda, in the dtype of w; v (n,); h (n,) or None.
    scale, alpha   float64, for the counts.
    """
    fmt = _fitted(run.fmt, fitted_length(run.fmt, w.size, w.size), w, v, a, b, h)
    rounding, tally = run.rounding, run.tally
    first, second = step_words(run.keys.rounding, t)
    audit = t % AUDIT_EVERY == 0
    if audit:
        copy(tally.old, w)
    if has_blocks(fmt):
        length, outside, peak = block_length(fmt, w.size), 0, 0.0
        for start in range(0, w.size, length):
            end, word = start + length, key_from(first, start)
            some, most = _round_block(
                fmt, rounding, w[start:end], v[start:end], a, b, _part(h, start, end), word, second
            )
            outside += some
            peak = max(peak, most)
    else:
        outside, peak = _round_block(fmt, rounding, w, v, a, b, h, first, second)
    tally.counts[SATURATED] += outside
    tally.sums[PEAK] = max(tally.sums[PEAK], peak * scale)
    if audit:
        _audit(w, v, a, b, h, scale / alpha, tally)


# The loops below get their arrays as arguments and call nothing with arrays: numba then keeps reference counts out of
# them, and they vectorise. The branches on h are decided when they are compiled.
@inner
def _round_block(fmt, rounding, w, v, a, b, h, word, second):
    """The step on coordinates that share a unit; returns how many saturated, and the largest |a v + b w + h|."""
    unit = shared_unit(fmt, _largest(w, v, a, b, h) if has_blocks(fmt) else 0.0)
    outside, peak = np.int32(0), magnitude(like(w[0], 0.0))
    for j in range(w.size):
        if h is None:
            update = a * v[j] + b * w[j]
        else:
            update = a * v[j] + b * w[j] + h[j]
        w[j], beyond = move(fmt, rounding, w[j], -update, offset(rounding, word, second, 0), unit)
        word = np.uint32(word + GOLDEN)  # number j of the key, by an addition in place of a multiplication
        outside = np.int32(outside + np.int32(beyond))
        size = magnitude(update)
        peak = size if size > peak else peak
    return np.int64(outside), from_magnitude(peak)


@inner
def _part(h, start, end):
    if h is None:
        return None
    else:
        return h[start:end]


@inner
def _fitted(fmt, length, w, v, a, b, h):
    """The format, fitted to the vector of weights, a tensor of one row, where it has a scale for one."""
    if length is None:
        return fmt
    else:
        return fit(fmt, _largest(w, v, a, b, h))


@inner
def _largest(w, v, a, b, h):
    """The largest |w - (a v + b w + h)|, as `move` sees it."""
    largest = 0.0
    for j in range(w.size):
        if h is None:
            update = a * v[j] + b * w[j]
        else:
            update = a * v[j] + b * w[j] + h[j]
        u = abs(np.float64(w[j]) - np.float64(update))
        largest = u if u > largest else largest
    return largest


@inner
def _audit(w, v, a, b, h, factor, tally):
    old = tally.old
    moved, stalled = _count_moves(old, w, v, a, b, h)
    tally.counts[AUDITED] += 1
    tally.counts[MOVED] += moved
    tally.counts[STALLED] += stalled
    tally.sums[L1] += dot(old, tally.ones) * factor


@inner
def _count_moves(old, w, v, a, b, h):
    """Non-zero updates, and those that changed nothing; old receives |update|."""
    moved, stalled = 0, 0
    for j in range(w.size):
        if h is None:
            update = a * v[j] + b * old[j]
        else:
            update = a * v[j] + b * old[j] + h[j]
        if update != 0:
            moved += 1
            if w[j] == old[j]:
                stalled += 1
        old[j] = abs(update)
    return moved, stalled


@generic
def sparse_step(model, run, w, scale, alpha, t):
    """Step t of SGD on the non-zeros of a sparse sample alone; False where that would not be exact.

    It is exact without a regulariser: coordinates that do not move are on the grid and stay there.
    """


@inner
def _is_fitted(length):
    return length is not None


@generic
def _touch_nonzeros(rows, run, w, scale, alpha, t):
    """The step, for rows that are stored sparse; False for others."""


@sparse_step.case(object)
def _no_sparse_step(model, run, w, scale, alpha, t):
    return False


@sparse_step.case(Linear)
def _sparse_step(model, run, w, scale, alpha, t):
    if model.regularization != 0.0 or has_blocks(run.fmt) or _is_fitted(fitted_length(run.fmt, 1, 1)):
        return False
    return _touch_nonzeros(model.rows, run, w, scale, alpha, t)


@_touch_nonzeros.case(object)
def _not_sparse(rows, run, w, scale, alpha, t):
    return False


@_touch_nonzeros.case(Sparse)
def _touch_sparse(rows, run, w, scale, alpha, t):
    fmt, rounding, tally = run.fmt, run.rounding, run.tally
    samples, words = step_words(run.keys.samples, t), step_words(run.keys.rounding, t)
    i = random_index(samples, 0, rows.y.size)
    c = slope(run.model.loss, margin(run.sums, rows, i, w, scale, t, 0), rows.y[i])
    a = like(w[0], alpha * c / scale)
    peak, l1 = 0.0, 0.0
    for p in range(rows.starts[i], rows.starts[i + 1]):
        j = rows.columns[p]
        update, old = a * rows.values[p], w[j]
        w[j], beyond = move(
            fmt, rounding, old, -update, offset(rounding, words.first, words.second, j), like(old, 1.0)
        )
        tally.counts[SATURATED] += beyond
        if update != 0:
            tally.counts[MOVED] += 1
            tally.counts[STALLED] += w[j] == old
        size = np.float64(abs(update))
        l1 += size
        peak = max(peak, size)
    tally.counts[AUDITED] += 1
    tally.sums[PEAK] = max(tally.sums[PEAK], peak * scale)
    tally.sums[L1] += l1 * scale / alpha
    return True


@inner
def round_vector(fmt, rounding, x, first, second, w):
    """w = Q(x), x (n,) float64 in native units."""
    form = _fitted_to(fmt, fitted_length(fmt, w.size, w.size), x)
    length = block_length(form, w.size)
    for start in range(0, w.size, length):
        ws, xs, word = w[start : start + length], x[start : start + length], key_from(first, start)
        unit = shared_unit(form, _largest_of(xs) if has_blocks(form) else 0.0)
        for j in range(ws.size):
            ws[j] = quantize(form, rounding, xs[j], offset(rounding, word, second, j), unit)


@inner
def _fitted_to(fmt, length, x):
    if length is None:
        return fmt
    else:
        return fit(fmt, _largest_of(x))


@inner
def _largest_of(x):
    largest = 0.0
    for j in range(x.size):
        size = abs(x[j])
        largest = size if size > largest else largest  # a NaN is larger than nothing
    return largest
