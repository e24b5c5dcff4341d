"""A sweep: the cells of a plan through an executor into the store."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lpbench import registry
from lpbench.cells.cost import cell_costs
from lpbench.choices.cell import Cell
from lpbench.errors import ConfigError, Interrupted, LpbenchError, SweepBusy
from lpbench.executors.base import Executor, Shard, Stored
from lpbench.store.address import is_remote
from lpbench.store.compaction import compact
from lpbench.store.folder import PARTS, runs_option
from lpbench.store.read import load_cells, read_statuses
from lpbench.store.writer import SweepWriter
from lpbench.sweeps.plan import LASTING, MAX_CELLS, Plan, make_plan, set_reasons

if TYPE_CHECKING:
    import pandas

BAD = ("failed", "diverged", "timeout")
ROWS_KEPT = 100  # of bad cells: a sweep may have a million
_STOPPING = {False: "finishing the running cells (Ctrl-C again stops at once)", True: "stopping at once"}


@dataclass(frozen=True)
class Event:
    """What happens in a sweep, for a progress display.

    kind   "start" (`total` cells will run, of `cost` estimated seconds in all), "cell" (`row` is finished,
           it was estimated at `cost`), "tick" (nothing new, a few times a second), "stopping" (`text` says
           how), "end"
    """

    kind: Literal["start", "cell", "tick", "stopping", "end"]
    total: int = 0
    cost: float = 0.0
    row: Mapping[str, Any] | None = None
    text: str = ""


@dataclass
class Outcome:
    """How a sweep ended: `statuses` of the plan's cells, stored ones included; `ran` cells computed in this
    call.

    n_bad   how many cells of this call failed, diverged or timed out
    bad     the rows of the first ROWS_KEPT of them
    """

    plan: Plan
    statuses: dict[str, str] = field(default_factory=dict)
    ran: int = 0
    n_bad: int = 0
    bad: list[Mapping[str, Any]] = field(default_factory=list)
    interrupted: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """Number of the plan's cells by status."""
        return dict(Counter(self.statuses.values()))

    def complete(self, how: str | None = None) -> Outcome:
        """Itself; raises Interrupted after Ctrl-C. how: to go on, where that is not by `lpbench resume`."""
        if self.interrupted:
            raise Interrupted(interrupted_line(self, how))
        return self


def make_shards(cells: Sequence[Cell], costs: Sequence[float]) -> list[Shard]:
    """Cells by problem, the dearest problem and in it the dearest cell first: none is left to the end."""
    members: dict[str, list[int]] = {}
    for i, cell in enumerate(cells):
        members.setdefault(cell.problem_key, []).append(i)
    dearest = sorted(members, key=lambda key: -sum(costs[i] for i in members[key]))
    return [
        Shard(key, tuple(cells[i] for i in sorted(members[key], key=lambda i: -costs[i]))) for key in dearest
    ]


def run_plan(
    plan: Plan,
    workers: int | None = None,
    force: bool = False,
    fail_fast: bool = False,
    on_event: Callable[[Event], None] | None = None,
    max_memory: float | None = None,
) -> Outcome:
    """Run the cells of `plan` that are not stored, and compact the sweep.

    workers    cells at a time; None: the plan's choice, by default one for each core
    fail_fast  stop at the first cell that fails, diverges or times out
    max_memory   GB that the cells may take (None: what this machine has, and with Ray no limit)

    Every finished cell is on disk when this returns or raises, but for those that the disk refused: the error
    says how many. The first Ctrl-C lets the running cells finish, the second drops them; either way `interrupted`
    is set. Raises ConfigError (TooLarge where memory does not suffice), SweepBusy, StoreError; LpbenchError when
    cells are missing in the end.
    """
    plan.check()
    tell = on_event or (lambda event: None)
    if not plan.todo and _has_parts(plan.folder):
        with suppress(SweepBusy):  # whoever writes the sweep will compact it
            compact(plan.folder, state="done")
        set_reasons(plan, read_statuses(plan.folder))  # some damage shows only when a part is read as a whole
    if not plan.todo:
        return Outcome(plan, plan.statuses)
    plan.runtime["workers"] = workers or plan.runtime.get("workers")
    plan.check_needs(max_memory)
    name = plan.runtime.get("executor") or "local"
    executor: Executor = registry.executors.get(name)(plan.runtime["workers"], plan.runtime)
    timeout = plan.runtime.get("timeout")
    stamp = {
        "timeout": timeout,
        "workers": executor.workers,
        "executor": name,
        "runs_dir": str(plan.folder.parent if is_remote(plan.folder) else plan.folder.parent.absolute()),
    }
    outcome = Outcome(plan)
    calls = [call.as_dict() for call in plan.calls]
    lasting = {key: plan.runtime.get(key) for key in LASTING}
    with _interrupts() as presses:
        store = SweepWriter(plan.folder, calls, len(plan.cells), stamp, lasting)
        try:
            with store:
                if not force:  # another sweep may have stored some since the plan was made
                    set_reasons(plan, store.statuses)
                store.expect(cell.cell_id for cell in plan.cells)
                _run_cells(executor, store, outcome, presses, timeout, fail_fast, tell)
                outcome.interrupted = presses.count > 0
                if outcome.interrupted:
                    store.state = "interrupted"
        except LpbenchError as error:
            raise type(error)(f"{error}; {_kept(plan, store)}; go on with: {resume_command(plan)}") from error
    outcome.statuses = _select(plan, store.statuses)
    missing = len(plan.cells) - len(outcome.statuses)
    if missing and not outcome.interrupted and not (fail_fast and outcome.n_bad):
        have = "1 cell of the sweep has" if missing == 1 else f"{missing} cells of the sweep have"
        raise LpbenchError(f"{have} no result; {_kept(plan, store)}; go on with: {resume_command(plan)}")
    return outcome


def _run_cells(
    executor: Executor,
    store: SweepWriter,
    outcome: Outcome,
    presses: _Presses,
    timeout: float | None,
    fail_fast: bool,
    tell: Callable[[Event], None],
) -> None:
    """Run the cells of the plan that are to run, hand them to `store` as they finish, and count them in `outcome`."""
    todo = outcome.plan.todo
    costs = [cost.seconds if cost else 0.0 for cost in cell_costs(todo)]
    cost_of = dict(zip((cell.cell_id for cell in todo), costs, strict=True))
    tell(Event("start", len(todo), sum(costs)))
    answered = 0
    try:
        executor.submit(make_shards(todo, costs), timeout, store)
        for result in executor.events():
            if presses.count > answered:
                answered = presses.count
                executor.cancel(now=answered > 1)
                tell(Event("stopping", text=_STOPPING[answered > 1]))
            if result is None:
                tell(Event("tick"))
                continue
            if isinstance(result, Stored):
                store.adopt(result.number, result.rows)
                rows = result.rows
            else:
                store.put(result)
                rows = [result.row]
            for row in rows:
                outcome.ran += 1
                if row["status"] in BAD:
                    outcome.n_bad += 1
                    if len(outcome.bad) < ROWS_KEPT:
                        outcome.bad.append(row)
                    if fail_fast:
                        executor.cancel(now=True)
                tell(Event("cell", cost=cost_of[row["cell_id"]], row=row))
    except BaseException:
        executor.cancel(now=True)
        raise
    finally:
        tell(Event("end"))


def sweep(
    overrides: Sequence[str] = (),
    name: str = "default",
    runs_dir: Path | str | None = None,
    workers: int | None = None,
    force: bool = False,
    fail_fast: bool = False,
    skip_invalid: bool = False,
    max_cells: int | None = MAX_CELLS,
    config_dir: Path | str | None = None,
    on_event: Callable[[Event], None] | None = None,
    max_memory: float | None = None,
) -> pandas.DataFrame:
    """Run the cells of a grid that are not stored yet; returns all cells of the grid, one row a cell.

    overrides     as on the command line: `["precision=4,6,8", "format=fixed,float", "seed=range(3)"]`;
                  none: the default grid
    name          of the sweep; cells are added to what it holds under `runs_dir` (None: the choice, `runs`)
    workers       cells at a time (None: one for each core)
    force         compute stored cells again;  fail_fast: stop at the first cell that is not ok
    skip_invalid  leave out combinations that make no sense, in place of raising
    max_cells     refuse a larger grid (None: any size)
    config_dir    a folder with your own yamls and modules
    on_event      called with each `Event`, for a progress display of your own
    max_memory    GB that the cells may take; what needs more is refused (None: what this machine has)

    Cells that failed, diverged or timed out are rows with that `status`. Raises ConfigError for a grid that
    cannot be run (nothing is written then), StoreError when the disk refuses, Interrupted after Ctrl-C with
    everything finished on disk.

    >>> cells = lpbench.sweep(["precision=4,6,8", "seed=range(3)"], name="first")
    >>> cells.groupby("precision").noise_floor.median()
    """
    plan = make_plan(overrides, name, runs_dir, config_dir, force, skip_invalid, cells_guard(max_cells))
    outcome = run_plan(plan, workers, force, fail_fast, on_event, max_memory).complete()
    frame = load_cells(plan.folder)
    return frame[frame["cell_id"].isin(list(outcome.statuses))].reset_index(drop=True)


def cells_guard(max_cells: int | None) -> Callable[[int], None]:
    """A guard for `make_plan` that raises ConfigError for a grid of more than `max_cells` cells."""

    def guard(count: int) -> None:
        if max_cells is not None and count > max_cells:
            raise ConfigError(
                f"the grid has {count} cells, more than max_cells = {max_cells}: "
                "make it smaller, or allow more"
            )

    return guard


def resume_command(plan: Plan) -> str:
    """The command that goes on with a sweep."""
    folders = [call.config_dir for call in plan.calls if call.config_dir is not None]
    mine = f" --config-dir {folders[-1]}" if folders else ""
    address = plan.runtime.get("ray_address")
    cluster = "" if address in (None, "auto", "local") else f"RAY_ADDRESS={address} "
    return f"{cluster}lpbench resume {plan.name}{mine}{runs_option(plan.folder.parent)}"


def interrupted_line(outcome: Outcome, how: str | None = None) -> str:
    """What to say after Ctrl-C."""
    plan = outcome.plan
    kept = f"{len(outcome.statuses)} of {len(plan.cells)} cells are stored in {plan.folder}"
    return f"interrupted: {kept}; {how or f'go on with: {resume_command(plan)}'}"


def _kept(plan: Plan, store: SweepWriter) -> str:
    """What an error leaves of a sweep."""
    text = f"{len(_select(plan, store.statuses))} of {len(plan.cells)} cells are stored"
    if store.unwritten:
        text += f", {store.unwritten} finished ones are not and will be computed again"
    return text


def _has_parts(folder: Path) -> bool:
    """Whether parts wait for a compaction that a killed sweep did not come to."""
    parts = folder / PARTS
    return parts.is_dir() and any(parts.glob("*.cells.parquet"))


def _select(plan: Plan, statuses: Mapping[str, str]) -> dict[str, str]:
    return {cell.cell_id: statuses[cell.cell_id] for cell in plan.cells if cell.cell_id in statuses}


@dataclass
class _Presses:
    count: int = 0


@contextmanager
def _interrupts() -> Iterator[_Presses]:
    """Count Ctrl-C in place of raising, up to the third, which raises as ever.

    SIGTERM, and SIGHUP unless it is ignored (nohup), count as two.
    """
    presses = _Presses()
    if threading.current_thread() is not threading.main_thread():
        yield presses  # signals reach the main thread alone
        return

    def press(number: int, frame: object) -> None:
        presses.count = presses.count + 1 if number == signal.SIGINT else max(2, presses.count)
        if presses.count > 2:
            raise KeyboardInterrupt

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, press) for number in numbers}
    try:
        yield presses
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
