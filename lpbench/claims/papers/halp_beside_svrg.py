"""HALP beside SVRG in full precision, the centre of the one in the arithmetic of the other."""

from lpbench.claims.base import HALP, Claim, Measure, Plot, claims, spread
from lpbench.claims.cells import Cells
from lpbench.claims.papers.halp_linear import rates

TYPES = ("float32", "float64")
BITS = {8: "HALP, 8 bits", 12: "HALP, 12 bits"}


@claims.register("halp_beside_svrg")
class HalpBesideSvrg(Claim):
    """Gaussian least squares: HALP and SVRG, both in float32, then both in float64."""

    statement = (
        "HALP with 8 bits ends where SVRG in full precision ends, in float32 as in float64, since its centre is as "
        "precise; with 12 bits it gets there as fast"
    )
    paper = HALP
    theory = "5d"
    limits = (
        "final gap of HALP with 8 bits over that of SVRG at most 1, in either type of arithmetic; in float64, log10 of "
        "the gap's fall an outer loop over SVRG's: 0.4 ... 0.7 with 8 bits, 0.9 ... 1.1 with 12"
    )

    def measure(self, cells: Cells) -> list[Measure]:
        """Ends in both types, rates in float64."""
        ends = [
            Measure(
                f"{name}: final gap of HALP, 8 bits / of SVRG",
                cells.each("final_gap", algorithm="halp", precision=8, compute_dtype=name)
                / cells.each("final_gap", algorithm="svrg", compute_dtype=name),
                high=1.0,
            )
            for name in TYPES
        ]
        full = rates(cells, algorithm="svrg", compute_dtype="float64")
        over = {
            bits: rates(cells, algorithm="halp", precision=bits, compute_dtype="float64") / full
            for bits in BITS
        }
        return [
            *ends,
            Measure("rate of HALP, 8 bits / of SVRG", over[8], 0.4, 0.7),
            Measure("rate of HALP, 12 bits / of SVRG", over[12], 0.9, 1.1),
        ]

    def plot(self, cells: Cells) -> Plot:
        """The gap over the outer loops, one panel a type of arithmetic."""
        lines = []
        for name in TYPES:
            runs = {"SVRG": cells.where(algorithm="svrg", compute_dtype=name)}
            for bits, said in BITS.items():
                runs[said] = cells.where(algorithm="halp", precision=bits, compute_dtype=name)
            for said, rows in runs.items():
                course = cells.course(rows, "objective_gap", rows[0]["inner_steps"])
                lines.append(spread(said, *course, panel=name, points=False))
        return Plot("epochs", "objective gap", lines)
