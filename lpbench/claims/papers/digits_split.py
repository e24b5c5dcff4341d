"""Exponent and mantissa bits on real data, with 8 and with 16 bits."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims
from lpbench.claims.cells import Cells
from lpbench.claims.papers.splits import best_splits, split_plot, splits

NEAR, FEW = 1.4, 3  # times the lowest floor; exponent bits that suffice for it


@claims.register("digits_split")
class DigitsSplit(Claim):
    """Multinomial logistic regression on digits: every split of the bits."""

    statement = (
        "On digits few exponent bits suffice, with 8 bits and with 16; the split that theory predicts costs a floor "
        "1.3 times the lowest with 8, where two exponent bits are better than none, and nothing with 16"
    )
    paper = DIMENSION_FREE
    theory = "4"
    limits = (
        "floor of the predicted split over the lowest at most 1.4 (with 8 bits it is 1.26 to 1.30 over 24 seeds); "
        "fewest exponent bits within 1.4 of the lowest at most 3"
    )
    quick = ("dataset=breast_cancer", "epochs=40")

    def measure(self, cells: Cells) -> list[Measure]:
        """Of each precision and replicate: the predicted split over the best, and how many exponent bits it takes."""
        found, said = list(splits(cells)), "F(predicted split) / lowest F"
        over = [
            Measure(f"{one.bits} bits: {said}", one.over_least(one.predicted), high=NEAR) for one in found
        ]
        fewest = [e for one in found for e in one.fewest(NEAR)]
        return [*over, Measure(f"fewest exponent bits within {NEAR} of it", fewest, high=FEW)]

    def plot(self, cells: Cells) -> Plot:
        """Floors by split."""
        return split_plot(cells)

    def remarks(self, cells: Cells) -> list[str]:
        """The best split at each precision."""
        return best_splits(cells)
