"""The papers' claims, reproduced: run a claim's grid, compute its statistic from the stored cells, keep the verdict."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.claims.base import Claim, Measure, Plot, claims
from lpbench.claims.cells import Cells, Row
from lpbench.errors import ConfigError, StoreError
from lpbench.provenance import now, provenance
from lpbench.store.address import is_remote, locate
from lpbench.store.files import replace_bytes
from lpbench.store.folder import sweep_folder
from lpbench.store.read import read_cells, read_traces
from lpbench.sweeps.plan import Plan, make_plan
from lpbench.sweeps.sweep import Event, run_plan
from lpbench.terminal import json_bytes

FOLDER, RESULT = "reproduce", "claim.json"  # under the folder of sweeps; in a claim's own folder
SCHEMA_VERSION = 1
PASS, FAIL, INCOMPLETE = "PASS", "FAIL", "INCOMPLETE"
_COLUMNS = ("step", "epoch", "outer", "objective_gap", "iterate_gap")  # of traces, that claims read
_SHOWN = 3  # cells that are not ok, in an explanation


@dataclass
class Result:
    """What came out of one claim.

    verdict   PASS: every value lies in its interval; FAIL; INCOMPLETE: cells are not ok, so there are no values.
    why       sentences that explain a FAIL or an INCOMPLETE.
    bad       the cells that failed, diverged or timed out.
    """

    claim: Claim
    folder: Path
    quick: bool
    command: str
    measures: list[Measure] = field(default_factory=list)
    plot: Plot | None = None
    remarks: list[str] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    bad: list[Row] = field(default_factory=list)
    cells: int = 0
    ran: int = 0
    replicates: int = 0
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        """One word."""
        if self.bad:
            return INCOMPLETE
        return PASS if self.measures and all(measure.passed for measure in self.measures) else FAIL

    def record(self) -> dict[str, Any]:
        """As plain values: what claim.json holds."""
        claim = self.claim
        return {
            "schema": SCHEMA_VERSION, "name": claim.name, "statement": claim.statement, "paper": claim.paper,
            "theory": claim.theory, "limits": claim.limits, "verdict": self.verdict,
            "measures": [measure.record() for measure in self.measures], "why": self.why, "remarks": self.remarks,
            "replicates": self.replicates, "runs": claim.runs, "cells": self.cells, "ran": self.ran,
            "bad": [str(row["cell_id"]) for row in self.bad], "quick": self.quick, "seconds": self.seconds,
            "command": self.command, "folder": str(self.folder),
            "plot": None if self.plot is None else self.plot.record(), "measured_at": now(), **provenance(),
        }  # fmt: skip


def choose(asked: list[str], path: str | None = None) -> tuple[list[Claim], list[str]]:
    """The claims called so, and what to say of those that `all` leaves out: they need data that were not given.

    Raises ConfigError for an unknown name, with the nearest one, and for a claim named without the path that it needs.
    """
    every = [claims.get(name)() for name in claims.names()]
    if "all" in asked:
        chosen = [claim for claim in every if path is not None or not claim.takes_path]
        left = [claim for claim in every if claim not in chosen]
        return chosen, [f"{claim.name} is left out: it needs data, --path FOLDER" for claim in left]
    found = {name: claims.get(name)() for name in asked}
    for name, claim in found.items():
        if claim.takes_path and path is None:
            raise ConfigError(f"{name} needs --path FOLDER: {claim.limits}")
    return list(found.values()), []


def reproduce(
    claim: Claim,
    runs_dir: Path | str = "runs",
    replicates: int | None = None,
    quick: bool = False,
    workers: int | None = None,
    force: bool = False,
    path: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    config_dir: Path | None = None,
    first_seed: int = 0,
) -> Result:
    """Run what is not stored of a claim's grid, compute its statistic, and write claim.json beside the cells.

    replicates   values of the statistic (None: the claim's own number).     quick   the smaller form.
    path         data of a claim that needs some.    force   run stored cells again.
    config_dir   the folder with a claim of one's own and its experiment.
    first_seed   where its seeds begin: other ones than those that its thresholds were chosen by.
    Raises ConfigError, StoreError, and Interrupted after Ctrl-C with everything finished on disk.
    """
    began = time.monotonic()
    if is_remote(locate(runs_dir)):
        raise ConfigError(f"reproduce draws figures into a folder of this machine, and {runs_dir} is none")
    base = Path(runs_dir) / FOLDER
    name = f"{claim.name}-quick" if quick else claim.name
    result = Result(
        claim,
        sweep_folder(name, base),
        quick,
        command(claim, replicates, quick, path, config_dir, first_seed),
    )
    if claim.trains:
        overrides = claim.overrides(replicates, quick, path)
        if first_seed:
            count = (replicates or (claim.quick_replicates if quick else claim.replicates)) * claim.runs
            kept = [one for one in overrides if not one.startswith("seed=")]
            overrides = [*kept, f"seed=range({first_seed},{first_seed + count})"]
        plan = make_plan(overrides, name, base, config_dir, force)
        outcome = run_plan(plan, workers, force, on_event=on_event).complete(f"go on with: {result.command}")
        result.ran, result.cells = outcome.ran, len(plan.cells)
        cells, result.bad = stored(claim, plan)
    else:
        cells = Cells((), 1, result.folder, lambda cell_id: {}, {}, first_seed)
    if result.bad:
        result.why = [_said(result.bad, result.cells)]
    else:
        result.replicates = len(cells.replicates)
        result.measures, result.plot = claim.measure(cells), claim.plot(cells)
        result.remarks = claim.remarks(cells)
        result.why = explanation(result.measures, cells)
    result.seconds = time.monotonic() - began
    write(result)
    return result


def command(
    claim: Claim,
    replicates: int | None,
    quick: bool,
    path: str | None,
    config_dir: Path | None = None,
    first_seed: int = 0,
) -> str:
    """The command that reproduces this again."""
    parts = ["lpbench reproduce", claim.name]
    parts += ["--config-dir", shlex.quote(str(config_dir))] if config_dir is not None else []
    parts += ["--quick"] if quick else []
    parts += [f"--seeds {replicates}"] if replicates is not None else []
    parts += [f"--first-seed {first_seed}"] if first_seed else []
    parts += [f"--path {path}"] if claim.takes_path and path else []
    return " ".join(parts)


def stored(claim: Claim, plan: Plan) -> tuple[Cells, list[Row]]:
    """The plan's cells as the store has them, and those of them that are not ok."""
    wanted = {cell.cell_id for cell in plan.cells}
    rows = [row for row in read_cells(plan.folder).to_pylist() if row["cell_id"] in wanted]
    traces = cache(lambda: _traces(plan.folder, wanted))  # not read by every claim
    choices = {cell.cell_id: cell.choices for cell in plan.cells}
    cells = Cells(rows, claim.runs, plan.folder, lambda cell_id: traces()[cell_id], choices)
    return cells, [row for row in rows if row["status"] != "ok"]


def _traces(folder: Path, wanted: set[str]) -> dict[str, dict[str, np.ndarray]]:
    frame = read_traces(folder, wanted, ["cell_id", *_COLUMNS]).to_pandas()
    return {
        str(cell_id): {name: part[name].to_numpy() for name in _COLUMNS}
        for cell_id, part in frame.groupby("cell_id", observed=True)
    }


def explanation(measures: list[Measure], cells: Cells) -> list[str]:
    """Why a claim fails: which statistics miss their interval and how often, and what in the cells may be the cause."""
    missed = [measure for measure in measures if not measure.passed]
    found = []
    for measure in missed:
        wrong = sorted(value for value in measure.values if not measure.low <= value <= measure.high)
        ends = [f"{value:.4g}" for value in dict.fromkeys([*wrong[:1], *wrong[-1:]])]
        count = f"{measure.outside} of {len(measure.values)} values miss {measure.threshold}"
        found.append(f"{measure.name}: {count}: {' ... '.join(ends) or 'none'}")
    clipped = [row for row in cells.rows if (row["saturation_rate"] or 0) > 0]
    if missed and clipped:
        most = max(row["saturation_rate"] for row in clipped)
        found.append(
            f"weights were clipped at the end of the range in {len(clipped)} of {len(cells.rows)} cells, in up to "
            f"{100 * most:.2g} % of their updates: a wider limit tells whether that is the cause"
        )
    return found


def _said(bad: list[Row], count: int) -> str:
    shown = "; ".join(
        f"{row['cell_id']} {row['status']}: {row['error'] or 'no error'}" for row in bad[:_SHOWN]
    )
    more = f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    return f"{len(bad)} of {count} cells are not ok, so there is no statistic: {shown}{more}"


def write(result: Result) -> None:
    """Write claim.json into the claim's folder; raises StoreError."""
    try:
        result.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{result.folder}: cannot be made: {error.strerror}") from error
    replace_bytes(result.folder / RESULT, json_bytes(result.record()))
