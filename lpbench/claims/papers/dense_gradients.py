"""With dense gradients sigma_1 grows like the root of the dimension, and the floor with it."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, predicted, slopes, spread
from lpbench.claims.cells import Cells


@claims.register("dense_gradients")
class DenseGradients(Claim):
    """Family S with one block: every row is full."""

    statement = "Where sigma_1 = sqrt(d) sigma (dense gradients) the noise floor of LP-SGD grows like sqrt(d)"
    paper = DIMENSION_FREE
    theory = "1d"
    limits = "slope of log F against log d in 0.42 ... 0.55"
    quick = ("dimension=16,64,256",)

    def measure(self, cells: Cells) -> list[Measure]:
        """The slope of each replicate."""
        dimensions, floors = cells.table("noise_floor", "dimension")
        return [Measure("slope of log F against log d", slopes(dimensions, floors), 0.42, 0.55)]

    def plot(self, cells: Cells) -> Plot:
        """Floors against the dimension, beside delta sigma_1 / 4."""
        dimensions, floors = cells.table("noise_floor", "dimension")
        delta = 2.0 ** (1 - cells.rows[0]["precision"])
        theory = predicted("δ σ₁ / 4", dimensions, [delta * d**0.5 / 4 for d in dimensions])
        return Plot("dimension", "noise floor", [spread("measured", dimensions, floors), theory], x_log=True)
