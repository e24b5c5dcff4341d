"""Real data, training and test: HALP with 8 bits and a centre in float32 beside SVRG in float32, and what stops."""

from typing import ClassVar

import numpy as np

from lpbench.claims.base import HALP, Claim, Line, Measure, Plot, claims, spread
from lpbench.claims.cells import Cells
from lpbench.claims.papers.held_out import errors_of

NAMES = {
    "svrg": "SVRG, float32",
    "halp": "HALP, 8 bits",
    "lp_svrg": "LP-SVRG, 8 bits",
    "lp_sgd": "LP-SGD, 8 bits",
}
GAP, ERROR = "training: objective gap", "test: share of errors"


@claims.register("test_error")
class Digits(Claim):
    """Multinomial logistic regression on digits, of which a fifth is held out."""

    statement = (
        "On digits HALP with 8 bits, its centre in float32, reaches the training gap and the test error of SVRG in "
        "float32; LP-SVRG and LP-SGD stop above that gap"
    )
    paper = HALP
    theory = "5d"
    limits = (
        "final gap over that of SVRG in float32: HALP at most 1, LP-SVRG and LP-SGD at least 100; "
        "test error of HALP within 0.005 of SVRG's"
    )
    quick: ClassVar[tuple[str, ...]] = ("dataset=breast_cancer", "n_samples=400", "epochs=20")

    def measure(self, cells: Cells) -> list[Measure]:
        """Final gaps over those of SVRG in float32, and the difference of the test errors."""
        full = cells.each("final_gap", algorithm="svrg")
        ends = {
            name: cells.each("final_gap", algorithm=name) / full for name in ("halp", "lp_svrg", "lp_sgd")
        }
        errors = {name: errors_of(cells, cells.where(algorithm=name))[1][:, -1] for name in ("svrg", "halp")}
        return [
            Measure("HALP: gap / gap of float32 SVRG", ends["halp"], high=1.0),
            Measure("LP-SVRG: gap / gap of float32 SVRG", ends["lp_svrg"], low=100.0),
            Measure("LP-SGD: gap / gap of float32 SVRG", ends["lp_sgd"], low=100.0),
            Measure("test error of HALP - of float32 SVRG", errors["halp"] - errors["svrg"], -0.005, 0.005),
        ]

    def plot(self, cells: Cells) -> Plot:
        """Training gap and test error over the epochs."""
        lines: list[Line] = []
        for algorithm, name in NAMES.items():
            rows = cells.where(algorithm=algorithm)
            # At whose end there is a new snapshot.
            loop = 1 if algorithm == "lp_sgd" else 2 * rows[0]["n_samples"]
            lines.append(spread(name, *cells.course(rows, "objective_gap", loop), GAP, points=False))
        for algorithm, name in NAMES.items():
            lines.append(
                spread(name, *errors_of(cells, cells.where(algorithm=algorithm)), ERROR, points=False)
            )
        return Plot("epochs", "", lines, own_y=True)

    def remarks(self, cells: Cells) -> list[str]:
        """The test errors of all four."""
        ends = {
            name: np.median(errors_of(cells, cells.where(algorithm=algorithm))[1][:, -1])
            for algorithm, name in NAMES.items()
        }
        return ["test error: " + ", ".join(f"{name} {100 * value:.2f} %" for name, value in ends.items())]
