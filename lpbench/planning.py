"""What a sweep will run: the cells of the grid minus the stored ones, and why each of the rest runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpbench import schema
from lpbench.choices import Cell
from lpbench.errors import ConfigError
from lpbench.grid import expand
from lpbench.store.folder import find_sweep, sweep_folder
from lpbench.store.manifest import read_manifest
from lpbench.store.read import read_statuses
from lpbench.store.schema import FINAL

if TYPE_CHECKING:
    import pandas

STORED, NEW, FORCED = "stored", "new", "forced"
REASONS = {"failed": "failed before", "timeout": "timed out before"}  # of cells that have a row and run again
MAX_CELLS = 20_000  # a sweep of more asks first
LASTING = [key for key in schema.RUNTIME if key not in ("workers", "runs_dir")]  # what `resume` keeps
_SHOWN = 5  # combinations that an error message names


@dataclass(frozen=True)
class Call:
    """What was asked for, as the manifest keeps it for `lpbench resume`.

    overrides    without those of run-time keys, which are no part of what is computed
    config_dir   the user's folder of yamls and modules, absolute
    """

    overrides: tuple[str, ...]
    config_dir: str | None = None
    skip_invalid: bool = False

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "overrides": list(self.overrides),
            "config_dir": self.config_dir,
            "skip_invalid": self.skip_invalid,
        }


@dataclass
class Plan:
    """The cells of a sweep, and for each why it runs (`reasons`): "stored" (it does not), "new", "forced", or
    "failed before" and "timed out before".

    invalid    (overrides, message) of combinations that make no sense
    collapsed  cells of the grid that were equal to another one
    runtime    timeout, workers, runs_dir, executor
    axes       keys that vary, with their values
    """

    name: str
    folder: Path
    calls: list[Call]
    cells: list[Cell]
    reasons: list[str]
    invalid: list[tuple[str, str]] = field(default_factory=list)
    collapsed: int = 0
    runtime: dict[str, Any] = field(default_factory=dict)
    axes: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def todo(self) -> list[Cell]:
        """The cells that will run."""
        return [cell for cell, reason in zip(self.cells, self.reasons, strict=True) if reason != STORED]

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells by reason."""
        return dict(Counter(self.reasons))

    def check(self) -> None:
        """Raise ConfigError if a combination makes no sense (unless these are skipped) or no cell is left."""
        if self.invalid and not all(call.skip_invalid for call in self.calls):
            shown = "; ".join(f"{overrides}: {message}" for overrides, message in self.invalid[:_SHOWN])
            more = f"; and {len(self.invalid) - _SHOWN} more" if len(self.invalid) > _SHOWN else ""
            which = (
                "1 combination makes" if len(self.invalid) == 1 else f"{len(self.invalid)} combinations make"
            )
            raise ConfigError(f"{which} no sense (--skip-invalid leaves out such): {shown}{more}")
        if not self.cells:
            raise ConfigError("no cell is left: every combination of the grid makes no sense")


def make_plan(
    overrides: Sequence[str],
    name: str = "default",
    runs_dir: Path | str | None = None,
    config_dir: Path | str | None = None,
    force: bool = False,
    skip_invalid: bool = False,
    guard: Callable[[int], None] | None = None,
) -> Plan:
    """Plan the sweep `name` over `overrides` (none: the default grid).

    runs_dir  where sweeps lie; None: the choice `runs_dir`, by default `runs`
    force     run every cell again
    guard     called with the size of the grid before any cell is made; may raise

    Raises ConfigError for what cannot be run; combinations that make no sense are kept for `Plan.check`.
    Reads only the identity and status of stored cells.
    """
    sweep_folder(name)  # a bad name is said before any work
    folder = None if config_dir is None else Path(config_dir)
    expansion = expand(overrides, folder, guard)
    runtime = dict(expansion.runtime)
    if runs_dir is not None:
        runtime["runs_dir"] = str(runs_dir)
    lasting = tuple(text for text in overrides if text.lstrip("+~").partition("=")[0] not in schema.RUNTIME)
    call = Call(lasting, None if folder is None else str(folder.absolute()), skip_invalid)
    where = sweep_folder(name, runtime["runs_dir"] or "runs")
    plan = Plan(
        name,
        where,
        [call],
        expansion.cells,
        [],
        expansion.invalid,
        expansion.collapsed,
        runtime,
        expansion.axes,
    )
    set_reasons(plan, read_statuses(where), force)
    return plan


def plan_of_sweep(name: str, runs_dir: Path | str = "runs") -> Plan:
    """The plan of all calls that made the sweep called `name` (or with that path), as its manifest has them,
    for resuming it.

    Raises ConfigError for an unknown sweep, or one whose calls are not known.
    """
    folder = find_sweep(name, runs_dir)
    manifest = read_manifest(folder)
    if manifest is None or not manifest["calls"]:
        raise ConfigError(f"{folder}: its manifest names no call; repeat the sweep with --name {name}")
    plans = [
        make_plan(
            call["overrides"],
            folder.name,
            folder.parent,
            call.get("config_dir"),
            skip_invalid=call.get("skip_invalid", False),
        )
        for call in manifest["calls"]
    ]
    plan = union(plans)
    plan.runtime |= {key: manifest["runtime"].get(key) for key in LASTING}
    return plan


def union(plans: Sequence[Plan]) -> Plan:
    """The plan of several calls of one sweep: each cell once; run-time choices are those of the last."""
    first, last = plans[0], plans[-1]
    cells: dict[str, tuple[Cell, str]] = {}
    axes: dict[str, dict[Any, None]] = {}
    for plan in plans:
        for cell, reason in zip(plan.cells, plan.reasons, strict=True):
            cells.setdefault(cell.cell_id, (cell, reason))
        for key, values in plan.axes.items():
            axes.setdefault(key, {}).update(dict.fromkeys(values))
    return Plan(
        name=first.name,
        folder=first.folder,
        calls=[call for plan in plans for call in plan.calls],
        cells=[cell for cell, _ in cells.values()],
        reasons=[reason for _, reason in cells.values()],
        invalid=[entry for plan in plans for entry in plan.invalid],
        collapsed=sum(plan.collapsed for plan in plans),
        runtime=last.runtime,
        axes={key: list(values) for key, values in axes.items()},
    )


def set_reasons(plan: Plan, statuses: Mapping[str, str], force: bool = False) -> None:
    """Decide for each cell why it runs, from the `status` of the stored ones."""
    reasons = []
    for cell in plan.cells:
        status = statuses.get(cell.cell_id)
        if status is None:
            reasons.append(NEW)
        elif force:
            reasons.append(FORCED)
        else:
            reasons.append(STORED if status in FINAL else REASONS[status])
    plan.reasons = reasons


def plan_frame(plan: Plan) -> pandas.DataFrame:
    """One row a cell: `cell_id`, `group_id`, `reason`, and the choices as they were asked for."""
    import pandas

    rows = [
        {"cell_id": cell.cell_id, "group_id": cell.group_id, "reason": reason, **cell.choices}
        for cell, reason in zip(plan.cells, plan.reasons, strict=True)
    ]
    return pandas.DataFrame(rows)


def plan(
    overrides: Sequence[str] = (),
    name: str = "default",
    runs_dir: Path | str | None = None,
    config_dir: Path | str | None = None,
    force: bool = False,
    skip_invalid: bool = False,
) -> pandas.DataFrame:
    """What `sweep` would run, as a DataFrame with one row a cell; nothing is run or written.

    `reason` is "stored" (computed already), "new", "forced", "failed before" or "timed out before"; the other
    columns are the choices as they were asked for, null where not read. Arguments as for `lpbench.sweep`.

    >>> lpbench.plan(["precision=4,8", "seed=range(3)"])["reason"].value_counts()
    """
    made = make_plan(overrides, name, runs_dir, config_dir, force, skip_invalid)
    made.check()
    return plan_frame(made)
