"""Fixed point: integers times a quantum, the linear quantization of Li & De Sa (2019)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.rounding import round_sum, round_to_integer
from lpbench.formats.base import (
    Format,
    check_positive,
    check_precision,
    clip,
    elementwise,
    move,
    quantize,
    saturated,
)
from lpbench.registry import formats


@elementwise
class FixedGrid(NamedTuple):
    """The integers lo .. hi."""

    lo: Any
    hi: Any


@elementwise
class CodeGrid(NamedTuple):
    """The same for steps in float32, which does not hold the sum of a code and an update."""

    lo: Any
    hi: Any


@quantize.case(FixedGrid)
@quantize.case(CodeGrid)
def _quantize(fmt, rounding, u, r, unit):
    return round_to_integer(rounding, clip(u, fmt.lo, fmt.hi), r)


@saturated.case(FixedGrid)
def _saturated(fmt, u):
    return clip(u, fmt.lo, fmt.hi) != u


@move.case(CodeGrid)
def _move(fmt, rounding, w, t, r, unit):
    # w is an integer and so are the ends of the range: t alone is rounded.
    c = clip(t, fmt.lo - w, fmt.hi - w)
    return round_sum(rounding, w, c, r), c != t


@formats.register("fixed")
@dataclass(frozen=True, repr=False)
class Fixed(Format):
    """Fixed point: delta * (-2**(bits-1) .. 2**(bits-1) - 1); saturates.

    bits    2 .. 24, sign included (so that float32 holds every code).
    delta   the quantum, > 0: the spacing of the grid.
    Raises ConfigError for other values.
    """

    version = 2
    reads = frozenset({"precision", "limit", "rounding", "random_bits"})
    ns_rounding = 0.4
    native_min = 1.0
    policy = "no subnormals; overflow saturates; NaN stays NaN"

    bits: int
    delta: float

    def __post_init__(self) -> None:
        check_precision("fixed", self.bits, 2, 24)
        check_positive("fixed", "delta", self.delta)

    @classmethod
    def for_range(cls, bits: int, limit: float) -> "Fixed":
        """The format whose numbers reach from -limit to limit - delta: delta = limit * 2**(1 - bits)."""
        return cls(bits, limit * 2.0 ** (1 - bits))

    @property
    def scale(self) -> float:  # type: ignore[override]
        """The quantum."""
        return self.delta

    @property
    def native_max(self) -> float:
        """2**(bits-1) - 1."""
        return 2.0 ** (self.bits - 1) - 1

    def native_values(self) -> np.ndarray:
        """The integers of the grid."""
        half = 2 ** (self.bits - 1)
        return np.arange(-half, half, dtype=np.float64)

    def kernel(self, dtype: Any = np.float64) -> FixedGrid:
        """The grid of integers."""
        real = np.dtype(dtype).type
        return FixedGrid(real(-self.native_max - 1), real(self.native_max))

    def step_kernel(self, dtype: Any = np.float64) -> FixedGrid | CodeGrid:
        """The grid of integers; in float32 one that never adds codes and updates."""
        grid = self.kernel(dtype)
        return CodeGrid(*grid) if np.dtype(dtype) == np.float32 else grid

    def scaled(self, largest: float) -> "Fixed":
        """delta such that the largest number is `largest`."""
        return Fixed(self.bits, largest / self.native_max)

    @classmethod
    def defaults(cls, choices: dict) -> dict:
        """precision in 2 .. 24."""
        return {"precision": check_precision("fixed", choices["precision"], 2, 24)}

    @classmethod
    def from_choices(cls, choices: dict, limit: float | None) -> "Fixed":
        """precision bits over -limit .. limit."""
        return cls.for_range(choices["precision"], 1.0 if limit is None else limit)
