"""Block floating point: neighbouring coordinates share one exponent."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpbench.declared.energy import Operand, integer
from lpbench.errors import ConfigError
from lpbench.formats.base import Format, check_positive, check_precision
from lpbench.formats.fixed import FixedGrid
from lpbench.formats.scales import BlockedGrid, powers
from lpbench.registry import formats

SHARED_BITS = 8


@formats.register("block")
@dataclass(frozen=True, repr=False)
class Block(Format):
    """Block floating point: sign and bits-1 magnitude bits each, an 8-bit exponent shared by block_size neighbours.

    bits        2 .. 24 of one element, sign included; the shared exponent is counted in bits_per_value only.
    block_size  how many consecutive coordinates (of the last axis) share an exponent.
    limit       the largest number: the shared exponent reaches 255 binades down from it.
    The shared exponent is the smallest with which the block's largest number fits: nothing in range is clipped.
    Raises ConfigError for other values.
    """

    version = 2
    reads = frozenset({"precision", "block_size", "limit", "rounding", "random_bits"})
    ns_rounding = 1.0
    adapts = True
    native_min = 2.0 ** -(2**SHARED_BITS - 1)  # the smallest shared unit
    policy = "shared exponent fits the block's largest number; beyond limit saturates; NaN stays NaN"

    bits: int
    block_size: int = 16
    limit: float = 1.0

    def __post_init__(self) -> None:
        check_precision("block", self.bits, 2, 24)
        if not (isinstance(self.block_size, int) and self.block_size >= 1):
            raise ConfigError(f"block: block_size must be a whole number >= 1, got {self.block_size}")
        check_positive("block", "limit", self.limit)

    @property
    def bits_per_value(self) -> float:
        """bits + 8 / block_size."""
        return self.bits + SHARED_BITS / self.block_size

    @property
    def mantissa_bits(self) -> int:  # type: ignore[override]
        """Magnitude bits of an element."""
        return self.bits - 1

    @property
    def operand(self) -> Operand:
        """An element: an integer."""
        return integer(self.bits)

    @property
    def scale(self) -> float:  # type: ignore[override]
        """limit over the largest native number."""
        return self.limit / self.native_max

    @property
    def native_max(self) -> float:
        """2**(bits-1) - 1."""
        return 2.0 ** (self.bits - 1) - 1

    def native_values(self) -> np.ndarray:
        """The numbers of a block whose shared exponent is the largest."""
        return np.arange(-self.native_max, self.native_max + 1)

    def kernel(self, dtype: Any = np.float64) -> BlockedGrid:
        """The native grid; in float32 the shared exponent ends where float32 does."""
        return self._grid(np.dtype(dtype).type, dtype)

    @property
    def array_scale(self) -> float:
        """1 where the largest shared unit is a power of two above it: nothing small is lost in smaller units."""
        return 1.0 if self.scale > 1 and math.frexp(self.scale)[0] == 0.5 else self.scale

    def array_kernel(self, dtype: Any = np.float64) -> BlockedGrid:
        """The same grid in units of `array_scale`."""
        return self._grid(np.dtype(dtype).type, dtype, self.scale / self.array_scale)

    def step_kernel(self, dtype: Any = np.float64) -> BlockedGrid:
        """The same numbers as those of kernel(dtype), in float64."""
        return self._grid(np.float64, dtype)

    def _grid(self, real: Any, stored: Any, largest: float = 1.0) -> BlockedGrid:
        """Integers times a power of two, `largest` at most: the smallest one with which the largest number fits."""
        smallest = max(self.native_min, 2.0**-100) if np.dtype(stored) == np.float32 else self.native_min
        levels, top = self.native_max, 2.0 ** (self.bits - 2)
        scales = powers(levels / top, top, (smallest * largest, largest), largest, real, wide=False)
        element = FixedGrid(real(-levels), real(levels))
        return BlockedGrid(
            element, scales, real(levels), np.float64(levels * largest), np.int64(self.block_size)
        )

    @classmethod
    def defaults(cls, choices: dict) -> dict:
        """block_size 16 where none is asked for."""
        size = choices.get("block_size")
        precision = check_precision("block", choices["precision"], 2, 24)
        return {"precision": precision, "block_size": 16 if size is None else size}

    @classmethod
    def unbounded(cls, choices: dict) -> "Block":
        """Shared exponents from 2**20 down."""
        top = cls(choices["precision"], choices["block_size"])
        return cls(top.bits, top.block_size, top.native_max * 2.0**20)

    @classmethod
    def from_choices(cls, choices: dict, limit: float | None) -> "Block":
        """bits and block size of the choices, up to limit."""
        return cls(choices["precision"], choices["block_size"], 1.0 if limit is None else limit)
