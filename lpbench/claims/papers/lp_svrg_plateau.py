"""LP-SVRG stops at a plateau that is proportional to the square of the quantum."""

import numpy as np

from lpbench.claims.base import HALP, Claim, Measure, Plot, claims, spread
from lpbench.claims.cells import Cells


@claims.register("lp_svrg_plateau")
class LpSvrgPlateau(Claim):
    """Gaussian least squares; three runs make one value."""

    statement = "The plateau of LP-SVRG falls by four with every bit, whichever iterate becomes the snapshot"
    paper = HALP
    theory = "5a"
    limits = "fitted fall of log2 F a bit, over 5 to 9 bits and the mean of 3 runs, in 1.8 ... 2.2"
    runs = 3

    def measure(self, cells: Cells) -> list[Measure]:
        """The fall of each replicate, by the rule for the snapshot."""
        found = []
        for rule in cells.axis("snapshot"):
            bits, floors = cells.table("noise_floor", "precision", snapshot=rule)
            falls = [-float(np.polyfit(bits, np.log2(row), 1)[0]) for row in floors]
            found.append(Measure(f"log2 fall a bit, snapshot={rule}", falls, 1.8, 2.2))
        return found

    def plot(self, cells: Cells) -> Plot:
        """Plateaus against bits."""
        rules = cells.axis("snapshot")
        tables = {rule: cells.table("noise_floor", "precision", snapshot=rule) for rule in rules}
        lines = [spread(f"snapshot={rule}", *table) for rule, table in tables.items()]
        return Plot("precision (bits)", "noise floor", lines)
