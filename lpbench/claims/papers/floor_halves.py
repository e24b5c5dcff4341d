"""The floor of LP-SGD in the coarse regime is proportional to the quantum."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, drops, predicted, spread
from lpbench.claims.cells import Cells


@claims.register("floor_halves")
class FloorHalves(Claim):
    """Family S at steps so small that no update exceeds a quantum."""

    statement = (
        "The noise floor of LP-SGD in fixed point halves with every bit, where updates are smaller than a"
        " quantum"
    )
    paper = DIMENSION_FREE
    theory = "1d"
    limits = "log2 F(b) / F(b + 1) in 0.85 ... 1.15, at each b"
    quick = ("precision=5,6,7", "step_size=2**-7", "steps=40*d/alpha")

    def measure(self, cells: Cells) -> list[Measure]:
        """log2 of the ratio of neighbours."""
        _, floors = cells.table("noise_floor", "precision")
        return [Measure("log2 F(b) / F(b + 1)", drops(floors), 0.85, 1.15)]

    def plot(self, cells: Cells) -> Plot:
        """Floors against bits, beside delta sigma_1 / 4."""
        bits, floors = cells.table("noise_floor", "precision")
        sigma_1 = cells.rows[0]["sigma_1"]
        theory = predicted("δ σ₁ / 4", bits, [2.0 ** (1 - b) * sigma_1 / 4 for b in bits])
        return Plot("precision (bits)", "noise floor", [spread("LP-SGD", bits, floors), theory])
