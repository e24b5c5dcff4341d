"""What a sweep will run: the cells of the grid minus the stored ones, and why each of the rest runs."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpbench.cells.cost import check_memory, check_steps
from lpbench.choices import keys
from lpbench.choices.axis import Axis
from lpbench.choices.cell import Cell
from lpbench.choices.grid import Guard, Look, expand, key_of, latest
from lpbench.declared.choices import RUNTIME
from lpbench.errors import ConfigError, StoreError
from lpbench.executors.base import cores
from lpbench.store.catalog import find_sweep
from lpbench.store.folder import sweep_folder
from lpbench.store.manifest import read_manifest
from lpbench.store.read import read_statuses
from lpbench.store.schema import FINAL

if TYPE_CHECKING:
    import pandas

STORED, NEW, FORCED = "stored", "new", "forced"
# By the status of the stored cell.
WHY = {**dict.fromkeys(FINAL, STORED), "failed": "failed before", "timeout": "timed out before"}
MAX_CELLS = 20_000  # a sweep of more asks first
MOST_CELLS = 2_000_000  # that are planned without being told so: about 4 GB of memory
LASTING = [key for key in RUNTIME if key not in ("workers", "runs_dir")]  # what `resume` keeps
_SHOWN = 5  # combinations that an error message names


@dataclass(frozen=True)
class Call:
    """What was asked for, as the manifest keeps it for `lpbench resume`.

    overrides    without those of run-time keys, which are no part of what is computed
    config_dir   the user's folder of yamls and modules, absolute
    folder       absolute: where relative paths of data files start; None where there are none
    """

    overrides: tuple[str, ...]
    config_dir: str | None = None
    skip_invalid: bool = False
    folder: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        said = {**vars(self), "overrides": list(self.overrides)}
        return {key: value for key, value in said.items() if key != "folder" or value is not None}


@dataclass
class Plan:
    """The cells of a sweep, and for each why it runs (`reasons`): "stored" (it does not), "new", "forced", or
    "failed before" and "timed out before".

    invalid    (overrides, message) of combinations that make no sense
    collapsed  cells of the grid that were equal to another one
    runtime    timeout, workers, runs_dir, executor
    axes       keys that vary, with their values
    statuses   of the cells that were stored when `set_reasons` last looked
    can_skip   whether who asked may leave out combinations that make no sense
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
    statuses: dict[str, str] = field(default_factory=dict)
    can_skip: bool = True

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
            count = len(self.invalid)
            shown = "; ".join(f"{overrides}: {message}" for overrides, message in self.invalid[:_SHOWN])
            more = f"; and {count - _SHOWN} more" if count > _SHOWN else ""
            which = "1 combination makes" if count == 1 else f"{count} combinations make"
            hint = " (--skip-invalid leaves out such)" if self.can_skip else ""
            raise ConfigError(f"{which} no sense{hint}: {shown}{more}")
        if not self.cells:
            raise ConfigError("no cell is left: every combination of the grid makes no sense")

    @property
    def at_once(self) -> int:
        """Cells that run at a time on this machine."""
        return min(self.runtime.get("workers") or cores(), max(1, len(self.todo)))

    def check_needs(self, max_memory: float | None = None) -> None:
        """Raise TooLarge if the cells that will run take more than `max_memory` GB (None: what this machine has,
        where they run here), ConfigError if one has more steps than the generator can tell apart.
        """
        check_steps(self.todo)
        if max_memory is not None or (self.runtime.get("executor") or "local") == "local":
            check_memory(self.todo, self.at_once, max_memory)


def make_plan(
    overrides: Sequence[str],
    name: str = "default",
    runs_dir: Path | str | None = None,
    config_dir: Path | str | None = None,
    force: bool = False,
    skip_invalid: bool = False,
    guard: Guard | None = None,
    look: Look | None = None,
    data_folder: Path | str | None = None,
) -> Plan:
    """Plan the sweep `name` over `overrides` (none: the default grid).

    runs_dir  where sweeps lie; None: the choice `runs_dir`, by default `runs`
    force     run every cell again
    guard     called with the size of the grid before any cell is made; may raise
    look      called with each override as it was read, before a value is resolved; may raise
    data_folder   where relative paths of data files start (None: the working directory)

    Raises ConfigError for what cannot be run; combinations that make no sense are kept for `Plan.check`.
    Reads only the identity and status of stored cells.
    """
    sweep_folder(name)  # a bad name is said before any work
    folder = None if config_dir is None else Path(config_dir)
    expansion = expand(overrides, folder, guard, look, data_folder)
    if runs_dir is not None:
        expansion.runtime["runs_dir"] = str(runs_dir)
    lasting = tuple(text for text in overrides if key_of(text) not in RUNTIME)
    start = next((cell.group.folder for cell in expansion.cells if cell.group.folder), None)
    call = Call(lasting, None if folder is None else str(folder.absolute()), skip_invalid, start)
    where = sweep_folder(name, expansion.runtime["runs_dir"] or "runs")
    plan = Plan(name, where, [call], reasons=[], **vars(expansion))
    set_reasons(plan, read_statuses(where), force)
    return plan


@dataclass(frozen=True)
class Stored:
    """Calls that a file brought: of a sweep's manifest, or a baseline. They say what to compute, and no more.

    who       "sweep demo"
    instead   the command whose arguments say it in their place
    most      cells that all of them may ask for
    inside    the folder that data files must lie in (None: anywhere)
    """

    who: str
    instead: str
    most: int = MOST_CELLS
    inside: Path | None = None

    def plan(
        self, calls: Any, name: str, runs_dir: Path | str, config_dir: Path | None = None, force: bool = False
    ) -> Plan:
        """The plan of all calls; `config_dir` is what the user named: no folder that a call names is read.

        Raises ConfigError for a call that asks for more than a file may, StoreError for one that is none.
        """
        plans: list[Plan] = []
        for call in calls if isinstance(calls, list) else [calls]:
            overrides = call.get("overrides") if isinstance(call, dict) else None
            if not isinstance(overrides, list) or not all(isinstance(text, str) for text in overrides):
                raise StoreError(f"{self.who}: a stored call is damaged: {call!r:.80}")
            if call.get("config_dir") is not None and config_dir is None:
                raise ConfigError(
                    f"{self.who} was made with modules of one's own, in {call['config_dir']}: a file's word does not "
                    "import them; name the folder with --config-dir DIR"
                )
            skip_invalid = call.get("skip_invalid") is True
            guard = partial(self._guard, sum(len(plan.cells) for plan in plans))
            data_folder = _there(call.get("folder")) if self.inside is None else None
            plans.append(
                make_plan(
                    latest(overrides), name, runs_dir, config_dir, force, skip_invalid, guard, self._look,
                    data_folder,
                )
            )  # fmt: skip
        plan = union(plans)
        plan.can_skip = False  # the commands that take stored calls have no such option
        return plan

    def _guard(self, made: int, more: int) -> None:
        count = made + more
        if count > self.most:
            raise self._refused(f"{count:,} cells, and {self.most:,} are the most")

    def _look(self, axis: Axis) -> None:
        self._guard(0, len(axis.values))
        if axis.key in RUNTIME:
            raise self._refused(f"{axis.key}, which is no part of what is computed")
        for value in (*axis.values, *axis.texts):
            if isinstance(value, str) and "${" in _ANOTHER_KEY.sub("", value):
                raise self._refused(f"{axis.key}={value!r}, and only ${{KEY}} is resolved there")
        if axis.key in ("module", "data") and self.inside is not None:
            raise self._refused(f"{axis.key}, which is code that would be run")
        if axis.key == "path" and self.inside is not None:
            for value in map(str, axis.values):
                at = Path(os.path.realpath(os.path.expanduser(value)))
                if "${" in value or not at.is_relative_to(os.path.realpath(self.inside)):
                    raise self._refused(f"the data file {value!r}, which lies outside of {self.inside}")

    def _refused(self, what: str) -> ConfigError:
        return ConfigError(f"the stored call of {self.who} asks for {what}; to run it: {self.instead}")


_ANOTHER_KEY = re.compile(r"\$\{\w+\}")


def plan_of_sweep(name: str, runs_dir: Path | str = "runs", config_dir: Path | None = None) -> Plan:
    """The plan of all calls that made the sweep called `name` (or with that path), as its manifest has them,
    for resuming it.

    config_dir   the folder with the user's yamls and modules, where the sweep was made with one

    Raises ConfigError for an unknown sweep, one whose calls are not known, or ask for what a file may not name.
    """
    folder = find_sweep(name, runs_dir)
    manifest = read_manifest(folder)
    if manifest is None or not manifest["calls"]:
        raise ConfigError(
            f"{folder}: its manifest names no call: repeat the sweep with --name {name}, or the loop "
            "that recorded it"
        )
    stored = Stored(f"sweep {folder.name}", f"lpbench sweep OVERRIDES --name {folder.name}")
    plan = stored.plan(manifest["calls"], folder.name, folder.parent, config_dir)
    plan.runtime |= _runtime(folder, manifest["runtime"])
    return plan


def _runtime(folder: Path, kept: Any) -> dict[str, Any]:
    """The run-time choices that a manifest keeps; a cluster, which sends back what is unpickled here, is not taken
    from it alone.
    """
    if not isinstance(kept, dict):
        raise StoreError(f"{folder}: the manifest is damaged: runtime is {kept!r:.80}")
    runtime = {key: keys.check(key, kept.get(key)) for key in LASTING}
    address = runtime["ray_address"]
    if address not in (None, "auto", "local", os.environ.get("RAY_ADDRESS")):
        raise ConfigError(
            f"{folder} says that the sweep ran on the Ray cluster {address}: to go on there, set RAY_ADDRESS={address}"
        )
    return runtime


def _there(folder: Any) -> str | None:
    """`folder` where it still is: a project that was moved has its data where it is resumed."""
    return folder if isinstance(folder, str) and Path(folder).is_dir() else None


def union(plans: Sequence[Plan]) -> Plan:
    """The plan of several calls of one sweep: each cell once; run-time choices are those of the last."""
    cells: dict[str, tuple[Cell, str]] = {}
    axes: dict[str, dict[Any, None]] = {}
    for plan in plans:
        for cell, reason in zip(plan.cells, plan.reasons, strict=True):
            cells.setdefault(cell.cell_id, (cell, reason))
        for key, values in plan.axes.items():
            axes.setdefault(key, {}).update(dict.fromkeys(values))
    return replace(
        plans[0],
        calls=[call for plan in plans for call in plan.calls],
        cells=[cell for cell, _ in cells.values()],
        reasons=[reason for _, reason in cells.values()],
        invalid=[entry for plan in plans for entry in plan.invalid],
        collapsed=sum(plan.collapsed for plan in plans),
        statuses={cell_id: status for plan in plans for cell_id, status in plan.statuses.items()},
        runtime=plans[-1].runtime,
        axes={key: list(values) for key, values in axes.items()},
    )


def set_reasons(plan: Plan, statuses: Mapping[str, str], force: bool = False) -> None:
    """Decide for each cell why it runs, from the `status` of the stored ones."""
    why = {status: FORCED if force else reason for status, reason in WHY.items()}
    ids = [cell.cell_id for cell in plan.cells]
    plan.reasons = [why[statuses[cell_id]] if cell_id in statuses else NEW for cell_id in ids]
    plan.statuses = {cell_id: statuses[cell_id] for cell_id in ids if cell_id in statuses}


def plan(
    overrides: Sequence[str] = (),
    name: str = "default",
    runs_dir: Path | str | None = None,
    config_dir: Path | str | None = None,
    force: bool = False,
    skip_invalid: bool = False,
    max_memory: float | None = None,
) -> pandas.DataFrame:
    """What `sweep` would run, as a DataFrame with one row a cell; nothing is run or written.

    `reason` is "stored" (computed already), "new", "forced", "failed before" or "timed out before"; the other
    columns are the choices as they were asked for, null where not read. Arguments as for `lpbench.sweep`.
    Raises ConfigError as that does, TooLarge among them.

    >>> lpbench.plan(["precision=4,8", "seed=range(3)"])["reason"].value_counts()
    """
    import pandas

    made = make_plan(overrides, name, runs_dir, config_dir, force, skip_invalid)
    made.check()
    made.check_needs(max_memory)
    rows = [
        {"cell_id": cell.cell_id, "group_id": cell.group_id, "reason": reason, **cell.choices}
        for cell, reason in zip(made.cells, made.reasons, strict=True)
    ]
    return pandas.DataFrame(rows)
