"""Steps of convex problems in integers: the samples, the weights, and what one step leaves to the next.

Samples are integers times a unit, weights integers times a scale, and so is their product; what is in between, the
coefficient of the sample in the update, is one number a step, in float64, and rounded to 16 bits at random.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Matrix, Vector, zeros
from lpbench.arithmetic.generator import random_bits, step_words
from lpbench.arithmetic.integer import (
    HALF,
    LANES,
    LARGEST,
    MOST_BITS,
    MOST_SHIFT,
    integer_dot,
    integer_step,
    padded,
    stored,
)
from lpbench.arithmetic.jit import inner
from lpbench.arithmetic.vectors import copy
from lpbench.convex.ahead import Ahead, look_ahead, new_ahead
from lpbench.convex.update import AUDIT_EVERY, AUDITED, L1, MOVED, PEAK, SATURATED, STALLED

PART = 2**22  # numbers that are converted at a time
_COEFFICIENTS = np.uint32(2**32 - 1)  # of a step's random numbers, the one that rounds its coefficients


class Samples(NamedTuple):
    """Rows in integers.

    X   (N, n) int8 or int16, as `lpbench.arithmetic.integer.stored` lays them.     y   (N,) float64.
    unit   what 1 stands for, in units of 16 bits: x_ij = unit * X_ij, of int8 unit * 256 * X_ij.
    """

    X: Matrix
    y: Vector
    unit: Any


class Integers(NamedTuple):
    """Weights in integers, and the samples that move them.

    z, h     (n,) int16: the weights, whole quanta of 2**low each; what is taken from them at every step beside samples,
             in 2**-bits quanta, or None.     old   (n,) int16, scratch.
    ahead    the rows of the steps to come.                     dot   (1,) int64, z . x of the next step's row.
    bits     (1,) int16, fraction bits of updates.              low   int16, 16 bits less the precision.
    decay    lambda.                                            every   one step in so many is counted, a power of two.
    """

    samples: Samples
    z: Vector
    h: Any
    old: Vector
    ahead: Ahead
    dot: Vector
    bits: Vector
    low: Any
    decay: Any
    every: Any


def quantised(X: Matrix, bits: int) -> tuple[Matrix, float]:
    """X in integers of 8 or 16 bits, each the nearest, and what 1 stands for: the largest number is the largest."""
    codes, unit = np.empty(X.shape, f"int{bits}"), _unit_of(X, bits)
    for part, found in _parts(X, bits, unit):
        codes[part] = found
    return codes, unit


def new_samples(X: Matrix, y: Vector, bits: int) -> Samples:
    """Samples of X (N, d), of float32 or float64, and y in `bits` bits; beside them a part of X at a time is held."""
    rows, unit = zeros(len(X) * padded(X.shape[1]), f"int{bits}").reshape(len(X), -1), _unit_of(X, bits)
    for part, found in _parts(X, bits, unit):
        rows[part] = stored(found)
    return Samples(rows, y, np.float64(unit / 2 ** (16 - bits)))


def _unit_of(X: Matrix, bits: int) -> float:
    return float(max(abs(X.max()), abs(X.min()))) / _top(bits)


def _top(bits: int) -> float:
    return float(2 ** (bits - 1) - 1)


def _parts(X: Matrix, bits: int, unit: float) -> Iterator[tuple[slice, Matrix]]:
    """Some rows of X after the other in integers, computed in X's dtype."""
    top, step = _top(bits), max(1, PART // max(1, X.shape[1]))
    for start in range(0, len(X), step):
        part = slice(start, start + step)
        yield part, np.clip(np.rint(X[part] / unit), -top, top).astype(f"int{bits}")


def new_integers(
    samples: Samples, precision: int, decay: float, keys: Any, constant: bool, every: int = AUDIT_EVERY
) -> Integers:
    """Weights of 0 before step 0; `constant`: whether updates have a part that is the same at every step."""
    n = samples.X.shape[1]
    return Integers(
        samples=samples,
        z=zeros(n, np.int16),
        h=zeros(n, np.int16) if constant else None,
        old=zeros(n, np.int16),
        ahead=new_ahead(samples.X, keys.samples),
        dot=np.zeros(1, np.int64),
        bits=np.full(1, MOST_BITS, np.int16),
        low=np.int16(16 - precision),
        decay=np.float64(decay),
        every=np.int64(every),
    )


@inner
def margin(integers, scale):
    """x . (scale * z) for the next step's sample, float64."""
    return scale * _unit(integers) * np.float64(integers.dot[0])


@inner
def margin_at(integers, scale, i):
    """The same for sample i."""
    return scale * _unit(integers) * np.float64(integer_dot(integers.z, integers.samples.X, i))


@inner
def _unit(integers):
    """What 1 stands for in a sum of products."""
    samples = integers.samples
    own = samples.unit * (256.0 if samples.X.itemsize == 1 else 1.0)
    return own / np.float64(1 << np.int64(integers.low))


@inner
def quanta(integers, j):
    """Weight j, a whole number."""
    return integers.z[j] >> integers.low


@inner
def set_bits(integers, coefficient, constant, alpha):
    """As many fraction bits as leave room for updates.

    coefficient   the largest of a sample in units of 16 bits;  constant: the largest of h; both in quanta.
    """
    decay = integers.decay * alpha / np.float64(1 << np.int64(integers.low))
    largest = max(coefficient, decay)
    bits, least = MOST_BITS, np.int64(integers.low) - MOST_SHIFT
    while bits > least and max(2.0**16 * largest, 2.0 * constant) * _power(bits) > LARGEST:
        bits -= 1
    integers.bits[0] = bits


@inner
def set_constant(integers, g, factor, steepest, alpha):
    """h = factor * g, in quanta; steepest: the largest slope of a sample to come. Sets the fraction bits, too."""
    h, limit, largest = integers.h, np.float64(LARGEST), 0.0
    for j in range(g.size):
        largest = max(largest, abs(np.float64(g[j])))
    set_bits(integers, factor * steepest * integers.samples.unit, factor * largest, alpha)
    one = _power(np.int64(integers.bits[0]))
    for j in range(g.size):
        h[j] = np.int16(min(max(np.rint(factor * np.float64(g[j]) * one), -limit), limit))


@inner
def _power(bits):
    """2**bits, bits >= -MOST_SHIFT."""
    return np.float64(1 << (bits + MOST_SHIFT)) / np.float64(1 << MOST_SHIFT)


@inner
def move(integers, run, c, scale, alpha, t):
    """Step t: z <- Q(z - (alpha c x_i / scale + alpha lambda z + h)) for its sample x_i, all in quanta."""
    samples = integers.samples
    i, following, place = look_ahead(integers.ahead, samples.X, run.keys.samples, t)
    first, second = step_words(run.keys.rounding, t)
    word = random_bits(first, second, _COEFFICIENTS)
    bits = np.int64(integers.bits[0])
    one = 2.0**16 * _power(bits)
    A = alpha * samples.unit / scale * one * c
    a = _rounded(A, np.uint32(word >> np.uint32(16)))
    quantum = np.float64(1 << np.int64(integers.low))
    b = _rounded(integers.decay * alpha * one / quantum, np.uint32(word & np.uint32(0xFFFF)))
    audit = t & (integers.every - 1) == 0
    if audit:
        copy(integers.old, integers.z)
    integers.dot[0] = integer_step(
        integers.z, integers.h, samples.X, i, following, place, first, second, a, b, np.int16(bits), integers.low,
        (t & 1) == 1,
    )  # fmt: skip
    if audit:
        _audit(integers, i, A, b, scale, alpha, run.tally)


@inner
def _rounded(x, word):
    """x rounded at random by 16 bits, int16; saturates."""
    largest = np.float64(LARGEST)
    x = x if x < largest else largest
    x = x if x > -largest else -largest
    # Of a positive number the whole part is what is below it: one instruction.
    return np.int16(np.int64(x + (np.float64(word) * 2.0**-16 + 32768.0)) - 32768)


@inner
def _audit(integers, i, A, b, scale, alpha, tally):
    """What the step did, by numbers that were not rounded; counted for all steps since the last audit."""
    old, z, h, X = integers.old, integers.z, integers.h, integers.samples.X
    quantum, limit = np.float64(1 << np.int64(integers.low)), 2.0**15
    one = 2.0**16 * _power(np.int64(integers.bits[0]))
    outside, moved, stalled, peak, total = 0, 0, 0, 0.0, 0.0
    for j in range(old.size):
        update = (
            A * np.float64(_wide(X, i, j)) + np.float64(b) * np.float64(old[j]) + 65536.0 * _constant(h, j)
        ) / one
        if update != 0:
            moved += 1
            stalled += z[j] == old[j]
            w = np.float64(old[j]) - quantum * update
            outside += abs(A) > LARGEST or w < -limit or w > limit - quantum
        size = abs(update)
        peak = max(peak, size)
        total += size
    tally.counts[SATURATED] += outside * integers.every
    tally.counts[AUDITED] += 1
    tally.counts[MOVED] += moved
    tally.counts[STALLED] += stalled
    tally.sums[PEAK] = max(tally.sums[PEAK], peak * scale)
    tally.sums[L1] += total * scale / alpha


@inner
def _constant(h, j):
    if h is None:
        return 0.0
    else:
        return np.float64(h[j])


@inner
def _wide(X, i, j):
    """Number j of row i, in units of 16 bits."""
    if X.itemsize == 2:
        return np.int64(X[i, j])
    place = j % LANES
    return 256 * np.int64(X[i, j - place + 2 * (place % HALF) + place // HALF])
