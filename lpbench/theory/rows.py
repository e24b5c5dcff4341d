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
    need(
        not any(_missing(row.get(name)) for name in (*_CONSTANTS, "weights", "step_size")),
        "the row has no constants",
    )
    outside = not _missing(row.get("box_excess")) and row["box_excess"] > 0
    need(not outside, "the range of the format does not hold the optimum")
    algorithm = str(row["algorithm"])
    need(algorithm not in HALP, "the row of a HALP cell holds the mu that it used, not the problem's")
    if grid is None:
        limit = 1.0 if _missing(row.get("limit")) else float(row["limit"])
        found = spacings.of_choices(
            {**row, "precision": int(row["precision"]), "exponent_bits": _whole(row, "exponent_bits")}, limit
        )
        if found is None:
            raise Refused(f"no theorem is about the format {row['format']}")
        grid = found
    constants = {name: float(row[name]) for name in _CONSTANTS}
    inner_steps = _whole(row, "inner_steps")
    if algorithm in SVRG and inner_steps is None:
        inner_steps = 2 * int(row["n_samples"])  # what null stands for
    if algorithm not in SVRG:
        constants = batch_constants(constants, int(row["batch_size"]))
    constants.pop("s_1")
    setting = Setting(
        n=int(row["weights"]),
        algorithm=algorithm,
        grid=grid,
        alpha=float(row["step_size"]),
        steps=math.inf,
        D_0=0.0,
        e_0=0.0,
        quadratic=bool(row["quadratic"]),
        rounding=None if _missing(row.get("rounding")) else str(row["rounding"]),
        random_bits=_whole(row, "random_bits"),
        schedule="constant" if _missing(row.get("schedule")) else str(row["schedule"]),
        snapshot=None if _missing(row.get("snapshot")) else str(row["snapshot"]),
        inner_steps=inner_steps,
        mu_used=constants["mu"],
        averages_all=not _whole(row, "average_start") and (_whole(row, "average_every") or 1) == 1,
        L=constants["L"],
        mu=constants["mu"],
        L_f=constants["L_f"],
        L_1=constants["L_1"],
        L_1_avg=constants["L_1_avg"],
        gamma=constants["gamma"],
        sigma=constants["sigma"],
        sigma_1=constants["sigma_1"],
        sigma_w=constants["sigma_w"],
        L_w=constants["L_w"],
    )
    return replace(setting, **changes)


def _missing(value: Any) -> bool:
    return value is None or value != value


def _whole(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    return None if _missing(value) else int(value)  # type: ignore[arg-type]
