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
from lpbench.formats.quantize import arithmetic, count_clipped, round_rows, units_of

ROUND, OUTSIDE = 0, 1  # tasks of a rounder


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
    if rows is not None:
        scratch = zeros(rows * columns, real), zeros(rows * columns, real)
        return Bound(round_turned, (grid, mode, scaling, units_of(grid, rows, scaling), *scratch), real)
    return Bound(round_tensor, (grid, mode, scaling, units_of(grid, columns, scaling)), real)


@kernel
def round_tensor(knowledge, state, x, out, columns, first, second, task):
    """ROUND: out = x, rounded in rows of `columns` numbers.

    OUTSIDE: how many of x the format clips, by its range or by the scale of their block, of those whose update `out` is
    not zero.
    """
    fmt, rounding, scaling, units = recall(knowledge, state)
    if task == OUTSIDE:
        return count_clipped(fmt, scaling, units, x, columns, out)
    round_rows(fmt, rounding, scaling, units, x, columns, first, second, None, out)
    return np.int64(0)


@kernel
def round_turned(knowledge, state, x, out, columns, first, second, task):
    """`round_tensor` along the columns of x: number i of column j has random number j * rows + i."""
    fmt, rounding, scaling, units, turned, other = recall(knowledge, state)
    rows = x.size // columns
    transpose(x, rows, columns, turned)
    if task == OUTSIDE:
        transpose(out, rows, columns, other)
        return count_clipped(fmt, scaling, units, turned, rows, other)
    round_rows(fmt, rounding, scaling, units, turned, rows, first, second, None, other)
    transpose(other, columns, rows, out)
    return np.int64(0)


@inner
def tensor_words(key, tensor, step):
    """The two random words of a tensor at a step, for the key of a seed: of nothing else, whoever computes it when."""
    return step_words(mix(np.uint32(key ^ mix(np.uint32(np.uint32(tensor) + GOLDEN)))), step)
