"""SGD and SVRG in float32 with the care of integer arithmetic: what that is measured beside, `lpbench speed`.

The algorithms are those of `sgd` and `svrg`, without a regularizer. An update and the next dot product are one pass,
and SVRG keeps the offset from its snapshot, z = w - w~: squared losses need no margins, x_i . w - x_i . w~ = x_i . z.
"""

from typing import NamedTuple

import numpy as np

from lpbench.algorithms.base import Setup
from lpbench.arithmetic.arrays import Matrix, Vector, zeros
from lpbench.arithmetic.assembler import fetch
from lpbench.arithmetic.ops import like
from lpbench.arithmetic.single import single_step
from lpbench.arithmetic.vectors import fill
from lpbench.convex.ahead import Ahead, latest, look_ahead, new_ahead
from lpbench.convex.drive import begin_loop, end_loop, loop_length, output, step
from lpbench.convex.gradients import full_gradient
from lpbench.convex.losses import slope, slope_change
from lpbench.convex.step_sizes import step_size


class SingleSgd(NamedTuple):
    """The point is w (d,) float32, d a multiple of 64; dot (1,) = w . x of the next step's row of X (N, d)."""

    w: Vector
    X: Matrix
    y: Vector
    ahead: Ahead
    dot: Vector


class SingleSvrg(NamedTuple):
    """The point is w~ + z, w~ = anchor; offset (d,) is alpha grad f(w~), margins (N, 1) holds x_i . w~."""

    z: Vector
    X: Matrix
    y: Vector
    ahead: Ahead
    dot: Vector
    anchor: Vector
    margins: Matrix
    offset: Vector
    inner_steps: int


@step.case(SingleSgd)
def _sgd_step(state, run, t):
    """w <- w - alpha_t grad f_i(w), i drawn anew."""
    fetch(state.y, latest(state.ahead, t))
    i, following, place = look_ahead(state.ahead, state.X, run.keys.samples, t)
    c = step_size(run.schedule, t) * slope(run.model.loss, np.float64(state.dot[0]), state.y[i])
    state.dot[0] = single_step(state.w, None, state.X, i, following, place, np.float32(c))


@loop_length.case(SingleSvrg)
def _loop_length(state):
    return state.inner_steps


@begin_loop.case(SingleSvrg)
def _begin_loop(state, run, t):
    """g~ = grad f(w~), z = 0."""
    full_gradient(run.model, state.anchor, state.margins, run.work, state.offset)
    alpha = like(state.offset[0], step_size(run.schedule, t))
    for j in range(state.offset.size):
        state.offset[j] *= alpha
    fill(state.z, 0.0)
    state.dot[0] = 0.0


@step.case(SingleSvrg)
def _svrg_step(state, run, t):
    """z <- z - alpha (grad f_i(w~ + z) - grad f_i(w~) + g~), i drawn anew."""
    i, following, place = look_ahead(state.ahead, state.X, run.keys.samples, t)
    z = np.float64(state.dot[0])
    c = step_size(run.schedule, t) * slope_change(run.model.loss, state.margins[i, 0], z, state.y[i])
    state.dot[0] = single_step(state.z, state.offset, state.X, i, following, place, np.float32(c))


@end_loop.case(SingleSvrg)
def _end_loop(state, run, t):
    """w~ <- w~ + z."""
    for j in range(state.z.size):
        state.anchor[j] += state.z[j]
    fill(state.z, 0.0)
    state.dot[0] = 0.0


@output.case(SingleSgd)
def _output(state, point):
    for j in range(point.size):
        point[j] = state.w[j]


@output.case(SingleSvrg)
def _output_svrg(state, point):
    for j in range(point.size):
        point[j] = np.float64(state.anchor[j]) + np.float64(state.z[j])


def single_sgd(setup: Setup) -> SingleSgd:
    """SGD at 0, on the rows of the model as they are: float32, d a multiple of 64."""
    rows, ahead = setup.run.model.rows, _ahead(setup)
    return SingleSgd(zeros(setup.start.size, np.float32), rows.X, rows.y, ahead, np.zeros(1, np.float32))


def single_svrg(setup: Setup) -> SingleSvrg:
    """SVRG at 0, on the same rows."""
    rows, n = setup.run.model.rows, setup.start.size
    return SingleSvrg(
        z=zeros(n, np.float32),
        X=rows.X,
        y=rows.y,
        ahead=_ahead(setup),
        dot=np.zeros(1, np.float32),
        anchor=zeros(n, np.float32),
        margins=np.zeros((setup.margins, 1)),
        offset=zeros(n, np.float32),
        inner_steps=setup.inner_steps,
    )


def _ahead(setup: Setup) -> Ahead:
    return new_ahead(setup.run.model.rows.X, setup.run.keys.samples)
