"""Low-precision SVRG."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.algorithms.base import Algorithm, Setup
from lpbench.algorithms.integer import IntegerSvrg, integer_svrg
from lpbench.algorithms.snapshots import AVERAGE, RANDOM, Snapshot, new_snapshot, variance_reduced_step
from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.generator import key_from, step_words
from lpbench.arithmetic.ops import like
from lpbench.arithmetic.vectors import copy
from lpbench.convex.drive import begin_loop, end_loop, loop_length, output, step
from lpbench.convex.gradients import full_gradient
from lpbench.convex.step_sizes import step_size
from lpbench.convex.update import round_vector
from lpbench.formats.quantize import to_native
from lpbench.registry import algorithms


class SvrgState(NamedTuple):
    """The point is scale * w: w (n,) native numbers of the format, in place."""

    w: Vector
    scale: Any
    snapshot: Snapshot


@loop_length.case(SvrgState)
def _loop_length(state):
    return state.snapshot.inner_steps


@begin_loop.case(SvrgState)
def _begin_loop(state, run, t):
    """w~ = w, g~ = grad f(w~) in full precision."""
    w, snapshot = state.w, state.snapshot
    output(state, snapshot.anchor)
    full_gradient(run.model, snapshot.anchor, snapshot.margins, run.work, snapshot.gradient)
    factor = like(w[0], step_size(run.schedule, t) / state.scale)
    strength = like(w[0], run.model.regularization)
    for j in range(w.size):
        snapshot.offset[j] = factor * (snapshot.gradient[j] - strength * snapshot.anchor[j])


@step.case(SvrgState)
def _step(state, run, t):
    variance_reduced_step(run, state.w, state.scale, 0.0, state.snapshot, t)


@end_loop.case(SvrgState)
def _end_loop(state, run, t):
    """w = the last iterate, a random one, or Q of the average."""
    snapshot = state.snapshot
    if snapshot.rule == RANDOM:
        copy(state.w, snapshot.chosen)
    elif snapshot.rule == AVERAGE:
        first, second = step_words(run.keys.snapshot, t // snapshot.inner_steps)
        round_vector(run.fmt, run.rounding, snapshot.mean, key_from(first, 1), second, state.w)


@algorithms.register("lp_svrg")
class LpSvrg(Algorithm):
    """Low-precision SVRG: w <- Q(w - alpha (grad f_i(w) - grad f_i(w~) + grad f(w~))).

    Source: De Sa et al. 2018, "High-Accuracy Low-Precision Training".
    """

    version = 3
    networks = True
    integer = True
    reads = frozenset({"format", "limit", "inner_steps", "snapshot"})
    ns_coordinate = 0.5

    def begin(self, setup: Setup) -> SvrgState:
        """On the grid point nearest to the start."""
        w = to_native(setup.format, setup.start, setup.dtype)
        return SvrgState(w, np.float64(setup.format.scale), new_snapshot(setup))

    def begin_in_integers(self, setup: Setup) -> IntegerSvrg:
        return integer_svrg(setup)
