"""A check as rows of the history, and what the history says of one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lpbench.analysis.verdicts import BOUND_BROKEN, IDENTICAL
from lpbench.provenance import provenance
from lpbench.regression.baselines import platform_class
from lpbench.regression.checking import Check
from lpbench.regression.judging import Group, slice_of
from lpbench.store.schema import CHOICES


def run_name(result: Check) -> str:
    """`20261124T101500123-1a2b3c4-main`: sorts by time; unique for checks that do not share a millisecond.

    In the middle, which lpbench it was: the commit of its sources, or the version where there is none.
    """
    stamp = "".join(mark for mark in result.checked_at.partition("+")[0] if mark not in "-:.")
    made = provenance()
    code = made["git_commit"][:7] if made["git_commit"] else made["lpbench_version"]
    return f"{stamp}-{code}-{result.baseline.name}"


def rows(result: Check) -> list[dict[str, Any]]:
    """One row a configuration that was measured, with the columns of `lpbench.store.history`."""
    made = provenance()
    run = {
        "run": run_name(result), "checked_at": result.checked_at, "git_commit": made["git_commit"],
        "lpbench_version": made["lpbench_version"], "platform": platform_class(), "baseline": result.baseline.name,
        "sweep": result.sweep,
    }  # fmt: skip
    broken = {record["group_id"] for record in result.evidence.broken}
    warned = {one.name: one.warning for one in result.slices if one.worse}
    return [
        run | _row(group, broken) | {"warned": warned.get(slice_of(group.choices))} for group in result.groups
    ]


def _row(group: Group, broken: set[str]) -> dict[str, Any]:
    cells = list(group.now.values())
    choices = {name: group.choices.get(name) for name in CHOICES if name != "seed"}
    row: dict[str, Any] = {"config_id": group.config_id, "label": group.label, **choices}
    row |= {"verdict": group.verdict, "n": sum(cell["status"] == "ok" for cell in cells)}
    if any(cell["group_id"] in broken for cell in cells):
        row["verdict"] = BOUND_BROKEN
    if cells:
        row["cell_id"] = cells[0]["cell_id"]
    row["metric"] = metric = group.metrics[0]
    floors = _numbers(cells, metric)
    if floors:
        low, middle, high = np.quantile(floors, [0.1, 0.5, 0.9])
        row |= {"floor": float(middle), "floor_q10": float(low), "floor_q90": float(high)}
    for name in ("steps_to_target", "bound_ratio", "steps_per_second"):
        numbers = _numbers(cells, name)
        row[name] = float(np.median(numbers)) if numbers else None
    test = group.tests.get(metric)
    if test is not None:
        row |= {"ratio": test.ratio, "ratio_low": test.low, "ratio_high": test.high}
    elif group.verdict == IDENTICAL:
        row |= {"ratio": 1.0, "ratio_low": 1.0, "ratio_high": 1.0}
    return row


def _numbers(cells: list[dict[str, Any]], name: str) -> list[float]:
    values = [cell.get(name) for cell in cells if cell["status"] == "ok"]
    return [value for value in values if value is not None and math.isfinite(value)]
