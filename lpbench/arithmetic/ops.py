"""Elementwise operations that formats are written in: one definition for numpy arrays, torch tensors and kernels.

In Python they take numpy scalars and arrays or torch tensors; inside kernels the scalar versions below are compiled.
"""

import functools
from typing import Any

import numpy as np

from lpbench.arithmetic.jit import scalar

_EXPONENT32 = np.int32(0x7F800000)
_EXPONENT64 = np.int64(0x7FF0000000000000)
_TWICE_BIAS32 = np.int32(0x7F000000)
_TWICE_BIAS64 = np.int64(0x7FE0000000000000)
_LARGEST32, _LARGEST64 = np.int32(0x7FFFFFFF), np.int64(0x7FFFFFFFFFFFFFFF)


@functools.cache
def _is_of_torch(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "torch"


def is_tensor(x: Any) -> bool:
    """Whether x is a torch tensor (asked without importing torch)."""
    return _is_of_torch(x.__class__)


def _is_single(x: Any) -> bool:
    """Whether x, a number, an array or a tensor, is of float32."""
    return str(x.dtype) == "torch.float32" if is_tensor(x) else x.dtype.char == "f"


def _integer_view(x: Any) -> tuple[Any, Any, Any]:
    """The bits of x as integers of its own width, its exponent mask, and twice its exponent bias in place."""
    single = _is_single(x)
    mask, twice_bias = (_EXPONENT32, _TWICE_BIAS32) if single else (_EXPONENT64, _TWICE_BIAS64)
    if is_tensor(x):
        import torch

        return x.contiguous().view(torch.int32 if single else torch.int64), int(mask), int(twice_bias)
    return x.view(np.int32 if single else np.int64), mask, twice_bias


def where(condition: Any, x: Any, y: Any) -> Any:
    """x where the condition holds, else y."""
    if is_tensor(condition):
        import torch

        # As tensors of their own dtype: of two numbers torch would make the default one.
        x, y = (v if is_tensor(v) else torch.as_tensor(v, device=condition.device) for v in (x, y))
        return torch.where(condition, x, y)
    if type(x) is type(y) and isinstance(x, np.generic) and isinstance(condition, np.bool_ | bool):
        return x if condition else y  # a tenth of the time, which runs in pure Python are made of
    return np.where(condition, x, y)[()]


def floor(x: Any) -> Any:
    """The largest integer that is at most x."""
    return x.floor() if is_tensor(x) else np.floor(x)


def trunc(x: Any) -> Any:
    """The integer next to x towards zero."""
    return x.trunc() if is_tensor(x) else np.trunc(x)


def rint(x: Any) -> Any:
    """The integer nearest to x, ties to even."""
    return x.round() if is_tensor(x) else np.rint(x)


def copysign(x: Any, y: Any) -> Any:
    """|x| with the sign of y."""
    if is_tensor(y):
        return (x if is_tensor(x) else y.new_full(y.shape, float(x))).copysign(y)
    return np.copysign(x, y)


def index(x: Any) -> Any:
    """x >= 0 truncated to an int64, to look a table up with."""
    return x.long() if is_tensor(x) else np.asarray(x).astype(np.int64)[()]


def take(table: Any, i: Any) -> Any:
    """table[i] for every i; the table a numpy array."""
    if is_tensor(i):
        import torch

        return torch.as_tensor(table, device=i.device)[i]
    return table[i]


def power_of_two(x: Any) -> Any:
    """The largest power of two that is at most |x|; 0 for subnormal x, inf for inf and NaN."""
    bits, mask, _ = _integer_view(x)
    return (bits & mask).view(x.dtype)


def odd_exponent(x: Any) -> Any:
    """1 where the exponent field of x, bias included, is odd, else 0; in the dtype of x."""
    bits, mask, _ = _integer_view(x)
    odd = (bits & (mask & -mask)) != 0
    return odd.to(x.dtype) if is_tensor(odd) else np.asarray(odd).astype(x.dtype)[()]


def exponent(x: Any) -> Any:
    """The e with 2**e <= |x| < 2**(e+1), x finite and normal; in the dtype of x."""
    bits, mask, twice_bias = _integer_view(x)
    low = int(mask & -mask)
    found = (bits & mask) // low - int(twice_bias) // (2 * low)
    return found.to(x.dtype) if is_tensor(found) else np.asarray(found).astype(x.dtype)[()]


def two_to(e: Any) -> Any:
    """2**e for whole numbers e, in their dtype; in which it is normal."""
    single = _is_single(e)
    places, bias = (23, 127) if single else (52, 1023)
    if is_tensor(e):
        import torch

        whole = e.to(torch.int32 if single else torch.int64)
    else:
        whole = np.asarray(e).astype(np.int32 if single else np.int64)[()]
    return ((whole + bias) << places).view(e.dtype)


def reciprocal(p: Any) -> Any:
    """1/p, exactly, for p a power of two whose reciprocal is normal."""
    bits, _, twice_bias = _integer_view(p)
    with np.errstate(over="ignore"):
        return (twice_bias - bits).view(p.dtype)


def inverse_power(p: Any) -> Any:
    """1/p, exactly, for p any normal power of two; a number where p is NaN."""
    bits, mask, twice_bias = _integer_view(p)
    with np.errstate(over="ignore"):
        found, least = twice_bias - bits, int(mask & -mask) // 2
    return (found.clamp(min=least) if is_tensor(p) else np.maximum(found, bits.dtype.type(least))).view(
        p.dtype
    )


def magnitude(x: Any) -> Any:
    """The bits of |x| as an integer: its order is that of |x|, and an integer maximum vectorises."""
    bits, _, _ = _integer_view(x)
    return bits & (_LARGEST32 if bits.dtype.itemsize == 4 else _LARGEST64)


def from_magnitude(bits: Any) -> Any:
    """The inverse of `magnitude`, as float64."""
    return np.float64(bits.view(np.float32 if bits.dtype == np.int32 else np.float64))


def exponent_field(bits: Any) -> Any:
    """Of what `magnitude` gives, the exponent with its bias: 0 of zero and subnormals, the largest of inf and NaN."""
    return bits >> (23 if bits.dtype == np.int32 else 52)


def tail(x: Any, mask: Any) -> Any:
    """The bits of x under mask, an integer in the dtype of x; float32, mask int32."""
    return like(x, _integer_view(x)[0] & mask)


def with_tail(x: Any, mask: Any, n: Any) -> Any:
    """x with n in place of its bits under mask; what does not fit there is carried into its higher bits."""
    bits, _, _ = _integer_view(x)
    whole = n.to(bits.dtype) if is_tensor(n) else np.int32(n)
    return ((bits & ~mask) + whole).view(x.dtype)


def like(x: Any, value: Any) -> Any:
    """value (a number, array or tensor) in the dtype of x."""
    if is_tensor(x):
        return value.to(x.dtype) if is_tensor(value) else x.new_full((), float(value))
    if is_tensor(value):
        import torch

        return value.to(torch.float32 if x.dtype == np.float32 else torch.float64)
    return x.dtype.type(value)


def single(x: Any) -> Any:
    """x rounded to float32, in its own dtype."""
    return x.float().to(x.dtype) if is_tensor(x) else np.asarray(x).astype(np.float32).astype(x.dtype)[()]


def fraction(x: Any, bits: Any) -> Any:
    """bits * 2**-32 in the dtype of x; bits uint32, of which float32 takes the 24 upper ones and no other."""
    return like(x, bits) * like(x, 2.0**-32)


scalar(where, any=lambda condition, x, y: x if condition else y)
scalar(floor, any=lambda x: np.floor(x))
scalar(trunc, any=lambda x: np.trunc(x))
scalar(rint, any=lambda x: np.rint(x))
scalar(copysign, any=lambda x, y: np.copysign(x, y))
scalar(index, any=lambda x: np.int64(x))
scalar(take, any=lambda table, i: table[np.uint64(i)])  # unsigned: no wrap-around to check, so it vectorises
scalar(
    power_of_two,
    float32=lambda x: np.int32(np.float32(x).view(np.int32) & _EXPONENT32).view(np.float32),
    float64=lambda x: np.int64(np.float64(x).view(np.int64) & _EXPONENT64).view(np.float64),
)
scalar(
    odd_exponent,
    float32=lambda x: np.float32((np.float32(x).view(np.int32) >> np.int32(23)) & np.int32(1)),
    float64=lambda x: np.float64((np.float64(x).view(np.int64) >> np.int64(52)) & np.int64(1)),
)
scalar(
    exponent,
    float32=lambda x: np.float32(
        np.int32((np.int32(np.float32(x).view(np.int32) & _EXPONENT32) >> np.int32(23)) - np.int32(127))
    ),
    float64=lambda x: np.float64(
        ((np.float64(x).view(np.int64) & _EXPONENT64) >> np.int64(52)) - np.int64(1023)
    ),
)
scalar(
    two_to,
    float32=lambda e: np.int32(np.int32(np.int32(e) + np.int32(127)) << np.int32(23)).view(np.float32),
    float64=lambda e: np.int64((np.int64(e) + np.int64(1023)) << np.int64(52)).view(np.float64),
)
scalar(
    reciprocal,
    float32=lambda p: np.int32(_TWICE_BIAS32 - np.float32(p).view(np.int32)).view(np.float32),
    float64=lambda p: np.int64(_TWICE_BIAS64 - np.float64(p).view(np.int64)).view(np.float64),
)
scalar(
    inverse_power,
    float32=lambda p: np.int32(
        max(np.int32(_TWICE_BIAS32 - np.float32(p).view(np.int32)), np.int32(0x00400000))
    ).view(np.float32),
    float64=lambda p: np.int64(
        max(np.int64(_TWICE_BIAS64 - np.float64(p).view(np.int64)), np.int64(0x0008000000000000))
    ).view(np.float64),
)
scalar(
    magnitude,
    float32=lambda x: np.int32(np.float32(x).view(np.int32) & np.int32(0x7FFFFFFF)),
    float64=lambda x: np.int64(np.float64(x).view(np.int64) & np.int64(0x7FFFFFFFFFFFFFFF)),
)
scalar(
    from_magnitude,
    int32=lambda bits: np.float64(np.int32(bits).view(np.float32)),
    int64=lambda bits: np.int64(bits).view(np.float64),
)
scalar(
    exponent_field,
    int32=lambda bits: np.int32(bits >> np.int32(23)),
    int64=lambda bits: np.int64(bits >> np.int64(52)),
)
scalar(tail, float32=lambda x, mask: np.float32(np.int32(np.float32(x).view(np.int32) & mask)))
scalar(
    with_tail,
    float32=lambda x, mask, n: np.int32(
        np.int32(np.float32(x).view(np.int32) & np.int32(~mask)) + np.int32(n)
    ).view(np.float32),
)
# As a signed integer, which processors convert many of at a time.
scalar(
    fraction,
    float32=lambda x, bits: np.float32(np.int32(np.uint32(bits >> np.uint32(1)))) * np.float32(2.0**-31),
    float64=lambda x, bits: np.float64(bits) * 2.0**-32,
)
scalar(single, float32=lambda x: x, float64=lambda x: np.float64(np.float32(x)))
scalar(like, float32=lambda x, value: np.float32(value), float64=lambda x, value: np.float64(value))
