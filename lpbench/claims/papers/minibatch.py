"""Batches divide the floor that rounding makes by at most the root of their size."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, slopes, spread
from lpbench.claims.cells import Cells


@claims.register("minibatch")
class Minibatch(Claim):
    """Gaussian least squares at a small step size."""

    statement = (
        "Batches of B samples divide the noise floor of LP-SGD in the coarse regime by about sqrt(B), not"
        " by B"
    )
    paper = DIMENSION_FREE
    theory = "minibatches"
    limits = "slope of log F against log B in -0.6 ... -0.35"

    def measure(self, cells: Cells) -> list[Measure]:
        """The slope of each replicate."""
        sizes, floors = cells.table("noise_floor", "batch_size")
        return [Measure("slope of log F against log B", slopes(sizes, floors), -0.6, -0.35)]

    def plot(self, cells: Cells) -> Plot:
        """Floors against the batch size."""
        sizes, floors = cells.table("noise_floor", "batch_size")
        return Plot("batch size", "noise floor", [spread("LP-SGD", sizes, floors)], x_log=True)
