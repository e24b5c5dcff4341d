"""SWALP: stochastic weight averaging over low-precision SGD."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.algorithms.base import Algorithm, Setup
from lpbench.algorithms.lp_sgd import lp_sgd_step
from lpbench.arithmetic.arrays import Vector
from lpbench.convex.drive import iterate, output, scaled, step
from lpbench.formats.quantize import to_native
from lpbench.registry import algorithms


class SwalpState(NamedTuple):
    """LP-SGD, scale * w with w (n,) native numbers, and the average of its iterates in full precision.

    average (n,) float64, the mean of the count[0] iterates w_t, t >= start, one in `every`.
    """

    w: Vector
    scale: Any
    average: Vector
    count: Any  # (1,)
    start: int
    every: int


@step.case(SwalpState)
def _step(state, run, t):
    w, average = state.w, state.average
    if t >= state.start and (t - state.start) % state.every == 0:
        state.count[0] += 1
        weight = 1.0 / state.count[0]
        for j in range(w.size):
            average[j] += weight * (state.scale * w[j] - average[j])
    lp_sgd_step(run, w, state.scale, t)


@iterate.case(SwalpState)
def _iterate(state, point):
    scaled(state, point)
    return True


@output.case(SwalpState)
def _output(state, point):
    for j in range(point.size):
        point[j] = state.average[j] if state.count[0] > 0 else state.scale * state.w[j]


@algorithms.register("swalp")
class Swalp(Algorithm):
    """Weight averaging: wbar <- (n wbar + w) / (n + 1) over the iterates of LP-SGD.

    Source: Yang et al. 2019, "SWALP: Stochastic Weight Averaging in Low-Precision Training".
    """

    version = 3
    networks = True
    reads = frozenset({"format", "limit", "schedule", "average_start", "average_every"})
    ns_coordinate = 0.6

    def begin(self, setup: Setup) -> SwalpState:
        """On the grid point nearest to the start; nothing averaged yet."""
        return SwalpState(
            w=to_native(setup.format, setup.start, setup.dtype),
            scale=np.float64(setup.format.scale),
            average=np.zeros(setup.start.size),
            count=np.zeros(1, np.int64),
            start=setup.choices["average_start"],
            every=setup.choices["average_every"],
        )
