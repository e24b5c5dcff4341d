"""LP-SGD, LP-SVRG and HALP in integer arithmetic: weights of 8 or 16 bits, samples of 8 or 16 bits, sums of 32.

A step is one pass over the weights in integers (lpbench.convex.integer), with one multiplication a coordinate of the
sample, one of the next; what is in full precision, the full gradient of SVRG and HALP, reads the data in 16 bits.
Source: De Sa et al. 2018, "High-Accuracy Low-Precision Training", section 4 and algorithm 2.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from lpbench.algorithms.base import Setup
from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.assembler import fetch
from lpbench.arithmetic.dot import dot
from lpbench.arithmetic.integer import integer_dot
from lpbench.arithmetic.ops import like
from lpbench.arithmetic.vectors import fill
from lpbench.convex.ahead import latest, row_of
from lpbench.convex.drive import begin_loop, end_loop, loop_length, output, step
from lpbench.convex.gradients import full_gradient
from lpbench.convex.integer import (
    Integers,
    margin,
    margin_at,
    move,
    new_integers,
    quanta,
    set_bits,
    set_constant,
)
from lpbench.convex.losses import slope, slope_change
from lpbench.convex.step_sizes import step_size
from lpbench.formats.quantize import to_native

SETTLE_EVERY = 64  # steps of LP-SGD, a power of two


class IntegerSgd(NamedTuple):
    """The point is scale * w, w the weights in `integers`; steepest: the slope of a sample that there is room for."""

    integers: Integers
    scale: Any
    steepest: Any


class IntegerSvrg(NamedTuple):
    """The point is scale * w; the snapshot w~ is `anchor` (d,), of which margins (N, 1) holds x_i . w~.

    full      (N, 1) scratch: the same by the data in 16 bits.     gradient   (d,) grad f(w~).     inner_steps   T.
    steepest  at least the largest l'' ||x_i||: how fast slopes of samples change; mu the strong convexity.
    """

    integers: Integers
    scale: Any
    anchor: Vector
    margins: Any
    full: Any
    gradient: Vector
    inner_steps: int
    steepest: Any
    mu: Any


class IntegerHalp(NamedTuple):
    """The point is w~ + scale[0] * z, w~ = `anchor` in full precision; the rest as in IntegerSvrg.

    reach   the largest number of z.
    """

    integers: Integers
    scale: Vector
    reach: Any
    anchor: Vector
    margins: Any
    gradient: Vector
    inner_steps: int
    steepest: Any
    mu: Any


@step.case(IntegerSgd)
def _sgd_step(state, run, t):
    """w <- Q(w - alpha_t grad f_i(w)), i drawn anew."""
    integers, alpha = state.integers, step_size(run.schedule, t)
    if t & (SETTLE_EVERY - 1) == 0:  # a step size that decreases leaves room for finer updates
        set_bits(integers, alpha / state.scale * state.steepest * integers.samples.unit, 0.0, alpha)
    y = integers.samples.y
    fetch(y, latest(integers.ahead, t))
    c = slope(run.model.loss, margin(integers, state.scale), y[row_of(integers.ahead, t)])
    move(integers, run, c, state.scale, alpha, t)


@loop_length.case(IntegerSvrg)
@loop_length.case(IntegerHalp)
def _loop_length(state):
    return state.inner_steps


@begin_loop.case(IntegerSvrg)
def _begin_svrg(state, run, t):
    """w~ = w, g~ = grad f(w~) in full precision."""
    integers, g, alpha = state.integers, state.gradient, step_size(run.schedule, t)
    output(state, state.anchor)
    full_gradient(run.model, state.anchor, state.full, run.work, g)
    for i in range(state.margins.shape[0]):
        state.margins[i, 0] = margin_at(integers, state.scale, i)
    farthest = math.sqrt(np.float64(dot(g, g))) / state.mu
    # The part of the regulariser that stays; of the other, lambda w, every step takes its own.
    for j in range(g.size):
        g[j] -= like(g[0], run.model.regularization) * state.anchor[j]
    set_constant(integers, g, alpha / state.scale, state.steepest * farthest, alpha)


@step.case(IntegerSvrg)
def _svrg_step(state, run, t):
    """w <- Q(w - alpha (grad f_i(w) - grad f_i(w~) + g~)), i drawn anew."""
    integers, alpha = state.integers, step_size(run.schedule, t)
    i = row_of(integers.ahead, t)
    before = state.margins[i, 0]
    c = slope_change(run.model.loss, before, margin(integers, state.scale) - before, integers.samples.y[i])
    move(integers, run, c, state.scale, alpha, t)


@begin_loop.case(IntegerHalp)
def _begin_halp(state, run, t):
    """g~ = grad f(w~), z = 0, and a scale with which the optimum, at most ||g~|| / mu away, is in range."""
    integers, g, alpha = state.integers, state.gradient, step_size(run.schedule, t)
    full_gradient(run.model, state.anchor, state.margins, run.work, g)
    norm = math.sqrt(np.float64(dot(g, g)))
    scale = norm / (state.mu * state.reach)
    state.scale[0] = scale
    fill(integers.z, 0)
    integers.dot[0] = 0
    # At the optimum itself there is nothing left to do, and no scale to do it in.
    factor = alpha / scale if norm > 0.0 else 0.0
    set_constant(integers, g, factor, state.steepest * (norm / state.mu), alpha)


@step.case(IntegerHalp)
def _halp_step(state, run, t):
    """z <- Q(z - alpha (grad f_i(w~ + z) - grad f_i(w~) + g~)), i drawn anew."""
    integers, scale = state.integers, state.scale[0]
    if scale > 0.0:
        i = row_of(integers.ahead, t)
        c = slope_change(run.model.loss, state.margins[i, 0], margin(integers, scale), integers.samples.y[i])
        move(integers, run, c, scale, step_size(run.schedule, t), t)


@end_loop.case(IntegerHalp)
def _end_halp(state, run, t):
    """w~ <- w~ + z."""
    integers, w = state.integers, state.anchor
    for j in range(w.size):
        w[j] += like(w[0], state.scale[0] * np.float64(quanta(integers, j)))
    fill(integers.z, 0)
    integers.dot[0] = 0


@output.case(IntegerSgd)
@output.case(IntegerSvrg)
def _output(state, point):
    for j in range(point.size):
        point[j] = like(point[0], state.scale * np.float64(quanta(state.integers, j)))


@output.case(IntegerHalp)
def _output_halp(state, point):
    for j in range(point.size):
        point[j] = state.anchor[j] + state.scale[0] * np.float64(quanta(state.integers, j))


def integer_sgd(setup: Setup) -> IntegerSgd:
    """LP-SGD on the grid point nearest to the start."""
    integers = _on_grid(setup, False)
    # Slopes of the samples at 0, twice over: farther off they are clipped, and counted.
    steepest = 2 * abs(slope(setup.run.model.loss, 0.0, float(np.abs(integers.samples.y).max())))
    return IntegerSgd(integers, np.float64(setup.format.scale), np.float64(steepest))


def integer_svrg(setup: Setup) -> IntegerSvrg:
    """LP-SVRG on the grid point nearest to the start."""
    return IntegerSvrg(
        integers=_on_grid(setup, True),
        scale=np.float64(setup.format.scale),
        full=np.zeros((setup.margins, 1)),
        **_loop(setup),
    )


def integer_halp(setup: Setup) -> IntegerHalp:
    """HALP at the start itself: the centre is in full precision."""
    reach = np.float64(setup.format.reach)
    return IntegerHalp(integers=_integers(setup, True), scale=np.zeros(1), reach=reach, **_loop(setup))


def _integers(setup: Setup, constant: bool) -> Integers:
    assert setup.samples_in_integers is not None
    return new_integers(
        setup.samples_in_integers,
        setup.choices["precision"],
        float(setup.run.model.regularization),
        setup.run.keys,
        constant,
    )


def _on_grid(setup: Setup, constant: bool) -> Integers:
    integers = _integers(setup, constant)
    codes = to_native(setup.format, setup.start, np.float64).astype(np.int16)
    integers.z[: codes.size] = codes << integers.low
    integers.dot[0] = integer_dot(integers.z, integers.samples.X, row_of(integers.ahead, 0))
    return integers


def _loop(setup: Setup) -> dict[str, Any]:
    return {
        "anchor": setup.start.astype(setup.dtype),
        "margins": np.zeros((setup.margins, 1)),
        "gradient": np.zeros(setup.start.size, setup.dtype),
        "inner_steps": setup.inner_steps,
        "steepest": np.float64(math.sqrt(setup.L)),
        "mu": np.float64(setup.choices.get("mu") or setup.mu),
    }
