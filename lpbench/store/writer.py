"""A sweep opened for writing: lock, manifest, parts and compaction behind one object."""

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lpbench.errors import StoreError
from lpbench.provenance import now
from lpbench.store.address import is_folder, is_remote, make_folder
from lpbench.store.compaction import compact_locked
from lpbench.store.files import set_aside
from lpbench.store.folder import PARTS
from lpbench.store.lock import lock
from lpbench.store.manifest import open_manifest, write_manifest
from lpbench.store.parts import Finished, PartWriter, Target
from lpbench.store.read import read_statuses
from lpbench.store.sources import PART, part_paths

SHARED_SECONDS = 10.0  # in which a file of another machine shows on a shared disk
MANIFEST_SECONDS = 1.0  # between two manifests while workers store cells


class SweepWriter:
    """The sweep in `folder` (made if need be), open for writing until `close`; a context manager.

    folder   as `sweep_folder` gives it
    calls    what is being run, kept in the manifest for `resume`: {"overrides": [...], ...} each
    planned  cells of these calls, stored ones included
    stamp    further columns of every row: the run-time choices
    runtime  what the manifest keeps of them for `resume`, beside `stamp`

    `statuses` maps the stored cells to their status; `state` is what the manifest says after `close`:
    "done", unless set to "interrupted".
    Raises SweepBusy while another process writes the sweep, StoreError where it cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        calls: Sequence[Mapping[str, Any]],
        planned: int,
        stamp: Mapping[str, Any] | None = None,
        runtime: Mapping[str, Any] | None = None,
    ):
        make_folder(folder)
        self.folder = folder
        self.state = "done"
        self._lock = lock(folder)
        try:
            self.statuses = read_statuses(folder)
            self._counts = Counter(self.statuses.values())
            self._manifest = open_manifest(folder)
            if not is_remote(folder) and (folder / PARTS).exists() and not (folder / PARTS).is_dir():
                set_aside(folder / PARTS)
            self._writing = threading.RLock()  # the manifest, which the parts' thread writes too
            self._written = 0.0
            self._next = self._first_part()
            self._begin(calls, planned, {**(runtime or {}), **(stamp or {})})
            # Workers have working folders of their own.
            where = folder if is_remote(folder) else folder.absolute()
            self.target = Target(where, {**(stamp or {}), "sweep": folder.name})
            self._parts = PartWriter(self.target, lambda: self._take(1), self._on_part)
        except BaseException:
            self._lock.release()
            raise

    @property
    def unwritten(self) -> int:
        """How many finished cells are not on disk."""
        return self._parts.unwritten

    def expect(self, cell_ids: Iterable[str]) -> None:
        """Say which cells there will be, so that readers know how far the sweep is."""
        with self._writing:
            stored = sum(self._counts.values())
            self._manifest["total"] = stored + sum(one not in self.statuses for one in cell_ids)
            self._manifest["began"] = {"at": now(), "stored": stored}
            self._write()

    def put(self, finished: Finished) -> None:
        """Keep a finished cell; it is on disk within seconds. Raises StoreError once the disk refuses."""
        self._lock.check()
        self._parts.put(finished)

    def reserve(self, count: int) -> int:
        """The first of `count` numbers for parts that workers write themselves; nobody else gets them, ever."""
        with self._writing:
            first = self._take(count)
            self._manifest["last_part"] = first + count - 1
            self._write()
        return first

    def adopt(self, number: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take note of cells that a worker has stored as part `number`.

        Raises SweepBusy once somebody else writes the sweep, StoreError where the part is not there: the worker's
        machine has a folder of its own under this name.
        """
        self._lock.check()
        if not is_remote(self.folder):
            self._await(part_paths(self.folder, number)[0])
        with self._writing:
            self._note(rows)
            if time.monotonic() - self._written > MANIFEST_SECONDS:
                self._write()

    def close(self) -> None:
        """Write what waits, compact, and let the next writer in."""
        try:
            self._parts.close()
            self._manifest["state"] = self.state
            if compact_locked(self.folder, self._manifest):
                self.statuses = read_statuses(self.folder)
        finally:
            self._lock.release()

    def abandon(self) -> None:
        """Write what waits, and let the next writer in, who will compact."""
        try:
            self._parts.close()
            self._manifest["state"] = "interrupted"
            write_manifest(self.folder, self._manifest)
        finally:
            self._lock.release()

    def __enter__(self) -> "SweepWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self.close()
        elif issubclass(kind, StoreError):
            with suppress(StoreError):  # the one that is on its way says the same
                self.abandon()
        else:
            self.abandon()

    def _begin(self, calls: Sequence[Mapping[str, Any]], planned: int, runtime: dict[str, Any]) -> None:
        self._manifest |= {
            "state": "running",
            "planned": planned,
            "total": 0,
            "began": {},
            "runtime": runtime,
        }
        self._manifest["calls"] += [dict(call) for call in calls if call not in self._manifest["calls"]]
        self._write()

    def _take(self, count: int) -> int:
        with self._writing:
            first, self._next = self._next, self._next + count
            return first

    def _await(self, part: Path) -> None:
        until = time.monotonic() + SHARED_SECONDS
        while not part.exists():
            if time.monotonic() > until:
                raise StoreError(
                    f"{part.absolute()} was stored by a worker, but is not there: its machine does not share this "
                    "folder; take one that all share, or --runs-dir s3://bucket/runs"
                )
            time.sleep(0.1)

    def _note(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            if before := self.statuses.get(row["cell_id"]):
                self._counts[before] -= 1
            self._counts[row["status"]] += 1
            self.statuses[row["cell_id"]] = row["status"]

    def _write(self) -> None:
        self._manifest["counts"] = {status: count for status, count in self._counts.items() if count}
        write_manifest(self.folder, self._manifest)
        self._written = time.monotonic()

    def _on_part(self, part: int, rows: list[Mapping[str, Any]]) -> None:
        with self._writing:
            self._manifest["last_part"] = max(part, self._manifest["last_part"])
            self._note(rows)
            self._write()

    def _first_part(self) -> int:
        # Numbers are not used again after a compaction: a reader that listed the old part must not read a
        # new one.
        parts = self.folder / PARTS
        files = parts.iterdir() if is_folder(parts) else ()
        numbers = [int(m[1]) for f in files if (m := PART.match(f.name))]
        return max([*numbers, self._manifest["last_part"]]) + 1
