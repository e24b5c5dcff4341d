"""Where the range does not hold the optimum LP-SGD goes to the optimum over the range."""

import numpy as np

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, predicted, spread
from lpbench.claims.cells import Cells


@claims.register("outside_range")
class OutsideRange(Claim):
    """Gaussian least squares and logistic regression whose range ends at 0.6 of the largest weight."""

    statement = (
        "Where the range does not hold w*, LP-SGD converges to the optimum over the range as the theorems"
        " say of it"
    )
    paper = DIMENSION_FREE
    theory = "outside the range"
    limits = "(floor - f(w_B) + f*) over the noise ball at w_B at most 1"
    quick = ("steps=100000",)

    def measure(self, cells: Cells) -> list[Measure]:
        """The gap to the optimum over the range, over what is proven of it."""
        found = []
        for problem in cells.axis("problem"):
            _, floors = cells.table("noise_floor", "precision", problem=problem)
            _, excess = cells.table("box_excess", "precision", problem=problem)
            _, balls = cells.table("noise_ball", "precision", problem=problem)
            ratios = (floors - excess) / (balls - excess)
            found.append(Measure(f"{problem}: gap to w_B / noise ball", ratios.ravel(), high=1.0))
        return found

    def plot(self, cells: Cells) -> Plot:
        """The gap to the optimum over the range beside the noise ball."""
        lines = []
        for problem in cells.axis("problem"):
            bits, floors = cells.table("noise_floor", "precision", problem=problem)
            _, excess = cells.table("box_excess", "precision", problem=problem)
            _, balls = cells.table("noise_ball", "precision", problem=problem)
            proven = np.array(balls - excess)[0]
            lines.append(spread("measured", bits, floors - excess, problem))
            lines.append(predicted("proven", bits, proven, problem))
        return Plot("precision (bits)", "gap to the optimum over the range", lines)
