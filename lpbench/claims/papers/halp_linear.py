"""HALP converges linearly to the accuracy of float64 with 8 bits; LP-SVRG and LP-SGD stop at theirs."""

from typing import Any

import numpy as np

from lpbench.claims.base import HALP, Claim, Measure, Plot, claims, spread
from lpbench.claims.cells import Cells

EPOCHS = 8  # outer loops over which the rate is fitted
NAMES = {"halp": "HALP", "lp_svrg": "LP-SVRG", "lp_sgd": "LP-SGD"}


@claims.register("halp_linear")
class HalpLinear(Claim):
    """Gaussian least squares, 8 bits, with and without bit centering."""

    statement = (
        "HALP converges linearly with 8 bits, far below the floors where LP-SVRG and LP-SGD with 8 bits stop"
    )
    paper = HALP
    theory = "5d"
    limits = (
        "final / initial gap: HALP at most 1e-20, LP-SVRG at least 1e-4, LP-SGD at least 0.01; "
        "HALP's slope of log10 gap an outer loop at most -0.7"
    )

    def measure(self, cells: Cells) -> list[Measure]:
        """The ends of the three, and the rate of HALP over its first outer loops."""
        initial = cells.each("initial_gap", algorithm="halp")
        final = cells.each("final_gap", algorithm="halp")
        return [
            Measure("HALP: final / initial gap", final / initial, high=1e-20),
            Measure("HALP: log10 gap an outer loop", rates(cells, algorithm="halp"), high=-0.7),
            Measure("LP-SVRG: floor / initial gap", _kept(cells, "lp_svrg"), low=1e-4),
            Measure("LP-SGD: floor / initial gap", _kept(cells, "lp_sgd"), low=0.01),
        ]

    def plot(self, cells: Cells) -> Plot:
        """The gap over the outer loops."""
        lines = []
        for algorithm, name in NAMES.items():
            rows = cells.where(algorithm=algorithm)
            epochs, gaps = cells.course(rows, "objective_gap", rows[0]["inner_steps"] or 1)
            lines.append(spread(name, epochs, gaps, points=False))
        return Plot("epochs", "objective gap", lines)


def _kept(cells: Cells, algorithm: str) -> np.ndarray:
    return cells.each("noise_floor", algorithm=algorithm) / cells.each("initial_gap", algorithm=algorithm)


def rates(cells: Cells, **choices: Any) -> np.ndarray:
    """By how much log10 of the gap changes an outer loop, over the first EPOCHS of each cell with `choices`."""
    found = []
    for row in cells.where(**choices):
        trace = cells.trace(row)
        ends = (trace["step"] % row["inner_steps"] == 0) & (trace["outer"] <= EPOCHS)
        found.append(np.polyfit(trace["outer"][ends], np.log10(trace["objective_gap"][ends]), 1)[0])
    return np.array(found)
