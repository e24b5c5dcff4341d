"""Low-precision SVRG."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.algorithms.base import Advance, Setup, record
from lpbench.arithmetic.generator import key_from, random_index, step_words
from lpbench.arithmetic.jit import inner, kernel
from lpbench.arithmetic.ops import like
from lpbench.arithmetic.rounding import offset
from lpbench.convex.models import copy, difference, full_gradient
from lpbench.convex.step_sizes import step_size
from lpbench.convex.update import round_step
from lpbench.formats.base import block_length, has_blocks, quantize, shared_unit
from lpbench.formats.quantize import to_native
from lpbench.registry import algorithms

LAST, RANDOM, AVERAGE = range(3)
RULES = {"last": LAST, "random": RANDOM, "average": AVERAGE}


class Snapshot(NamedTuple):
    """The state around one outer loop; arrays in the arithmetic's dtype.

    anchor   (n,) the snapshot w~, full precision.       gradient (n,) grad f(w~).
    margins  (N, K) float64, x_i . w~.                   offset (n,) the part of every update that does not change.
    mean     (n,) float64, the average of the loop's points so far, in native units.
    chosen   (n,) the native numbers of the drawn iterate.
    scale    (1,) float64, of bit centering.             now (1,) int64, the step.
    """

    anchor: Any
    gradient: Any
    margins: Any
    offset: Any
    mean: Any
    chosen: Any
    scale: Any
    now: Any


def new_snapshot(setup: Setup) -> Snapshot:
    """Scratch for one cell; the anchor is the start."""
    n, dtype = setup.start.size, setup.dtype
    return Snapshot(
        anchor=setup.start.astype(dtype),
        gradient=np.zeros(n, dtype),
        margins=np.zeros((setup.margins, len(setup.run.work.p))),
        offset=np.zeros(n, dtype),
        mean=np.zeros(n),
        chosen=np.zeros(n, dtype),
        scale=np.zeros(1),
        now=np.zeros(1, np.int64),
    )


@inner
def variance_reduced_step(
    model, fmt, rounding, schedule, keys, batch, work, tally, w, scale, centred, state, t
):
    """w <- Q(w - alpha (grad f_i(w) - grad f_i(w~) + grad f(w~))), i drawn anew; state.offset: the constant part."""
    alpha = step_size(schedule, t)
    first, second = step_words(keys.samples, t)
    c, i = difference(model, w, scale, centred, state.margins, state.anchor, first, second, batch, work)
    a, b = like(w[0], alpha * c / scale), like(w[0], alpha * model.regularization)
    first, second = step_words(keys.rounding, t)
    round_step(fmt, rounding, w, work.table[i], a, b, state.offset, first, second, t, scale, alpha, tally)


@inner
def collect(rule, w, state, t, inner_steps, key):
    """Before step t of an inner loop: keep what the snapshot rule needs of the loop's points w_0 ... w_{T-1}."""
    place = t % inner_steps
    if rule == RANDOM:
        first, second = step_words(key, t // inner_steps)
        if place == random_index(first, second, 0, inner_steps):
            copy(state.chosen, w)
    elif rule == AVERAGE:
        weight = 1.0 / (place + 1)
        for j in range(w.size):
            state.mean[j] += weight * (w[j] - state.mean[j])


@inner
def round_vector(fmt, rounding, x, first, second, w):
    """w = Q(x), x (n,) float64 in native units."""
    length = block_length(fmt, w.size)
    for start in range(0, w.size, length):
        ws, xs, word = w[start : start + length], x[start : start + length], key_from(first, start)
        largest = 0.0
        if has_blocks(fmt):
            for j in range(ws.size):
                size = abs(xs[j])
                largest = size if size > largest else largest  # a NaN is larger than nothing
        unit = shared_unit(fmt, largest)
        for j in range(ws.size):
            ws[j] = quantize(fmt, rounding, xs[j], offset(rounding, word, second, j), unit)


@kernel
def lp_svrg(run, w, scale, rule, inner_steps, state, stops, rows, first, last, trace):
    """LP-SVRG from step state.now[0] to stops[last - 1].

    w (n,) native numbers of the format, in place. An outer loop: w~ = w, g~ = grad f(w~) in full precision; inner_steps
    times w <- Q(w - alpha (grad f_i(w) - grad f_i(w~) + g~)); then w is the last iterate, a random one, or Q of the
    average, by `rule`.
    Source: De Sa et al. 2018, "High-Accuracy Low-Precision Training".
    """
    model, fmt, rounding, keys = run.model, run.fmt, run.rounding, run.keys
    for p in range(first, last):
        ended = False
        for t in range(state.now[0], stops[p]):
            if t % inner_steps == 0:
                for j in range(w.size):
                    state.anchor[j] = scale * w[j]
                full_gradient(model, state.anchor, state.margins, run.work, state.gradient)
                factor = like(w[0], step_size(run.schedule, t) / scale)
                strength = like(w[0], model.regularization)
                for j in range(w.size):
                    state.offset[j] = factor * (state.gradient[j] - strength * state.anchor[j])
            collect(rule, w, state, t, inner_steps, run.keys.snapshot)
            variance_reduced_step(
                model,
                fmt,
                rounding,
                run.schedule,
                keys,
                run.batch,
                run.work,
                run.tally,
                w,
                scale,
                0.0,
                state,
                t,
            )
            ended = (t + 1) % inner_steps == 0
            if ended:
                for j in range(w.size):
                    run.look.iterate[j] = scale * w[j]
                if rule == RANDOM:
                    copy(w, state.chosen)
                elif rule == AVERAGE:
                    one, two = step_words(run.keys.snapshot, t // inner_steps)
                    round_vector(fmt, rounding, state.mean, key_from(one, 1), two, w)
        state.now[0] = stops[p]
        if rows[p] >= 0:
            for j in range(w.size):
                run.look.output[j] = scale * w[j]
            record(run, rule == LAST or not ended, rows[p], trace)


@algorithms.register("lp_svrg")
class LpSvrg:
    """Low-precision SVRG: w <- Q(w - alpha (grad f_i(w) - grad f_i(w~) + grad f(w~)))."""

    version = 3
    reads = frozenset({"format", "limit", "inner_steps", "snapshot"})
    ns_coordinate = 0.5

    def prepare(self, setup: Setup) -> Advance:
        """On the grid point nearest to the start."""
        w, state = to_native(setup.format, setup.start, setup.dtype), new_snapshot(setup)
        scale, rule = np.float64(setup.format.scale), RULES[setup.choices["snapshot"]]

        def advance(stops: Any, rows: Any, first: int, last: int, trace: Any) -> None:
            lp_svrg(setup.run, w, scale, rule, setup.inner_steps, state, stops, rows, first, last, trace)

        return advance
