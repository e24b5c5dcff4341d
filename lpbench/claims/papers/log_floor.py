"""The floor of LP-SGD in the log format is proportional to its relative gap."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, drops, predicted, spread
from lpbench.claims.cells import Cells


@claims.register("log_floor")
class LogFloor(Claim):
    """Family E with uniform w*, in the log format with five exponent bits and 3 to 7 fraction bits."""

    statement = "In the log format the noise floor of LP-SGD halves with every fraction bit"
    paper = DIMENSION_FREE
    theory = "4"
    limits = "log2 of the floor's fall from each fraction bit to the next in 0.85 ... 1.15; F over bound 4 at most 1"
    quick = ("precision=9,10,11",)

    def measure(self, cells: Cells) -> list[Measure]:
        """The falls from bit to bit, and floors over what theorem 4 proves."""
        _, floors = cells.table("noise_floor", "precision")
        _, bounds = cells.table("bound_4", "precision")
        return [
            Measure("log2 F(b) / F(b + 1)", drops(floors), 0.85, 1.15),
            Measure("F / bound 4", (floors / bounds).ravel(), high=1.0),
        ]

    def plot(self, cells: Cells) -> Plot:
        """Floors against bits, beside theorem 4."""
        bits, floors = cells.table("noise_floor", "precision")
        _, bounds = cells.table("bound_4", "precision")
        lines = [
            spread("measured", bits, floors),
            predicted("proven: 4", bits, bounds[0]),
        ]
        return Plot("precision (bits)", "noise floor", lines)
