"""What runs the cells of a sweep: the protocol of executors, shards, and cells that a worker stored itself."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lpbench.errors import LpbenchError

if TYPE_CHECKING:
    from lpbench.cells.run import Result
    from lpbench.choices.cell import Cell
    from lpbench.store.parts import Target

HEARTBEAT = 0.1  # seconds: how often `events` yields, finished cell or not


@dataclass(frozen=True)
class Shard:
    """Cells that share a problem: its data, optimum and constants travel with them once."""

    problem_key: str
    cells: tuple["Cell", ...]


@dataclass(frozen=True)
class Stored:
    """Cells that a worker has stored itself, as part `number` of the sweep: their rows of `cells`."""

    number: int
    rows: Sequence[Mapping[str, Any]]


class Store(Protocol):
    """What an executor may know of the sweep: for workers that store what they finish."""

    @property
    def target(self) -> "Target":
        """Where a worker writes parts; travels to other machines."""
        ...

    def reserve(self, count: int) -> int:
        """The first of `count` numbers of parts, which nobody else gets."""
        ...


class Executor(Protocol):
    """Runs shards. Made with `workers`, how many at a time (None: its own default), and the run-time choices.

    A new executor is one file that registers such a class under its name, and one yaml in conf/executor.
    """

    name: str

    def __init__(self, workers: int | None = None, options: Mapping[str, Any] | None = None) -> None: ...

    @property
    def workers(self) -> int:
        """Cells, or shards, at a time."""
        ...

    def submit(
        self, shards: Sequence[Shard], timeout: float | None = None, store: Store | None = None
    ) -> None:
        """Start to run `shards`, dearest first; `timeout` in seconds a cell. Called once."""
        ...

    def events(self) -> "Iterator[Result | Stored | None]":
        """Finished cells in the order in which they finish, and None every HEARTBEAT seconds without one.

        Ends when all cells have run, or after `cancel` when no cell runs any more.
        """
        ...

    def cancel(self, now: bool = False) -> None:
        """Start no further cell; with `now` also drop those that run."""
        ...


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def hung(cell: "Cell", seconds: float) -> "Result":
    """The result of a cell that gave no answer for so long that it was given up."""
    result = failed(cell, LpbenchError())
    error = f"it hung: no answer for {seconds:.0f} s, and was given up"
    result.row.update(status="timeout", error=error)
    return result


def failed(cell: "Cell", error: BaseException) -> "Result":
    """The result of a cell whose run raised what it should have kept in its row: a bug, but of one cell."""
    import numpy as np

    from lpbench.cells.run import Result

    row = {**cell.choices, **cell.identity, "status": "failed"}
    row["error"] = f"{type(error).__name__}: {error}"
    return Result(row=row, trace={"step": np.zeros(0, np.int64)})
