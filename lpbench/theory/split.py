"""How best to split b bits into exponent and mantissa: by trying every split on what the theorems promise of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from lpbench.theory import spacings
from lpbench.theory.bounds.convex import convex
from lpbench.theory.bounds.nonlinear import nonlinear
from lpbench.theory.bounds.strongly_convex import strongly_convex
from lpbench.theory.spacings import Spacing
from lpbench.theory.theorem import Refused, Setting, within_float64

MOST_EXPONENT_BITS = 8  # of the format float


def best_split(
    bits: int, limit: float, setting: Setting, subnormals: bool = True, most: int = MOST_EXPONENT_BITS
) -> tuple[int, float]:
    """The exponent bits of the `bits`-bit float with the smallest noise ball of LP-SGD, and that noise ball.

    bits      in all, sign included, at least 3: one is left for the mantissa.
    limit     the largest number.       most   no more exponent bits than this.
    setting   a run in numbers; of its grid only the range is read. Its rounding and schedule do not matter: the split
              is judged for stochastic rounding and its alpha at every step.

    The ball is the least of 4, and of 1b and 1c with the largest gap as the quantum, at T = inf. Of equal splits the
    one with fewer exponent bits is taken; 0 exponent bits (and 1, with subnormals) are fixed point. Raises Refused
    where no theorem applies to any split.
    Source: docs/theory.md, 4 (exponent and mantissa bits).
    """
    return _least(_floats(bits, limit, subnormals, most), lambda grid: noise_ball(setting, grid))


def best_log_split(bits: int, limit: float, setting: Setting, most: int = 9) -> tuple[int, float]:
    """As `best_split`, for the logarithmic format: e = 1 .. most exponent bits, the rest but the sign fraction bits."""
    splits = [(e, spacings.logarithmic(bits, bits - 1 - e, limit)) for e in range(1, min(most, bits - 2) + 1)]
    return _least(splits, lambda grid: noise_ball(setting, grid))


def svrg_split(
    bits: int, limit: float, setting: Setting, subnormals: bool = True, most: int = MOST_EXPONENT_BITS
) -> tuple[int, float]:
    """The exponent bits with the least delta L_1_avg + zeta L_w, and that value.

    In LP-SVRG the noise of the gradient is gone, sigma_1 and sigma_w with it, and what is left of the variance of
    rounding is alpha ||w - w*||_2 times this. Arguments and ties as in `best_split`.
    Source: docs/theory.md, 4 and 5b.
    """
    return _least(
        _floats(bits, limit, subnormals, most),
        lambda grid: grid.delta * setting.L_1_avg + grid.zeta * setting.L_w,
    )


def noise_ball(setting: Setting, grid: Spacing) -> float:
    """The least of 4, 1b and 1c on `grid` for T = inf; raises Refused where none of them applies."""
    s = replace(setting, grid=grid, steps=math.inf)
    found, reasons = [], []
    for bound in (nonlinear, strongly_convex, convex):
        try:
            with within_float64():
                found.append(float(bound.function(s)))
        except Refused as reason:
            reasons.append(f"theorem {bound.name}: {reason}")
    if not found:
        raise Refused("; ".join(reasons))
    return min(found)


def _floats(bits: int, limit: float, subnormals: bool, most: int) -> list[tuple[int, Spacing]]:
    first = 0 if subnormals else 1  # without exponent bits every number is subnormal
    return [
        (e, spacings.floating(e, bits - 1 - e, limit, subnormals))
        for e in range(first, min(most, bits - 2) + 1)
    ]


def _least(splits: Iterable[tuple[int, Spacing]], value: Callable[[Spacing], float]) -> tuple[int, float]:
    found, reason = [], Refused("no split leaves a mantissa bit: there must be at least 3 bits")
    for exponent, grid in splits:
        try:
            found.append((exponent, value(grid)))
        except Refused as refused:
            reason = refused
    if not found:
        raise reason
    return min(found, key=lambda split: split[1])  # the first of equals, which has the fewest exponent bits
