"""No quantization: the full precision of the arithmetic itself."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lpbench.declared.energy import FULL, Operand
from lpbench.formats.base import Format, elementwise, move, quantize, saturated
from lpbench.registry import formats


@elementwise
class FullGrid(NamedTuple):
    """Every number of the arithmetic's own type."""


@quantize.case(FullGrid)
def _quantize(fmt, rounding, u, r, unit):
    return u


@saturated.case(FullGrid)
def _saturated(fmt, u):
    return False


@move.case(FullGrid)
def _move(fmt, rounding, w, t, r, unit):
    return w + t, False


@formats.register("none")
@dataclass(frozen=True, repr=False)
class Full(Format):
    """No quantization: float64 or float32 as compute_dtype says."""

    ns_rounding = 0.0
    reach = 1.0  # there is no range to fill
    policy = "as IEEE 754 binary32 or binary64"

    bits: int = 64
    scale: float = 1.0

    @property
    def operand(self) -> Operand:
        """A float64 or float32."""
        return FULL["float32" if self.bits == 32 else "float64"]

    @property
    def native_max(self) -> float:
        """The largest number of the arithmetic."""
        return float(np.finfo(np.float32 if self.bits == 32 else np.float64).max)

    @property
    def native_min(self) -> float:
        """The smallest positive number of the arithmetic."""
        return float(np.finfo(np.float32 if self.bits == 32 else np.float64).smallest_subnormal)

    def kernel(self, dtype: Any = np.float64) -> FullGrid:
        """Nothing to hold."""
        return FullGrid()

    def scaled(self, largest: float) -> "Full":
        """Itself."""
        return self

    @classmethod
    def defaults(cls, choices: dict) -> dict:
        """64 or 32 bits by compute_dtype."""
        return {"precision": 32 if choices.get("compute_dtype") == "float32" else 64}

    @classmethod
    def from_choices(cls, choices: dict, limit: float | None) -> "Full":
        """64 or 32 bits."""
        return cls(choices["precision"])

    @classmethod
    def example(cls) -> "Full":
        """64 bits."""
        return cls()
