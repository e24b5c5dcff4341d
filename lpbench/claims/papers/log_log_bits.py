"""The exponent bits that the bounds ask for grow like log2 of the bits: log log of the accuracy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from lpbench.cells.binding import resolve
from lpbench.cells.theorems import setting
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import single
from lpbench.claims.base import DIMENSION_FREE, Claim, Line, Measure, Plot, claims, predicted
from lpbench.claims.cells import Cells
from lpbench.problems.build import build
from lpbench.theory.split import best_split
from lpbench.theory.theorem import Setting

BITS = tuple(range(8, 257))
MOST = 9  # exponent bits: with more the smallest number is no float64


@claims.register("log_log_bits")
class LogLogBits(Claim):
    """Formulas only. Without subnormals, and where the relative gap matters in its square alone (w* = 0)."""

    statement = (
        "The best number of exponent bits grows like log2 of the bits (log log 1/eps), without subnormals"
        " or at w* = 0"
    )
    paper = DIMENSION_FREE
    theory = "exponent or mantissa bits"
    limits = "best split - log2 b in -1.5 ... 1.5, at every b from 8 to 256; nothing is trained"
    trains = False

    def measure(self, cells: Cells) -> list[Measure]:
        """The best split against log2 b, in both cases."""
        return [
            Measure(f"{name}: exponent bits - log2 b", np.subtract(best, np.log2(BITS)), -1.5, 1.5)
            for name, best in _cases().items()
        ]

    def plot(self, cells: Cells) -> Plot:
        """Exponent bits against bits."""
        lines = [Line(name, BITS, best, points=False) for name, best in _cases().items()]
        lines.append(predicted("log2 b", BITS, [math.log2(b) for b in BITS]))
        return Plot("precision (bits)", "exponent bits", lines, x_log=True, y_log=False)


def _cases() -> dict[str, list[int]]:
    """The best exponent bits for each of BITS."""
    wide = _setting()
    at_zero = replace(wide, sigma_w=0.0, L_w=0.0)
    cases = {"no subnormals": (wide, False), "w* = 0": (at_zero, True)}
    return {
        name: [best_split(b, 1.25, run, subnormals, MOST)[0] for b in BITS]
        for name, (run, subnormals) in cases.items()
    }


def _setting() -> Setting:
    """Family E with geometric w*, at a step size so small that only the rounding is left."""
    raw = single({"problem": "family_e", "format": "float", "exponent_bits": 4, "limit": 1.25, "steps": 1})
    cell = make_cell(raw)
    problem = build(cell.choices)
    found = setting(resolve(cell.choices, problem), problem, steps=math.inf)
    return replace(found, alpha=1e-290)
