"""`lpbench.quantize`: round an array or a tensor to a number format."""

from typing import Any, NamedTuple

import numpy as np

from lpbench import rounding as roundings
from lpbench.errors import ConfigError
from lpbench.formats.base import Format, block_length, has_blocks, quantize, shared_unit
from lpbench.generator import FIRST, GOLDEN, ROUNDING, SECOND, key_from, step_words, stream
from lpbench.jit import generic, inner, kernel
from lpbench.ops import is_tensor, like, where
from lpbench.rounding import NearestEven, offset

_MASK = 0xFFFFFFFF
_LEAST = 2.0**-100  # down to this scale float32 holds the scale and its reciprocal with room to spare


def quantize_array(
    x: Any, fmt: Format | str, rounding: str = "stochastic", random: Any = None, out: np.ndarray | None = None
) -> Any:
    """x rounded to numbers of fmt.

    x          numpy array (float32 or float64; others are taken as float64) or torch tensor of any shape. Formats with
               blocks share an exponent along the last axis.
    fmt        a format, or the name of a preset ("fp8_e4m3").
    rounding   "stochastic" (unbiased), "nearest_even" or "toward_zero".
    random     of stochastic rounding: None (fresh), a seed, a numpy.random.Generator, or an array of uniforms u in
               [0, 1) of x's shape; with uniforms the result is a pure function: up (towards +inf) if and only if
               u < (x - lo) / (hi - lo), lo and hi the neighbours of x. Numbers of the format always stay.
    out        numpy only: a C-contiguous array of x's shape and dtype for the result (it may be x itself).
    Returns the same kind, shape and dtype as x; a tensor without gradient. The same bits on numpy and torch, on any
    device. Values beyond the range saturate or overflow as the format's policy says; NaN stays NaN.
    Raises ConfigError for an unknown format or rounding, or uniforms of another shape or outside [0, 1).
    """
    form = _format(fmt)
    if is_tensor(x):
        return _tensor(x, form, rounding, random)
    array = np.asarray(x)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    if out is None:
        out = np.empty_like(array, order="C")
    elif out.shape != array.shape or out.dtype != array.dtype or not out.flags.c_contiguous:
        raise ConfigError(f"out must be a C-contiguous {array.dtype} array of shape {array.shape}")
    if array.size == 0:
        return out
    rows = (-1, array.shape[-1] if array.ndim else 1)
    values, result = np.ascontiguousarray(array).reshape(rows), out.reshape(rows)
    if rounding == "stochastic" and _is_uniforms(random):
        uniforms = _uniforms(np.asarray(random), array.shape)
        work, scaling = _arithmetic(form, np.promote_types(array.dtype, uniforms.dtype))
        uniforms = np.ascontiguousarray(uniforms, dtype=work).reshape(rows)
        _round_given(form.kernel(work), roundings.given(work), values, uniforms, scaling, result)
    else:
        work, scaling = _arithmetic(form, array.dtype)
        key = _key(random) if rounding == "stochastic" else np.uint32(0)
        _round_keyed(form.kernel(work), roundings.make(rounding, work), values, key, scaling, result)
    return out[()]


def to_native(form: Format, x: np.ndarray, dtype: Any) -> np.ndarray:
    """The native numbers of form that are nearest to x (n,), n >= 1, in dtype; ties to even."""
    units, one = np.asarray(x, np.float64) / form.scale, np.float64(1)
    out = np.empty(units.shape, dtype)
    _round_keyed(
        form.step_kernel(dtype), NearestEven(), units[None, :], np.uint32(0), _Exact(one, one), out[None, :]
    )
    return out


def _arithmetic(form: Format, dtype: np.dtype) -> tuple[np.dtype, NamedTuple]:
    """The dtype to work in, and the scale; where x / scale is not exact, float64 and a second look."""
    dtype = np.dtype(np.float32 if dtype == np.float32 and _LEAST <= form.scale <= 1 / _LEAST else np.float64)
    if form.dyadic and np.frexp(form.scale)[0] == 0.5:
        return dtype, _Exact(dtype.type(form.scale), dtype.type(1 / form.scale))
    return np.dtype(np.float64), _Inexact(np.float64(form.scale))


def _format(fmt: Any) -> Format:
    if isinstance(fmt, str):
        from lpbench.formats import get

        return get(fmt)
    if not isinstance(fmt, Format):
        raise ConfigError(f"fmt must be a format or the name of one, got {type(fmt).__name__}")
    return fmt


def _is_uniforms(random: Any) -> bool:
    return not (random is None or isinstance(random, int | np.integer | np.random.Generator))


def _uniforms(random: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if random.shape != shape:
        raise ConfigError(f"random must have the shape of x, {shape}, got {random.shape}")
    if random.size and not (random.min() >= 0 and random.max() < 1):
        raise ConfigError("random must hold uniforms in [0, 1)")
    return random


def _key(random: Any) -> np.uint32:
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


class _Inexact(NamedTuple):
    """A scale with which x / scale is rounded itself."""

    scale: Any


@generic
def _native(scaling, x):
    """x in native units."""


@generic
def _place(scaling, fmt, rounding, x, r, unit):
    """x rounded to a number of scale * fmt."""


@_native.case(_Exact)
def _native_exact(scaling, x):
    return x * scaling.inverse


@_native.case(_Inexact)
def _native_inexact(scaling, x):
    return x / scaling.scale


@_place.case(_Exact)
def _place_exact(scaling, fmt, rounding, x, r, unit):
    return quantize(fmt, rounding, x * scaling.inverse, r, unit) * scaling.scale


@_place.case(_Inexact)
def _place_inexact(scaling, fmt, rounding, x, r, unit):
    # Recognise the numbers of the format first: they must stay, although x / scale may miss the grid.
    near = like(x, quantize(fmt, NearestEven(), x / scaling.scale, r, unit) * scaling.scale)
    v = like(x, quantize(fmt, rounding, x / scaling.scale, r, unit) * scaling.scale)
    return where(near == x, x, v)


@inner
def _unit(fmt, x, scaling):
    largest = abs(_native(scaling, x[0]))
    if has_blocks(fmt):
        for j in range(1, x.size):
            largest = max(largest, abs(_native(scaling, x[j])))
    return shared_unit(fmt, largest)


# The innermost loops run over slices from 0: numba then knows that no index is negative, and they vectorise.
@kernel
def _round_given(fmt, rounding, x, r, scaling, out):
    length = block_length(fmt, x.shape[1])
    for i in range(x.shape[0]):
        for start in range(0, x.shape[1], length):
            xs, rs, block = (
                x[i, start : start + length],
                r[i, start : start + length],
                out[i, start : start + length],
            )
            unit = _unit(fmt, xs, scaling)
            for j in range(xs.size):
                block[j] = _place(scaling, fmt, rounding, xs[j], rs[j], unit)


@kernel
def _round_keyed(fmt, rounding, x, key, scaling, out):
    first, second = step_words(key, 0)
    length = block_length(fmt, x.shape[1])
    for i in range(x.shape[0]):
        for start in range(0, x.shape[1], length):
            xs, block = x[i, start : start + length], out[i, start : start + length]
            unit = _unit(fmt, xs, scaling)
            word = key_from(first, i * x.shape[1] + start)
            for j in range(xs.size):
                r = offset(rounding, word, second, 0)
                word = np.uint32(
                    word + GOLDEN
                )  # number j of the key, by an addition in place of a multiplication
                block[j] = _place(scaling, fmt, rounding, xs[j], r, unit)


def _tensor(x: Any, form: Format, rounding: str, random: Any) -> Any:
    import torch

    given = rounding == "stochastic" and _is_uniforms(random)
    if given and not is_tensor(random):
        random = torch.as_tensor(random)
    plain = x.detach()
    if plain.dtype not in (torch.float32, torch.float64):
        plain = plain.to(torch.float32 if plain.is_floating_point() else torch.float64)
    if plain.device.type == "cpu":
        uniforms = random.detach().cpu().numpy() if given else random
        out = torch.from_numpy(np.atleast_1d(quantize_array(plain.numpy(), form, rounding, uniforms)))
        out = out.reshape(x.shape)
    else:
        out = round_tensor(plain, form, rounding, random)
    return out.to(x.dtype) if x.is_floating_point() else out


def round_tensor(x: Any, form: Format, rounding: str, random: Any = None) -> Any:
    """`quantize_array` by tensor operations, for any device: the same definitions, the same bits as the kernels.

    x   torch tensor, float32 or float64; random: a seed, a Generator, None, or a tensor of uniforms of x's shape.
    """
    import torch

    given = rounding == "stochastic" and _is_uniforms(random)
    dtype = torch.promote_types(x.dtype, random.dtype) if given else x.dtype
    work, scaling = _arithmetic(form, np.dtype(str(dtype).removeprefix("torch.")))
    mode = roundings.given(work) if given else roundings.make(rounding, work)
    grid, scale = form.kernel(work), float(form.scale)
    rows = x.reshape(-1, x.shape[-1] if x.ndim else 1)
    s = rows.to(getattr(torch, work.name)) / scale
    if rounding != "stochastic":
        r = torch.zeros_like(s)
    elif given:
        r = random.to(device=x.device, dtype=s.dtype).reshape(s.shape)
    else:
        bits = _random_bits_tensor(_key(random), torch.arange(x.numel(), device=x.device))
        r = (bits & int(mode.mask)).to(s.dtype).reshape(s.shape) * float(mode.unit)  # type: ignore[attr-defined]
    unit = s.abs()
    if has_blocks(grid):
        length = int(block_length(grid, rows.shape[1]))
        blocks = torch.nn.functional.pad(unit, (0, -rows.shape[1] % length)).reshape(
            rows.shape[0], -1, length
        )
        unit = shared_unit(grid, blocks.amax(-1)).repeat_interleave(length, -1)[:, : rows.shape[1]]
    v = (quantize(grid, mode, s, r, unit) * scale).to(x.dtype)
    if isinstance(scaling, _Inexact):
        near = (quantize(grid, NearestEven(), s, r, unit) * scale).to(x.dtype)
        v = torch.where(near == rows, rows, v)
    return v.reshape(x.shape)


def _random_bits_tensor(key: np.uint32, j: Any) -> Any:
    """`generator.random_bits` of step 0 in int64 tensor operations (torch has no full uint32 arithmetic)."""
    with np.errstate(over="ignore"):
        first, second = map(int, step_words(key, 0))
    x = (first + j * int(GOLDEN)) & _MASK
    x = ((x ^ (x >> 16)) * int(FIRST)) & _MASK
    x = ((x ^ (x >> 15) ^ second) * int(SECOND)) & _MASK
    return x ^ (x >> 16)
