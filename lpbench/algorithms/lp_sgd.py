"""Low-precision SGD."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.algorithms.base import Algorithm, Setup
from lpbench.algorithms.integer import IntegerSgd, integer_sgd
from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.jit import inner
from lpbench.arithmetic.ops import like
from lpbench.convex.drive import step
from lpbench.convex.gradients import gradient
from lpbench.convex.step_sizes import step_size
from lpbench.convex.update import round_step, sparse_step
from lpbench.formats.quantize import to_native
from lpbench.registry import algorithms


class SgdState(NamedTuple):
    """The point is scale * w: w (n,) native numbers of the format, in place."""

    w: Vector
    scale: Any


@inner
def lp_sgd_step(run, w, scale, t):
    """w <- Q(w - alpha_t grad f_i(w)), i drawn anew."""
    alpha = step_size(run.schedule, t)
    if run.batch == 1 and sparse_step(run.model, run, w, scale, alpha, t):
        return
    c, i = gradient(run, w, scale, t)
    a, b = like(w[0], alpha * c / scale), like(w[0], alpha * run.model.regularization)
    round_step(run, w, run.work.table[i], a, b, None, t, scale, alpha)


@step.case(SgdState)
def _step(state, run, t):
    lp_sgd_step(run, state.w, state.scale, t)


@algorithms.register("lp_sgd")
class LpSgd(Algorithm):
    """Low-precision SGD: w <- Q(w - alpha grad f_i(w)).

    Source: Li & De Sa 2019, "Dimension-Free Bounds for Low-Precision Training"; values beyond the range saturate.
    """

    version = 3
    integer = True
    networks = True
    reads = frozenset({"format", "limit", "schedule"})
    ns_coordinate, sparse_steps = 0.35, True

    def begin(self, setup: Setup) -> SgdState:
        """On the grid point nearest to the start."""
        return SgdState(to_native(setup.format, setup.start, setup.dtype), np.float64(setup.format.scale))

    def begin_in_integers(self, setup: Setup) -> IntegerSgd:
        return integer_sgd(setup)
