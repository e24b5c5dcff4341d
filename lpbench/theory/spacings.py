"""The grids that the theorems are about: how far apart the numbers of a format lie.

Written from the definitions of the formats, without their code: the theory shares nothing with what it judges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple


class Spacing(NamedTuple):
    """Spacings and range of a grid of numbers.

    delta       every gap between neighbours lo, hi is at most max(delta, zeta * min(|lo|, |hi|)).
    zeta        0 where the grid is linear: then all gaps are delta.
    gap         the largest gap.
    low, high   the range, infinite without quantization.
    saturates   whether what lies beyond the range becomes its end.
    """

    delta: float
    zeta: float
    gap: float
    low: float
    high: float
    saturates: bool = True

    @property
    def linear(self) -> bool:
        """Whether all gaps are equal."""
        return self.zeta == 0.0


FULL = Spacing(0.0, 0.0, 0.0, -math.inf, math.inf)  # no quantization

# exponent bits, mantissa bits, largest number, whether it saturates: IEEE 754, bfloat16, TF32, OCP
PRESETS = {
    "fp16": (5, 10, 65504.0, False),
    "bf16": (8, 7, (2 - 2.0**-7) * 2.0**127, False),
    "tf32": (8, 10, (2 - 2.0**-10) * 2.0**127, False),
    "fp8_e4m3": (4, 3, 448.0, True),
    "fp8_e5m2": (5, 2, 57344.0, True),
    "fp6_e3m2": (3, 2, 28.0, True),
    "fp6_e2m3": (2, 3, 7.5, True),
    "fp4_e2m1": (2, 1, 6.0, True),
}
# Scaled formats: what their elements are, a preset or "integers"; bits of an element; what shares of scales add.
SCALED = {
    "mxfp8_e4m3": ("fp8_e4m3", 8, 8 / 32),
    "mxfp8_e5m2": ("fp8_e5m2", 8, 8 / 32),
    "mxfp6_e3m2": ("fp6_e3m2", 6, 8 / 32),
    "mxfp6_e2m3": ("fp6_e2m3", 6, 8 / 32),
    "mxfp4": ("fp4_e2m1", 4, 8 / 32),
    "mxint8": ("integers", 8, 8 / 32),
    "nvfp4": ("fp4_e2m1", 4, 8 / 16),
    "nvfp4_16x16": ("fp4_e2m1", 4, 8 / 256),
    "int8_tensor": ("integers", 8, 0.0),
    "int8_row": ("integers", 8, 0.0),
    "int8_channel": ("integers", 8, 0.0),
    "fp8_tensor": ("fp8_e4m3", 8, 0.0),
    "fp8_row": ("fp8_e4m3", 8, 0.0),
}


def of_choices(choices: Mapping[str, Any], limit: float) -> Spacing | None:
    """The grid of a built-in format, scaled to `limit`; None for formats that no theorem is about.

    choices   `format`, `precision`, `exponent_bits`, `subnormals`, all as numbers.
    """
    name, bits = choices["format"], choices["precision"]
    if name == "none":
        return FULL
    if name == "fixed":
        return linear(bits, limit)
    if name == "float":
        exponent = choices["exponent_bits"]
        return floating(exponent, bits - 1 - exponent, limit, choices["subnormals"])
    if name == "log":
        return logarithmic(bits, bits - 1 - choices["exponent_bits"], limit)
    if name in PRESETS:
        return preset(name)
    return None


def linear(bits: int, limit: float) -> Spacing:
    """-limit ... limit - delta in steps of delta = limit * 2**(1 - bits)."""
    delta = limit * 2.0 ** (1 - bits)
    return Spacing(delta, 0.0, delta, -limit, limit - delta)


def symmetric_linear(bits: int, limit: float) -> Spacing:
    """-limit ... limit in 2**(bits-1) - 1 steps on each side: what the bits formulas count with."""
    delta = limit / (2.0 ** (bits - 1) - 1)
    return Spacing(delta, 0.0, delta, -limit, limit)


def floating(exponent_bits: int, mantissa_bits: int, limit: float, subnormals: bool = True) -> Spacing:
    """Floating point whose every code is a number, scaled so that the largest is `limit`.

    zeta = 2**-m, delta = limit / (2 - zeta) * 2**(2 - 2**e), times zeta with subnormals. Without exponent bits, and
    with one and subnormals, that is a linear grid of e + m magnitude bits.
    """
    if exponent_bits == 0 or (exponent_bits == 1 and subnormals):
        return symmetric_linear(1 + exponent_bits + mantissa_bits, limit)
    zeta = 2.0**-mantissa_bits
    smallest_normal = limit / (2 - zeta) * 2.0 ** (2 - 2.0**exponent_bits)
    delta = smallest_normal * (zeta if subnormals else 1.0)
    return Spacing(delta, zeta, max(delta, limit * zeta / (2 - zeta)), -limit, limit)


def own_limit(exponent_bits: int, mantissa_bits: int) -> float:
    """The largest number of floating point that nothing scales: its bias is 2**(e - 1) - 1, and every code a number."""
    return (2 - 2.0**-mantissa_bits) * 2.0 ** (2.0 ** (exponent_bits - 1))


def logarithmic(bits: int, fraction_bits: int, limit: float) -> Spacing:
    """0 and +-limit * 2**(-k / 2**f), k = 0 ... 2**(bits-1) - 2: every gap but those next to zero is relative."""
    ratio = 2.0 ** (2.0**-fraction_bits)
    delta = limit * ratio ** -(2.0 ** (bits - 1) - 2)
    return Spacing(delta, ratio - 1, max(delta, limit * (1 - 1 / ratio)), -limit, limit)


def preset(name: str) -> Spacing:
    """One of the named formats of `PRESETS`, unscaled, with the bias 2**(e-1) - 1."""
    exponent, mantissa, largest, saturates = PRESETS[name]
    zeta = 2.0**-mantissa
    top = 2.0 ** math.floor(math.log2(largest))  # the power of two below the largest number
    return Spacing(2.0 ** (2 - 2 ** (exponent - 1)) * zeta, zeta, top * zeta, -largest, largest, saturates)


def elements(name: str, limit: float) -> Spacing:
    """The elements of a scaled format under one scale, with which the largest is `limit`.

    A stand-in: no theorem is about scales that follow the numbers.
    """
    element, bits, _ = SCALED[name]
    if element == "integers":
        return symmetric_linear(bits, limit)
    grid = preset(element)
    scale = limit / grid.high
    return Spacing(grid.delta * scale, grid.zeta, grid.gap * scale, -limit, limit)
