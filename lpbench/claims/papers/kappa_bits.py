"""HALP needs the more bits the larger the condition number, and fails with fewer."""

import numpy as np

from lpbench.claims.base import HALP, Claim, Measure, Plot, claims, spread
from lpbench.claims.cells import Cells


@claims.register("kappa_bits")
class KappaBits(Claim):
    """Gaussian least squares with four regularisers, ten outer loops with 4, 5 and 6 bits."""

    statement = "HALP converges only with enough bits for the condition number: 4 suffice at 6 and not at 54"
    paper = HALP
    theory = "5c"
    limits = (
        "final / initial gap: with 4 bits at most 1e-6 at the smallest kappa and at least 10 at the largest, with 6 "
        "bits there at most 1e-4; slope against log2 kappa of the bits at which HALP begins to converge in 0.5 ... 1.1"
    )

    def measure(self, cells: Cells) -> list[Measure]:
        """The gaps that are left at the ends, and how the bits that it takes grow between them."""
        strongest, weakest = cells.axis("regularization")[-1], cells.axis("regularization")[0]
        kept = {strength: _kept(cells, strength) for strength in (strongest, weakest)}
        return [
            Measure("4 bits, smallest kappa: final / initial gap", kept[strongest][4], high=1e-6),
            Measure("4 bits, largest kappa: final / initial gap", kept[weakest][4], low=10.0),
            Measure("6 bits, largest kappa: final / initial gap", kept[weakest][6], high=1e-4),
            Measure("bits to converge, slope against log2 kappa", _growth(cells), 0.5, 1.1),
        ]

    def plot(self, cells: Cells) -> Plot:
        """What is left of the gap against the bits, by kappa."""
        lines = []
        for strength in cells.axis("regularization"):
            kept = _kept(cells, strength)
            name = f"kappa = {_kappa(cells, strength):.0f}"
            lines.append(spread(name, list(kept), np.array(list(kept.values())).T))
        return Plot("precision (bits)", "final / initial gap", lines)


def _kept(cells: Cells, strength: float) -> dict[int, np.ndarray]:
    """Final over initial gap (replicates,) by precision."""
    bits, final = cells.table("final_gap", "precision", regularization=strength)
    _, initial = cells.table("initial_gap", "precision", regularization=strength)
    return dict(zip(bits, (final / initial).T, strict=True))


def _kappa(cells: Cells, strength: float) -> float:
    row = cells.where(regularization=strength)[0]
    return float(row["L"] / row["mu"])


def _growth(cells: Cells) -> list[float]:
    """Of each replicate: how the bits at which the gap neither falls nor rises grow with log2 kappa.

    log10 (final / initial gap) falls by the same with each bit, so that a line through it tells where it is 0.
    """
    strengths = cells.axis("regularization")
    kappas, roots = [np.log2(_kappa(cells, strength)) for strength in strengths], []
    for strength in strengths:
        kept = _kept(cells, strength)
        falls = np.polyfit(list(kept), np.log10(list(kept.values())), 1)  # (2, replicates)
        roots.append(-falls[1] / falls[0])
    return [float(np.polyfit(kappas, row, 1)[0]) for row in np.array(roots).T]
