"""The margin x_i . w of a sample, summed in full or in an accumulator of few bits."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.generator import step_words
from lpbench.arithmetic.jit import generic, inner
from lpbench.arithmetic.rounding import offset
from lpbench.convex.rows import Dense, Sparse, row_dot
from lpbench.formats.base import quantize


class Accumulator(NamedTuple):
    """Partial sums are numbers scale * native of a format; in float64.

    chunk   terms between two roundings: behind each so many, and behind the last.
    key     of its random numbers.
    """

    fmt: Any
    rounding: Any
    scale: np.float64
    chunk: np.int64
    key: np.uint32


@inner
def margin(sums, rows, i, w, scale, t, which):
    """scale x_i . w of step t, float64; sums: None, or the Accumulator that it is summed in.

    which   number of the sum among those of the step: its random numbers are its own.
    """
    if sums is None:
        return scale * row_dot(rows, i, w)
    else:
        return accumulate(rows, sums, i, w, scale, t, which)


@generic
def accumulate(rows, sums, i, w, scale, t, which):
    """The same, term after term in the order of the coordinates; of a sparse sample, of its non-zeros."""


@accumulate.case(Dense)
def _accumulate_dense(rows, sums, i, w, scale, t, which):
    x, total, words = rows.X[i], 0.0, step_words(sums.key, t)
    for j in range(x.size):
        total += np.float64(x[j]) * (scale * np.float64(w[j]))
        if (j + 1) % sums.chunk == 0 or j + 1 == x.size:
            total = _bring(sums, total, words, which * x.size + j)
    return total


@accumulate.case(Sparse)
def _accumulate_sparse(rows, sums, i, w, scale, t, which):
    begin, total, words = rows.starts[i], 0.0, step_words(sums.key, t)
    terms = rows.starts[i + 1] - begin
    for k in range(terms):
        total += np.float64(rows.values[begin + k]) * (scale * np.float64(w[rows.columns[begin + k]]))
        if (k + 1) % sums.chunk == 0 or k + 1 == terms:
            total = _bring(sums, total, words, which * w.size + k)
    return total


@inner
def _bring(sums, total, words, number):
    """A partial sum in the accumulator's format."""
    r = offset(sums.rounding, words.first, words.second, number)
    return sums.scale * np.float64(quantize(sums.fmt, sums.rounding, total / sums.scale, r, 1.0))
