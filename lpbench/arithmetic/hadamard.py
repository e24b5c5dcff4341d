"""Rotations that mix neighbouring numbers before they are rounded: a Hadamard matrix behind random signs."""

import math

import numpy as np

from lpbench.arithmetic.generator import random_bits
from lpbench.arithmetic.jit import inner
from lpbench.arithmetic.ops import like


@inner
def rotate(x, period, width, span, order, first, second):
    """In place: x, rows of `width` numbers, whose columns are rotated in parts of `order` numbers.

    Of every `period` rows the first `span`; those that fill no part stay as they are. A part v becomes
    H diag(s) v / sqrt(order), H the Hadamard matrix of Sylvester's order, a power of two, and s signs: that of row j of
    `span` is minus where the upper of its random bits, of the words first, second, is 1. Sums are taken in one order,
    by the fast transform. The rotation is orthogonal: a product of two that are rotated alike is what it was.
    """
    size, whole = like(x[0], 1.0 / math.sqrt(order)), span - span % order
    for start in range(0, x.size, period * width):
        for row in range(0, whole, order):
            part = x[start + row * width : start + (row + order) * width]
            for i in range(order):
                minus = random_bits(first, second, row + i) >> np.uint32(31) == 1
                _times(part[i * width : (i + 1) * width], -size if minus else size)
            side = width
            while side < part.size:
                for at in range(0, part.size, 2 * side):
                    _sum_and_difference(part[at : at + side], part[at + side : at + 2 * side])
                side *= 2


@inner
def _times(x, factor):
    for j in range(x.size):
        x[j] *= factor


@inner
def _sum_and_difference(x, y):
    """x, y = x + y, x - y; both (n,)."""
    for j in range(x.size):
        one, other = x[j], y[j]
        x[j], y[j] = one + other, one - other
