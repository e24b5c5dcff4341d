"""SWALP: stochastic weight averaging over low-precision SGD."""

from typing import Any

import numpy as np

from lpbench.algorithms.base import Advance, Setup, record
from lpbench.algorithms.lp_sgd import lp_sgd_step
from lpbench.arithmetic.jit import kernel
from lpbench.formats.quantize import to_native
from lpbench.registry import algorithms


@kernel
def swalp(run, w, average, scale, start, every, now, stops, rows, first, last, trace):
    """SWALP from step now[0] to stops[last - 1]: LP-SGD, and the average of its iterates in full precision.

    w (n,) native numbers, in place; average (n,) float64, in place, the mean of the now[1] iterates w_t, t >= start,
    one in `every`.
    Source: Yang et al. 2019, "SWALP: Stochastic Weight Averaging in Low-Precision Training".
    """
    model, fmt, rounding, keys = run.model, run.fmt, run.rounding, run.keys
    for p in range(first, last):
        for t in range(now[0], stops[p]):
            if t >= start and (t - start) % every == 0:
                now[1] += 1
                weight = 1.0 / now[1]
                for j in range(w.size):
                    average[j] += weight * (scale * w[j] - average[j])
            lp_sgd_step(model, fmt, rounding, run.schedule, keys, run.batch, run.work, run.tally, w, scale, t)
        now[0] = stops[p]
        if rows[p] >= 0:
            for j in range(w.size):
                run.look.iterate[j] = scale * w[j]
                run.look.output[j] = average[j] if now[1] > 0 else run.look.iterate[j]
            record(run, now[1] == 0, rows[p], trace)


@algorithms.register("swalp")
class Swalp:
    """Weight averaging: wbar <- (n wbar + w) / (n + 1) over the iterates of LP-SGD."""

    version = 3
    reads = frozenset({"format", "limit", "schedule", "average_start", "average_every"})
    ns_coordinate = 0.6

    def prepare(self, setup: Setup) -> Advance:
        """On the grid point nearest to the start; nothing averaged yet."""
        w, now = to_native(setup.format, setup.start, setup.dtype), np.zeros(2, np.int64)
        average, scale = np.zeros(w.size), np.float64(setup.format.scale)
        start, every = setup.choices["average_start"], setup.choices["average_every"]

        def advance(stops: Any, rows: Any, first: int, last: int, trace: Any) -> None:
            swalp(setup.run, w, average, scale, start, every, now, stops, rows, first, last, trace)

        return advance
