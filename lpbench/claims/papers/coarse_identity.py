"""In the coarse regime the floor is delta E||g||_1 / 4 exactly, and below what is proven."""

from lpbench.claims.base import DIMENSION_FREE, THEORY, Claim, Line, Measure, Plot, claims, predicted
from lpbench.claims.cells import Cells


@claims.register("coarse_identity")
class CoarseIdentity(Claim):
    """Family S at a step size at which no update exceeds a quantum."""

    statement = (
        "Where no update exceeds a quantum, the noise floor of LP-SGD is delta E||g||_1 / 4, and below "
        "theorem 1d"
    )
    paper = DIMENSION_FREE
    theory = "1d"
    limits = "F / (delta E||g||_1 / 4) in 0.92 ... 1.08; F over the noise ball of 1d at most 1"
    quick = ("steps=60*d/alpha",)

    def measure(self, cells: Cells) -> list[Measure]:
        """The quantum is taken from the bits that were asked for, not from the format that was built."""
        floors, size = cells.each("noise_floor"), cells.each("gradient_l1")
        row = cells.rows[0]
        delta = row["limit"] * 2.0 ** (1 - row["precision"])
        return [
            Measure("F / (delta E||g||_1 / 4)", floors / (delta * size / 4), 0.92, 1.08),
            Measure("F / noise ball of 1d", floors / ball(delta, row["gamma"], row["sigma_1"]), high=1.0),
        ]

    def plot(self, cells: Cells) -> Plot:
        """Measured and predicted, seed by seed."""
        floors, size = cells.each("noise_floor"), cells.each("gradient_l1")
        row = cells.rows[0]
        delta = row["limit"] * 2.0 ** (1 - row["precision"])
        seeds = list(range(len(floors)))
        proven = [ball(delta, row["gamma"], row["sigma_1"])] * len(seeds)
        lines = [
            Line("measured", seeds, list(floors)),
            Line("δ E‖g‖₁ / 4", seeds, list(delta * size / 4), role=THEORY),
            predicted("proven: 1d without end", seeds, proven),
        ]
        return Plot("replicate", "noise floor", lines, y_log=False)


def ball(delta: float, gamma: float, sigma_1: float) -> float:
    """The root F of 4 F = delta sigma_1 + delta Gamma sqrt(2 F): theorem 1d for a quadratic, without end."""
    root = (delta * gamma * 2**0.5 + (2 * (delta * gamma) ** 2 + 16 * delta * sigma_1) ** 0.5) / 8
    return root**2
