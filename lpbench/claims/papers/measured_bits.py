"""How many bits training needs for a gap, counted in runs, beside how many are proven."""

import numpy as np

from lpbench.claims.base import DIMENSION_FREE, THEORY, Claim, Line, Measure, Plot, claims
from lpbench.claims.cells import Cells

LOG2 = np.arange(4.5, 8.76, 0.25)  # log2 1/eps of the gaps asked for


@claims.register("measured_bits")
class MeasuredBits(Claim):
    """Family S in the coarse regime: the fewest bits whose noise floor is at most eps, over a ladder of eps."""

    statement = (
        "The bits that LP-SGD needs for a gap eps, counted in runs, grow like log2 1/eps, one a halving"
    )
    paper = DIMENSION_FREE
    theory = "1d"
    limits = (
        "slope of the fewest bits with a floor of at most eps against log2 1/eps in 0.9 ... 1.1; theorem 1d proves "
        "0 or 1 bits more than are needed"
    )

    def measure(self, cells: Cells) -> list[Measure]:
        """Of each replicate the slope, and what the theorem asks for beyond it at every eps."""
        found, proven = _fewest(cells, "noise_floor"), _fewest(cells, "bound_1d")
        return [
            Measure("slope of measured bits against log2 1/eps", _slopes(found), 0.9, 1.1),
            Measure("proven - measured bits", (proven - found).ravel(), 0, 1),
        ]

    def plot(self, cells: Cells) -> Plot:
        """Bits against log2 1/eps."""
        found, proven = _fewest(cells, "noise_floor"), _fewest(cells, "bound_1d")
        lines = [
            Line("measured", LOG2, np.median(found, axis=0)),
            Line("proven: 1d", LOG2, proven[0], role=THEORY),
        ]
        return Plot("log2 1/eps", "bits", lines, y_log=False)


def _fewest(cells: Cells, column: str) -> np.ndarray:
    """(replicates, LOG2): the fewest bits at which the column is at most eps; NaN where the grid has too few."""
    bits, gaps = cells.table(column, "precision")
    enough = gaps[:, None, :] <= 2.0 ** -LOG2[:, None]
    return np.where(enough.any(axis=-1), np.array(bits, float)[enough.argmax(axis=-1)], np.nan)


def _slopes(bits: np.ndarray) -> list[float]:
    # A slope through bits that are not known is not known.
    return [float(np.polyfit(LOG2, row, 1)[0]) if np.isfinite(row).all() else np.nan for row in bits]
