"""SVRG about a centre: the full gradient there, what a batch says of the way from it, and HALP's offsets in few bits.

Every T steps the centre w~ becomes the weights, and g~ the gradient of all samples there. A step takes

    g_i(w) - g_i(w~) + g~

in place of g_i(w), i its batch. HALP keeps z, native numbers of the format, with w = w~ + s z: a scale s for each
tensor (or one for all), by which the largest number is ||g~|| / mu away. Weight decay and momentum are those of w.
Source: De Sa et al. 2018, "High-Accuracy Low-Precision Training", sections 3 and 4, and its code for networks.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Vector, zeros
from lpbench.arithmetic.jit import apart, inner
from lpbench.arithmetic.ops import like
from lpbench.arithmetic.vectors import add, copy, fill
from lpbench.networks.net import WEIGHTS, outside
from lpbench.networks.passes import backward, forward, gather
from lpbench.networks.updates import AUDIT_EVERY, SATURATED, bring, count_moves, direction, squares


class Centre(NamedTuple):
    """The state around one loop; vectors (n,), empty where the algorithm has no centre.

    anchor     w~.     full   g~, before   the gradient of a batch at w~, both times the loss scale.
    offset     HALP: z; empty: weights are rounded as they are.
    scale      (tensors,) float64, s of each.
    every      T; 0: there is no centre.
    reach, mu  the largest number of the format, and the strong convexity that is assumed.
    shared     1: all tensors have one scale.
    samples    (N,) int64, their numbers.
    """

    anchor: Vector
    full: Vector
    before: Vector
    offset: Vector
    scale: Vector
    every: int
    reach: float
    mu: float
    shared: int
    samples: Vector


@apart
def begin_loop(net, memory, centre, X, y, loss_scale, key, step):
    """w~ = w and g~ = its gradient, over all samples in their order; z = 0, and the scales.

    A tensor whose own gradient is 0 has the scale of all.
    """
    copy(centre.anchor, memory.weights)
    fill(centre.full, like(centre.full[0], 0.0))
    for start in range(0, y.size, net.batch):
        chosen = centre.samples[start : start + net.batch]
        before(net, centre, X, y, chosen, loss_scale / y.size, key, step)
        add(centre.full, centre.before)
    if centre.offset.size == 0:
        return
    fill(centre.offset, like(centre.offset[0], 0.0))
    total = 0.0
    for tensor in range(memory.tensors.shape[0]):
        start = memory.tensors[tensor, 0]
        end = start + memory.tensors[tensor, 1] * memory.tensors[tensor, 2]
        square = squares(centre.full[start:end]) / (loss_scale * loss_scale)
        centre.scale[tensor] = math.sqrt(square) / (centre.mu * centre.reach)
        total += square
    for tensor in range(memory.tensors.shape[0]):
        if centre.shared == 1 or centre.scale[tensor] == 0.0:
            centre.scale[tensor] = math.sqrt(total) / (centre.mu * centre.reach)


@apart
def before(net, centre, X, y, chosen, scale, key, step):
    """The gradient of a batch at the centre."""
    gather(net, X, chosen, key, step)
    forward(net, centre.anchor, chosen.size, key, step)
    backward(net, centre.anchor, centre.before, X, y, chosen, scale, key, step)


@inner
def reduce_variance(gradient, centre):
    """gradient (n,), of a batch at w, becomes g_i(w) - g_i(w~) + g~."""
    for j in range(gradient.size):
        gradient[j] = gradient[j] - centre.before[j] + centre.full[j]


@apart
def update_offset(net, memory, rule, centre, alpha, key, step):
    """z <- Q(z - u / s), u what the rule takes from the weights; w = w~ + s z. Where s is 0 so is all of g~."""
    audit = step % AUDIT_EVERY == 0
    for tensor in range(memory.tensors.shape[0]):
        start, columns = memory.tensors[tensor, 0], memory.tensors[tensor, 2]
        end = start + memory.tensors[tensor, 1] * columns
        w, z, s = memory.weights[start:end], centre.offset[start:end], centre.scale[tensor]
        u, x, old = (
            memory.update[: end - start],
            memory.staged[: end - start],
            memory.old[: end - start],
        )
        direction(net, memory, rule, tensor, start, end, w, alpha, 1.0, 1.0, key, step)
        if not s > 0.0:
            continue
        if audit:
            copy(old, z)
        _move(z, u, s, x)
        if audit:
            memory.counts[SATURATED] += outside(net, WEIGHTS, tensor, x, u, columns)
        bring(net, WEIGHTS, tensor, key, step, x, z, columns)
        if audit:
            count_moves(memory.counts, u, old, z)
        _place(w, centre.anchor[start:end], z, s)


@inner
def _move(z, u, s, out):
    inverse = like(u[0], 1.0 / s)
    for j in range(z.size):
        out[j] = z[j] - inverse * u[j]


@inner
def _place(w, anchor, z, s):
    scale = like(w[0], s)
    for j in range(w.size):
        w[j] = anchor[j] + scale * z[j]


def new_centre(n: int, tensors: int, samples: int, real: Any, every: int = 0, offset: bool = False,
               reach: float = 1.0, mu: float = 1.0, shared: bool = False) -> Centre:  # fmt: skip
    """Of n weights in so many tensors, about no centre yet; every 0: for algorithms that have none."""

    def vector(needed: bool) -> Vector:
        return zeros(n if needed else 0, real)

    around = every > 0
    return Centre(
        anchor=vector(around),
        full=vector(around),
        before=vector(around),
        offset=vector(offset),
        scale=np.zeros(tensors),
        every=every,
        reach=reach,
        mu=mu,
        shared=int(shared),
        samples=np.arange(samples if around else 0),
    )
