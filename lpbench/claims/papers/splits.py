"""What the claims about exponent and mantissa bits share: floors by split, and the split that theory predicts."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lpbench.cells.binding import resolve
from lpbench.cells.theorems import best_exponent_bits
from lpbench.claims.base import Plot, spread
from lpbench.claims.cells import Cells
from lpbench.problems.build import build


class Splits(NamedTuple):
    """One precision: exponent bits, floors (replicates, splits), and the exponent bits that theory predicts."""

    bits: int
    exponents: list[int]
    floors: np.ndarray
    predicted: int

    @property
    def best(self) -> list[int]:
        """The exponent bits with the lowest floor, for each replicate."""
        return [self.exponents[i] for i in self.floors.argmin(axis=1)]

    def fewest(self, factor: float) -> list[int]:
        """The fewest exponent bits with a floor within `factor` of the lowest, for each replicate."""
        near = self.floors <= factor * self.floors.min(axis=1, keepdims=True)
        return [self.exponents[i] for i in near.argmax(axis=1)]

    def over_least(self, exponent: int) -> np.ndarray:
        """(replicates,): the floor with these exponent bits over the lowest."""
        floors: np.ndarray = self.floors[:, self.exponents.index(exponent)] / self.floors.min(axis=1)
        return floors


def splits(cells: Cells) -> Iterator[Splits]:
    """One for each precision."""
    for bits in cells.axis("precision"):
        exponents, floors = cells.table("noise_floor", "exponent_bits", precision=bits)
        choices = dict(cells.choices[cells.where(precision=bits)[0]["cell_id"]])
        problem = build(choices)
        yield Splits(bits, exponents, floors, best_exponent_bits(resolve(choices, problem), problem))


def split_plot(cells: Cells) -> Plot:
    """Floors against exponent bits, one panel a precision."""
    lines = []
    for found in splits(cells):
        panel = f"{found.bits} bits; predicted: {found.predicted} for the exponent"
        lines.append(spread("measured", found.exponents, found.floors, panel))
    return Plot("exponent bits (0: fixed point)", "noise floor", lines, own_y=True)


def best_splits(cells: Cells) -> list[str]:
    """The best and the predicted split of each precision, in words."""
    return [
        f"{one.bits} bits: lowest with {' or '.join(map(str, sorted(set(one.best))))} exponent bits, "
        f"predicted {one.predicted}"
        for one in splits(cells)
    ]
