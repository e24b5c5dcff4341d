"""What one step of a convex problem stores and moves, and what its arithmetic costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lpbench.algorithms.base import uses_snapshots
from lpbench.cells.binding import FULL_BITS
from lpbench.choices.arithmetic import is_integer
from lpbench.declared import costs
from lpbench.declared.energy import FULL, Operand, addition, columns, integer, multiply_add, wider
from lpbench.formats.base import Format
from lpbench.networks.roles import accumulator
from lpbench.problems.base import Problem
from lpbench.registry import algorithms
from lpbench.theory.theorem import SGD

_PLACE = 64  # bits of the column of a number in a sparse row
_KEPT = 64  # bits of a product of sample and snapshot, and of a number of SWALP's average
_HELD_IN_INTEGERS = (
    16  # bits in which integer arithmetic holds and multiplies weights, whatever their precision
)


class Sizes(NamedTuple):
    """Of a step.

    weights     n.      classes   K, margins of a sample.      batch   B.
    entries     stored numbers of a row; of quadratics, which have no rows, n.
    place       bits beside each of them, which say where it is; 0 of dense rows.
    touched     weights that the update reads and writes.
    regularized whether it takes lambda w.     averaged   share of the steps whose iterate SWALP averages.
    inner       steps of a loop; None without snapshots.      whole   gradients of the full one, by the step.
    again       whether a loop multiplies iterate and data once more, as LP-SVRG in integers does.
    """

    weights: int
    classes: int
    batch: int
    entries: float
    place: int
    touched: float
    regularized: bool
    averaged: float = 0.0
    inner: int | None = None
    whole: float = 0.0
    again: bool = False

    @property
    def summed(self) -> float:
        """Multiply-adds of the margins of one sample."""
        return self.entries * self.classes

    @property
    def read(self) -> float:
        """Weights that these read."""
        return min(float(self.weights), self.summed)

    @property
    def gathers(self) -> bool:
        """Whether the gradient is a vector of its own: of one sample and margin it is a multiple of the row."""
        return self.batch > 1 or self.classes > 1


class Widths(NamedTuple):
    """In bits, and as arithmetic takes them: numbers of the data as steps and as full gradients read them, weights as
    they are held, what nobody rounded, the update and its constant part, an accumulator of margins (None: the usual).
    """

    data: tuple[float, Operand]
    exact: tuple[float, Operand]
    weights: tuple[float, Operand]
    full: tuple[float, Operand]
    update: tuple[float, Operand]
    sums: Operand | None = None


def step_costs(choices: Mapping[str, Any], problem: Problem, form: Format) -> dict[str, float]:
    """The columns of `cells` on the costs of a step of the resolved `choices`; none of an algorithm of the user's own
    that is no SGD and takes no snapshots.
    """
    if choices["algorithm"] not in SGD and not uses_snapshots(algorithms.get(choices["algorithm"])):
        return {}
    sizes, widths = sizes_of(choices, problem, form), widths_of(choices, form)
    return columns(bits(sizes, widths), arithmetic(sizes, widths))


def sizes_of(choices: Mapping[str, Any], problem: Problem, form: Format) -> Sizes:
    """Of a cell: touched are the non-zeros alone where the kernel touches no others."""
    X, n, batch = problem.X, problem.w_star.size, choices["batch_size"]
    sparse = X is not None and not isinstance(X, np.ndarray)
    entries = X.nnz / problem.n_samples if sparse else n / problem.n_classes  # type: ignore[union-attr]
    alone = getattr(algorithms.get(choices["algorithm"]), "sparse_steps", False) and batch == 1
    alone &= sparse and not problem.regularization and problem.n_classes == 1 and not form.adapts
    inner, whole = choices["inner_steps"], 0.0
    if inner is not None:
        whole = costs.gradient_evaluations(inner, batch, problem.n_samples, inner) / inner - 2 * batch
    return Sizes(
        weights=n, classes=problem.n_classes, batch=batch, entries=entries, place=_PLACE if sparse else 0,
        touched=entries if alone else n, regularized=problem.regularization > 0, averaged=costs.averaged(choices),
        inner=inner, whole=whole,
        again=is_integer(choices) and not algorithms.get(choices["algorithm"]).centred,
    )  # fmt: skip


def widths_of(choices: Mapping[str, Any], form: Format) -> Widths:
    """Of a cell: simulated, data and all that is no weight is in `compute_dtype`; in integers as docs/integer.md."""
    full = float(costs.FULL[choices["compute_dtype"]]), FULL[choices["compute_dtype"]]
    if is_integer(choices):
        held = _HELD_IN_INTEGERS, integer(_HELD_IN_INTEGERS)
        exact = FULL_BITS, integer(FULL_BITS)
        return Widths((choices["data_bits"], integer(choices["data_bits"])), exact, held, full, held)
    rounder = accumulator(choices)
    sums = None if rounder is None else rounder.form.operand
    return Widths(full, full, (form.bits_per_value, form.operand), full, full, sums)


def bits(s: Sizes, w: Widths) -> float:
    """All that a step reads and writes. A row is read for its margins and for its gradient, weights for the margins and
    by the update, which writes them; a gradient of several samples or margins is written and read.

    With snapshots: the products of snapshot and sample, kept since the full gradient, and its part of the update are
    read in every step. A loop reads the data twice and the snapshot for each sample, writes products, full gradient and
    snapshot, and reads the last iterate.
    """
    rows = 2 * s.entries
    step = s.batch * (rows * (w.data[0] + s.place) + s.read * w.weights[0]) + 2 * s.touched * w.weights[0]
    step += 2 * s.weights * w.full[0] * s.gathers
    step += s.averaged * s.weights * (w.weights[0] + 2 * _KEPT)
    if s.inner is None:
        return step
    step += s.batch * s.classes * _KEPT + s.weights * w.update[0]
    step += s.whole * (rows * (w.exact[0] + s.place) + s.read * w.full[0] + s.classes * _KEPT)
    step += s.whole * s.again * (s.entries * (w.data[0] + s.place) + s.read * w.weights[0])
    return step + s.weights * (w.weights[0] + 2 * w.full[0]) / s.inner


def arithmetic(s: Sizes, w: Widths) -> float:
    """pJ of a step's multiply-adds: of margins; of gradients, where they are vectors of their own; of the update, one a
    weight, one for lambda w, an addition for its constant part; of SWALP's average; and of full gradients, spread over
    their loop. Not counted: the slopes of the loss, rounding, scales of blocks.
    """
    margin = s.summed * multiply_add(w.data[1], w.weights[1], w.sums)
    moved = multiply_add(w.update[1], wider(w.data[1], w.weights[1]))
    step = s.batch * (margin + s.summed * moved * s.gathers) + s.touched * moved * (1 + s.regularized)
    step += s.averaged * s.weights * multiply_add(w.full[1], w.full[1])
    if s.inner is None:
        return step
    step += s.weights * addition(w.update[1])
    return step + s.whole * (2 * s.summed * multiply_add(w.exact[1], w.full[1]) + s.again * margin)
