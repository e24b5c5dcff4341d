"""With a decreasing step size the floor of LP-SGD is proportional to the quantum, and does not blow up."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, predicted, spread
from lpbench.claims.cells import Cells


@claims.register("decreasing_step")
class DecreasingStep(Claim):
    """Gaussian least squares; F is the mean gap with the weights of theorem 2."""

    statement = (
        "With a decreasing step size LP-SGD stays under its dimension-free bound, and its gap halves with"
        " every bit"
    )
    paper = DIMENSION_FREE
    theory = "2"
    limits = "F over the bound at most 1; F(b) / F(b + 2) in 2.3 ... 6"
    quick = ("steps=500000", "precision=6,8")

    def measure(self, cells: Cells) -> list[Measure]:
        """Over the bound, and from each precision to the next."""
        _, gaps = cells.table("mean_gap", "precision")
        _, bounds = cells.table("bound_2", "precision")
        return [
            Measure("F / bound 2", (gaps / bounds).ravel(), high=1.0),
            Measure("F(b) / F(b + 2)", (gaps[:, :-1] / gaps[:, 1:]).ravel(), 2.3, 6.0),
        ]

    def plot(self, cells: Cells) -> Plot:
        """Gap and bound against bits."""
        bits, gaps = cells.table("mean_gap", "precision")
        _, bounds = cells.table("bound_2", "precision")
        proven = predicted("proven: 2", bits, bounds[0])
        return Plot("precision (bits)", "mean objective gap", [spread("measured", bits, gaps), proven])
