"""The floor of LP-SGD does not grow with the dimension while sigma_1 stays the same."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, predicted, slopes, spread
from lpbench.claims.cells import Cells


@claims.register("dimension_free")
class DimensionFree(Claim):
    """Family S with four non-zeros a row at every dimension."""

    statement = "At fixed sigma_1 the noise floor of LP-SGD does not depend on the dimension"
    paper = DIMENSION_FREE
    theory = "1c"
    limits = "slope of log F against log d within 0.05 of 0; largest over smallest F at most 1.25"
    quick = ("dimension=16,64,256", "step_size=2**-6", 'steps="max(30,8000/d)*d/alpha"')

    def measure(self, cells: Cells) -> list[Measure]:
        """Slope and range of the floors of each replicate."""
        dimensions, floors = cells.table("noise_floor", "dimension")
        return [
            Measure("slope of log F against log d", slopes(dimensions, floors), -0.05, 0.05),
            Measure("largest / smallest F", floors.max(axis=1) / floors.min(axis=1), high=1.25),
        ]

    def plot(self, cells: Cells) -> Plot:
        """Floors against the dimension, beside a dimension-free proof and an earlier one."""
        dimensions, floors = cells.table("noise_floor", "dimension")
        lines = [spread("measured", dimensions, floors)]
        for column, name in (
            ("noise_ball_dimension_free", "proven, dimension-free"),
            ("bound_1a_ii", "proven, δ² d / 4"),
        ):
            _, bounds = cells.table(column, "dimension")
            lines.append(predicted(name, dimensions, bounds[0]))
        return Plot("dimension", "noise floor", lines, x_log=True)
