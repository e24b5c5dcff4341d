"""Defaults that suit the question: a step size whose own noise leaves room for the rounding, runs that are long enough.

    lp_sgd, swalp   step_size = min(target / (4 sigma^2), 1 / (4 L)): SGD's own noise, 2 alpha sigma^2, is at most half
                    of the target. start = optimum; steps = 13 / (mu alpha) * max(1, 1000 / d), tail = 10/13: three
                    mixing times 1 / (mu alpha) to settle, and ten to average over. In few dimensions there is little to
                    average in one iterate, so the run is longer, and evaluated more often: the relative error of a
                    noise floor is about sqrt(2 / (d * independent iterates)), 1.4 % for one seed.
    decreasing      steps = max(64 sigma^2 / (mu target), 160 kappa): the noise of the gradient has fallen to half of
                    the target in the bound; start = optimum.
    lp_svrg, halp   snapshot = random, the rule that has a proof.

What the user chose stays. A problem without strong convexity has no mixing time: it keeps the usual epochs.
"""

from __future__ import annotations

import math
from typing import Any

from lpbench.proofs.bits.cases import Case
from lpbench.theory.minibatch import batch_constants
from lpbench.theory.theorem import SGD

_FEW = 256  # dimensions below which a run is evaluated more often


def suited(case: Case, target: float) -> dict[str, Any]:
    """The choices that the user left open, for this problem; `target` is the objective gap to reach."""
    raw, problem = case.raw, case.problem
    if raw["algorithm"] not in SGD:
        return {"snapshot": "random"} if "snapshot" not in case.given else {}
    found: dict[str, Any] = {"start": "optimum"}
    constants = batch_constants(problem.constants, case.choices["batch_size"])
    sigma_squared, L, mu = constants["sigma"] ** 2, constants["L"], constants["mu"]
    if raw["schedule"] == "decreasing":
        if mu > 0:
            found["steps"] = math.ceil(max(64 * sigma_squared / (mu * target), 160 * L / mu))
    else:
        found["step_size"] = (
            min(target / (4 * sigma_squared), 1 / (4 * L)) if sigma_squared > 0 else 1 / (4 * L)
        )
        if mu > 0:
            found |= {"steps": "13/(mu*alpha)*max(1,1000/d)", "tail": 10 / 13}
    if problem.dimension < _FEW:
        found["even_points"] = 512
    if "epochs" in case.given or "steps" in case.given:
        found = {key: value for key, value in found.items() if key not in ("steps", "tail", "even_points")}
    return {key: value for key, value in found.items() if key not in case.given}


def described(cases: list[tuple[Case, dict[str, Any]]]) -> str:
    """The defaults in one line; empty where the user chose everything."""
    said: dict[str, str] = {}
    for case, chosen in cases:
        for key, value in chosen.items():
            said[key] = _FORMULAS.get((key, case.raw["schedule"] == "decreasing"), f"{key}={value}")
    return ", ".join(said.values())


_FORMULAS = {
    ("step_size", False): "step_size=min(target/(4 sigma^2), 1/(4 L))",
    ("steps", False): "steps=13/(mu alpha)*max(1, 1000/d)",
    ("steps", True): "steps=max(64 sigma^2/(mu target), 160 kappa)",
    ("tail", False): "tail=10/13",
    ("even_points", False): "even_points=512 (d < 256)",
    ("even_points", True): "even_points=512 (d < 256)",
}
