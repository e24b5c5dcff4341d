"""What a worker of a Ray cluster does with a shard: runs its cells and stores them as one part."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpbench.errors import LpbenchError
from lpbench.executors.base import failed, hung
from lpbench.provenance import version
from lpbench.registry import load_plugins

if TYPE_CHECKING:
    from lpbench.choices.cell import Cell
    from lpbench.store.parts import Target

_loaded: set[str] = set()


@dataclass(frozen=True)
class Work:
    """What the shards of a sweep share.

    target    where parts go                       timeout   seconds a cell (None: no limit)
    grace     seconds beyond it after which a cell hangs
    plugins   (path, source) of the user's modules  version   of the driver's lpbench
    """

    target: Target
    timeout: float | None
    grace: float
    plugins: tuple[tuple[str, str], ...]
    version: str


def run_shard(work: Work, number: int, cells: Sequence[Cell]) -> tuple[list[Mapping[str, Any]], float]:
    """Run `cells` and store them as part `number`; returns their rows, and the seconds that they took.

    A part that is there is not run again (0 seconds): the worker that wrote it died before it could say so. It may
    hold fewer cells: up to the one that hung. Raises StoreError; LpbenchError where this machine has another lpbench.
    """
    if version() != work.version:
        here = f"lpbench {version()} on {os.uname().nodename}"
        raise LpbenchError(
            f"{here}, but the sweep was started by lpbench {work.version}: install the same on all nodes"
        )
    written = work.target.written(number)
    if written is not None:
        return written, 0.0
    _load(work.plugins)
    from lpbench.cells.run import run_cell

    began = time.monotonic()
    finished: list[Any] = []
    for cell in cells:
        with _watched(work, number, cell, finished):
            try:
                result = run_cell(cell, timeout=work.timeout)
            except BaseException as error:  # SystemExit would end the worker, and three workers after it
                result = failed(cell, error)
        finished.append(result)
    return work.target.write(number, finished), time.monotonic() - began


@contextmanager
def _watched(work: Work, number: int, cell: Cell, finished: Sequence[Any]) -> Iterator[None]:
    """End the worker when a cell hangs, in code that no time-out reaches: with the cell's row, and those before it."""
    if work.timeout is None:
        yield
        return
    seconds = work.timeout + work.grace

    def end() -> None:
        try:
            work.target.write(number, [*finished, hung(cell, seconds)])
        finally:
            os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _load(plugins: Sequence[tuple[str, str]]) -> None:
    """Import the user's modules, written into a folder of this worker's machine that is named by their content."""
    if not plugins:
        return
    key = hashlib.blake2b(repr(plugins).encode(), digest_size=8).hexdigest()
    if key in _loaded:
        return
    folder = Path(tempfile.gettempdir()) / f"lpbench-plugins-{os.getuid()}-{os.getpid()}-{key}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, source in plugins:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source, encoding="utf-8")
    load_plugins(folder)
    _loaded.add(key)
