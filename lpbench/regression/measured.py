"""What a check compares: of each cell of a sweep its status, digest, noise floor, and the steps to a target; of a
network its test error and its training loss.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.analysis.evidence import COLUMNS as EVIDENCE
from lpbench.analysis.matching import FOLLOWERS, MATCHED, Row, overrides
from lpbench.analysis.ratios import least
from lpbench.analysis.tables import RESULT
from lpbench.errors import StoreError
from lpbench.store import read_cells, read_traces
from lpbench.store.arrays import to_numpy
from lpbench.store.schema import CHOICES, further, own_choices

DECIDED = frozenset(FOLLOWERS) - {"k", "epochs", "average_start"}
READ = ["config_id", "definition", "initial_gap", "steps", "digest", "bound_ratio", "steps_per_second"]
READ += ["git_commit", "lpbench_version", "test_error", "train_loss"]
COLUMNS = list(dict.fromkeys([*CHOICES, *EVIDENCE, *READ]))
MEASURED = ("target_gap", "steps_to_target")  # what `steps_to_target` adds
# What is tested, by the result of a cell, which comes first.
TESTED = {RESULT: (RESULT, "steps_to_target"), "test_error": ("test_error", "train_loss")}
LEAST_FALL = 4.0  # a gap that falls by less between start and floor has no target on its way
_LEAST = 1e-6  # of the target, which a gap of 0 counts as
NEVER = 2.0  # a target that is not reached counts as reached after this many times the run


def read(folder: Path, cell_ids: frozenset[str] | None = None) -> list[Row]:
    """The cells of the sweep in `folder` (`cell_ids`: those alone), a dictionary each: COLUMNS, choices of plug-ins.

    Raises StoreError where the files cannot be read, or were written before cells knew their definition.
    """
    table = read_cells(folder, COLUMNS, further=True)
    kept = {*COLUMNS, *own_choices(further(table.schema))}
    rows = table.select([name for name in table.column_names if name in kept]).to_pylist()
    cells = [row for row in rows if cell_ids is None or row["cell_id"] in cell_ids]
    if any(not cell["config_id"] for cell in cells):
        raise StoreError(
            f"{folder} was written by an older lpbench, which kept no definitions: sweep it again"
        )
    return cells


def targets(cells: Sequence[Row]) -> dict[str, float]:
    """The gap halfway, in logarithms, between start and noise floor, by config_id: medians over the seeds."""
    found: dict[str, float] = {}
    for config_id, members in by_config(cells).items():
        ok = [cell for cell in members if cell["status"] == "ok" and (cell["noise_floor"] or 0) > 0]
        if not ok:
            continue
        start = float(np.median([cell["initial_gap"] or 0.0 for cell in ok]))
        floor = float(np.median([max(cell["noise_floor"], least(cell)) for cell in ok]))
        if start > LEAST_FALL * floor > 0:
            found[config_id] = math.sqrt(start * floor)
    return found


def steps_to_target(folder: Path, cells: Sequence[Row], target: Mapping[str, float]) -> None:
    """Give every cell `target` and `steps_to_target`, from its trace; null where it has no target.

    Between two recorded points the gap is a power of the step. Where the target is not reached: NEVER times the steps.
    """
    of = {cell["cell_id"]: cell for cell in cells}
    for cell in cells:
        cell["target_gap"], cell["steps_to_target"] = target.get(cell["config_id"]), None
    wanted = [cell["cell_id"] for cell in cells if cell["target_gap"] is not None]
    if not wanted:
        return
    table = read_traces(folder, wanted, ["cell_id", "step", "objective_gap"])
    names = np.asarray(table["cell_id"].to_pylist())
    step, gap = (to_numpy(table[name].combine_chunks()) for name in ("step", "objective_gap"))
    bounds = np.flatnonzero(np.r_[True, names[1:] != names[:-1], True]) if names.size else np.zeros(1, int)
    for start, end in itertools.pairwise(bounds):
        cell = of[str(names[start])]
        if cell["status"] in ("ok", "diverged"):
            cell["steps_to_target"] = crossing(
                step[start:end], gap[start:end], cell["target_gap"], cell["steps"]
            )


def crossing(step: np.ndarray, gap: np.ndarray, target: float, steps: int) -> float:
    """The step at which the gap (points,) first is `target`, at least 1."""
    below = np.flatnonzero(gap <= target)
    if not below.size:
        return NEVER * steps
    i = int(below[0])
    if i == 0:
        return 1.0
    x0, x1 = math.log(max(step[i - 1], 0.5)), math.log(max(step[i], 0.5))
    y0, y1 = math.log(gap[i - 1]), math.log(max(gap[i], _LEAST * target))
    share = (y0 - math.log(target)) / (y0 - y1) if math.isfinite(y0) and y0 > y1 else 1.0
    return max(1.0, math.exp(x0 + share * (x1 - x0)))


def tested(cell: Mapping[str, Any]) -> tuple[str, ...]:
    """The metrics by which a cell is judged, its result first."""
    result = str(cell.get("result") or RESULT)
    return TESTED.get(result, (result,))


def by_config(cells: Sequence[Row]) -> dict[str, list[Row]]:
    """The cells by config_id, in order of their first."""
    found: dict[str, list[Row]] = {}
    for cell in cells:
        found.setdefault(cell["config_id"], []).append(cell)
    return found


def own(cells: Sequence[Row]) -> list[str]:
    """The choices of plug-ins that the rows of `read`, or of a baseline, hold."""
    return sorted({name for cell in cells for name in cell} - {*COLUMNS, *MEASURED})


def labels(cells: Sequence[Row]) -> dict[str, str]:
    """Each configuration in overrides: the axes that vary, `algorithm=halp format=fixed precision=8`.

    Without the numbers that other choices usually decide, which make a label long, where the rest tells them apart.
    """
    later = own(cells)
    axes = [*MATCHED, *later]
    # Those of plug-ins as the last cell has them: older baselines lack them.
    chosen = {
        config_id: {axis: members[-1 if axis in later else 0].get(axis) for axis in axes}
        for config_id, members in by_config(cells).items()
    }
    varied = {
        axis for axis in axes if axis != "path" and len({repr(one[axis]) for one in chosen.values()}) > 1
    }
    short = {config_id: overrides(one, varied - DECIDED) for config_id, one in chosen.items()}
    if len(set(short.values())) == len(short):
        return short
    return {config_id: overrides(one, varied) for config_id, one in chosen.items()}
