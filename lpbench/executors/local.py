"""The default executor: threads of this process, side by side because the kernels release the GIL."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lpbench.errors import Interrupted
from lpbench.executors.base import HEARTBEAT, Shard, Store, cores, failed
from lpbench.registry import executors

if TYPE_CHECKING:
    from lpbench.choices import Cell
    from lpbench.running import Result

POLL = 0.01  # seconds between two looks at what has finished
GRACE = 0.5  # seconds that a stopped worker has; between two evaluation points a kernel takes at most 0.1


@executors.register("local")
class Local:
    """Threads of this process: no copies of the data, no start-up.

    A worker stays with a problem as long as it has cells, then takes one that nobody has begun, then helps
    where most is left: problems are built side by side, and each is built once.
    """

    name: str
    version = 1
    reads: frozenset[str] = frozenset()

    def __init__(self, workers: int | None = None, options: Mapping[str, Any] | None = None):
        self.workers = workers or cores()
        self._lock = threading.Lock()
        self._untouched: deque[deque[Cell]] = deque()
        self._begun: list[deque[Cell]] = []
        self._done: deque[Result] = deque()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._give_up: float | None = None

    def submit(
        self, shards: Sequence[Shard], timeout: float | None = None, store: Store | None = None
    ) -> None:
        """Start to run `shards` in their order; `timeout` in seconds a cell."""
        import lpbench.running  # noqa: F401 (before the threads start: they would wait for each other to import it)

        self._untouched.extend(deque(shard.cells) for shard in shards)
        count = min(self.workers, sum(len(shard.cells) for shard in shards))
        for i in range(count):
            thread = threading.Thread(target=self._work, args=(timeout,), name=f"lpbench-{i}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def events(self) -> Iterator["Result | None"]:
        """Finished cells, and None every HEARTBEAT seconds without one; ends when every worker has.

        A worker that compiles a kernel or solves for an optimum cannot be stopped: after `cancel(now=True)`
        it is left behind, and ends with the process.
        """
        beat = time.monotonic()
        while True:
            running = any(thread.is_alive() for thread in self._threads)
            while self._done:
                yield self._done.popleft()
            if not running or (self._give_up and time.monotonic() > self._give_up):
                return
            # Looked at now and then: to be woken for each of many small cells would cost more than they do.
            time.sleep(POLL)
            if time.monotonic() - beat > HEARTBEAT:
                beat = time.monotonic()
                yield None

    def cancel(self, now: bool = False) -> None:
        """Start no further cell; with `now` also drop those that run."""
        if now:
            self._stop.set()
            self._give_up = time.monotonic() + GRACE
        with self._lock:
            self._untouched.clear()
            for cells in self._begun:
                cells.clear()

    def _work(self, timeout: float | None) -> None:
        from lpbench.running import run_cell

        mine: deque[Cell] = deque()
        while True:
            with self._lock:
                mine = mine or self._next_problem()
                if not mine:
                    return
                cell = mine.popleft()
            try:
                self._done.append(run_cell(cell, stop=self._stop, timeout=timeout))
            except BaseException as error:  # whatever it is: a cell that leaves no row is lost without a word
                if isinstance(error, Interrupted) and self._stop.is_set():
                    return
                self._done.append(failed(cell, error))

    def _next_problem(self) -> "deque[Cell]":
        """The cells of a problem that nobody has begun, else of that with most left; empty if all are out."""
        if self._untouched:
            self._begun.append(self._untouched.popleft())
            return self._begun[-1]
        self._begun = [cells for cells in self._begun if cells]
        return max(self._begun, key=len, default=deque())
