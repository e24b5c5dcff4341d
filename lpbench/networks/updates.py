"""The optimizer's step: weights, gradient and state of each tensor, brought to their formats."""

import math
from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.jit import apart, inner
from lpbench.arithmetic.ops import like
from lpbench.arithmetic.vectors import copy, fill
from lpbench.networks.net import (
    GRADIENTS,
    MASTER,
    MOMENTUM,
    SECOND,
    WEIGHTS,
    outside,
    rounded,
    rounded_part,
)
from lpbench.networks.watching import count, count_updates, moves

AUDIT_EVERY = 16  # steps between two in which saturation and stalls are counted
SGD, ADAM = range(2)
MOVED, SATURATED, STALLED = range(3)


class Rule(NamedTuple):
    """How a gradient becomes an update.

    kind       SGD: m <- mu m + g + wd w; w <- w - alpha m.
               ADAM: m <- mu m + (1 - mu) g; v <- nu v + (1 - nu) g^2;
               w <- w - alpha (m / c1 / (sqrt(v / c2) + epsilon) + wd w), c1 and c2 what corrects their start at 0.
    kahan      whether what rounding takes from an update is kept for the next one.
    loss_scale is divided out of the gradient.
    """

    kind: int
    mu: float
    nu: float
    epsilon: float
    weight_decay: float
    loss_scale: float
    kahan: bool


class Memory(NamedTuple):
    """The vectors of one cell, (n,) each; those that its rule and its roles do not need are empty.

    weights   what layers compute with.
    master    the copy that updates are added to; empty: the weights themselves.
    update, staged, old   scratch, as long as the largest tensor.
    parts     (3, n) scratch of a step that is watched: what of an update is the gradient's, weight decay's, momentum's.
    tensors   of the layout.
    counts    (3,) int64: non-zero updates, of them those that left the range of the weights' format, and those that
              changed nothing; at every AUDIT_EVERY-th step.
    """

    weights: Vector
    master: Vector
    gradient: Vector
    momentum: Vector
    second: Vector
    compensation: Vector
    update: Vector
    staged: Vector
    old: Vector
    parts: Any
    tensors: Any
    counts: Vector


@apart
def update(net, memory, rule, alpha, first, second, key, step):
    """Step `step` with the step size alpha; first, second: what ADAM divides m and v by."""
    for tensor in range(memory.tensors.shape[0]):
        start, columns = memory.tensors[tensor, 0], memory.tensors[tensor, 2]
        end = start + memory.tensors[tensor, 1] * columns
        w, u, x = memory.weights[start:end], memory.update[: end - start], memory.staged[: end - start]
        has_master = memory.master.size > 0
        kept = memory.master[start:end] if has_master else w
        role = MASTER if has_master else WEIGHTS
        watching, i = net.watch.on[0] == 1, net.watch.index[role, tensor]
        direction(net, memory, rule, tensor, start, end, kept, alpha, first, second, key, step)
        audit = step % AUDIT_EVERY == 0
        old = memory.old[: end - start]
        if audit or watching:
            copy(old, kept)
        if rule.kahan:
            _compensated(net, memory, role, tensor, start, end, kept, key, step)
        else:
            _subtract(kept, u, x)
        if audit:
            memory.counts[SATURATED] += outside(net, WEIGHTS, tensor, x, u, columns)
        if rule.kahan:
            _keep_rest(net, memory, role, tensor, start, end, kept, key, step)
        else:
            bring(net, role, tensor, key, step, x, kept, columns)
        if has_master:
            bring(net, WEIGHTS, tensor, key, step, kept, w, columns)
        if audit:
            count_moves(memory.counts, u, old, kept)
        if watching:
            if net.rounders[role, tensor, 1] == 0:
                count(net.watch, i, kept, kept, columns, 0, 0)
            count_updates(net.watch, i, memory.parts, u, old, kept)


@inner
def bring(net, role, tensor, key, step, x, into, columns):
    """into = x, rounded where its role rounds."""
    if not rounded(net, role, tensor, key, step, x, into, columns):
        copy(into, x)


@inner
def direction(net, memory, rule, tensor, start, end, kept, alpha, first, second, key, step):
    """memory.update = what is taken from the weights; the gradient and the state as their roles round them."""
    columns, x = memory.tensors[tensor, 2], memory.staged[: end - start]
    g, u = memory.gradient[start:end], memory.update[: end - start]
    if rounded(net, GRADIENTS, tensor, key, step, g, u, columns):
        g = u
    inverse, decay = 1.0 / rule.loss_scale, rule.weight_decay
    watching = net.watch.on[0] == 1
    if watching:
        _parts(memory, rule, start, end, g, kept, alpha)
    if rule.kind == SGD and memory.momentum.size == 0:
        _plain(u, g, kept, alpha, decay, inverse)
        return
    # Out of place and back: a loop that reads and writes one array is not compiled to take many numbers at once.
    m = memory.momentum[start:end]
    if rule.kind == SGD:
        _accumulate(m, g, kept, rule.mu, decay, inverse, x)
        bring(net, MOMENTUM, tensor, key, step, x, m, columns)
        _times(u, m, alpha)
        return
    v = memory.second[start:end]
    _mean(m, g, rule.mu, inverse, x)
    bring(net, MOMENTUM, tensor, key, step, x, m, columns)
    _mean_square(v, g, rule.nu, inverse, x)
    bring(net, SECOND, tensor, key, step, x, v, columns)
    _adam(u, m, v, kept, alpha, first, second, rule.epsilon, decay)
    if watching:
        for cause in (0, 2):
            part = memory.parts[cause, : end - start]
            _adam(part, part, v, kept, 1.0, first, second, rule.epsilon, 0.0)


@inner
def _parts(memory, rule, start, end, g, w, alpha):
    """memory.parts = what of the update is the gradient's, weight decay's, momentum's; of ADAM before it is scaled."""
    inverse, size = alpha / rule.loss_scale, end - start
    fresh = 1.0 - rule.mu if rule.kind == ADAM else 1.0
    _times(memory.parts[0, :size], g, fresh * inverse)
    _times(memory.parts[1, :size], w, alpha * rule.weight_decay)
    fill(memory.parts[2, :size], like(g[0], 0.0))
    if memory.momentum.size > 0:
        _times(memory.parts[2, :size], memory.momentum[start:end], alpha * rule.mu)


@inner
def _plain(u, g, w, alpha, decay, inverse):
    a, d, s = like(g[0], alpha), like(g[0], decay), like(g[0], inverse)
    for j in range(u.size):
        u[j] = a * (s * g[j] + d * w[j])


@inner
def _accumulate(m, g, w, mu, decay, inverse, out):
    c, d, s = like(m[0], mu), like(m[0], decay), like(m[0], inverse)
    for j in range(m.size):
        out[j] = c * m[j] + (s * g[j] + d * w[j])


@inner
def _mean(m, g, mu, inverse, out):
    c, rest, s = like(m[0], mu), like(m[0], 1.0 - mu), like(m[0], inverse)
    for j in range(m.size):
        out[j] = c * m[j] + rest * (s * g[j])


@inner
def _mean_square(v, g, nu, inverse, out):
    c, rest, s = like(v[0], nu), like(v[0], 1.0 - nu), like(v[0], inverse)
    for j in range(v.size):
        x = s * g[j]
        out[j] = c * v[j] + rest * (x * x)


@inner
def _times(u, m, alpha):
    a = like(m[0], alpha)
    for j in range(u.size):
        u[j] = a * m[j]


@inner
def _adam(u, m, v, w, alpha, first, second, epsilon, decay):
    a, d, e = like(m[0], alpha), like(m[0], decay), like(m[0], epsilon)
    one, other = like(m[0], 1.0 / first), like(m[0], 1.0 / second)
    for j in range(u.size):
        u[j] = a * (one * m[j] / (np.sqrt(other * v[j]) + e) + d * w[j])


@inner
def _subtract(w, u, out):
    for j in range(w.size):
        out[j] = w[j] - u[j]


# Kahan's sum: y = Q(-u - c); t = Q(w + y); c = Q(Q(t - w) - y); w = t.
@inner
def _compensated(net, memory, role, tensor, start, end, w, key, step):
    """memory.staged = w + y."""
    columns, c = memory.tensors[tensor, 2], memory.compensation[start:end]
    u, x = memory.update[: end - start], memory.staged[: end - start]
    _negated_sum(u, c, x)
    y = c  # what was left over has been used, and its place is free for y
    if not rounded_part(net, role, tensor, 1, key, step, x, y, columns):
        copy(y, x)
    _sum(w, y, x)


@inner
def _keep_rest(net, memory, role, tensor, start, end, w, key, step):
    """From w + y to w = t and c."""
    columns, c = memory.tensors[tensor, 2], memory.compensation[start:end]
    x, y = memory.staged[: end - start], c
    t = memory.gradient[start:end]  # used, too
    if not rounded(net, role, tensor, key, step, x, t, columns):
        copy(t, x)
    _subtract(t, w, x)
    copy(w, t)
    if rounded_part(net, role, tensor, 2, key, step, x, t, columns):
        copy(x, t)
    _subtract(x, y, x)
    if not rounded_part(net, role, tensor, 3, key, step, x, c, columns):
        copy(c, x)


@inner
def _negated_sum(a, b, out):
    for j in range(a.size):
        out[j] = -a[j] - b[j]


@inner
def _sum(a, b, out):
    for j in range(a.size):
        out[j] = a[j] + b[j]


@inner
def count_moves(counts, u, old, new):
    """Non-zero updates, and those of them that changed nothing."""
    moved, stalled = moves(u, old, new)
    counts[MOVED] += moved
    counts[STALLED] += stalled


@inner
def squares(x):
    """||x||_2^2 in float64, summed in order; x (n,)."""
    total = 0.0
    for j in range(x.size):
        total += np.float64(x[j]) * np.float64(x[j])
    return total


@inner
def norm(x):
    """||x||_2, likewise."""
    return math.sqrt(squares(x))
