"""Where the optimum spans many scales a few exponent bits pay, and theory says how many."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims
from lpbench.claims.cells import Cells
from lpbench.claims.papers.splits import best_splits, split_plot, splits


@claims.register("exponent_bits")
class ExponentBits(Claim):
    """Family E with geometric w*: every split of 6, 8 and 10 bits."""

    statement = (
        "With subnormals the best number of exponent bits is small and hardly grows with the bits; theory"
        " predicts it"
    )
    paper = DIMENSION_FREE
    theory = "4"
    limits = (
        "floor of the predicted split over the lowest at most 1.3; of fixed point over the lowest at least 3"
    )

    def measure(self, cells: Cells) -> list[Measure]:
        """Of each precision and replicate: how much worse the predicted split is than the best, and fixed point."""
        found = list(splits(cells))
        predicted = [value for one in found for value in one.over_least(one.predicted)]
        fixed = [value for one in found for value in one.over_least(0)]
        return [
            Measure("F(predicted split) / lowest F", predicted, high=1.3),
            Measure("F(fixed point) / lowest F", fixed, low=3.0),
        ]

    def plot(self, cells: Cells) -> Plot:
        """Floors by split."""
        return split_plot(cells)

    def remarks(self, cells: Cells) -> list[str]:
        """The best split at each precision."""
        return best_splits(cells)
