"""Theory from a stored row alone: the noise balls of runs that nobody made.

A row of `cells` holds the constants of its problem, so what a theorem says of another format, step size or range needs
neither the data nor a run.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lpbench.theory import spacings
from lpbench.theory.arithmetic import missing
from lpbench.theory.minibatch import batch_constants
from lpbench.theory.spacings import Spacing
from lpbench.theory.theorem import HALP, SVRG, Refused, Setting, need

_CONSTANTS = ("L", "mu", "L_f", "L_1", "L_1_avg", "gamma", "sigma", "sigma_1", "s_1", "sigma_w", "L_w")


def setting_of_row(row: Mapping[str, Any], grid: Spacing | None = None, **changes: Any) -> Setting:
    """The Setting of a row at T = inf, where neither start nor length of the run matter.

    grid      in place of that of the row's format.      changes   other fields of Setting (alpha, algorithm ...).

    Raises Refused for a row of HALP, of an older lpbench, a format that no theorem is about, and a problem whose
    optimum the range of the row does not hold: its constants are those of w*, not of the optimum in the range.
    """
    needed = (*_CONSTANTS, "weights", "step_size")
    need(not any(missing(row.get(name)) for name in needed), "the row has no constants")
    outside = not missing(row.get("box_excess")) and row["box_excess"] > 0
    need(not outside, "the range of the format does not hold the optimum")
    algorithm = str(row["algorithm"])
    need(algorithm not in HALP, "the row of a HALP cell holds the mu that it used, not the problem's")
    if grid is None:
        limit = 1.0 if missing(row.get("limit")) else float(row["limit"])
        found = spacings.of_choices(
            {**row, "precision": int(row["precision"]), "exponent_bits": _whole(row, "exponent_bits")}, limit
        )
        if found is None:
            raise Refused(f"no theorem is about the format {row['format']}")
        grid = found
    constants: dict[str, Any] = {name: float(row[name]) for name in _CONSTANTS}
    inner_steps = _whole(row, "inner_steps")
    if algorithm in SVRG and inner_steps is None:
        inner_steps = 2 * int(row["n_samples"])  # what null stands for
    if algorithm not in SVRG:
        constants = batch_constants(constants, int(row["batch_size"]))
    constants.pop("s_1")
    setting = Setting(
        **constants,
        n=int(row["weights"]),
        algorithm=algorithm,
        grid=grid,
        alpha=float(row["step_size"]),
        steps=math.inf,
        D_0=0.0,
        e_0=0.0,
        quadratic=bool(row["quadratic"]),
        rounding=None if missing(row.get("rounding")) else str(row["rounding"]),
        random_bits=_whole(row, "random_bits"),
        schedule="constant" if missing(row.get("schedule")) else str(row["schedule"]),
        snapshot=None if missing(row.get("snapshot")) else str(row["snapshot"]),
        inner_steps=inner_steps,
        mu_used=constants["mu"],
        averages_all=not _whole(row, "average_start") and (_whole(row, "average_every") or 1) == 1,
    )
    return replace(setting, **changes)


def _whole(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    return None if missing(value) else int(value)  # type: ignore[arg-type]
