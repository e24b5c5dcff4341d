"""What theory says of the splits of a group's bits into exponent and mantissa, from the constants in its row alone."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, replace

from lpbench.theory import spacings
from lpbench.theory.evaluation import evaluate, theorem
from lpbench.theory.rows import setting_of_row
from lpbench.theory.spacings import Spacing
from lpbench.theory.split import MOST_EXPONENT_BITS, best_split, noise_ball, svrg_split
from lpbench.theory.theorem import HALP, SGD, SVRG, Refused, Setting, need

from ..data.sweeps import Group, text

FIXED = "fixed (no exponent)"  # the split without exponent bits, as the page calls it
FLOATS = ("fixed", "float")  # formats that are a split of the bits
KINDS = {"fixed": "fixed point", "float": "floating point", "log": "logarithmic"}


@dataclass(frozen=True)
class Ground:
    """What the theorems read: a run in numbers, the largest number of its formats, whether floats have subnormals."""

    setting: Setting
    limit: float
    subnormals: bool = True

    @property
    def svrg(self) -> bool:
        """Whether splits are judged by what LP-SVRG leaves of the variance of rounding."""
        return self.setting.algorithm in SVRG

    def best(self, bits: int) -> int:
        """The exponent bits that theory recommends for `bits`-bit floats, 0 for fixed point; raises Refused."""
        choose = svrg_split if self.svrg else best_split
        return choose(bits, self.limit, self.setting, self.subnormals)[0]

    def judged(self, bits: int, exponent_bits: int) -> float | None:
        """What `best` minimises: the proven noise ball; for LP-SVRG delta L_1_avg + zeta L_w.

        None where no theorem applies.
        """
        grid = self._grid("float", bits, exponent_bits)
        if self.svrg:
            return grid.delta * self.setting.L_1_avg + grid.zeta * self.setting.L_w
        try:
            return noise_ball(self.setting, grid)
        except Refused:
            return None

    def ball(self, kind: str, bits: int, exponent_bits: int | None) -> tuple[float, int] | None:
        """(proven limit of a run without end, exponent bits) of a format; None where no theorem applies or no bit fits.

        kind             fixed, float or log.
        exponent_bits    None: those of the least limit.
        """
        if kind == "fixed":
            tried = [(0, spacings.linear(bits, self.limit))]
        else:
            splits = exponents(bits) if exponent_bits is None else [exponent_bits]
            tried = [
                (e, self._grid(kind, bits, e)) for e in splits if bits - 1 - e >= 1 and (e or kind == "float")
            ]
        found = []
        for e, grid in tried:
            with contextlib.suppress(Refused):
                found.append((self._limit(grid), e))
        return min(found, default=None)

    def of_elements(self, name: str) -> float | None:
        """The limit of a scaled format's elements under one scale that fits the range; None where none holds."""
        with contextlib.suppress(Refused):
            return self._limit(spacings.elements(name, self.limit))
        return None

    def _grid(self, kind: str, bits: int, exponent_bits: int) -> Spacing:
        mantissa = bits - 1 - exponent_bits
        if kind == "log":
            return spacings.logarithmic(bits, mantissa, self.limit)
        return spacings.floating(exponent_bits, mantissa, self.limit, self.subnormals)

    def _limit(self, grid: Spacing) -> float:
        if not self.svrg:
            return noise_ball(self.setting, grid)
        found = evaluate(replace(self.setting, grid=grid))
        least = found.tightest()
        if least is None:
            about = [name for name in found.refused if self.setting.algorithm in theorem(name).algorithms]
            raise Refused("; ".join(found.refused[name] for name in about))
        return found.bounds[least].value


def ground(row: Group, step_factor: float = 1.0, range_factor: float = 1.0) -> Ground:
    """What theory reads of a group, with another step size and range: stochastic rounding, a constant step size.

    Raises Refused where the row has no constants, or none that hold (see `setting_of_row`), or no theorem is about its
    algorithm.
    """
    need(row["algorithm"] in SGD | SVRG | HALP, f"no theorem is about the algorithm {row['algorithm']}")
    rounding = {"rounding": "stochastic", "random_bits": None, "schedule": "constant"}
    setting = setting_of_row(row, spacings.linear(8, 1.0), **rounding)
    limit, largest = row["limit"], row.get("w_max")
    if (
        limit is None or not limit > 0
    ):  # formats without a range of their own: the one that `limit=auto` gives others
        limit = 2.0 ** math.ceil(math.log2(1.5 * largest)) if largest is not None and largest > 0 else 1.0
    return Ground(
        replace(setting, alpha=setting.alpha * step_factor),
        float(limit) * range_factor,
        text(row["subnormals"]) != "false",
    )


def refusal(base: Ground) -> str:
    """Why no theorem bounds fixed point of 8 bits here; "" where one does."""
    try:
        base._limit(spacings.linear(8, base.limit))
    except Refused as refused:
        return str(refused)
    return ""


def exponents(bits: int) -> range:
    """The exponent bits of a float of `bits` bits, 0 for fixed point: all splits that theory tries."""
    return range(min(MOST_EXPONENT_BITS, bits - 2) + 1)


def exponent_of(row: Group) -> int:
    """The exponent bits of a measured format, 0 for fixed point."""
    return 0 if row["format"] == "fixed" else int(row["exponent_bits"])


def named(exponent_bits: int) -> str:
    """`fixed (no exponent)`, or the number."""
    return str(exponent_bits) if exponent_bits else FIXED
