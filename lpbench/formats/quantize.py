"""`lpbench.quantize`: round an array or a tensor to a number format."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic import rounding as roundings
from lpbench.arithmetic.arrays import zeros
from lpbench.arithmetic.generator import FIRST, GOLDEN, ROUNDING, SECOND, Words, key_from, step_words, stream
from lpbench.arithmetic.jit import generic, inner, kernel
from lpbench.arithmetic.lanes import LANES, largest, spread
from lpbench.arithmetic.ops import copysign, from_magnitude, is_tensor, like, magnitude, take, where
from lpbench.arithmetic.rounding import NearestEven, offset
from lpbench.arithmetic.vectors import fill
from lpbench.errors import ConfigError
from lpbench.formats import get
from lpbench.formats.base import (
    Format,
    beyond,
    block_height,
    block_length,
    fit,
    fitted_length,
    has_blocks,
    quantize,
    saturated,
    shared_unit,
)

_PART = 2048  # numbers whose units are found before they are rounded: enough to vectorise, few enough to stay at hand
_LEAST = 2.0**-100  # down to this scale float32 holds the scale and its reciprocal with room to spare


def quantize_array(
    x: Any,
    fmt: Format | str,
    rounding: str = "stochastic",
    random: Any = None,
    out: np.ndarray | None = None,
    axis: int | None = None,
) -> Any:
    """x rounded to numbers of fmt.

    x          numpy array or dense torch tensor of any shape, of float16, bfloat16, float32 or float64; integers and
               booleans are taken as float64.
    fmt        a format, or the name of a preset ("fp8_e4m3").
    rounding   "stochastic" (unbiased), "nearest_even", "toward_zero", "away_from_zero", "up", "down" or "to_odd".
    random     of stochastic rounding: None (fresh), a seed, a numpy.random.Generator, or an array of uniforms u in
               [0, 1) of x's shape; with uniforms the result is a pure function: up (towards +inf) if and only if
               u < (x - lo) / (hi - lo), lo and hi the neighbours of x. Numbers of the format always stay.
    axis       of formats whose numbers share a scale: along which blocks and rows lie (None: the last), or whose
               indices are the channels (None: the first). Others do not look at it.
    out        numpy only: a writeable C-contiguous array of x's shape and dtype for the result (it may be x itself).
    Returns the same kind, shape and dtype as x; a tensor without gradient. The same bits on numpy and torch, on any
    device. Values beyond the range saturate or overflow as the format's policy says; NaN stays NaN. Numbers of the
    format stay, also where x's dtype holds only the nearest to them; other results are rounded to x's dtype.
    Raises ConfigError for an unknown format or rounding, an axis that x has not, uniforms of another shape
    or outside [0, 1), an unfit out, and whatever else x is: sparse, masked, complex, no numbers at all.
    """
    form = _format(fmt)
    roundings.make(rounding)  # says what is wrong with the name, also where x is empty
    if is_tensor(x) and out is not None:
        raise ConfigError("out is for numpy arrays; assign the result to a tensor instead: out.copy_(result)")
    if axis is not None:
        x = x if is_tensor(x) else numbers_of(x)
        place, to = axis_of(x, axis), form.axis
        if to is not None and (place - to) % x.ndim:
            return _turned(x, form, rounding, random, out, place, to)
    if is_tensor(x):
        return _tensor(x, form, rounding, random)
    array = numbers_of(x)
    if out is None:
        out = np.empty_like(array, order="C")
    else:
        _check_out(out, array)
    if rounding == "stochastic" and _is_uniforms(random):
        random = _uniforms(random, array.shape)
    if array.size == 0:
        return out
    if array.dtype != np.float16:
        _round(array, form, rounding, random, out, np.finfo(array.dtype))
        return out[()]
    wide, held = array.astype(np.float32), np.finfo(np.float16)
    near, v = np.empty_like(wide), np.empty_like(wide)
    _round(wide, form, "nearest_even", None, near, held)
    _round(wide, form, rounding, random, v, held)
    with np.errstate(over="ignore"):  # beyond float16 lies its infinity
        out[...] = np.where(near.astype(np.float16) == array, array, v.astype(np.float16))
    return out[()]


def axis_of(x: Any, axis: Any) -> int:
    """`axis` as a number, of an array or a tensor x that has it, from its end where below 0; raises ConfigError."""
    if not (isinstance(axis, int | np.integer) and -x.ndim <= axis < x.ndim):
        raise ConfigError(f"axis must be one of the {x.ndim} that x has, got {axis!r}")
    return int(axis)


def _turned(x: Any, form: Format, rounding: str, random: Any, out: Any, place: int, to: int) -> Any:
    """`quantize_array` with axis `place` at `to`."""
    if rounding == "stochastic" and _is_uniforms(random):
        uniforms = np.moveaxis(_uniforms(random, tuple(x.shape)), place, to)
        random = np.ascontiguousarray(uniforms)
    if is_tensor(x):
        found = quantize_array(x.movedim(place, to), form, rounding, random)
        return found.movedim(to, place).contiguous()
    found = np.moveaxis(quantize_array(np.moveaxis(x, place, to), form, rounding, random), to, place)
    if out is None:
        return np.ascontiguousarray(found)
    _check_out(out, x)
    out[...] = found
    return out[()]


def _check_out(out: Any, array: np.ndarray) -> None:
    """Raise ConfigError for an `out` that cannot take the result."""
    if not (
        isinstance(out, np.ndarray)
        and out.shape == array.shape
        and out.dtype == array.dtype
        and out.flags.c_contiguous
        and out.flags.writeable
    ):
        came = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise ConfigError(
            f"out must be a writeable C-contiguous {array.dtype} array of shape {array.shape}, got {came}"
        )


def _round(array: np.ndarray, form: Format, rounding: str, random: Any, out: np.ndarray, held: Any) -> None:
    """array, float32 or float64, into out; held: finfo of the dtype that the caller keeps numbers in."""
    given = rounding == "stochastic" and _is_uniforms(random)
    dtype = np.promote_types(array.dtype, random.dtype) if given else array.dtype
    work, scaling = arithmetic(form, dtype, held)
    grid = form.array_kernel(work)
    mode = roundings.given(work) if given else roundings.make(rounding, work)
    uniforms = np.ascontiguousarray(random, dtype=work).ravel() if given else None
    key = key_of(random) if rounding == "stochastic" and not given else np.uint32(0)
    rows = (-1, form.columns(array.shape)) if _in_rows(grid) else (1, array.size)
    _run(grid, mode, np.ascontiguousarray(array).reshape(rows), key, uniforms, scaling, out.reshape(rows))


def _in_rows(grid: Any) -> bool:
    """Whether it matters how long rows are."""
    return has_blocks(grid) or fitted_length(grid, 1, 1) is not None


def _run(grid: Any, mode: Any, x: np.ndarray, key: Any, uniforms: Any, scaling: Any, out: np.ndarray) -> None:
    _round_rows(grid, mode, x, key, uniforms, scaling, units_of(grid, x.shape[1], scaling), out)


def units_of(grid: Any, columns: int, scaling: Any) -> np.ndarray | None:
    """Scratch of `round_rows` for rows of `columns` numbers: two for each of a part; None where there are no blocks.

    A part is several rows, or several blocks of one; of squares, whole rows of them.
    """
    if not has_blocks(grid):
        return None
    height = int(block_height(grid))
    if height > 1:
        whole = columns * height
    else:
        whole = columns if columns <= _PART else min(columns, int(block_length(grid, columns)))
    return zeros(2 * max(1, _PART // whole) * whole, scaling.scale.dtype)


def numbers_of(x: Any) -> np.ndarray:
    """x as an array of float16, float32 or float64; raises ConfigError where it is none."""
    if isinstance(x, np.ma.MaskedArray):
        raise ConfigError(
            "x is a masked array, whose mask would be lost: quantize x.data, or x.filled(value)"
        )
    array = np.asarray(x)
    if array.dtype in (np.float16, np.float32, np.float64):
        return array
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        what = type(x).__name__ if array.dtype == object else f"numbers of {array.dtype}"
        raise ConfigError(
            f"x must be a dense array or tensor of float16, float32, float64 or integers, got {what}; "
            "of complex numbers quantize x.real and x.imag, of a sparse matrix x.data"
        )
    return array.astype(np.float64)


def to_native(form: Format, x: np.ndarray, dtype: Any) -> np.ndarray:
    """The native numbers of form that are nearest to x (n,), n >= 1, in dtype; ties to even."""
    units, one = np.asarray(x, np.float64)[None, :] / form.scale, np.float64(1)
    out = np.empty(units.shape, dtype)
    _run(form.step_kernel(dtype), NearestEven(), units, np.uint32(0), None, _Exact(one, one), out)
    return out[0]


def arithmetic(form: Format, dtype: np.dtype, held: Any) -> tuple[np.dtype, NamedTuple]:
    """The dtype to work in, and the scale; where x / scale is not exact, float64 and a second look.

    held   finfo of the dtype that x came in.
    """
    scale, double = form.array_scale, np.finfo(np.float64)
    dtype = np.dtype(np.float32 if dtype == np.float32 and scale >= _LEAST else np.float64)
    # In units above 1 a small x may vanish; in smaller ones a large x may overflow, which matters where that is inf.
    bounded = scale == 1 or (scale < 1 and getattr(form, "overflow", "saturate") == "saturate")
    exact = form.dyadic and np.frexp(scale)[0] == 0.5 and form.native_min <= 1 and bounded
    if exact and (form.literal or held.eps <= np.finfo(np.float32).eps):
        return dtype, _Exact(dtype.type(scale), dtype.type(1 / scale))
    tiniest = float(held.eps) * float(held.tiny)
    least, most = np.log2([tiniest, float(held.max)]) - np.log2(scale)
    kind = _Inexact if least > -1022 and most < 1023 else _Extreme
    fields = scale, 1 - held.eps / 2 - double.eps, tiniest / 2 / scale, double.tiny, double.max
    return np.dtype(np.float64), kind(*map(np.float64, fields))


def _format(fmt: Any) -> Format:
    if isinstance(fmt, str):
        return get(fmt)
    if not isinstance(fmt, Format):
        raise ConfigError(f"fmt must be a format or the name of one, got {type(fmt).__name__}")
    return fmt


def _is_uniforms(random: Any) -> bool:
    return not (random is None or isinstance(random, int | np.integer | np.random.Generator))


def _uniforms(random: Any, shape: tuple[int, ...]) -> np.ndarray:
    if is_tensor(random):
        random = random.detach().cpu().double().numpy()
    random = np.asarray(random)
    if random.dtype.kind not in "biuf":
        raise ConfigError(
            f"random must be None, a seed, a numpy.random.Generator or uniforms in [0, 1), got {random.dtype} values"
        )
    if random.shape != shape:
        raise ConfigError(f"random must have the shape of x, {shape}, got {random.shape}")
    if random.size and not (random.min() >= 0 and random.max() < 1):
        raise ConfigError("random must hold uniforms in [0, 1)")
    return random


def key_of(random: Any) -> np.uint32:
    """The generator's key for a seed, a generator or nothing at all; raises ConfigError for a negative seed."""
    if random is None:
        return np.uint32(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random, np.random.Generator):
        return np.uint32(random.integers(2**32))
    if random < 0:
        raise ConfigError(f"random: a seed must be >= 0, got {random}")
    return stream(int(random), ROUNDING)


class _Exact(NamedTuple):
    """A power-of-two scale."""

    scale: Any
    inverse: Any
    share: Any = 1
    finest: Any = 0


class _Inexact(NamedTuple):
    """A scale with which x / scale is rounded itself, or the numbers of the format are as x's dtype holds them."""

    scale: Any
    share: Any  # what x's dtype holds as x has this share of |x| / scale at least, less finest
    finest: Any
    least: Any  # the smallest normal and the largest number of the arithmetic
    huge: Any


class _Extreme(_Inexact):
    """The same where x / scale may leave the range of the arithmetic."""


@generic
def native(scaling, x):
    """x in native units."""


@generic
def _place(scaling, fmt, rounding, x, r, unit):
    """x rounded to a number of scale * fmt."""


@native.case(_Exact)
def _native_exact(scaling, x):
    return x * scaling.inverse


@native.case(_Inexact)
def _native_inexact(scaling, x):
    return x / scaling.scale


@native.case(_Extreme)
def _native_extreme(scaling, x):
    # What is not zero stays so, and what is finite too, although the quotient may be neither.
    s = x / scaling.scale
    s = where((abs(s) > scaling.huge) & (abs(x) <= scaling.huge), copysign(scaling.huge, s), s)
    return where((abs(s) < scaling.least) & (x != 0), copysign(scaling.least, s), s)


@inner
def _extent(scaling, x):
    """The least magnitude, in native units, of what x's dtype holds as x: a block must have room for it."""
    size = abs(native(scaling, x)) * scaling.share - scaling.finest
    return where(size > 0, size, scaling.scale * 0)


@_place.case(_Exact)
def _place_exact(scaling, fmt, rounding, x, r, unit):
    return quantize(fmt, rounding, x * scaling.inverse, r, unit) * scaling.scale


@_place.case(_Inexact)
@_place.case(_Extreme)
def _place_inexact(scaling, fmt, rounding, x, r, unit):
    # Recognise the numbers of the format first: they must stay, although x / scale may miss the grid.
    s = native(scaling, x)
    near = like(x, quantize(fmt, NearestEven(), s, r, unit) * scaling.scale)
    v = like(x, quantize(fmt, rounding, s, r, unit) * scaling.scale)
    return where(near == x, x, v)


@inner
def _draw(rounding, word, second, uniforms, j):
    """The random number of element j: ours, or one that came from outside."""
    if uniforms is None:
        return offset(rounding, word, second, 0)
    else:
        return take(uniforms, j)


@inner
def round_rows(fmt, rounding, scaling, units, x, columns, first, second, uniforms, out):
    """out = x, both (n,), rounded to scale * fmt, blocks along rows of `columns`; number j has random number j.

    units     scratch, see `units_of`.   first, second   the words of the random numbers, uint32.
    uniforms  (n,) in their place, or None.
    """
    span = fitted_length(fmt, x.size, columns)
    _round_spans(fmt, rounding, scaling, units, x, columns, first, second, uniforms, out, span)


@inner
def largest_of(x):
    """The largest magnitude of x (n,), float64; a NaN is larger than nothing."""
    return _largest(x, 0, x.size)


@inner
def round_as_if(fmt, rounding, scaling, x, most, first, second, out):
    """`round_rows` for a format with a scale for the tensor: that of numbers of which `most` is the largest."""
    fitted = fit(fmt, like(scaling.scale, most))
    _round_part(fitted, rounding, scaling, None, x, 0, first, second, None, out)


@inner
def count_as_if(fmt, scaling, x, most, updates):
    """`count_clipped` of `round_as_if`."""
    none, fitted = np.uint32(0), fit(fmt, like(scaling.scale, most))
    return _visit(_Counting(np.int64(1)), fitted, scaling, None, x, 0, none, none, None, updates)


class _Counting(NamedTuple):
    """In place of a rounding: nothing is rounded, what is clipped is counted."""

    one: Any


@inner
def count_clipped(fmt, scaling, units, x, columns, updates):
    """How many of x (n,), in rows of `columns`, scale * fmt clips: those outside its range, and those beyond the
    largest number that the scale of their block holds. Of those alone whose update, (n,), is not zero.
    """
    span, none = fitted_length(fmt, x.size, columns), np.uint32(0)
    counting = _Counting(np.int64(1))
    return _round_spans(fmt, counting, scaling, units, x, columns, none, none, None, updates, span)


@inner
def _round_spans(fmt, rounding, scaling, units, x, columns, first, second, uniforms, out, span):
    """`round_rows`, span numbers at a time, to which fmt is fitted; None: as it is. What was counted; of rounding 0."""
    count = np.int64(0)
    if span is None:
        count += _round_parts(fmt, rounding, scaling, units, x, 0, columns, first, second, uniforms, out)
    else:
        for start in range(0, x.size, span):
            part, to = x[start : start + span], out[start : start + span]
            extent = _extent(scaling, like(x[0], _largest(part, 0, part.size)))
            fitted = fit(fmt, extent)
            count += _round_parts(
                fitted, rounding, scaling, units, part, start, columns, first, second, uniforms, to
            )
    return count


@inner
def _round_parts(fmt, rounding, scaling, units, x, number, columns, first, second, uniforms, out):
    """The same, whole rows, of which the first number is number `number`."""
    count = np.int64(0)
    if units is None:
        count += _visit(rounding, fmt, scaling, None, x, number, first, second, uniforms, out)
    else:
        # Several rows at a time, or several times a row: blocks do not know of it.
        size = units.size // 2
        row = columns if columns > size else x.size
        for begin in range(0, x.size, row):
            for start in range(begin, begin + row, size):
                end = min(start + size, begin + row)
                part, to = x[start:end], out[start:end]
                _find_units(fmt, scaling, part, min(columns, part.size), units[:size], units[size:])
                count += _visit(
                    rounding, fmt, scaling, units, part, number + start, first, second, uniforms, to
                )
    return count


@inner
def _find_units(fmt, scaling, x, columns, units, found):
    """units = the unit that each of x shares with its block, whole rows; found: scratch. All (n,)."""
    length, height = block_length(fmt, columns), block_height(fmt)
    if height > 1:
        _find_square_units(fmt, scaling, x, columns, length, height, units, found)
        return
    if length == LANES and columns % LANES == 0:
        blocks = found[: x.size // LANES]
        for i in range(blocks.size):
            blocks[i] = from_magnitude(largest(x, i * LANES))
        _to_units(fmt, scaling, blocks, x)
        for i in range(blocks.size):
            spread(units, i * LANES, blocks[i])
        return
    if length == 2 * LANES and columns % length == 0:
        blocks = found[: x.size // length]
        for i in range(blocks.size):
            one, other = largest(x, i * length), largest(x, i * length + LANES)
            blocks[i] = from_magnitude(one if one > other else other)
        _to_units(fmt, scaling, blocks, x)
        for i in range(blocks.size):
            spread(units, i * length, blocks[i])
            spread(units, i * length + LANES, blocks[i])
        return
    count, start, row = 0, 0, columns
    while start < x.size:
        end = min(start + length, row)
        found[count] = _largest(x, start, end)
        count, start, row = count + 1, end, row + columns * (end == row)
    _to_units(fmt, scaling, found[:count], x)
    count, start, row = 0, 0, columns
    while start < x.size:
        end = min(start + length, row)
        _spread(units, start, end, found[count])
        count, start, row = count + 1, end, row + columns * (end == row)


@inner
def _find_square_units(fmt, scaling, x, columns, length, height, units, found):
    """`_find_units` of blocks that are `length` columns wide and `height` rows high; the last ones may be smaller."""
    count, tall, zero = 0, columns * height, np.float64(0)
    for top in range(0, x.size, tall):
        for left in range(0, columns, length):
            right, most = min(left + length, columns), zero
            for row in range(top, min(top + tall, x.size), columns):
                size = _largest(x, row + left, row + right)
                most = size if size > most else most
            found[count] = most
            count += 1
    _to_units(fmt, scaling, found[:count], x)
    count = 0
    for top in range(0, x.size, tall):
        for left in range(0, columns, length):
            right = min(left + length, columns)
            for row in range(top, min(top + tall, x.size), columns):
                _spread(units, row + left, row + right, found[count])
            count += 1


@inner
def _largest(x, start, end):
    """The largest magnitude of x[start:end]; a NaN is larger than nothing."""
    zero, infinite = magnitude(like(x[0], 0.0)), magnitude(like(x[0], np.inf))
    found = zero
    while start + LANES <= end:
        size = largest(x, start)
        found = size if size > found else found
        start += LANES
    if start < end:
        rest = x[start:end]
        for j in range(rest.size):
            size = magnitude(rest[j])
            size = size if size <= infinite else zero
            found = size if size > found else found
    return from_magnitude(found)


@inner
def _spread(x, start, end, value):
    """x[start:end] = value."""
    while start + LANES <= end:
        spread(x, start, value)
        start += LANES
    if start < end:
        fill(x[start:end], value)


@inner
def _to_units(fmt, scaling, sizes, x):
    """From the largest magnitudes of blocks of x to their units, in place; beside each other, so that it vectorises."""
    for i in range(sizes.size):
        sizes[i] = shared_unit(fmt, _extent(scaling, like(x[0], sizes[i])))


@generic
def _visit(rounding, fmt, scaling, units, x, number, first, second, uniforms, out):
    """Numbers whose units are known, (n,), are rounded into `out`, or counted; what was counted."""


@_visit.case(_Counting)
def _count_part(rounding, fmt, scaling, units, x, number, first, second, uniforms, updates):
    count = np.int64(0)
    for j in range(x.size):
        # By the least magnitude that x stands for, from which its block has its scale, too.
        clipped = beyond(fmt, _extent(scaling, x[j]), _unit(scaling, units, j))
        count += (saturated(fmt, native(scaling, x[j])) or clipped) and updates[j] != 0
    return count


@_visit.case(object)
def _round_and_count_nothing(rounding, fmt, scaling, units, x, number, first, second, uniforms, out):
    _round_part(fmt, rounding, scaling, units, x, number, first, second, uniforms, out)
    return np.int64(0)


# The innermost loop runs over slices from 0: numba then knows that no index is negative, and it vectorises.
@inner
def _round_part(fmt, rounding, scaling, units, x, number, first, second, uniforms, out):
    """out = x, both (n,), whose first is number `number`."""
    word = key_from(first, number)
    for j in range(x.size):
        r = _draw(rounding, word, second, uniforms, number + j)
        # The next number's, by an addition in place of a multiplication.
        word = np.uint32(word + GOLDEN)
        out[j] = _place(scaling, fmt, rounding, x[j], r, _unit(scaling, units, j))


@inner
def _unit(scaling, units, j):
    """That of number j; where a format has no blocks, any number will do."""
    if units is None:
        return scaling.scale
    else:
        return units[j]


@kernel
def _round_rows(fmt, rounding, x, key, uniforms, scaling, units, out):
    first, second = step_words(key, 0)
    n, columns = x.size, x.shape[1]
    round_rows(fmt, rounding, scaling, units, x.reshape(n), columns, first, second, uniforms, out.reshape(n))


def _tensor(x: Any, form: Format, rounding: str, random: Any) -> Any:
    import torch

    narrow, dense = x.dtype in (torch.float16, torch.bfloat16), x.layout == torch.strided
    whole = not (x.is_floating_point() or x.is_complex() or x.is_quantized)
    if not (dense and (narrow or whole or x.dtype in (torch.float32, torch.float64))):
        what = f"{'' if dense else 'sparse '}tensor of {str(x.dtype).removeprefix('torch.')}"
        raise ConfigError(
            "x must be a dense array or tensor of float16, bfloat16, float32, float64 or integers, "
            f"got a {what}; quantize its values() if it is sparse, its real and imag if it is complex"
        )
    if rounding == "stochastic" and _is_uniforms(random):
        random = torch.from_numpy(_uniforms(random, tuple(x.shape)))
    plain = x.detach()
    if narrow or whole:
        plain = plain.to(torch.float32 if narrow else torch.float64)
    held = torch.finfo(x.dtype if narrow else plain.dtype)
    by = _by_numpy if plain.device.type == "cpu" else round_tensor
    if x.numel() == 0:
        return torch.empty_like(x.detach() if narrow else plain)
    v = by(plain, form, rounding, random, held)
    if not narrow:
        return v
    near = by(plain, form, "nearest_even", None, held).to(x.dtype)
    return torch.where(near == x, x.detach(), v.to(x.dtype))


def _by_numpy(x: Any, form: Format, rounding: str, random: Any, held: Any) -> Any:
    import torch

    array = x.numpy()
    out = np.empty_like(array, order="C")
    _round(array, form, rounding, random.numpy() if is_tensor(random) else random, out, held)
    return torch.from_numpy(out)


def round_tensor(
    x: Any, form: Format, rounding: str, random: Any = None, held: Any = None, random_bits: int | None = None
) -> Any:
    """`quantize_array` by tensor operations, for any device: the same definitions, the same bits as the kernels.

    x   torch tensor, float32 or float64; random: a seed, a Generator, None, the Words of a step, or a tensor of
        uniforms of x's shape.
    held   finfo of the dtype that x came in, where it is not x's own.   random_bits   as `rounding.make` takes them.
    """
    import torch

    words = isinstance(random, Words)
    given = rounding == "stochastic" and not words and _is_uniforms(random)
    dtype = torch.promote_types(x.dtype, random.dtype) if given else x.dtype
    held = held or torch.finfo(x.dtype)
    work, scaling = arithmetic(form, np.dtype(str(dtype).removeprefix("torch.")), held)
    mode = roundings.given(work) if given else roundings.make(rounding, work, random_bits)
    scale = float(form.array_scale)
    grid, rows, wide, unit = _rows_and_units(x, form, work, scaling)
    s = native(scaling, wide)
    if rounding != "stochastic":
        r = torch.zeros_like(s)
    elif given:
        r = random.to(device=x.device, dtype=s.dtype).reshape(s.shape)
    else:
        with np.errstate(over="ignore"):
            drawn = random if words else step_words(key_of(random), 0)
        r = _offsets(mode, _random_bits_tensor(drawn, x.numel(), x.device), s.dtype).reshape(s.shape)
    v = (quantize(grid, mode, s, r, unit) * scale).to(x.dtype)
    if not isinstance(scaling, _Exact):
        near = (quantize(grid, NearestEven(), s, r, unit) * scale).to(x.dtype)
        v = torch.where(near == rows, rows, v)
    return v.reshape(x.shape)


def clipped_tensor(x: Any, form: Format) -> Any:
    """Which numbers of a tensor of torch, float32 or float64, `count_clipped` counts: booleans of x's shape."""
    import torch

    dtype = np.dtype(str(x.dtype).removeprefix("torch."))
    work, scaling = arithmetic(form, dtype, np.finfo(dtype))
    grid, _, wide, unit = _rows_and_units(x, form, work, scaling)
    found = [saturated(grid, native(scaling, wide)), beyond(grid, _extent(scaling, wide), unit)]
    nothing = torch.zeros(wide.shape, dtype=torch.bool, device=x.device)
    return (nothing | found[0] | found[1]).reshape(x.shape)


def _rows_and_units(x: Any, form: Format, work: np.dtype, scaling: Any) -> tuple[Any, Any, Any, Any]:
    """The grid, fitted to x; x in rows along which blocks lie, the same in the dtype to work in, and its units."""
    import torch

    grid = form.array_kernel(work)
    columns = form.columns(tuple(x.shape))
    span = fitted_length(grid, x.numel(), columns)
    rows = x.reshape(-1, columns if span is None or has_blocks(grid) else span)
    wide = rows.to(getattr(torch, work.name))
    unit = _extent(scaling, wide)
    if span is not None:
        grid = fit(grid, unit.reshape(-1, span).amax(-1, keepdim=True))
    if has_blocks(grid):
        length, height = int(block_length(grid, rows.shape[1])), int(block_height(grid))
        padded = torch.nn.functional.pad(unit, (0, -rows.shape[1] % length, 0, -rows.shape[0] % height))
        blocks = padded.reshape(padded.shape[0] // height, height, -1, length)
        unit = (
            shared_unit(grid, blocks.amax((1, 3))).repeat_interleave(length, -1).repeat_interleave(height, 0)
        )
        unit = unit[: rows.shape[0], : rows.shape[1]]
    return grid, rows, wide, unit


def _random_bits_tensor(words: Words, n: int, device: Any) -> Any:
    """`generator.random_bits` of 0 ... n - 1 as int32: torch has no full uint32 arithmetic, but its products wrap."""
    import torch

    def signed(word: Any) -> int:
        return (int(word) + 2**31) % 2**32 - 2**31

    def shifted(x: Any, places: int) -> Any:  # right, filled up with zeros
        return (x >> places) & (2 ** (32 - places) - 1)

    x = torch.arange(n, device=device, dtype=torch.int32) * signed(GOLDEN) + signed(words.first)
    x = (x ^ shifted(x, 16)) * signed(FIRST)
    x = (x ^ shifted(x, 15) ^ signed(words.second)) * signed(SECOND)
    return x ^ shifted(x, 16)


def random_signs(words: Words, n: int, device: Any) -> Any:
    """1 or -1, (n,) int32: minus where the upper of the random bits is 1, as `lpbench.arithmetic.hadamard` has it."""
    return 1 - 2 * (_random_bits_tensor(words, n, device) < 0).int()


def _offsets(mode: Any, bits: Any, dtype: Any) -> Any:
    """`rounding.offset` from the random bits: the upper ones as a fraction, which dtype holds exactly."""
    import torch

    count = int(mode.mask).bit_count()
    if count == 32:
        upper = bits.to(torch.int64) & 0xFFFFFFFF
    else:
        upper = (bits >> (32 - count)) & (2**count - 1)
    return upper.to(dtype) * 2.0**-count + float(mode.half)
