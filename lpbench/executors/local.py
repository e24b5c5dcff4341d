"""The default executor: threads of this process, side by side because the kernels release the GIL."""

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lpbench.errors import Interrupted
from lpbench.executors.base import HEARTBEAT, Shard, Store, cores, failed, hung
from lpbench.registry import executors
from lpbench.terminal import note

if TYPE_CHECKING:
    from lpbench.cells.run import Result, Watch
    from lpbench.choices.cell import Cell

POLL = 0.01  # seconds between two looks at what has finished
GRACE = 0.5  # seconds that a stopped worker has; between two evaluation points a kernel takes at most 0.1
# Seconds beyond its time-out after which a cell hangs: while its problem is built and solved, and after that.
BUILD, RUN = 60.0, 5.0


@executors.register("local")
class Local:
    """Threads of this process: no copies of the data, no start-up.

    A worker stays with a problem as long as it has cells, then takes one that nobody has begun, then helps
    where most is left: problems are built side by side, and each is built once.

    A thread cannot be ended. One whose cell hangs where no time-out reaches (in a plug-in's Python, in a step of a
    billion samples) is left behind, with the core that it takes, and another one goes on in its place.
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
        self._stopped = False
        self._threads: list[threading.Thread] = []
        self._running: dict[threading.Thread, tuple[Cell, Watch]] = {}
        self._timeout: float | None = None
        self._give_up: float | None = None

    def submit(
        self, shards: Sequence[Shard], timeout: float | None = None, store: Store | None = None
    ) -> None:
        """Start to run `shards` in their order; `timeout` in seconds a cell."""
        import lpbench.cells.run  # noqa: F401 (before the threads start: they would wait for each other to import it)

        self._untouched.extend(deque(shard.cells) for shard in shards)
        self._timeout = timeout
        for i in range(min(self.workers, sum(len(shard.cells) for shard in shards))):
            self._start(f"lpbench-{i}")

    def _start(self, name: str) -> None:
        thread = threading.Thread(target=self._work, name=name, daemon=True)
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
                self._leave_hung()
                yield None

    def cancel(self, now: bool = False) -> None:
        """Start no further cell; with `now` also drop those that run."""
        with self._lock:
            if now:
                self._stopped = True
                self._give_up = time.monotonic() + GRACE
                for _, watch in self._running.values():
                    watch.set()
            self._untouched.clear()
            for cells in self._begun:
                cells.clear()

    def _leave_hung(self) -> None:
        """Give up the cells that hang."""
        from lpbench.arithmetic import jit

        if self._timeout is None:
            return
        with self._lock:
            now, compiling = time.monotonic(), jit.compiling()
            for thread, (cell, watch) in list(self._running.items()):
                if compiling:  # it may be this cell's kernel, or it waits for the compiler
                    watch.since = now
                seconds = now - watch.since
                if seconds > self._timeout + (RUN if watch.built else BUILD):
                    watch.set()
                    del self._running[thread]
                    self._threads.remove(thread)
                    self._done.append(hung(cell, seconds))
                    note(f"cell {cell.cell_id} hangs: given up, while its thread still takes a core")
                    self._start(thread.name)

    def _work(self) -> None:
        from lpbench.cells.run import Watch, run_cell

        me = threading.current_thread()
        mine: deque[Cell] = deque()
        while True:
            with self._lock:
                mine = mine or self._next_problem()
                if not mine or self._stopped:
                    return
                cell, watch = mine.popleft(), Watch()
                self._running[me] = cell, watch
            result: Result | None = None
            try:
                result = run_cell(cell, stop=watch, timeout=self._timeout)
            except BaseException as error:  # whatever it is: a cell that leaves no row is lost without a word
                if not (isinstance(error, Interrupted) and watch.is_set()):
                    result = failed(cell, error)
            with self._lock:
                if me not in self._running:
                    return  # given up meanwhile
                del self._running[me]
                if result is None:
                    return
                self._done.append(result)

    def _next_problem(self) -> "deque[Cell]":
        """The cells of a problem that nobody has begun, else of that with most left; empty if all are out."""
        if self._untouched:
            self._begun.append(self._untouched.popleft())
            return self._begun[-1]
        self._begun = [cells for cells in self._begun if cells]
        return max(self._begun, key=len, default=deque())
