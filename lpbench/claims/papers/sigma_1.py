"""At a fixed dimension and a fixed sigma the floor of LP-SGD is proportional to sigma_1."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, predicted, slopes, spread
from lpbench.claims.cells import Cells


@claims.register("sigma_1")
class Sigma1(Claim):
    """Family S at one dimension; sigma_1 = sqrt(k)."""

    statement = "At fixed d and sigma the noise floor of LP-SGD is proportional to sigma_1 = sqrt(k) sigma"
    paper = DIMENSION_FREE
    theory = "1d"
    limits = "slope of log F against log k in 0.43 ... 0.57"
    quick = ("precision=7", "step_size=2**-7", "k=1,4,16", "steps=60*d/alpha")

    def measure(self, cells: Cells) -> list[Measure]:
        """The slope of each replicate."""
        sizes, floors = cells.table("noise_floor", "k")
        return [Measure("slope of log F against log k", slopes(sizes, floors), 0.43, 0.57)]

    def plot(self, cells: Cells) -> Plot:
        """Floors against k, beside delta sigma_1 / 4."""
        sizes, floors = cells.table("noise_floor", "k")
        delta = 2.0 ** (1 - cells.rows[0]["precision"])
        theory = predicted("δ σ₁ / 4", sizes, [delta * k**0.5 / 4 for k in sizes])
        return Plot("k = σ₁² / σ²", "noise floor", [spread("LP-SGD", sizes, floors), theory], x_log=True)
