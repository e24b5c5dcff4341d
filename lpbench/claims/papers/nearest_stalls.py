"""Rounding to nearest stalls where stochastic rounding goes on."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, spread
from lpbench.claims.cells import Cells

NAMES = {"nearest_even": "to nearest", "stochastic": "stochastic"}


@claims.register("nearest_stalls")
class NearestStalls(Claim):
    """Gaussian least squares at steps far below half a quantum."""

    statement = (
        "With small steps LP-SGD that rounds to nearest never moves, and with stochastic rounding it "
        "converges to its floor"
    )
    paper = DIMENSION_FREE
    theory = "7"
    limits = "floor / initial gap: to nearest at least 0.9, stochastic at most 0.1"
    quick = ("steps=200000",)

    def measure(self, cells: Cells) -> list[Measure]:
        """What is left of the initial gap."""
        left = {
            rule: cells.each("noise_floor", rounding=rule) / cells.each("initial_gap", rounding=rule)
            for rule in NAMES
        }
        return [
            Measure("to nearest: floor / initial gap", left["nearest_even"], low=0.9),
            Measure("stochastic: floor / initial gap", left["stochastic"], high=0.1),
        ]

    def plot(self, cells: Cells) -> Plot:
        """The gap over the epochs."""
        courses = {
            name: cells.course(cells.where(rounding=rule), "objective_gap") for rule, name in NAMES.items()
        }
        lines = [spread(name, *course, points=False) for name, course in courses.items()]
        return Plot("epochs", "objective gap", lines)
