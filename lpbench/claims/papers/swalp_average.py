"""The average of SWALP has no floor on a quadratic."""

from lpbench.claims.base import SWALP, Claim, Measure, Plot, claims, predicted, slopes, spread
from lpbench.claims.cells import Cells


@claims.register("swalp_average")
class SwalpAverage(Claim):
    """Gaussian least squares; four runs make one value."""

    statement = (
        "On a quadratic the average of SWALP's iterates goes to the optimum like 1/T, while the iterates "
        "stay at their floor"
    )
    paper = SWALP
    theory = "6"
    limits = (
        "slope of log gap against log T, over the mean of 4 runs, in -1.25 ... -0.8; average / iterate "
        "gap at the end at most 0.01"
    )
    runs = 4

    def measure(self, cells: Cells) -> list[Measure]:
        """The slope over the lengths, and what the average gains in the longest run."""
        lengths, averages = cells.table("final_gap", "steps")
        _, iterates = cells.table("iterate_gap", "steps")
        return [
            Measure("slope of log gap against log T", slopes(lengths, averages), -1.25, -0.8),
            Measure("average / iterate gap", averages[:, -1] / iterates[:, -1], high=0.01),
        ]

    def plot(self, cells: Cells) -> Plot:
        """Gaps of the average and of the iterates against the length of the run."""
        lengths, averages = cells.table("final_gap", "steps")
        _, iterates = cells.table("iterate_gap", "steps")
        _, bounds = cells.table("bound_6", "steps")
        lines = [
            spread("average", lengths, averages),
            spread("iterates", lengths, iterates),
            predicted("proven of the average", lengths, bounds[0]),
        ]
        return Plot("steps T", "objective gap", lines, x_log=True)
