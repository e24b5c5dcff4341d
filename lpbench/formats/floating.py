"""Floating point with any split of the bits, and the named formats of IEEE 754 and of the OCP documents."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from lpbench.arithmetic.jit import generic
from lpbench.arithmetic.ops import (
    copysign,
    like,
    odd_exponent,
    power_of_two,
    reciprocal,
    tail,
    where,
    with_tail,
)
from lpbench.arithmetic.rounding import overflow_result, round_sum, round_to_integer
from lpbench.declared.energy import Operand, floating, integer
from lpbench.errors import ConfigError, did_you_mean
from lpbench.formats.base import (
    Format,
    check_positive,
    check_precision,
    clip,
    elementwise,
    quantize,
    saturated,
    split_bits,
    symmetric,
)
from lpbench.registry import formats


@elementwise
class SaturatingGrid(NamedTuple):
    """A floating-point grid whose numbers beyond the largest become the largest."""

    largest: Any
    smallest_normal: Any
    subnormal_ulp: Any  # spacing below the smallest normal number
    epsilon: Any  # 2**-mantissa_bits


@elementwise
class OverflowingGrid(NamedTuple):
    """A floating-point grid whose numbers beyond the largest become `special` (inf or NaN)."""

    largest: Any
    smallest_normal: Any
    subnormal_ulp: Any
    epsilon: Any
    reach: Any  # the power of two above the largest number
    special: Any
    huge: Any  # the largest finite number of the arithmetic: beyond it u is infinite itself


@elementwise
class SaturatingPowers(SaturatingGrid):
    """Without mantissa bits: powers of two."""


@elementwise
class OverflowingPowers(OverflowingGrid):
    """Without mantissa bits: powers of two."""


@elementwise
class LeadingBits(NamedTuple):
    """The numbers of float32, infinities included, whose last bits are zero."""

    mask: Any  # int32: the bits that must be zero, and the last one that need not
    unit: Any  # the last bit that need not be zero is 1 in these units
    inverse: Any
    largest: Any


@generic
def _rounded_place(fmt, rounding, s, p, r):
    """s, the place of a number in units of the spacing in its binade, that of p, as a neighbouring integer."""


@_rounded_place.case(SaturatingGrid)
@_rounded_place.case(OverflowingGrid)
def _significand(fmt, rounding, s, p, r):
    return round_to_integer(rounding, s, r)


@_rounded_place.case(SaturatingPowers)
@_rounded_place.case(OverflowingPowers)
def _power(fmt, rounding, s, p, r):
    # The only significand is 1, so that the last digit of a code is that of its exponent field: a tie goes to the even
    # one. The place is shifted by an integer that makes its parity that of the code.
    one = copysign(like(s, 1.0), s)
    # p is 2**(field - 1) of the smallest normal numbers, and the biases are odd.
    k = odd_exponent(p * reciprocal(fmt.smallest_normal)) * one
    v = round_sum(rounding, k, s - one, r) - k + one
    return where(p < fmt.smallest_normal, round_to_integer(rounding, s, r), v)


@quantize.case(SaturatingGrid)
@quantize.case(SaturatingPowers)
def _saturating(fmt, rounding, u, r, unit):
    u = like(fmt.largest, u)
    c = clip(u, -fmt.largest, fmt.largest)
    p = power_of_two(c)
    ulp = where(p < fmt.smallest_normal, fmt.subnormal_ulp, p * fmt.epsilon)
    return copysign(_rounded_place(fmt, rounding, c * reciprocal(ulp), p, r) * ulp, u)


@quantize.case(OverflowingGrid)
@quantize.case(OverflowingPowers)
def _overflowing(fmt, rounding, u, r, unit):
    u = like(fmt.largest, u)
    c = clip(u, -fmt.reach, fmt.reach)
    p = power_of_two(c)
    ulp = where(p < fmt.smallest_normal, fmt.subnormal_ulp, p * fmt.epsilon)
    v = abs(_rounded_place(fmt, rounding, c * reciprocal(ulp), p, r) * ulp)
    beyond = overflow_result(rounding, copysign(fmt.largest, u), fmt.special)
    v = where(v > fmt.largest, where(abs(u) > fmt.huge, fmt.special, beyond), v)
    return copysign(v, u)


@quantize.case(LeadingBits)
def _leading(fmt, rounding, u, r, unit):
    # The bits of a float32 count its numbers from zero on, subnormal or not: the place is what their last ones say.
    s = copysign(tail(u, fmt.mask) * fmt.inverse, u)
    n = abs(round_to_integer(rounding, s, r))
    return where(u == u, with_tail(u, fmt.mask, n * fmt.unit), u)


@saturated.case(SaturatingGrid)
@saturated.case(SaturatingPowers)
def _saturated(fmt, u):
    u = like(fmt.largest, u)
    return clip(u, -fmt.largest, fmt.largest) != u


@saturated.case(OverflowingGrid)
@saturated.case(OverflowingPowers)
@saturated.case(LeadingBits)
def _overflowed(fmt, u):
    return abs(u) > fmt.largest


# Of each, what a policy says of it.
_SPECIALS = {"finite": "no NaN code", "ieee": "inf and NaN codes", "fn": "one NaN code, no inf"}
_OVERFLOWS = {"saturate": "saturates", "inf": "becomes inf", "nan": "becomes NaN"}


@formats.register("float")
@dataclass(frozen=True, repr=False)
class Float(Format):
    """Floating point: 1 sign, exponent_bits and mantissa_bits (the stored fraction).

    limit       scales the format so that its largest number is `limit`; None leaves it as the bias says.
    subnormals  whether the lowest exponent holds evenly spaced numbers down to zero, or zero alone.
    specials    "finite": every code is a number; "ieee": the top exponent holds inf and NaN; "fn": only the code of
                all ones is NaN (OCP E4M3).
    overflow    "saturate", "inf" or "nan"; None: "inf" for ieee, else "saturate".
    bias        of the exponent; None: 2**(exponent_bits - 1) - 1.
    exponent_bits = 0 is fixed point with sign and magnitude. Raises ConfigError for impossible values.
    """

    version = 2
    reads = frozenset({"precision", "exponent_bits", "subnormals", "limit", "rounding", "random_bits"})

    exponent_bits: int
    mantissa_bits: int
    limit: float | None = None
    subnormals: bool = True
    specials: str = "finite"
    overflow: str | None = None
    bias: int | None = None

    def __post_init__(self) -> None:
        if self.overflow is None:
            object.__setattr__(self, "overflow", "inf" if self.specials == "ieee" else "saturate")
        if not (isinstance(self.exponent_bits, int) and 0 <= self.exponent_bits <= 8):
            raise ConfigError(f"float: exponent_bits must be in 0..8, got {self.exponent_bits}")
        if not (isinstance(self.mantissa_bits, int) and 0 <= self.mantissa_bits <= 23):
            raise ConfigError(f"float: mantissa_bits must be in 0..23, got {self.mantissa_bits}")
        if self.exponent_bits + self.mantissa_bits < 1:
            raise ConfigError("float: at least one exponent or mantissa bit is needed, got none")
        for what, allowed in (("specials", _SPECIALS), ("overflow", _OVERFLOWS)):
            value = getattr(self, what)
            if value not in allowed:
                raise ConfigError(f"float: unknown {what} {value!r}.{did_you_mean(str(value), allowed)}")
        if self.specials == "fn" and self.mantissa_bits == 0:
            raise ConfigError("float: specials 'fn' needs at least one mantissa bit")
        if self.specials != "finite" and self.exponent_bits < 2:
            raise ConfigError(f"float: specials {self.specials!r} needs at least 2 exponent bits")
        if self.exponent_bits == 0 and not self.subnormals:
            raise ConfigError(
                "float: with exponent_bits 0 all numbers are subnormal; subnormals must stay on"
            )
        if self.bias is None:
            object.__setattr__(self, "bias", 2 ** (self.exponent_bits - 1) - 1 if self.exponent_bits else 1)
        if self.limit is not None:
            check_positive("float", "limit", self.limit)

    @property
    def bits(self) -> int:  # type: ignore[override]
        """1 + exponent_bits + mantissa_bits."""
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def operand(self) -> Operand:
        """A float; without exponents its numbers are evenly spaced, and integers."""
        return floating(self.mantissa_bits + 1) if self.exponent_bits else integer(self.bits)

    @property
    def smallest_normal(self) -> float:
        """The smallest normal native number."""
        assert self.bias is not None
        return 2.0 ** (1 - self.bias)

    @property
    def native_max(self) -> float:
        """The largest native number."""
        ulp = 2.0**-self.mantissa_bits
        if self.exponent_bits == 0:
            return (1 - ulp) * self.smallest_normal
        assert self.bias is not None
        top = 2**self.exponent_bits - 1 - self.bias
        if self.specials == "ieee":
            return (2 - ulp) * 2.0 ** (top - 1)
        return (2 - (2 if self.specials == "fn" else 1) * ulp) * 2.0**top

    @property
    def native_min(self) -> float:
        """The smallest positive native number."""
        return self._subnormal_ulp

    @property
    def _subnormal_ulp(self) -> float:
        return self.smallest_normal * (2.0**-self.mantissa_bits if self.subnormals else 1.0)

    @property
    def scale(self) -> float:  # type: ignore[override]
        """limit over the largest native number, or 1."""
        return 1.0 if self.limit is None else self.limit / self.native_max

    @property
    def policy(self) -> str:
        """One line on subnormals, overflow and NaN."""
        lowest = "subnormals" if self.subnormals else "no subnormals (the lowest exponent holds zero alone)"
        becomes, nan = _OVERFLOWS[str(self.overflow)], _SPECIALS[self.specials]
        return f"{lowest}; overflow {becomes}; {nan}, NaN stays NaN"

    def native_values(self) -> np.ndarray:
        """All finite native numbers."""
        m = 2**self.mantissa_bits
        field, fraction = np.divmod(np.arange(2**self.exponent_bits * m), m)
        normal = 2.0 ** (field - self.bias) * (1 + fraction / m)
        low = self.smallest_normal * fraction / m * (1.0 if self.subnormals else 0.0)
        magnitudes = np.where(field == 0, low, normal)
        magnitudes = magnitudes[(magnitudes > 0) & (magnitudes <= self.native_max)]
        return symmetric(magnitudes)

    def kernel(self, dtype: Any = np.float64) -> NamedTuple:
        """The native grid; in float64 where float32 does not hold every reciprocal spacing."""
        wide = self._subnormal_ulp < 2.0**-125 or self.native_max >= 2.0**126
        real = np.float64 if wide else np.dtype(dtype).type
        common = (self.native_max, self.smallest_normal, self._subnormal_ulp, 2.0**-self.mantissa_bits)
        if self.overflow == "saturate":
            return (SaturatingGrid if self.mantissa_bits else SaturatingPowers)(*map(real, common))
        reach = 2.0 ** (np.floor(np.log2(self.native_max)) + 1)
        special = np.inf if self.overflow == "inf" else np.nan
        kind = OverflowingGrid if self.mantissa_bits else OverflowingPowers
        return kind(*map(real, (*common, reach, special, np.finfo(real).max)))

    def array_kernel(self, dtype: Any = np.float64) -> NamedTuple:
        """The native grid; where its exponents are those of float32, by the bits of float32."""
        exponents = self.exponent_bits == 8 and self.bias == 127 and self.subnormals
        alike = exponents and self.specials == "ieee" and self.overflow == "inf"
        if np.dtype(dtype) != np.float32 or not alike:
            return self.kernel(dtype)
        unit = 2 ** (23 - self.mantissa_bits)
        return LeadingBits(np.int32(2 * unit - 1), *map(np.float32, (unit, 1 / unit, self.native_max)))

    @classmethod
    def defaults(cls, choices: dict) -> dict:
        """exponent_bits by precision where none are asked for; at least one mantissa bit. `auto` stays: see binding."""
        subnormals = choices.get("subnormals")
        subnormals = True if subnormals is None else subnormals
        if choices.get("exponent_bits") == "auto":
            precision = check_precision("float", choices["precision"], 4, 32)
            return {"precision": precision, "exponent_bits": "auto", "subnormals": subnormals}
        # The scaled grid uses every code: with 8 bits its largest native number is above the largest float32.
        precision, exponent = split_bits("float", choices, 32, (0, 8), single=7)
        if exponent == 0 and not subnormals:
            raise ConfigError(
                "format float: with exponent_bits=0 all numbers are subnormal; subnormals must be true"
            )
        return {"precision": precision, "exponent_bits": exponent, "subnormals": subnormals}

    @classmethod
    def unbounded(cls, choices: dict) -> "Float":
        """As the bias says."""
        return cls.from_choices(choices, None)

    @classmethod
    def from_choices(cls, choices: dict, limit: float | None) -> "Float":
        """The split of the choices, scaled to limit."""
        exponent = choices["exponent_bits"]
        return cls(exponent, choices["precision"] - 1 - exponent, limit, subnormals=choices["subnormals"])


class Preset:
    """A named format, unscaled, as its standard defines it."""

    version: ClassVar[int] = 2
    reads: ClassVar[frozenset[str]] = frozenset({"rounding", "random_bits"})
    name: str

    def __init__(self, description: str, form: Float):
        self.__doc__ = description
        self.form = form

    def defaults(self, choices: dict) -> dict:
        """The bits of the preset, whatever was asked for."""
        form = self.form
        return {"precision": form.bits, "exponent_bits": form.exponent_bits, "subnormals": form.subnormals}

    def from_choices(self, choices: dict, limit: float | None) -> Float:
        """The format itself."""
        return self.form

    def example(self) -> Float:
        """The format itself."""
        return self.form


for _name, _description, _form in (
    ("fp16", "IEEE 754 binary16.", Float(5, 10, specials="ieee")),
    ("bf16", "bfloat16: the exponent of binary32, 7 fraction bits.", Float(8, 7, specials="ieee")),
    ("tf32", "TensorFloat-32: the exponent of binary32, 10 fraction bits.", Float(8, 10, specials="ieee")),
    ("fp8_e4m3", "OCP 8-bit E4M3 (e4m3fn): largest 448, no inf; saturates.", Float(4, 3, specials="fn")),
    (
        "fp8_e5m2",
        "OCP 8-bit E5M2: largest 57344; saturates.",
        Float(5, 2, specials="ieee", overflow="saturate"),
    ),
    ("fp6_e3m2", "OCP MX 6-bit E3M2: largest 28; saturates.", Float(3, 2)),
    ("fp6_e2m3", "OCP MX 6-bit E2M3: largest 7.5; saturates.", Float(2, 3)),
    ("fp4_e2m1", "OCP MX 4-bit E2M1: largest 6; saturates.", Float(2, 1)),
):
    formats.register(_name)(Preset(_description, _form))
