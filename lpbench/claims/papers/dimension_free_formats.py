"""The floors of float and log formats do not grow with the dimension where theorem 4 says so."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, predicted, slopes, spread
from lpbench.claims.cells import Cells


@claims.register("dimension_free_formats")
class DimensionFreeFormats(Claim):
    """Family Q with sparse noise: a condition number of 64 and sigma_1 = 1 at every dimension."""

    statement = (
        "In float and log formats the noise floor of LP-SGD hardly grows with the dimension at fixed sigma_1, "
        "and stays below theorem 4, which does not either"
    )
    paper = DIMENSION_FREE
    theory = "4"
    limits = (
        "slope against log d: of log F within 0.12 of 0, of theorem 4 within 0.05, of the earlier bound 1a-ii at "
        "least 0.9; F over bound 4 at most 1"
    )
    quick = ("dimension=64,128,256",)

    def measure(self, cells: Cells) -> list[Measure]:
        """Of each format: slopes of floor and bounds, and their ratio."""
        found = []
        for name in cells.axis("format"):
            dimensions, floors = cells.table("noise_floor", "dimension", format=name)
            _, bounds = cells.table("bound_4", "dimension", format=name)
            _, earlier = cells.table("bound_1a_ii", "dimension", format=name)
            found += [
                Measure(f"{name}: slope of log F", slopes(dimensions, floors), -0.12, 0.12),
                Measure(f"{name}: slope of bound 4", slopes(dimensions, bounds), -0.05, 0.05),
                Measure(f"{name}: slope of bound 1a-ii", slopes(dimensions, earlier), low=0.9),
                Measure(f"{name}: F / bound 4", (floors / bounds).ravel(), high=1.0),
            ]
        return found

    def plot(self, cells: Cells) -> Plot:
        """Floors against the dimension, beside theorem 4 and an earlier proof; one panel a format."""
        lines = []
        for name in cells.axis("format"):
            lines.append(
                spread("measured", *cells.table("noise_floor", "dimension", format=name), panel=name)
            )
            for column, said in (("bound_4", "proven: 4"), ("bound_1a_ii", "proven, δ² d / 4")):
                dimensions, bounds = cells.table(column, "dimension", format=name)
                lines.append(predicted(said, dimensions, bounds[0], name))
        return Plot("dimension", "noise floor", lines, x_log=True)
