"""Tensors rounded to formats, in place of kernels that know the format: each role of a network has its own."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic import rounding as roundings
from lpbench.arithmetic.arrays import zeros
from lpbench.arithmetic.bound import Bound, recall
from lpbench.arithmetic.generator import GOLDEN, mix, step_words
from lpbench.arithmetic.jit import inner, kernel
from lpbench.arithmetic.vectors import transpose
from lpbench.formats.base import Format
from lpbench.formats.quantize import (
    arithmetic,
    count_as_if,
    count_clipped,
    largest_of,
    round_as_if,
    round_rows,
    units_of,
)
from lpbench.formats.scaled import DELAYED

# Tasks of a rounder: to round; to round without a memory of it, as judging does; to count what it would clip; to count
# what it clipped when it last rounded.
ROUND, JUDGE, OUTSIDE, AFTER = range(4)
JUDGED = 2**31  # step numbers of random words from here on belong to judging
HISTORY = 16  # steps that a delayed scale looks back


class Rounder(NamedTuple):
    """A number format with a rounding, as tensors are brought to it.

    form          the format.   rounding   one of `lpbench.arithmetic.rounding.MODES`.
    random_bits   of a stochastic decision; None: all.
    """

    form: Format
    rounding: str
    random_bits: int | None = None


def bind(rounder: Rounder, columns: int, dtype: Any, rows: int | None = None) -> Bound:
    """The rounder as `lpbench.arithmetic.bound.call` takes it, for tensors with rows of `columns` numbers of dtype.

    rows   of matrices that are rounded along their columns, as if stored the other way round; None: as they are stored.
    """
    real = np.dtype(dtype)
    work, scaling = arithmetic(rounder.form, real, np.finfo(real))
    grid = rounder.form.array_kernel(work)
    mode = roundings.make(rounder.rounding, work, rounder.random_bits)
    if delays(rounder.form):
        return Bound(round_delayed, (grid, mode, scaling, np.zeros(HISTORY + 2)), real)
    if rows is not None:
        scratch = zeros(rows * columns, real), zeros(rows * columns, real)
        return Bound(round_turned, (grid, mode, scaling, units_of(grid, rows, scaling), *scratch), real)
    return Bound(round_tensor, (grid, mode, scaling, units_of(grid, columns, scaling)), real)


@kernel
def round_tensor(knowledge, state, x, out, columns, first, second, task):
    """ROUND: out = x, rounded in rows of `columns` numbers.

    OUTSIDE, AFTER: how many of x the format clips, by its range or by the scale of their block, of those whose update
    `out` is not zero.
    """
    fmt, rounding, scaling, units = recall(knowledge, state)
    if task >= OUTSIDE:
        return count_clipped(fmt, scaling, units, x, columns, out)
    round_rows(fmt, rounding, scaling, units, x, columns, first, second, None, out)
    return np.int64(0)


@kernel
def round_turned(knowledge, state, x, out, columns, first, second, task):
    """`round_tensor` along the columns of x: number i of column j has random number j * rows + i."""
    fmt, rounding, scaling, units, turned, other = recall(knowledge, state)
    rows = x.size // columns
    transpose(x, rows, columns, turned)
    if task >= OUTSIDE:
        transpose(out, rows, columns, other)
        return count_clipped(fmt, scaling, units, turned, rows, other)
    round_rows(fmt, rounding, scaling, units, turned, rows, first, second, None, other)
    transpose(other, columns, rows, out)
    return np.int64(0)


def delays(form: Format) -> bool:
    """Whether the scale of this format is that of the steps before."""
    return getattr(form, "rule", None) == DELAYED


@kernel
def round_delayed(knowledge, state, x, out, columns, first, second, task):
    """`round_tensor` with a scale for the largest magnitude of the last HISTORY times that the tensor was rounded.

    At the first time, and where all of these were 0, it is that of x itself. A largest magnitude that is not finite is
    not kept. history: the largest ones, the one that was last rounded by, and how many there were.
    """
    fmt, rounding, scaling, history = recall(knowledge, state)
    if task == AFTER:
        return count_as_if(fmt, scaling, x, history[HISTORY], out)
    own, most = largest_of(x), np.float64(0)
    for i in range(HISTORY):
        most = history[i] if history[i] > most else most
    most = most if most > 0 else own
    if task == OUTSIDE:
        return count_as_if(fmt, scaling, x, most, out)
    round_as_if(fmt, rounding, scaling, x, most, first, second, out)
    if task == ROUND:
        history[HISTORY] = most
        if own < np.inf:
            history[np.int64(history[HISTORY + 1]) % HISTORY] = own
            history[HISTORY + 1] += 1
    return np.int64(0)


@inner
def tensor_words(key, tensor, step):
    """The two random words of a tensor at a step, for the key of a seed: of nothing else, whoever computes it when."""
    return step_words(mix(np.uint32(key ^ mix(np.uint32(np.uint32(tensor) + GOLDEN)))), step)
