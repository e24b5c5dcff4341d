"""LP-SVRG with the variance of rounding at its worst; SVRG where the quantum is 0."""

from typing import Any

import numpy as np

from lpbench.theory.theorem import EARLIER, SVRG, Setting, need, need_minimum, theorem


def contraction(s: Setting) -> float:
    """rho = [1/(alpha mu T) + 2 alpha L] / (1 - 2 alpha L), what an outer loop of SVRG leaves of the gap.

    Raises Refused unless alpha L < 1/2, rho < 1 and the snapshot is one that the proof covers.
    """
    need_minimum(s)
    need(
        s.snapshot != "last", "the last iterate as the snapshot has no proof; use snapshot=random or average"
    )
    need(s.alpha * s.L < 0.5, f"alpha L must be below 1/2, it is {s.alpha * s.L:.3g}")
    assert s.inner_steps is not None
    slack = 2 * s.alpha * s.L
    rho = (1 / (s.alpha * s.mu * s.inner_steps) + slack) / (1 - slack)
    need(
        rho < 1, f"an outer loop need not contract (rho = {rho:.3g}); more inner_steps, or another step_size"
    )
    return rho


def mean_over_loops(s: Setting, factor: float, ball: float) -> float:
    """The mean of ball + factor^k (e_0 - ball) over the judged loops k; `ball` for T = inf. factor < 1."""
    if s.loops is None:
        return ball
    return float(np.mean(ball + factor ** np.asarray(s.loops, float) * (s.e_0 - ball)))


@theorem("5a", EARLIER, SVRG)
def quarter_quantum_svrg(s: Setting) -> Any:
    """e_{k+1} <= rho e_k + n delta^2 / (8 alpha (1 - 2 alpha L)), rho = [1/(alpha mu T) + 2 alpha L] / (1 - 2 alpha L).

    e_k is the gap of the k-th snapshot; the bound is its mean over the recorded loops. With snapshot=average the
    average itself is rounded, which adds L_f n delta^2 / 8. Needs mu > 0, alpha L < 1/2, rho < 1 and w* in the range.
    Source: docs/theory.md, 5a; the form of De Sa et al. 2018 (HALP).
    """
    rho = contraction(s)
    added = s.n * s.delta**2 / (8 * s.alpha * (1 - 2 * s.alpha * s.L))
    if s.snapshot == "average":
        added += s.L_f * s.n * s.delta**2 / 8
    return mean_over_loops(s, rho, added / (1 - rho))
