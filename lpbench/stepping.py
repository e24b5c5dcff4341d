"""The low-precision update w <- Q(w - alpha g) that all algorithms share, and what is counted while it runs."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.dot import dot
from lpbench.formats.base import block_length, has_blocks, quantize, saturated, shared_unit
from lpbench.generator import key_from, random_index
from lpbench.jit import generic, inner
from lpbench.models import Dense, Diagonal, Linear, Multinomial, Sparse, row_dot, slope
from lpbench.ops import from_magnitude, like, magnitude
from lpbench.rounding import offset

# Saturation and the largest update are counted at every step; what is a mean anyway is sampled at every 16th.
AUDIT_EVERY = 16
SATURATED, AUDITED, MOVED, STALLED = range(4)
PEAK, L1 = range(2)


class Tally(NamedTuple):
    """Counts of one cell.

    counts  (4,) int64: coordinate updates that saturated; audited steps; in them, coordinate updates with non-zero
            alpha g, and those of them that left the coordinate where it was.
    sums    (2,) float64: the largest alpha |g_j| so far; the sum of ||g||_1 over audited steps.
    old, ones   (n,) scratch, and ones.
    """

    counts: Any
    sums: Any
    old: Any
    ones: Any


def new_tally(n: int, dtype: Any) -> Tally:
    """Nothing counted yet."""
    return Tally(np.zeros(4, np.int64), np.zeros(2), np.zeros(n, dtype), np.ones(n, dtype))


@inner
def _update(w, v, a, b, h, j):
    """alpha g_j in native units."""
    if h is None:
        return a * v[j] + b * w[j]
    else:
        return a * v[j] + b * w[j] + h[j]


@inner
def _block(x, start, length):
    if x is None:
        return None
    else:
        return x[start : start + length]


@inner
def _unit(fmt, w, v, a, b, h):
    largest = abs(w[0] - _update(w, v, a, b, h, 0))
    if has_blocks(fmt):
        for j in range(1, w.size):
            largest = max(largest, abs(w[j] - _update(w, v, a, b, h, j)))
    return shared_unit(fmt, largest)


@inner
def round_step(fmt, rounding, w, v, a, b, h, first, second, step, scale, alpha, tally):
    """w <- Q(w - (a v + b w + h)) in native units; w (n,) in place.

    a, b    alpha c / scale and alpha lambda, in the dtype of w; v (n,); h (n,) or None.
    first, second   the words of this step's rounding; scale and alpha float64, for the counts.
    """
    audit = step % AUDIT_EVERY == 0
    if audit:
        tally.old[:] = w
    length = block_length(fmt, w.size)
    outside, peak = np.int32(0), magnitude(like(w[0], 0.0))
    for start in range(0, w.size, length):
        ws, vs, hs = _block(w, start, length), _block(v, start, length), _block(h, start, length)
        unit, word = _unit(fmt, ws, vs, a, b, hs), key_from(first, start)
        for j in range(ws.size):
            update = _update(ws, vs, a, b, hs, j)
            u = ws[j] - update
            ws[j] = quantize(fmt, rounding, u, offset(rounding, word, second, j), unit)
            outside = np.int32(outside + np.int32(saturated(fmt, u)))
            size = magnitude(update)
            peak = size if size > peak else peak
    tally.counts[SATURATED] += outside
    tally.sums[PEAK] = max(tally.sums[PEAK], from_magnitude(peak) * scale)
    if audit:
        _audit(w, v, a, b, h, scale / alpha, tally)


@inner
def _audit(w, v, a, b, h, factor, tally):
    old, moved, stalled = tally.old, 0, 0
    for j in range(w.size):
        update = _update(old, v, a, b, h, j)
        if update != 0:
            moved += 1
            stalled += w[j] == old[j]
        old[j] = abs(update)
    tally.counts[AUDITED] += 1
    tally.counts[MOVED] += moved
    tally.counts[STALLED] += stalled
    tally.sums[L1] += dot(old, tally.ones) * factor


@generic
def sparse_step(model, fmt, rounding, w, scale, alpha, samples, first, second, tally):
    """One SGD step that touches only the non-zeros of a sparse sample; False where that would not be exact.

    It is exact without regulariser: coordinates that do not move are on the grid and stay there.
    """


@generic
def _sparse_row_step(rows, model, fmt, rounding, w, scale, alpha, i, first, second, tally):
    """The step of sample i."""


@generic
def is_sparse(rows):
    """Whether rows are stored sparse."""


@is_sparse.case(Dense)
def _not_sparse(rows):
    return False


@is_sparse.case(Sparse)
def _is_sparse(rows):
    return True


@sparse_step.case(Multinomial)
@sparse_step.case(Diagonal)
def _no_sparse_step(model, fmt, rounding, w, scale, alpha, samples, first, second, tally):
    return False


@sparse_step.case(Linear)
def _sparse_step_linear(model, fmt, rounding, w, scale, alpha, samples, first, second, tally):
    if not is_sparse(model.rows) or model.regularization != 0.0 or has_blocks(fmt):
        return False
    i = random_index(samples[0], samples[1], 0, model.rows.y.size)
    _sparse_row_step(model.rows, model, fmt, rounding, w, scale, alpha, i, first, second, tally)
    return True


@_sparse_row_step.case(Dense)
def _no_row_step(rows, model, fmt, rounding, w, scale, alpha, i, first, second, tally):
    return None


@_sparse_row_step.case(Sparse)
def _row_step(rows, model, fmt, rounding, w, scale, alpha, i, first, second, tally):
    c = slope(model.loss, scale * row_dot(rows, i, w), rows.y[i])
    a = like(w[0], alpha * c / scale)
    peak, l1 = 0.0, 0.0
    for p in range(rows.starts[i], rows.starts[i + 1]):
        j = rows.columns[p]
        update, old = a * rows.values[p], w[j]
        u = old - update
        w[j] = quantize(fmt, rounding, u, offset(rounding, first, second, j), shared_unit(fmt, abs(u)))
        tally.counts[SATURATED] += saturated(fmt, u)
        if update != 0:
            tally.counts[MOVED] += 1
            tally.counts[STALLED] += w[j] == old
        size = np.float64(abs(update))
        l1 += size
        peak = max(peak, size)
    tally.counts[AUDITED] += 1
    tally.sums[PEAK] = max(tally.sums[PEAK], peak * scale)
    tally.sums[L1] += l1 * scale / alpha
