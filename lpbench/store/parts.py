"""Parts: finished cells written while a sweep runs, by a thread of their own."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lpbench.errors import LpbenchError, StoreError
from lpbench.store.address import make_folder
from lpbench.store.files import write_table
from lpbench.store.folder import PARTS
from lpbench.store.schema import cells_table, tensors_table, traces_table
from lpbench.store.sources import Damaged, Source, part_paths

# A part holds up to so many cells, and is written every 2 s; in a long sweep less often, up to 30 s.
MAX_CELLS = 500
FIRST_INTERVAL, LAST_INTERVAL = 2.0, 30.0
GROWTH = 0.03  # of the time so far: ten hours make about 1,200 parts
_BACKLOG = 5_000  # finished cells that may wait for a slow disk


class Finished(Protocol):
    """What a cell's run leaves: its row of `cells`, its trace as arrays by column, and so its tensors, if any."""

    @property
    def row(self) -> Mapping[str, Any]: ...
    @property
    def trace(self) -> Mapping[str, np.ndarray]: ...
    @property
    def tensors(self) -> Mapping[str, np.ndarray]: ...


@dataclass(frozen=True)
class Target:
    """Where parts go: the sweep's folder, and what is added to every row. Small, and travels to other machines."""

    folder: Path
    columns: Mapping[str, Any]

    def write(self, number: int, finished: Sequence[Finished]) -> list[Mapping[str, Any]]:
        """Write part `number`, whole or not at all; returns its rows. Written twice, it is there once.

        Raises StoreError.
        """
        rows: list[Mapping[str, Any]] = [{**one.row, **self.columns} for one in finished]
        ids = [row["cell_id"] for row in rows]
        cells, traces, tensors = part_paths(self.folder, number)
        make_folder(self.folder / PARTS)
        # Sorted by cell, so that row group statistics help readers; the cells last: they are the commit.
        order = sorted(range(len(ids)), key=ids.__getitem__)
        write_table(traces, traces_table([ids[i] for i in order], [finished[i].trace for i in order]))
        looked_at = [i for i in order if len(finished[i].tensors.get("step", ()))]
        if looked_at:
            found = [finished[i].tensors for i in looked_at]
            write_table(tensors, tensors_table([ids[i] for i in looked_at], found))
        elif tensors.exists():  # of whoever was killed before he wrote this part
            tensors.unlink()
        write_table(cells, cells_table([rows[i] for i in order]))
        return rows

    def written(self, number: int) -> list[Mapping[str, Any]] | None:
        """The rows of part `number`; None where it is not there, or damaged."""
        cells, traces, _ = part_paths(self.folder, number)
        try:
            if not (cells.is_file() and traces.is_file()):
                return None
            return Source(number, cells, traces).read_cells().to_pylist()
        except (OSError, Damaged):
            return None


class PartWriter:
    """Writes what `put` gives it as parts of a sweep, which take their numbers from `numbers`.

    on_part  called in the writer's thread after each part, with the part's number and rows; the place to
             raise the manifest.
    """

    def __init__(
        self,
        target: Target,
        numbers: Callable[[], int],
        on_part: Callable[[int, list[Mapping[str, Any]]], None],
    ):
        self._target = target
        self._number = numbers
        self._on_part = on_part
        self._waiting: list[Finished] = []
        self._closing = False
        self._wake = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="lpbench-parts", daemon=True)
        self._thread.start()

    def put(self, finished: Finished) -> None:
        """Hand over a finished cell; raises StoreError once a part could not be written."""
        # No queue: waking the writer for each cell would cost more than writing it.
        self._waiting.append(finished)
        self._check()
        if len(self._waiting) >= MAX_CELLS:
            self._wake.set()
            while len(self._waiting) > _BACKLOG and self._error is None:
                time.sleep(0.01)

    def close(self) -> None:
        """Write what waits, and end; raises StoreError where that failed."""
        self._closing = True
        self._wake.set()
        self._thread.join()
        self._check()

    @property
    def unwritten(self) -> int:
        """How many of the cells handed over are not on disk."""
        return len(self._waiting)

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        started = written = time.monotonic()
        while not (self._closing and not self._waiting) and self._error is None:
            interval = min(LAST_INTERVAL, max(FIRST_INTERVAL, GROWTH * (written - started)))
            left = written + interval - time.monotonic() if self._waiting else FIRST_INTERVAL
            self._wake.wait(max(0.0, min(FIRST_INTERVAL, left)))
            self._wake.clear()
            due = time.monotonic() - written >= interval or len(self._waiting) >= MAX_CELLS or self._closing
            if due and self._waiting:
                self._write(self._waiting[:MAX_CELLS])
                written = time.monotonic()

    def _write(self, finished: list[Finished]) -> None:
        try:
            number = self._number()
            rows = self._target.write(number, finished)
            del self._waiting[: len(finished)]
            self._on_part(number, rows)
        except LpbenchError as error:
            self._error = error
        except OSError as error:
            self._error = StoreError(f"{self._target.folder}: cannot be written: {error.strerror or error}")
        except Exception as error:  # whatever it was, the sweep must hear of it and not wait for ever
            self._error = error
