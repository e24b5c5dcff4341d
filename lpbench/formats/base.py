"""What a number format is: a grid of native numbers and a scale.

A stored number is `scale * native`. Native grids have exactly representable spacings (integers for fixed point, powers
of two for floats), so kernels keep native numbers as their state and nothing is ever re-quantised by accident.
"""

import dataclasses
import math
from bisect import bisect_left
from typing import Any, ClassVar, NamedTuple

import numpy as np

from lpbench.arithmetic.jit import generic, inner
from lpbench.arithmetic.ops import where
from lpbench.declared.energy import Operand, floating, integer
from lpbench.errors import ConfigError


@inner
def clip(u, low, high):
    """u in low .. high; NaN stays NaN. Written so that it becomes two instructions."""
    c = where(high < u, high, u)
    return where(low > c, low, c)


@generic
def quantize(fmt, rounding, u, r, unit):
    """u rounded to a neighbour in fmt, in native units; saturates or overflows as fmt says; NaN stays NaN.

    r      the random number in [0, 1); unit: the shared unit of the block (1 where a format has no blocks).
    """


@generic
def shared_unit(fmt, largest):
    """The unit that a block shares, from the largest |u| in it."""


@generic
def block_length(fmt, n):
    """How many consecutive coordinates of n share a unit: n where nothing is shared."""


@generic
def has_blocks(fmt):
    """Whether coordinates share units."""


@generic
def block_height(fmt):
    """How many rows of numbers share a unit: of square blocks as many as columns, else 1."""


@block_height.case(object)
def _one_row(fmt):
    return 1


@generic
def fitted_length(fmt, n, columns):
    """To how many of n numbers, in rows of `columns`, fmt is fitted at a time; None where that changes nothing."""


@generic
def fit(fmt, largest):
    """fmt for numbers of which `largest` is the largest magnitude."""


@fitted_length.case(object)
def _never_fitted(fmt, n, columns):
    return None


@fit.case(object)
def _always_fits(fmt, largest):
    return fmt


@generic
def saturated(fmt, u):
    """Whether u lies outside the range of fmt."""


@generic
def beyond(fmt, size, unit):
    """Whether a magnitude is beyond the largest number that the shared unit holds; never, where nothing is shared."""


@beyond.case(object)
def _shares_nothing(fmt, size, unit):
    return False


@generic
def move(fmt, rounding, w, t, r, unit):
    """(Q(w + t), whether w + t lies outside the range), w a number of fmt: rounded once, as the exact sum would be."""


def move_wide(fmt, rounding, w, t, r, unit):
    """`move` for a grid in float64, which holds the sum of two float32 numbers to 2**-53 of it."""
    u = np.float64(w) + np.float64(t)
    return quantize(fmt, rounding, u, r, unit), saturated(fmt, u)


def elementwise(kind: type) -> type:
    """Class decorator for kernel types without blocks."""
    shared_unit.case(kind)(_no_unit)
    block_length.case(kind)(_whole)
    has_blocks.case(kind)(_no_blocks)
    move.case(kind)(move_wide)
    return kind


def _no_unit(fmt, largest):
    return largest


def _whole(fmt, n):
    return n


def _no_blocks(fmt):
    return False


class Format:
    """A number format. Subclasses are frozen dataclasses that say what they are in their repr.

    bits            total bits of a stored number, sign included (a block's shared exponent is not counted).
    bits_per_value  the same with everything shared counted.
    max             the largest number; min_positive: the smallest above zero.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    reads: ClassVar[frozenset[str]] = frozenset()
    ns_rounding: ClassVar[float] = 0.6  # nanoseconds a coordinate, about: for what is estimated before a run
    dyadic: ClassVar[bool] = True  # whether native numbers have few bits, so that both float types hold them
    adapts: ClassVar[bool] = False  # whether its range follows the numbers that it holds
    literal: ClassVar[bool] = (
        False  # whether numbers of narrow dtypes are what they say, not what they were rounded from
    )

    bits: int
    scale: float
    mantissa_bits: int | None = None

    def __repr__(self) -> str:
        fields = [f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self)]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join([*fields, f'policy={self.policy!r}'])})"

    @property
    def bits_per_value(self) -> float:
        """Bits a number costs, its share of what a block shares included."""
        return float(self.bits)

    @property
    def operand(self) -> Operand:
        """A number as arithmetic takes it, for what it costs: a float where it has mantissa bits, else an integer."""
        return integer(self.bits) if self.mantissa_bits is None else floating(self.mantissa_bits + 1)

    @property
    def native_max(self) -> float:
        """The largest native number."""
        raise NotImplementedError

    @property
    def reach(self) -> float:
        """What bit centering scales to the range that it needs: the largest native number."""
        return self.native_max

    @property
    def native_min(self) -> float:
        """The smallest positive native number."""
        raise NotImplementedError

    @property
    def max(self) -> float:
        """The largest number."""
        return self.scale * self.native_max

    @property
    def min_positive(self) -> float:
        """The smallest number above zero."""
        return self.scale * self.native_min

    @property
    def policy(self) -> str:
        """What happens to subnormals, overflow and NaN, in one line."""
        raise NotImplementedError

    def values(self) -> np.ndarray:
        """All finite numbers of the format, ascending, float64. Raises ValueError above 16 bits."""
        if self.bits > 16:
            raise ValueError(f"{self!r} has 2**{self.bits} numbers; values() lists up to 16 bits")
        return self.scale * self.native_values()

    def native_values(self) -> np.ndarray:
        """All finite native numbers, ascending, float64."""
        raise NotImplementedError

    def kernel(self, dtype: Any = np.float64) -> NamedTuple:
        """The native grid as kernels take it, for arithmetic in dtype (float32 or float64)."""
        raise NotImplementedError

    @property
    def array_scale(self) -> float:
        """The scale of `array_kernel`: a number is `array_scale * native`."""
        return self.scale

    def array_kernel(self, dtype: Any = np.float64) -> NamedTuple:
        """The native grid as `lpbench.quantize` takes it: the numbers of kernel(dtype), rounded to alike."""
        return self.kernel(dtype)

    @property
    def facts(self) -> dict[str, Any]:
        """What `lpbench show` says of it beside what all formats have."""
        return {}

    @property
    def axis(self) -> int | None:
        """Along which its blocks and rows lie, or whose indices are its channels; None where it has neither."""
        return -1 if has_blocks(self.kernel()) else None

    def columns(self, shape: tuple[int, ...]) -> int:
        """How many consecutive numbers of a tensor make a row, along which blocks lie."""
        return shape[-1] if shape else 1

    def step_kernel(self, dtype: Any = np.float64) -> NamedTuple:
        """The native grid as training steps take it, for weights kept in dtype: by `move`, so in float64."""
        return self.kernel(np.float64)

    def scaled(self, largest: float) -> "Format":
        """The same format, scaled so that its largest number is `largest`: by its field `limit`, where it has one."""
        return dataclasses.replace(self, limit=largest)  # type: ignore[type-var]

    @classmethod
    def defaults(cls, choices: dict) -> dict:
        """The format's own choices, defaults filled in and checked; raises ConfigError for an impossible one."""
        raise NotImplementedError

    @classmethod
    def from_choices(cls, choices: dict, limit: float | None) -> "Format":
        """The format of one cell; `limit` is its largest value as a number."""
        raise NotImplementedError

    @classmethod
    def unbounded(cls, choices: dict) -> "Format | None":
        """The format for numbers whose size nobody knows beforehand; None where it has one range, to be given."""
        return None

    @classmethod
    def example(cls) -> "Format":
        """The format that `lpbench show NAME` shows: 8 bits, limit 1."""
        choices = dict.fromkeys(("precision", "exponent_bits", "block_size", "subnormals"))
        return cls.from_choices(cls.defaults(choices | {"precision": 8, "subnormals": True}), 1.0)


def symmetric(magnitudes: np.ndarray) -> np.ndarray:
    """-m ... 0 ... m from the positive magnitudes, ascending."""
    return np.concatenate([-magnitudes[::-1], [0.0], magnitudes])


def least_power_of_two(x: float) -> float:
    """The least power of two at or above x, exactly, as a logarithm is not; 1 where x is not above 0."""
    if not x > 0:
        return 1.0
    fraction, exponent = math.frexp(x)
    return math.ldexp(1.0, exponent - (fraction == 0.5))


def check_precision(name: str, precision: Any, least: int, most: int) -> int:
    """precision as an int in least .. most; raises ConfigError that says so."""
    if not isinstance(precision, int) or isinstance(precision, bool) or not least <= precision <= most:
        raise ConfigError(
            f"format {name}: precision must be a whole number in {least}..{most}, got {precision}"
        )
    return precision


def check_positive(name: str, what: str, value: float) -> None:
    """Raise ConfigError unless `value`, a size of the format called `name`, is positive and finite."""
    if not (np.isfinite(value) and value > 0):
        raise ConfigError(f"{name}: {what} must be positive and finite, got {value}")


def split_bits(
    name: str, choices: dict, most: int, exponents: tuple[int, int], single: int
) -> tuple[int, int]:
    """(precision, exponent_bits) of a format that splits its bits.

    most   of precision; exponents: the fewest and the most exponent bits; single: the most that float32 holds.
    Raises ConfigError for what lies outside, and when no mantissa bit is left.
    """
    precision = check_precision(name, choices["precision"], 4, most)
    exponent = choices.get("exponent_bits")
    if exponent is None:
        exponent = 2 + bisect_left((4, 6, 8), precision)  # 2 up to 4 bits, 3 to 6, 4 to 8, then 5
    low, high = exponents
    if not isinstance(exponent, int) or not low <= exponent <= high:
        raise ConfigError(f"format {name}: exponent_bits must be in {low}..{high}, got {exponent}")
    if precision - 1 - exponent < 1:
        raise ConfigError(
            f"format {name}: precision {precision} with {exponent} exponent bits leaves no mantissa bit; "
            f"use precision >= {exponent + 2} or exponent_bits <= {precision - 2}"
        )
    if exponent > single and choices.get("compute_dtype") == "float32":
        raise ConfigError(
            f"format {name}: float32 does not hold numbers with exponent_bits={exponent}; "
            f"use compute_dtype=float64 or exponent_bits <= {single}"
        )
    return precision, exponent
