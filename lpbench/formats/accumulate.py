"""`lpbench.accumulate`: sums as an accumulator of few bits makes them."""

import math
from typing import Any

import numpy as np

from lpbench.arithmetic import rounding as roundings
from lpbench.arithmetic.generator import step_words
from lpbench.arithmetic.jit import kernel
from lpbench.arithmetic.vectors import copy, fill
from lpbench.errors import ConfigError
from lpbench.formats import get
from lpbench.formats.base import Format
from lpbench.formats.quantize import arithmetic, axis_of, key_of, numbers_of, round_rows


def accumulate(
    x: Any,
    fmt: Format | str,
    rounding: str = "nearest_even",
    chunk: int = 1,
    axis: int = -1,
    random: Any = None,
) -> Any:
    """The sums of x along an axis, term after term, each partial sum brought to numbers of fmt.

    x         numpy array of floats, or what becomes one; float32 and float64 are summed as such, all else in float64.
    fmt       a format whose numbers have scales of their own, or the name of a preset ("bf16").
    rounding  as of `quantize`.
    chunk     terms between two roundings: behind each so many, and behind the last; what lies between is summed in
              the arithmetic of x.
    random    of stochastic rounding: None (fresh), a seed, or a numpy.random.Generator.
    Returns an array of x's shape without the axis. Raises ConfigError for an unknown format or rounding, for formats
    whose numbers share a scale, a chunk below 1, and an axis that x has not.
    """
    form = get(fmt) if isinstance(fmt, str) else fmt
    if not isinstance(form, Format):
        raise ConfigError(f"fmt must be a format or the name of one, got {type(fmt).__name__}")
    if form.adapts:
        raise ConfigError(
            f"{form!r}: its numbers share a scale, and a sum is one number: take float or fixed"
        )
    if not (isinstance(chunk, int | np.integer) and chunk >= 1):
        raise ConfigError(f"chunk must be a whole number from 1 on, got {chunk!r}")
    array = numbers_of(x)
    array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    terms = np.moveaxis(array, axis_of(array, axis), 0)
    rows = np.ascontiguousarray(terms).reshape(len(terms), math.prod(terms.shape[1:]))
    total, scratch = np.zeros(rows.shape[1], rows.dtype), np.zeros(rows.shape[1], rows.dtype)
    if rows.size:
        work, scaling = arithmetic(form, rows.dtype, np.finfo(rows.dtype))
        mode = roundings.make(rounding, work)
        key = key_of(random) if rounding == "stochastic" else np.uint32(0)
        _accumulate(form.array_kernel(work), mode, scaling, rows, np.int64(chunk), key, total, scratch)
    return total.reshape(terms.shape[1:])[()]


@kernel
def _accumulate(fmt, rounding, scaling, x, chunk, key, total, scratch):
    """total (n,) = the sums of the columns of x (K, n); scratch (n,). Rounding r has the random words of step r."""
    fill(total, 0.0)
    for k in range(x.shape[0]):
        row = x[k]
        for j in range(total.size):
            total[j] += row[j]
        if (k + 1) % chunk == 0 or k + 1 == x.shape[0]:
            words = step_words(key, k // chunk)
            round_rows(
                fmt, rounding, scaling, None, total, total.size, words.first, words.second, None, scratch
            )
            copy(total, scratch)
