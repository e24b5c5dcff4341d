"""Scales that numbers share: how they follow from the largest magnitude, and grids of elements times such a scale.

Kernels know each by its type, so that nothing of it is decided number by number. A NaN is never the largest.
"""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.jit import generic, inner
from lpbench.arithmetic.ops import inverse_power, like, power_of_two, single, where
from lpbench.arithmetic.rounding import NearestEven
from lpbench.formats.base import (
    beyond,
    block_height,
    block_length,
    clip,
    elementwise,
    fit,
    fitted_length,
    has_blocks,
    move,
    quantize,
    saturated,
    shared_unit,
)


class Powers(NamedTuple):
    """Powers of two; all in float64, where every one of them is normal, but for `one`.

    turn        a largest magnitude beyond turn times its own power of two has the scale of the next one.
    inverse     of the power of two of the largest element.
    low, high   the largest magnitudes, powers of two, of the smallest scale and of the largest.
    infinite    the scale of an infinity.    one   1 in the type of the arithmetic.
    """

    turn: Any
    inverse: Any
    low: Any
    high: Any
    infinite: Any
    one: Any


class WidePowers(Powers):
    """The same where the arithmetic does not hold all of them as normal numbers."""


class Singles(NamedTuple):
    """Numbers of float32: the largest magnitude becomes the largest element.

    reach      the largest element.     smallest   the smallest scale.     most   the largest magnitude that counts.
    alike      a number is one of the format's where so much of itself is between them: float32 knows neither better.
    """

    reach: Any
    smallest: Any
    most: Any
    alike: Any


class Products(NamedTuple):
    """A number of a small format for each block, times one of float32 for the whole tensor.

    grid, least   the small format, and its smallest positive number.     whole   its largest number times reach.
    tensor        the scale of the tensor: see `fit`.     All else as of Singles.
    """

    reach: Any
    smallest: Any
    most: Any
    alike: Any
    grid: Any
    least: Any
    whole: Any
    tensor: Any


class BlockedGrid(NamedTuple):
    """Elements times a scale for `size` neighbours in a row.

    reach   what is beyond so many scales is clipped.     edge   the largest number of all.
    """

    element: Any
    scales: Any
    reach: Any
    edge: Any
    size: Any


class SquareGrid(BlockedGrid):
    """The same for squares of `size` neighbours in `size` rows."""


@elementwise
class FittedGrid(NamedTuple):
    """Elements times the scale `unit` of a tensor, or where `rows` of each row: see `fit`."""

    element: Any
    scales: Any
    reach: Any
    edge: Any
    rows: Any
    unit: Any


def powers(
    turn: float, top: float, ends: tuple[float, float], infinite: float, dtype: Any, wide: bool
) -> Powers:
    """Powers for elements up to `top`, a power of two, from the smallest scale to the largest; see there."""
    wanted = (turn, 1 / top, ends[0] * top, ends[1] * top, infinite)
    turn, inverse, low, high, infinite = (np.float64(number) for number in wanted)
    return (WidePowers if wide else Powers)(turn, inverse, low, high, infinite, np.dtype(dtype).type(1))


@generic
def scale_of(scales, largest):
    """The scale of numbers of which `largest` is the largest magnitude; in the type of the arithmetic."""


@generic
def _times_scale(scales, element, rounding, u, r, unit):
    """u rounded to an element times unit."""


@generic
def _of_tensor(scales, largest):
    """The scales for blocks of a tensor in which `largest` is the largest magnitude."""


@generic
def _tensor_length(scales, n):
    """n where blocks share a scale with all of their tensor; else None."""


@scale_of.case(Powers)
@scale_of.case(WidePowers)
def _power(scales, largest):
    m = clip(like(scales.low, largest), scales.low, scales.high)
    p = power_of_two(m)
    x = p * scales.inverse
    x = where(m > p * scales.turn, x + x, x)
    return like(scales.one, where(largest < np.inf, x, scales.infinite))


@scale_of.case(Singles)
def _single(scales, largest):
    m = _counted(scales, largest)
    return _normal(scales, single(m / scales.reach))


@scale_of.case(Products)
def _product(scales, largest):
    m = _counted(scales, largest)
    s = quantize(scales.grid, NearestEven(), single(single(m / scales.reach) / scales.tensor), m, m)
    s = where(scales.least > s, scales.least, s)
    return _normal(scales, single(s * scales.tensor))


@inner
def _counted(scales, largest):
    """The largest magnitude as scales of float32 know it; an infinity has none, and its numbers become NaN."""
    m = like(scales.reach, largest)
    return where(m < np.inf, where(m > scales.most, scales.most, m), like(m, np.nan))


@inner
def _normal(scales, x):
    return where(scales.smallest > x, scales.smallest, x)


@_of_tensor.case(object)
def _of_no_tensor(scales, largest):
    return scales


@_of_tensor.case(Products)
def _of_whole(scales, largest):
    tensor = _normal(scales, single(_counted(scales, largest) / scales.whole))
    return Products(
        scales.reach,
        scales.smallest,
        scales.most,
        scales.alike,
        scales.grid,
        scales.least,
        scales.whole,
        tensor,
    )


@_tensor_length.case(object)
def _no_tensor(scales, n):
    return None


@_tensor_length.case(Products)
def _whole_tensor(scales, n):
    return n


@_times_scale.case(Powers)
def _by_inverse(scales, element, rounding, u, r, unit):
    return quantize(element, rounding, like(scales.one, u) * inverse_power(unit), r, unit) * unit


@_times_scale.case(WidePowers)
def _by_division(scales, element, rounding, u, r, unit):
    return quantize(element, rounding, like(scales.one, u) / unit, r, unit) * unit


@_times_scale.case(Singles)
@_times_scale.case(Products)
def _nearly(scales, element, rounding, u, r, unit):
    # Numbers of the format first, as float32 holds them: they must stay, although u / unit may miss the element.
    s = like(scales.reach, u) / unit
    near = quantize(element, NearestEven(), s, r, unit)
    v = quantize(element, rounding, s, r, unit)
    return where(abs(near - s) <= abs(s) * scales.alike, near, v) * unit


@has_blocks.case(BlockedGrid)
@has_blocks.case(SquareGrid)
def _has_blocks(fmt):
    return True


@block_length.case(BlockedGrid)
@block_length.case(SquareGrid)
def _block_length(fmt, n):
    return fmt.size


@shared_unit.case(BlockedGrid)
@shared_unit.case(SquareGrid)
def _shared_unit(fmt, largest):
    return scale_of(fmt.scales, largest)


@fitted_length.case(BlockedGrid)
@fitted_length.case(SquareGrid)
def _length_of_tensor(fmt, n, columns):
    return _tensor_length(fmt.scales, n)


@block_height.case(SquareGrid)
def _side(fmt):
    return fmt.size


@fit.case(SquareGrid)
def _fit_squares(fmt, largest):
    return SquareGrid(fmt.element, _of_tensor(fmt.scales, largest), fmt.reach, fmt.edge, fmt.size)


@fit.case(BlockedGrid)
def _fit_blocks(fmt, largest):
    return BlockedGrid(fmt.element, _of_tensor(fmt.scales, largest), fmt.reach, fmt.edge, fmt.size)


@fitted_length.case(FittedGrid)
def _length_of_row(fmt, n, columns):
    return columns if fmt.rows else n


@fit.case(FittedGrid)
def _fit_unit(fmt, largest):
    unit = scale_of(fmt.scales, largest)
    return FittedGrid(fmt.element, fmt.scales, fmt.reach, fmt.edge, fmt.rows, unit)


@quantize.case(BlockedGrid)
@quantize.case(SquareGrid)
def _quantize_in_block(fmt, rounding, u, r, unit):
    return _times_scale(fmt.scales, fmt.element, rounding, u, r, unit)


@quantize.case(FittedGrid)
def _quantize_fitted(fmt, rounding, u, r, unit):
    return _times_scale(fmt.scales, fmt.element, rounding, u, r, fmt.unit)


@saturated.case(BlockedGrid)
@saturated.case(SquareGrid)
@saturated.case(FittedGrid)
def _saturated(fmt, u):
    return abs(u) > fmt.edge


@beyond.case(BlockedGrid)
@beyond.case(SquareGrid)
def _beyond_block(fmt, size, unit):
    return size > fmt.reach * unit


@beyond.case(FittedGrid)
def _beyond_fitted(fmt, size, unit):
    return size > fmt.reach * fmt.unit


@move.case(BlockedGrid)
@move.case(SquareGrid)
@move.case(FittedGrid)
def _move_scaled(fmt, rounding, w, t, r, unit):
    u = np.float64(w) + np.float64(t)
    return quantize(fmt, rounding, u, r, unit), beyond(fmt, abs(u), unit)
