"""What rounding does to each tensor in one step: what is clipped, underflows and stalls, counted where it happens."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.bound import call
from lpbench.arithmetic.elementary import log
from lpbench.arithmetic.jit import apart, inner, kernel
from lpbench.arithmetic.ops import exponent_field, like, magnitude
from lpbench.arithmetic.vectors import fill
from lpbench.networks.rounding import AFTER

# What is counted of a tensor. Of its numbers that are not zero: how many, those that its format clips, by its range
# or by the scale of a block, those that became zero; the squares of its numbers, and of what rounding changed; the
# least and the largest exponent field.
NUMBERS, CLIPPED, UNDERFLOWED, SIGNAL, NOISE, LEAST, LARGEST = range(7)
# Of its updates: those that are not zero, of them those that changed nothing; by cause, how far the gradient, weight
# decay and momentum were to move the weights together, and how far those that stayed where they were.
MOVED, STALLED, GRADIENT, DECAY, CARRIED = 7, 8, 9, 11, 13
COUNTED = 15
# What it comes to: the columns of the table `tensors`, in its order.
RATES = (
    "numbers", "saturation_rate", "underflow_rate", "stall_rate", "stall_gradient", "stall_decay", "stall_momentum",
    "snr", "exponent_min", "exponent_q10", "exponent_q50", "exponent_q90", "exponent_max",
)  # fmt: skip
QUANTILES = (0.1, 0.5, 0.9)
SAMPLE = 1024  # numbers of a tensor, about, whose exponents quantiles are taken of
DECIBELS = 10 / 2.302585092994046  # of a natural logarithm
CHUNK = 256  # numbers whose sums are taken at once
_FIELDS = {4: (256, 127), 8: (2048, 1023)}  # by bytes of a number: its exponent fields, and their bias


class Tensor(NamedTuple):
    """A tensor that is watched: as the table `tensors` calls it, its role, and its place in the role."""

    layer: str
    name: str
    role: int
    place: int


class Watch(NamedTuple):
    """Counts of the tensors that are watched.

    on          (1,) int64: 1 in a step that is watched.
    index       (roles, places) int64: which of the tensors it is, or -1.
    counts      (tensors, COUNTED) float64.
    exponents   (tensors, fields) int64: how many numbers of the sample have each exponent field.
    terms       (2, CHUNK) float64, scratch.
    bias        of the exponent fields.
    """

    on: Vector
    index: Any
    counts: Any
    exponents: Any
    terms: Any
    bias: int


def new_watch(tensors: Sequence[Tensor], shape: tuple[int, int], dtype: Any) -> Watch:
    """Nothing counted yet; shape   how many roles there are, and places in a role."""
    fields, bias = _FIELDS[np.dtype(dtype).itemsize]
    index = np.full(shape, -1, np.int64)
    for i, tensor in enumerate(tensors):
        index[tensor.role, tensor.place] = i
    found = Watch(
        on=np.zeros(1, np.int64),
        index=index,
        counts=np.zeros((len(tensors), COUNTED)),
        exponents=np.zeros((len(tensors), fields), np.int64),
        terms=np.zeros((2, CHUNK)),
        bias=bias,
    )
    found.counts[:, LEAST] = fields
    return found


@apart
def count(watch, i, x, rounded, columns, address, state):
    """Tensor i was x, or a part of it, and `rounded` became of it, both (n,), in rows of `columns` numbers.

    address, state   of its rounder, or 0.
    """
    clipped = np.int64(0)
    if state != 0:
        clipped = call(address, state, x, x, columns, np.uint32(0), np.uint32(0), AFTER)
    numbers, underflowed, zero = np.int64(0), np.int64(0), like(x[0], 0.0)
    # In two loops, and in the words in which each of them is compiled to take many numbers at a time.
    for j in range(x.size):
        if x[j] != zero:
            numbers += 1
            underflowed += rounded[j] == zero
    none, top = magnitude(zero), magnitude(like(x[0], np.inf))
    largest, least = none, top
    for j in range(x.size):
        size = magnitude(x[j])
        largest = size if size > largest else largest
        size = size if size > none else top
        least = size if size < least else least
    counts = watch.counts[i]
    counts[NUMBERS] += numbers
    counts[CLIPPED] += clipped
    counts[UNDERFLOWED] += underflowed
    counts[LEAST] = min(counts[LEAST], np.float64(exponent_field(least)))
    counts[LARGEST] = max(counts[LARGEST], np.float64(exponent_field(largest)))
    signal, noise = watch.terms[0], watch.terms[1]
    _clear(signal, noise)
    for start in range(0, x.size, CHUNK):
        end = min(start + CHUNK, x.size)
        _add_squares(x[start:end], rounded[start:end], signal, noise)
    counts[SIGNAL] += _total(signal)
    counts[NOISE] += _total(noise)
    for j in range(0, x.size, x.size // SAMPLE | 1):  # odd: rows have even lengths
        size = magnitude(x[j])
        if size > none:
            watch.exponents[i, exponent_field(size)] += 1


@inner
def _clear(one, other):
    fill(one, 0.0)
    fill(other, 0.0)


@inner
def _add_squares(x, y, one, other):
    """one += x^2, other += (x - y)^2."""
    for j in range(x.size):
        number, left = np.float64(x[j]), np.float64(x[j]) - np.float64(y[j])
        one[j] += number * number
        other[j] += left * left


@inner
def _total(terms):
    """The sum of (CHUNK,) terms, in one order on every machine, many at a time; they are used up."""
    half = CHUNK // 2
    while half > 0:
        for j in range(half):
            terms[j] += terms[half + j]
        half //= 2
    return terms[0]


@inner
def moves(updates, old, new):
    """How many updates are not zero, and how many of them changed nothing; all (n,)."""
    moved, stalled, zero = np.int64(0), np.int64(0), like(updates[0], 0.0)
    for j in range(updates.size):
        if updates[j] != zero:
            moved += 1
            stalled += new[j] == old[j]
    return moved, stalled


@apart
def count_updates(watch, i, parts, updates, old, new):
    """Tensor i was `old` and is `new`; `updates` were taken from it; all (n,).

    parts   (3, m), m >= n: what of an update is the gradient's, weight decay's, momentum's.
    """
    moved, stalled = moves(updates, old, new)
    counts = watch.counts[i]
    counts[MOVED] += moved
    counts[STALLED] += stalled
    sizes, lost = watch.terms[0], watch.terms[1]
    for cause in range(3):
        _clear(sizes, lost)
        for start in range(0, updates.size, CHUNK):
            end = min(start + CHUNK, updates.size)
            part = parts[cause, start:end]
            _add_sizes(part, updates[start:end], old[start:end], new[start:end], sizes, lost)
        counts[GRADIENT + 2 * cause] += _total(sizes)
        counts[GRADIENT + 2 * cause + 1] += _total(lost)


@inner
def _add_sizes(x, updates, old, new, one, other):
    """one += |x|, other += the same where an update changed nothing."""
    zero = like(x[0], 0.0)
    for j in range(x.size):
        size = abs(x[j])
        stays = size if new[j] == old[j] else zero
        one[j] += size
        other[j] += stays if updates[j] != zero else zero


@kernel
def settle(watch, rates):
    """rates (tensors, RATES) = what was counted, NaN where there is nothing to say; and nothing is counted any more.

    Of a tensor that did not occur `numbers` is NaN, too.
    """
    for i in range(rates.shape[0]):
        counts, row = watch.counts[i], rates[i]
        numbers = counts[NUMBERS]
        row[0] = numbers if counts[LEAST] < watch.exponents.shape[1] else np.nan
        row[1], row[2] = _share(counts[CLIPPED], numbers), _share(counts[UNDERFLOWED], numbers)
        row[3] = _share(counts[STALLED], counts[MOVED])
        row[4] = _share(counts[GRADIENT + 1], counts[GRADIENT])
        row[5] = _share(counts[DECAY + 1], counts[DECAY])
        row[6] = _share(counts[CARRIED + 1], counts[CARRIED])
        row[7] = np.nan
        if counts[NOISE] > 0 and counts[SIGNAL] > 0:
            row[7] = DECIBELS * log(counts[SIGNAL] / counts[NOISE])
        _spread(watch, i, row[8:])
        fill(counts, 0.0)
        fill(watch.exponents[i], np.int64(0))
        counts[LEAST] = watch.exponents.shape[1]


@inner
def _share(some, of):
    return some / of if of > 0 else np.nan


@inner
def _spread(watch, i, row):
    """row (5,) = the least exponent, quantiles, the largest."""
    fields, total = watch.exponents[i], np.int64(0)
    fill(row, np.nan)
    for field in range(fields.size):
        total += fields[field]
    if watch.counts[i, NUMBERS] == 0:
        return
    row[0], row[4] = watch.counts[i, LEAST] - watch.bias, watch.counts[i, LARGEST] - watch.bias
    below, field = np.int64(0), 0
    for quantile in range(3):
        if total == 0:
            break
        while below + fields[field] < QUANTILES[quantile] * total:
            below += fields[field]
            field += 1
        row[1 + quantile] = field - watch.bias
