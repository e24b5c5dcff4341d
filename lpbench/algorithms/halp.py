"""HALP: SVRG with bit centering."""

import math
from typing import Any

import numpy as np

from lpbench.algorithms.base import Advance, Setup, record
from lpbench.algorithms.lp_svrg import AVERAGE, RANDOM, RULES, collect, new_snapshot, variance_reduced_step
from lpbench.arithmetic.dot import dot
from lpbench.arithmetic.jit import kernel
from lpbench.arithmetic.ops import like
from lpbench.convex.models import fill, full_gradient
from lpbench.convex.step_sizes import step_size
from lpbench.registry import algorithms


@kernel
def halp(run, z, reach, mu, rule, inner_steps, state, stops, rows, first, last, trace):
    """HALP from step state.now[0] to stops[last - 1].

    The point is w~ + scale * z: w~ = state.anchor in full precision, z (n,) native numbers of the format, in place,
    reach their largest. An outer loop: g~ = grad f(w~); scale = ||g~||_2 / (mu reach), so that the optimum, which is
    at most ||g~|| / mu away, is in range; z = 0; inner_steps times z <- Q(z - alpha (grad f_i(w~ + z) - grad f_i(w~)
    + g~)); then w~ <- w~ + z, with z the last, a random one, or the average, by `rule`. The quantum shrinks with the
    gradient, so the accuracy is not limited by the bits.
    Source: De Sa et al. 2018, "High-Accuracy Low-Precision Training".
    """
    model, fmt, rounding, keys = run.model, run.fmt, run.rounding, run.keys
    for p in range(first, last):
        ended = False
        for t in range(state.now[0], stops[p]):
            if t % inner_steps == 0:
                full_gradient(model, state.anchor, state.margins, run.work, state.gradient)
                norm = math.sqrt(np.float64(dot(state.gradient, state.gradient)))
                state.scale[0] = norm / (mu * reach)
                fill(z, 0.0)
                # At the optimum itself there is nothing left to do, and no scale to do it in.
                factor = (
                    like(z[0], step_size(run.schedule, t) / state.scale[0]) if norm > 0.0 else like(z[0], 0.0)
                )
                for j in range(z.size):
                    state.offset[j] = factor * state.gradient[j]
            if state.scale[0] > 0.0:
                collect(rule, z, state, t, inner_steps, run.keys.snapshot)
                variance_reduced_step(
                    model,
                    fmt,
                    rounding,
                    run.schedule,
                    keys,
                    run.batch,
                    run.work,
                    run.tally,
                    z,
                    state.scale[0],
                    1.0,
                    state,
                    t,
                )
            ended = (t + 1) % inner_steps == 0
            if ended:
                for j in range(z.size):
                    run.look.iterate[j] = state.anchor[j] + state.scale[0] * z[j]
                if state.scale[0] > 0.0:
                    for j in range(z.size):
                        step = (
                            state.mean[j] if rule == AVERAGE else state.chosen[j] if rule == RANDOM else z[j]
                        )
                        state.anchor[j] += like(z[0], state.scale[0] * step)
                fill(z, 0.0)
        state.now[0] = stops[p]
        if rows[p] >= 0:
            for j in range(z.size):
                run.look.output[j] = state.anchor[j] + state.scale[0] * z[j]
            record(run, not ended, rows[p], trace)


@algorithms.register("halp")
class Halp:
    """SVRG with bit centering: z <- Q(z - alpha (grad f_i(w~ + z) - grad f_i(w~) + grad f(w~))), w~ <- w~ + z."""

    version = 3
    reads = frozenset({"format", "inner_steps", "snapshot", "mu"})
    ns_coordinate = 0.5

    def prepare(self, setup: Setup) -> Advance:
        """At the start itself: the centre is in full precision."""
        z, state, form = np.zeros(setup.start.size, setup.dtype), new_snapshot(setup), setup.format
        mu = np.float64(setup.choices["mu"] or setup.mu)
        reach, rule = np.float64(form.reach), RULES[setup.choices["snapshot"]]

        def advance(stops: Any, rows: Any, first: int, last: int, trace: Any) -> None:
            halp(setup.run, z, reach, mu, rule, setup.inner_steps, state, stops, rows, first, last, trace)

        return advance
