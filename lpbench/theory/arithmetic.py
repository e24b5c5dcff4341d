"""What a run's own arithmetic adds to its gap: theorems are about real numbers, runs about float64 or float32."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lpbench.theory.theorem import HALP

READS = (
    "algorithm", "compute_dtype", "schedule", "step_size", "steps", "L", "mu", "L_f", "sigma", "w_norm",
    "optimum_gradient_norm",
)  # fmt: skip
_OPTIONAL = frozenset({"schedule", "optimum_gradient_norm"})


def resolution(row: Mapping[str, Any]) -> float:
    """The largest gap that a run's arithmetic cannot tell from 0: L_f/2 d^2.

    d = eps ||w*|| S + (eps (L ||w*|| + sigma) + ||grad f(w*)||) G is how far rounding moves the iterates from where
    real numbers would have them: a step stores w and computes its gradient to eps of their size, and what is off
    shrinks by 1 - alpha mu a step. So S = min(T, 1/(alpha mu)), with T/8 more where the step size decreases,
    and G = min(alpha T, 1/mu). HALP stores w once a loop: S = 1.

    row   the columns READS of `cells`; without them nothing is known, and it is 0.
    Source: docs/theory.md, section 8.
    """
    known: dict[str, Any] = {name: row.get(name) for name in READS}
    if any(missing(value) and name not in _OPTIONAL for name, value in known.items()):
        return 0.0
    eps = 2.0**-23 if known["compute_dtype"] == "float32" else 2.0**-52
    alpha, mu, T = known["step_size"], known["mu"], known["steps"]
    reach = 1 / (alpha * mu) if alpha * mu * T > 1 else float(T)
    stored = reach
    if known["algorithm"] in HALP:
        stored = 1.0
    elif known["schedule"] == "decreasing":
        stored = min(float(T), reach + T / 8)
    off = 0.0 if missing(known["optimum_gradient_norm"]) else known["optimum_gradient_norm"]
    gradient = eps * (known["L"] * known["w_norm"] + known["sigma"]) + off
    d = eps * known["w_norm"] * stored + gradient * alpha * reach
    return float(known["L_f"] / 2 * d * d)


def ratio(measured: float | None, bound: float | None, least: float) -> float | None:
    """Measured over proven, (sqrt(measured) - sqrt(least))^2 / bound; None where either is not known.

    least   the resolution of the run: what is not above it is 0, whatever the bound; what is above a bound of 0, or is
            no number, is infinitely far above.
    """
    if measured is None or bound is None:
        return None
    if math.isnan(measured):
        return math.inf
    if measured <= least:
        return 0.0
    if bound == 0:
        return math.inf
    return float(measured * (1 - math.sqrt(least / measured)) ** 2 / bound)


def missing(value: Any) -> bool:
    """Whether a row has no such value: None, or NaN."""
    return value is None or value != value
