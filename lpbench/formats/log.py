"""Logarithmic numbers: zero and a geometric series, the logarithmic quantization of Li & De Sa (2019)."""

import functools
import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.jit import generic
from lpbench.arithmetic.ops import copysign, index, like, power_of_two, reciprocal, take, where
from lpbench.arithmetic.rounding import as_place, round_to_integer
from lpbench.declared.energy import Operand, logarithm
from lpbench.formats.base import (
    Format,
    check_positive,
    elementwise,
    quantize,
    saturated,
    split_bits,
    symmetric,
)
from lpbench.registry import formats

_FIXED = 128  # bits behind the point, in which the knots are computed


@elementwise
class LogGrid(NamedTuple):
    """0 and smallest * ratio**k up to 1, ratio = 2**(1 / 2**f), f <= 3."""

    smallest: Any
    # Nine numbers: ratio**i, the numbers of one octave, both ends included; after them 2.
    knots: tuple[Any, ...]
    one: Any


@elementwise
class FineLogGrid(NamedTuple):
    """The same with any f."""

    smallest: Any
    knots: Vector  # (2**f + 1,) ratio**i
    first: Vector  # (2**(f+1),) the last knot at or below each of that many equal cells of [1, 2)
    cells: Any  # 2**(f+1)
    one: Any


@generic
def _neighbours(fmt, m):
    """The last knot at or below m, the next one, and 1 where the first one's place in the octave is odd, else 0."""


@_neighbours.case(LogGrid)
def _by_halving(fmt, m):
    # Without a table: what looks one up does not vectorise.
    k = fmt.knots
    up = m >= k[4]
    a, b, c = where(up, k[4], k[0]), where(up, k[5], k[1]), where(up, k[6], k[2])
    d, e = where(up, k[7], k[3]), where(up, k[8], k[4])
    up = m >= c
    a, b, c = where(up, c, a), where(up, d, b), where(up, e, c)
    up = m >= b
    return where(up, b, a), where(up, c, b), where(up, fmt.one, fmt.one * 0)


@_neighbours.case(FineLogGrid)
def _by_table(fmt, m):
    i = take(fmt.first, index((m - fmt.one) * fmt.cells))
    i = where(m >= take(fmt.knots, i + 1), i + 1, i)  # knots are farther apart than cells: one step is enough
    return take(fmt.knots, i), take(fmt.knots, i + 1), like(fmt.one, i % 2)


@quantize.case(LogGrid)
@quantize.case(FineLogGrid)
def _quantize(fmt, rounding, u, r, unit):
    u = like(fmt.one, u)
    a = where(abs(u) > fmt.one, fmt.one, abs(u))
    b = where(a > fmt.smallest, a, fmt.smallest)  # also where u is NaN, so that the table is never left
    p = power_of_two(b)
    below, above, odd = _neighbours(fmt, b * reciprocal(p))
    inside = a >= fmt.smallest
    low = where(inside, below * p, fmt.one * 0)
    high = where(inside, above * p, fmt.smallest)
    # The parity of the code goes along, so that ties go to the even code. The codes count from 0 = zero, and the
    # largest, knot 0 of its octave, is odd: a knot's parity is the other one than that of its place.
    parity = where(inside, fmt.one - odd, fmt.one * 0)
    s = copysign(parity + as_place(rounding, (a - low) / (high - low)), u)
    v = where(abs(round_to_integer(rounding, s, r)) > parity, high, low)
    return where(u == u, copysign(v, u), u)


@saturated.case(LogGrid)
@saturated.case(FineLogGrid)
def _saturated(fmt, u):
    return abs(u) > fmt.one


@functools.lru_cache(maxsize=16)
def octave(f: int) -> np.ndarray:
    """2**(i / 2**f), i = 0 ... 2**f, correctly rounded: by whole numbers, as machines differ in their powers.

    The roots of 2 are square roots of each other, and an odd knot is the even one before it times the root.
    """
    root, knots = 2 << _FIXED, [1 << _FIXED, 2 << _FIXED]
    for _ in range(f):
        root = math.isqrt(root << _FIXED)
        knots = [knot for even in knots[:-1] for knot in (even, even * root >> _FIXED)] + knots[-1:]
    found = np.array([knot / (1 << _FIXED) for knot in knots])
    found.flags.writeable = False
    return found


@formats.register("log")
@dataclass(frozen=True, repr=False)
class Log(Format):
    """Logarithmic: 0 and +-limit * 2**((k - n) / 2**f), k = 1 .. n, n = 2**(bits-1) - 1; saturates.

    bits           4 .. 16, sign included; exponent_bits e (None: the rule of `float`); f = bits - 1 - e fraction bits,
                   at least 1, so that neighbours differ by the factor 2**(2**-f).
    limit          the largest number.
    Raises ConfigError for other values.
    """

    reads = frozenset({"precision", "exponent_bits", "limit", "rounding", "random_bits"})
    ns_rounding = 14.0
    dyadic = False
    native_max = 1.0
    policy = "no subnormals (zero is next to the smallest number); overflow saturates; NaN stays NaN"
    version: ClassVar[int] = 2

    bits: int
    exponent_bits: int | None = None
    limit: float = 1.0

    def __post_init__(self) -> None:
        filled = self.defaults({"precision": self.bits, "exponent_bits": self.exponent_bits})
        object.__setattr__(self, "exponent_bits", filled["exponent_bits"])
        check_positive("log", "limit", self.limit)

    @property
    def mantissa_bits(self) -> int:  # type: ignore[override]
        """The fraction bits f of the exponent."""
        assert self.exponent_bits is not None
        return self.bits - 1 - self.exponent_bits

    @property
    def operand(self) -> Operand:
        """A logarithm."""
        return logarithm(self.bits, self.mantissa_bits)

    @property
    def scale(self) -> float:  # type: ignore[override]
        """limit: native numbers reach to 1."""
        return self.limit

    @property
    def native_min(self) -> float:
        """The smallest positive native number."""
        return float(self.native_values()[2 ** (self.bits - 1)])

    def native_values(self) -> np.ndarray:
        """All native numbers."""
        f, n = self.mantissa_bits, 2 ** (self.bits - 1) - 1
        k, i = np.divmod(np.arange(1 - n, 1), 2**f)
        return symmetric(np.ldexp(octave(f)[i], k))

    def kernel(self, dtype: Any = np.float64) -> NamedTuple:
        """The native grid; in float64 where float32 does not reach down to the smallest number."""
        real = np.float64 if self.native_min < 2.0**-120 else np.dtype(dtype).type
        return self._grid(real, real)

    def step_kernel(self, dtype: Any = np.float64) -> NamedTuple:
        """In float64, the numbers of the grid rounded to those that weights of dtype hold."""
        return self._grid(np.float64, dtype)

    def _grid(self, real: Any, stored: Any) -> NamedTuple:
        f = self.mantissa_bits
        # Rounded to the stored numbers' own type first: numbers of the grid must be recognised as such.
        knots = octave(f).astype(stored).astype(real)
        k, i = divmod(2 - 2 ** (self.bits - 1), 2**f)
        smallest = real(np.ldexp(knots[i], k))
        if f <= 3:
            return LogGrid(smallest, (*knots, *[real(2)] * (8 - 2**f)), real(1))
        cells = 2 ** (f + 1)
        first = np.searchsorted(knots, 1 + np.arange(cells) / cells, side="right") - 1
        return FineLogGrid(smallest, knots, first.astype(np.int64), real(cells), real(1))

    @classmethod
    def defaults(cls, choices: dict) -> dict:
        """exponent_bits by precision where none are asked for; at least one fraction bit."""
        precision, exponent = split_bits("log", choices, 16, (1, 9), single=6)
        return {"precision": precision, "exponent_bits": exponent}

    @classmethod
    def from_choices(cls, choices: dict, limit: float | None) -> "Log":
        """The split of the choices, up to limit."""
        return cls(choices["precision"], choices["exponent_bits"], 1.0 if limit is None else limit)
