"""Low-precision SGD."""

from typing import Any

import numpy as np

from lpbench.algorithms.base import Advance, Setup, record
from lpbench.arithmetic.generator import step_words
from lpbench.arithmetic.jit import inner, kernel
from lpbench.arithmetic.ops import like
from lpbench.convex.models import gradient
from lpbench.convex.step_sizes import step_size
from lpbench.convex.update import round_step, sparse_step
from lpbench.formats.quantize import to_native
from lpbench.registry import algorithms


@inner
def lp_sgd_step(model, fmt, rounding, schedule, keys, batch, work, tally, w, scale, t):
    """w <- Q(w - alpha_t grad f_i(w)), i drawn anew."""
    alpha = step_size(schedule, t)
    samples, words = step_words(keys.samples, t), step_words(keys.rounding, t)
    if batch == 1 and sparse_step(model, fmt, rounding, w, scale, alpha, samples, words, tally):
        return
    c, i = gradient(model, w, scale, samples[0], samples[1], batch, work)
    a, b = like(w[0], alpha * c / scale), like(w[0], alpha * model.regularization)
    round_step(fmt, rounding, w, work.table[i], a, b, None, words[0], words[1], t, scale, alpha, tally)


@kernel
def lp_sgd(run, w, scale, now, stops, rows, first, last, trace):
    """LP-SGD from step now[0] to stops[last - 1].

    w (n,) native numbers of the format, in place; the point is scale * w. rows[p]: the row of trace for stop p, or -1.
    Source: Li & De Sa 2019, "Dimension-Free Bounds for Low-Precision Training"; values beyond the range
    saturate.
    """
    model, fmt, rounding, keys = run.model, run.fmt, run.rounding, run.keys
    for p in range(first, last):
        for t in range(now[0], stops[p]):
            lp_sgd_step(model, fmt, rounding, run.schedule, keys, run.batch, run.work, run.tally, w, scale, t)
        now[0] = stops[p]
        if rows[p] >= 0:
            for j in range(w.size):
                run.look.output[j] = scale * w[j]
            record(run, True, rows[p], trace)


@algorithms.register("lp_sgd")
class LpSgd:
    """Low-precision SGD: w <- Q(w - alpha grad f_i(w))."""

    version = 3
    reads = frozenset({"format", "limit", "schedule"})
    ns_coordinate, sparse_steps = 0.35, True

    def prepare(self, setup: Setup) -> Advance:
        """On the grid point nearest to the start."""
        w, now = to_native(setup.format, setup.start, setup.dtype), np.zeros(1, np.int64)
        scale = np.float64(setup.format.scale)

        def advance(stops: Any, rows: Any, first: int, last: int, trace: Any) -> None:
            lp_sgd(setup.run, w, scale, now, stops, rows, first, last, trace)

        return advance
