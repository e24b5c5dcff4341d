"""HALP: SVRG with bit centering."""

import math
from typing import Any, NamedTuple

import numpy as np

from lpbench.algorithms.base import Algorithm, Setup
from lpbench.algorithms.integer import IntegerHalp, integer_halp
from lpbench.algorithms.snapshots import AVERAGE, RANDOM, Snapshot, new_snapshot, variance_reduced_step
from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.dot import dot
from lpbench.arithmetic.ops import like
from lpbench.arithmetic.vectors import fill
from lpbench.convex.drive import begin_loop, end_loop, loop_length, output, step
from lpbench.convex.gradients import full_gradient
from lpbench.convex.step_sizes import step_size
from lpbench.registry import algorithms


class HalpState(NamedTuple):
    """The point is w~ + scale[0] * z: w~ = snapshot.anchor in full precision, z (n,) native numbers of the format.

    reach is the largest of those; mu the strong convexity.
    """

    z: Vector
    scale: Vector
    reach: Any
    mu: Any
    snapshot: Snapshot


@loop_length.case(HalpState)
def _loop_length(state):
    return state.snapshot.inner_steps


@begin_loop.case(HalpState)
def _begin_loop(state, run, t):
    """g~ = grad f(w~), z = 0, and a scale with which the optimum, at most ||g~|| / mu away, is in range."""
    z, snapshot = state.z, state.snapshot
    full_gradient(run.model, snapshot.anchor, snapshot.margins, run.work, snapshot.gradient)
    norm = math.sqrt(np.float64(dot(snapshot.gradient, snapshot.gradient)))
    state.scale[0] = norm / (state.mu * state.reach)
    fill(z, 0.0)
    # At the optimum itself there is nothing left to do, and no scale to do it in.
    factor = like(z[0], step_size(run.schedule, t) / state.scale[0]) if norm > 0.0 else like(z[0], 0.0)
    for j in range(z.size):
        snapshot.offset[j] = factor * snapshot.gradient[j]


@step.case(HalpState)
def _step(state, run, t):
    """z <- Q(z - alpha (grad f_i(w~ + z) - grad f_i(w~) + g~))."""
    if state.scale[0] > 0.0:
        variance_reduced_step(run, state.z, state.scale[0], 1.0, state.snapshot, t)


@end_loop.case(HalpState)
def _end_loop(state, run, t):
    """w~ <- w~ + z, with z the last, a random one, or the average."""
    z, scale, snapshot = state.z, state.scale[0], state.snapshot
    if scale > 0.0:
        for j in range(z.size):
            chosen = snapshot.chosen[j] if snapshot.rule == RANDOM else z[j]
            move = snapshot.mean[j] if snapshot.rule == AVERAGE else chosen
            snapshot.anchor[j] += like(z[0], scale * move)
    fill(z, 0.0)


@output.case(HalpState)
def _output(state, point):
    for j in range(point.size):
        point[j] = state.snapshot.anchor[j] + state.scale[0] * state.z[j]


@algorithms.register("halp")
class Halp(Algorithm):
    """SVRG with bit centering: z <- Q(z - alpha (grad f_i(w~ + z) - grad f_i(w~) + grad f(w~))), w~ <- w~ + z.

    The quantum shrinks with the gradient, so the accuracy is not limited by the bits.
    Source: De Sa et al. 2018, "High-Accuracy Low-Precision Training".
    """

    version = 3
    networks = True
    centred = True
    integer = True
    reads = frozenset({"format", "inner_steps", "snapshot", "mu"})
    ns_coordinate = 0.5

    def begin(self, setup: Setup) -> HalpState:
        """At the start itself: the centre is in full precision."""
        return HalpState(
            z=np.zeros(setup.start.size, setup.dtype),
            scale=np.zeros(1),
            reach=np.float64(setup.format.reach),
            mu=np.float64(setup.choices["mu"] or setup.mu),
            snapshot=new_snapshot(setup),
        )

    def begin_in_integers(self, setup: Setup) -> IntegerHalp:
        return integer_halp(setup)
