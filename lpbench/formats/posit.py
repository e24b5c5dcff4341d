"""Posits: floating point whose exponents take bits from the fraction as they grow."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from lpbench.arithmetic.jit import generic
from lpbench.arithmetic.ops import copysign, exponent, floor, like, reciprocal, two_to, where
from lpbench.arithmetic.rounding import NearestEven, round_to_integer
from lpbench.errors import ConfigError
from lpbench.formats.base import Format, check_precision, clip, elementwise, quantize, saturated, symmetric
from lpbench.registry import formats

USUAL_EXPONENT_BITS = 2


@elementwise
class PositGrid(NamedTuple):
    """Posits of any size.

    smallest, largest   the positive ones.     huge   the largest finite number of the arithmetic.
    fraction            fraction bits of 1.    exponent_bits   es, and `share` 2**-es.     least   the epsilon.
    """

    smallest: Any
    largest: Any
    huge: Any
    fraction: Any
    exponent_bits: Any
    share: Any
    half: Any
    least: Any
    one: Any


@generic
def _between(rounding, fmt, a, low, middle, high):
    """The place of a between two neighbours: 0 at low, else between 0 and 1."""


@_between.case(object)
def _evenly(rounding, fmt, a, low, middle, high):
    # The quotient is rounded; so near to a neighbour that it would be taken for one a number is not.
    t = clip((a - low) / (high - low), fmt.least, fmt.one - fmt.least)
    return where(a > low, t, like(fmt.one, 0.0))


@_between.case(NearestEven)
def _by_middle(rounding, fmt, a, low, middle, high):
    # Beside short codes the middle is that of the code with one more bit, and so of the exponents.
    quarter = fmt.half * fmt.half
    t = where(a > middle, fmt.half + quarter, where(a < middle, quarter, fmt.half))
    return where(a > low, t, like(fmt.one, 0.0))


@quantize.case(PositGrid)
def _quantize(fmt, rounding, u, r, unit):
    u = like(fmt.one, u)
    a = abs(u)
    tiny = a < fmt.smallest
    c = clip(a, fmt.smallest, fmt.largest)
    c = where(c == c, c, fmt.one)
    zero, two = like(fmt.one, 0.0), fmt.one + fmt.one
    # The regime, exponent // 2**es, has so many bits; the fraction has what is left, below 0 the exponent lacks some.
    e = exponent(c)
    k = floor(e * fmt.share)
    left = fmt.fraction + where(k < zero, k + fmt.one, -k)
    left = where(left < -fmt.exponent_bits, -fmt.exponent_bits, left)
    long = left > zero
    ulp = two_to(where(long, e - left, e))
    # Short codes: neighbours are powers of two, of every `step` exponents.
    f = where(long, zero, left)
    step = two_to(-f)
    q = floor(e * reciprocal(step))
    first = q * step
    low, high = two_to(first), two_to(first + step)
    middle = where(f < zero, two_to(first + where(f < zero, step * fmt.half, zero)), low + low * fmt.half)
    # The last bit of the code is that of the exponent, or if it has none the one that ends the regime.
    last = where(f + fmt.exponent_bits > zero, q - two * floor(q * fmt.half), where(k < zero, fmt.one, zero))
    high, low = where(tiny, fmt.smallest, high), where(tiny, zero, low)
    middle, last = where(tiny, zero, middle), where(tiny, zero, last)
    inside = where(tiny, a, c)
    place = where(long, inside * reciprocal(ulp), last + _between(rounding, fmt, inside, low, middle, high))
    n = abs(round_to_integer(rounding, copysign(place, u), r))
    v = where(long, n * ulp, where(n > last, high, low))
    return where(a <= fmt.huge, copysign(v, u), like(u, np.nan))


@saturated.case(PositGrid)
def _saturated(fmt, u):
    return abs(u) > fmt.largest


@formats.register("posit")
@dataclass(frozen=True, repr=False)
class Posit(Format):
    """Posit (Gustafson): `bits` with `exponent_bits` es, unscaled: from 2**(-(bits-2) 2**es) to 2**((bits-2) 2**es).

    bits            3 .. 24, sign included.     exponent_bits   0, 1 or 2 (posit standard 2022: 2).
    To the nearest as the standard has it: by the codes, so that the middle of two neighbours is the number whose code
    is one bit longer; never to 0, and not beyond the largest. Stochastic rounding is unbiased, also between 0 and the
    smallest; toward zero a smaller number becomes 0. NaR is NaN, and what infinities become.
    Source: Standard for Posit Arithmetic (2022), 3 and 4.1. Raises ConfigError for other values.
    """

    reads = frozenset({"precision", "exponent_bits", "rounding", "random_bits"})
    ns_rounding = 2.0
    scale = 1.0
    reach = 1.0  # where posits are finest
    policy = "no subnormals; overflow saturates; to the nearest never becomes 0; NaN (NaR) stays NaN, so becomes inf"

    bits: int
    exponent_bits: int = USUAL_EXPONENT_BITS

    def __post_init__(self) -> None:
        check_precision("posit", self.bits, 3, 24)
        if not (type(self.exponent_bits) is int and 0 <= self.exponent_bits <= 2):
            raise ConfigError(f"posit: exponent_bits must be in 0..2, got {self.exponent_bits}")

    @property
    def mantissa_bits(self) -> int:  # type: ignore[override]
        """Fraction bits of the longest, those about 1."""
        return max(0, self.bits - 3 - self.exponent_bits)

    @property
    def native_max(self) -> float:
        """2**((bits - 2) 2**es)."""
        return 2.0 ** ((self.bits - 2) * 2**self.exponent_bits)

    @property
    def native_min(self) -> float:
        """The inverse of the largest."""
        return 1 / self.native_max

    def native_values(self) -> np.ndarray:
        """All but NaR, from their codes."""
        code = np.arange(1, 2 ** (self.bits - 1))
        width, body = self.bits - 1, code
        ones = body >> (width - 1) == 1
        run = np.where(ones, 2**width - 1 - body, body)  # the regime ends at the first bit of this
        length = width - np.floor(np.log2(np.maximum(run, 0.5))).astype(int) - 1
        regime = np.where(ones, length - 1, -length)
        left = np.maximum(width - length - 1, 0)  # bits behind the one that ends the regime
        rest = body & ((1 << left) - 1)
        es = self.exponent_bits
        fraction = np.maximum(left - es, 0)
        power = np.where(left >= es, rest >> fraction, rest << np.maximum(es - left, 0))
        part = rest & ((1 << fraction) - 1)
        return symmetric(np.ldexp(1 + part / 2.0**fraction, regime * 2**es + power))

    def kernel(self, dtype: Any = np.float64) -> PositGrid:
        """The grid."""
        es, real = self.exponent_bits, np.dtype(dtype).type
        numbers = (
            self.native_min,
            self.native_max,
            np.finfo(real).max,
            self.bits - 3 - es,
            es,
            2.0**-es,
            0.5,
        )
        return PositGrid(*[real(number) for number in (*numbers, np.finfo(real).eps, 1.0)])

    def scaled(self, largest: float) -> "Posit":
        """Itself: posits are finest about 1, whatever the range."""
        return self

    @classmethod
    def defaults(cls, choices: dict) -> dict:
        """exponent_bits 2 where none are asked for."""
        exponent_bits = choices.get("exponent_bits")
        exponent_bits = USUAL_EXPONENT_BITS if exponent_bits is None else exponent_bits
        form = cls(check_precision("posit", choices["precision"], 3, 24), exponent_bits)
        return {"precision": form.bits, "exponent_bits": form.exponent_bits}

    @classmethod
    def from_choices(cls, choices: dict, limit: float | None) -> "Posit":
        """The sizes of the choices."""
        return cls(choices["precision"], choices["exponent_bits"])


class Preset:
    """A posit of the standard."""

    version: ClassVar[int] = 1
    reads: ClassVar[frozenset[str]] = frozenset({"rounding", "random_bits"})
    name: str

    def __init__(self, description: str, form: Posit):
        self.__doc__, self.form = description, form

    def defaults(self, choices: dict) -> dict:
        """The bits of the preset, whatever was asked for."""
        return {"precision": self.form.bits, "exponent_bits": self.form.exponent_bits}

    def from_choices(self, choices: dict, limit: float | None) -> Posit:
        """The format itself."""
        return self.form

    def example(self) -> Posit:
        """The format itself."""
        return self.form


for _bits in (8, 16):
    _description = f"Posit of {_bits} bits, 2 of them exponent (posit standard 2022)."
    formats.register(f"posit{_bits}")(Preset(_description, Posit(_bits)))
