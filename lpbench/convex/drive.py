"""The one loop of all algorithms: from stop to stop, a row of the record at each.

An algorithm is a NamedTuple, its state and constants, and cases of `step` and `output`; of `loop_length`, `begin_loop`
and `end_loop` where it has inner loops; of `iterate` where the point that is judged is not the current one.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Matrix, Vector
from lpbench.arithmetic.dot import dot
from lpbench.arithmetic.generator import ROUNDING, SAMPLES, SNAPSHOT, stream
from lpbench.arithmetic.jit import generic, inner, kernel
from lpbench.convex.gap import gap
from lpbench.convex.gradients import Work
from lpbench.convex.update import Tally

# Columns of a recorded row: counts and sums are those since the start.
GAP, ITERATE_GAP, GRADIENT_NORM, DISTANCE, SATURATED, AUDITED, MOVED, STALLED, PEAK, L1 = range(10)
RECORDED = 10


class Keys(NamedTuple):
    """The generator's key for each purpose."""

    samples: np.uint32
    rounding: np.uint32
    snapshot: np.uint32


class Look(NamedTuple):
    """Scratch of an evaluation, float64; (n,), but scratch (3, K)."""

    output: Vector
    iterate: Vector
    delta: Vector
    g: Vector
    scratch: Matrix


class Run(NamedTuple):
    """What every kernel gets: the problem, its judge, the format, and one cell's scratch.

    sums   the accumulator of a sample's margin; None: it is summed in full.
    """

    model: Any
    judge: Any
    fmt: Any
    rounding: Any
    schedule: Any
    keys: Keys
    batch: np.int64
    work: Work
    tally: Tally
    look: Look
    sums: Any = None


def keys_of(seed: int) -> Keys:
    """The generator's keys of one seed."""
    return Keys(stream(seed, SAMPLES), stream(seed, ROUNDING), stream(seed, SNAPSHOT))


def new_look(n: int, classes: int) -> Look:
    """Look of a cell with n coordinates."""
    return Look(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros((3, classes)))


@generic
def step(state, run, t):
    """Step t."""


@generic
def output(state, point):
    """point (n,) float64 = what is judged by `objective_gap`: scale * w, unless a state says otherwise."""


@generic
def iterate(state, point):
    """Whether the current iterate is another point than the output: then point (n,) float64 receives it."""


@generic
def loop_length(state):
    """Steps of an inner loop; 0: there is none, and the compiler leaves out what follows from one."""


@generic
def begin_loop(state, run, t):
    """Before step t, the first of a loop."""


@generic
def end_loop(state, run, t):
    """After step t, the last of a loop; the output of before is kept as the iterate."""


@output.case(object)
@inner
def scaled(state, point):
    """point = scale * w, w (n,) native numbers of the format."""
    for j in range(point.size):
        point[j] = state.scale * state.w[j]


@iterate.case(object)
def _the_output(state, point):
    return False


@loop_length.case(object)
def _endless(state):
    return 0


@begin_loop.case(object)
@end_loop.case(object)
def _nothing(state, run, t):
    pass


@kernel
def drive(run, state, now, stops, rows, first, last, trace):
    """From step now[0] to stops[last - 1]; rows[p] is the row of trace that is written at stop p, or -1."""
    length = loop_length(state)
    for p in range(first, last):
        ended = False
        for t in range(now[0], stops[p]):
            place = t % length if length > 0 else 0
            if length > 0 and place == 0:
                begin_loop(state, run, t)
            step(state, run, t)
            ended = length > 0 and place + 1 == length
            if ended:
                output(state, run.look.iterate)
                end_loop(state, run, t)
        now[0] = stops[p]
        if rows[p] >= 0:
            output(state, run.look.output)
            _record(run, iterate(state, run.look.iterate) or ended, rows[p], trace)


@inner
def _record(run, apart, row, trace):
    """Judge run.look.output, and run.look.iterate where it is another point, into trace[row]."""
    look, tally = run.look, run.tally
    same = True
    for j in range(look.delta.size):
        look.delta[j] = look.output[j] - run.judge.w_star[j]
        same = same and look.output[j] == look.iterate[j]
    trace[row, GAP] = gap(run.judge, look.delta, look.g, look.scratch)
    trace[row, GRADIENT_NORM] = math.sqrt(dot(look.g, look.g))
    trace[row, DISTANCE] = math.sqrt(dot(look.delta, look.delta))
    if same or not apart:
        trace[row, ITERATE_GAP] = trace[row, GAP]
    else:
        for j in range(look.delta.size):
            look.delta[j] = look.iterate[j] - run.judge.w_star[j]
        trace[row, ITERATE_GAP] = gap(run.judge, look.delta, look.g, look.scratch)
    for i in range(4):
        trace[row, SATURATED + i] = tally.counts[i]
    for i in range(2):
        trace[row, PEAK + i] = tally.sums[i]
