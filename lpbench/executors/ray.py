"""Shards as tasks of a Ray cluster. A worker stores what it finishes itself: one part of the sweep a shard.

The driver numbers the parts. So a shard that runs twice, since a worker died before it could answer, writes the same
part again and leaves one result; and one that finds its part there does not run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lpbench.cells.cost import Estimator
from lpbench.errors import LpbenchError, StoreError
from lpbench.executors.base import HEARTBEAT, Shard, Store, Stored, failed
from lpbench.executors.ray_cluster import Cluster
from lpbench.executors.ray_task import Work, run_shard
from lpbench.provenance import version
from lpbench.registry import executors, plugin_sources
from lpbench.store.parts import MAX_CELLS

if TYPE_CHECKING:
    from lpbench.cells.run import Result
    from lpbench.choices.cell import Cell, Group

SHARD_SECONDS, LEAST_SECONDS = 10.0, 0.5  # of a shard: the longest, and towards the end the shortest
RETRIES = 2  # of a shard whose worker or node died
NUMBERS = 100  # part numbers taken at a time: each time writes the manifest


@dataclass(frozen=True)
class Running:
    """A shard under way: the number of its part, its cells, and their estimated seconds."""

    number: int
    cells: tuple[Cell, ...]
    seconds: float
    alone: bool = False  # one cell of a shard that killed its workers


@executors.register("ray")
class Ray:
    """Tasks of a Ray cluster: shards of about `shard_seconds`, `workers` of them under way at a time.

    ray_address     auto: a running cluster, else one of this machine; local: always that; host:port; ray://host:port
    ray_cpus, ray_gpus   of a shard;  workers: None: twice as many shards as the cluster's CPUs hold
    """

    name: str
    version = 1
    reads: frozenset[str] = frozenset()
    grace = 60.0  # seconds beyond its time-out after which a cell hangs

    def __init__(self, workers: int | None = None, options: Mapping[str, Any] | None = None):
        options = {key: value for key, value in (options or {}).items() if value is not None}
        cpus, gpus = options.get("ray_cpus", 1), options.get("ray_gpus", 0)
        self._cluster = Cluster(str(options.get("ray_address", "auto")), cpus, gpus)
        self._ray = self._cluster.ray
        self._resources = {"num_cpus": cpus, "num_gpus": gpus}
        self._shard_seconds = float(options.get("shard_seconds", SHARD_SECONDS))
        self._bound = workers
        self._waiting: deque[Shard] = deque()
        self._handed = 0  # cells of the first of them
        self._left = 0.0  # estimated seconds of all
        self._again: deque[tuple[tuple[Cell, ...], bool]] = deque()
        self._running: dict[Any, Running] = {}
        self._estimator = Estimator()
        self._estimated: tuple[Group | None, float] = None, 0.0  # the last group's seconds a cell
        self._pace = 1.0  # measured seconds of a shard by estimated ones
        self._stopped = False

    @property
    def workers(self) -> int:
        """Shards under way at a time: with twice as many as run at once, none waits for the driver."""
        return self._bound or 2 * self._cluster.slots

    def submit(
        self, shards: Sequence[Shard], timeout: float | None = None, store: Store | None = None
    ) -> None:
        """Take `shards`; `events` hands them out. `timeout` in seconds a cell."""
        assert store is not None
        self._numbers = _numbers(store)
        self._waiting.extend(shards)
        self._left = sum(self._seconds(cell) for shard in shards for cell in shard.cells)
        work = Work(store.target, timeout, self.grace, plugin_sources(), version())
        self._work = self._ray.put(work)
        self._task = self._ray.remote(run_shard)

    def events(self) -> Iterator[Result | Stored | None]:
        """Cells as their shards finish, and None every HEARTBEAT seconds without one; ends when all have run.

        Raises LpbenchError when the cluster is gone, StoreError when a worker cannot store.
        """
        try:
            while self._fill() or self._running:
                ready, _ = self._ray.wait(
                    list(self._running), num_returns=1, timeout=HEARTBEAT, fetch_local=False
                )
                for task in ready:
                    yield from self._finished(self._running.pop(task), task)
                if not ready:
                    yield None
                self._cluster.check()
        finally:
            self._cluster.leave()

    def cancel(self, now: bool = False) -> None:
        """Start no further shard; with `now` also drop those that run."""
        self._stopped = True
        self._waiting.clear()
        self._again.clear()
        if now and self._cluster.connected:
            for task in self._running:
                with suppress(Exception):  # it may have ended by itself
                    self._ray.cancel(task, force=True)
            self._running.clear()

    def _fill(self) -> bool:
        """Submit shards up to the bound, which grows with the cluster; whether any is under way."""
        while len(self._running) < self.workers and (chosen := self._next()):
            cells, alone = chosen
            number = next(self._numbers)
            task = self._task.options(**self._resources, max_retries=RETRIES).remote(
                self._work, number, cells
            )
            self._running[task] = Running(number, cells, sum(map(self._seconds, cells)), alone)
        return bool(self._running)

    def _next(self) -> tuple[tuple[Cell, ...], bool] | None:
        """The cells of the next shard, all of one problem: as many as make `_goal`, by what others took."""
        if self._again:
            return self._again.popleft()
        if not self._waiting:
            return None
        cells, first, seconds = self._waiting[0].cells, self._handed, 0.0
        last, goal = first, self._goal()
        while last < min(len(cells), first + MAX_CELLS) and (last == first or self._pace * seconds < goal):
            seconds += self._seconds(cells[last])
            last += 1
        self._handed = last
        self._left -= seconds
        if last == len(cells):
            self._waiting.popleft()
            self._handed = 0
        return cells[first:last], False

    def _goal(self) -> float:
        """Seconds of the next shard: fewer towards the end, so that no CPU waits long for another one's last shard."""
        share = self._pace * self._left / (2 * self.workers)
        return min(self._shard_seconds, max(LEAST_SECONDS, share))

    def _seconds(self, cell: Cell) -> float:
        if self._estimated[0] is not cell.group:  # seeds come one after the other
            cost = self._estimator.cost(cell.located, cell.problem_key)
            self._estimated = cell.group, cost.seconds if cost else 1.0
        return self._estimated[1]

    def _finished(self, shard: Running, task: Any) -> Iterator[Result | Stored]:
        """What a shard that has ended gives: its cells, or those that its failure leaves."""
        errors = self._ray.exceptions
        try:
            rows, seconds = self._ray.get(task)
        except errors.TaskCancelledError:
            return
        except errors.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, LpbenchError):
                raise type(cause)(str(cause)) from None
            if isinstance(cause, OSError):
                raise StoreError(f"a worker cannot store its cells: {cause}") from None
            yield from (failed(cell, cause) for cell in shard.cells)
            return
        except errors.RayError as error:  # its worker died, each time that it was tried
            if len(shard.cells) > 1:
                self._again.extend(((cell,), True) for cell in shard.cells)
                return
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            lost = LpbenchError(f"its worker died {RETRIES + 1} times ({reason})")
            yield from (failed(cell, lost) for cell in shard.cells)
            return
        if seconds and not shard.alone:
            self._pace += 0.3 * (seconds / max(shard.seconds, 1e-6) - self._pace)
        yield Stored(shard.number, rows)
        there = {row["cell_id"] for row in rows}
        missing = tuple(cell for cell in shard.cells if cell.cell_id not in there)
        if missing and not self._stopped:  # a cell of the shard hung, and took the worker with it
            self._again.append((missing, False))


def _numbers(store: Store) -> Iterator[int]:
    """Numbers of parts, for ever."""
    while True:
        first = store.reserve(NUMBERS)
        yield from range(first, first + NUMBERS)
