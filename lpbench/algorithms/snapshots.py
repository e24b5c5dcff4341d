"""What SVRG, LP-SVRG and HALP share: a snapshot w~ with its full gradient, and steps whose noise it takes away."""

from typing import NamedTuple

import numpy as np

from lpbench.algorithms.base import Setup
from lpbench.arithmetic.arrays import Matrix, Vector
from lpbench.arithmetic.generator import random_index, step_words
from lpbench.arithmetic.jit import inner
from lpbench.arithmetic.ops import like
from lpbench.arithmetic.vectors import copy
from lpbench.convex.gradients import difference
from lpbench.convex.step_sizes import step_size
from lpbench.convex.update import round_step

LAST, RANDOM, AVERAGE = range(3)
RULES = {"last": LAST, "random": RANDOM, "average": AVERAGE}


class Snapshot(NamedTuple):
    """The state around one outer loop; arrays in the arithmetic's dtype.

    anchor   (n,) the snapshot w~, full precision.       gradient (n,) grad f(w~).
    margins  (N, K) float64, x_i . w~.                   offset (n,) the part of every update that does not change.
    mean     (n,) float64, the average of the loop's points so far, in native units.
    chosen   (n,) the native numbers of the drawn iterate.
    rule     LAST, RANDOM or AVERAGE: which of the loop's points is the next snapshot.       inner_steps   T.
    """

    anchor: Vector
    gradient: Vector
    margins: Matrix
    offset: Vector
    mean: Vector
    chosen: Vector
    rule: int
    inner_steps: int


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
        rule=RULES[setup.choices["snapshot"]],
        inner_steps=setup.inner_steps,
    )


@inner
def variance_reduced_step(run, w, scale, centred, snapshot, t):
    """w <- Q(w - alpha (grad f_i(w) - grad f_i(w~) + grad f(w~))), i drawn anew; snapshot.offset: the constant part.

    centred 1.0 where the point is w~ + scale * w, 0.0 where it is scale * w.
    """
    alpha = step_size(run.schedule, t)
    _collect(snapshot, run, w, t)
    c, i = difference(run.model, run, w, scale, centred, snapshot, t)
    a, b = like(w[0], alpha * c / scale), like(w[0], alpha * run.model.regularization)
    round_step(run, w, run.work.table[i], a, b, snapshot.offset, t, scale, alpha)


@inner
def _collect(snapshot, run, w, t):
    """Before step t: keep what the snapshot rule needs of the loop's points w_0 ... w_{T-1}."""
    place = t % snapshot.inner_steps
    if snapshot.rule == RANDOM:
        words = step_words(run.keys.snapshot, t // snapshot.inner_steps)
        if place == random_index(words, 0, snapshot.inner_steps):
            copy(snapshot.chosen, w)
    elif snapshot.rule == AVERAGE:
        weight = 1.0 / (place + 1)
        for j in range(w.size):
            snapshot.mean[j] += weight * (w[j] - snapshot.mean[j])
