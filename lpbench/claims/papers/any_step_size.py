"""In the coarse regime the floor of LP-SGD does not depend on the step size."""

from lpbench.claims.base import DIMENSION_FREE, Claim, Measure, Plot, claims, spread
from lpbench.claims.cells import Cells


@claims.register("any_step_size")
class AnyStepSize(Claim):
    """Family S at two step sizes, both with updates below a quantum."""

    statement = (
        "Where no update exceeds a quantum, the noise floor of LP-SGD does not depend on the step size"
    )
    paper = DIMENSION_FREE
    theory = "1d"
    limits = "F at alpha = 2^-6 over F at 2^-8 in 0.9 ... 1.1"
    quick = ("step_size=2**-6,2**-7",)

    def measure(self, cells: Cells) -> list[Measure]:
        """The floor at the largest step size over that at the smallest."""
        steps, floors = cells.table("noise_floor", "step_size")
        return [Measure(f"F({steps[-1]:g}) / F({steps[0]:g})", floors[:, -1] / floors[:, 0], 0.9, 1.1)]

    def plot(self, cells: Cells) -> Plot:
        """Floors against the step size."""
        steps, floors = cells.table("noise_floor", "step_size")
        return Plot("step size", "noise floor", [spread("LP-SGD", steps, floors)], x_log=True, y_log=False)
