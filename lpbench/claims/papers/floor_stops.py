"""The floor of LP-SGD in the fine regime is that of SGD."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, drops, spread
from lpbench.claims.cells import Cells


@claims.register("floor_stops")
class FloorStops(Claim):
    """Family S at a step size so large that the noise of the gradient exceeds that of the rounding."""

    statement = "... and stops at the floor of SGD, where updates are larger than a quantum"
    paper = DIMENSION_FREE
    theory = "1d"
    limits = "log2 F(b) / F(b + 1) in -0.05 ... 0.05, at each b"
    quick = ("steps=100*d/alpha",)

    def measure(self, cells: Cells) -> list[Measure]:
        """log2 of the ratio of neighbours."""
        _, floors = cells.table("noise_floor", "precision")
        return [Measure("log2 F(b) / F(b + 1)", drops(floors), -0.05, 0.05)]

    def plot(self, cells: Cells) -> Plot:
        """Floors against bits."""
        bits, floors = cells.table("noise_floor", "precision")
        return Plot("precision (bits)", "noise floor", [spread("LP-SGD", bits, floors)])
