"""The files that hold a sweep's cells: the compacted pair and the parts, without damaged ones."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lpbench.errors import StoreError
from lpbench.store.files import TEMPORARY
from lpbench.store.folder import CELLS, PARTS, TRACES

DAMAGED = ".damaged"  # a part that compaction set aside
PART = re.compile(r"(\d{6,})\.(cells|traces)\.parquet")


class StoreWarning(UserWarning):
    """A file of a sweep was left out."""


class Damaged(Exception):
    """A part that looked whole has pages that cannot be read."""

    def __init__(self, source: "Source", reason: object):
        super().__init__(f"{source.cells}: {reason}")
        self.source = source
        self.reason = reason


@dataclass(frozen=True)
class Source:
    """A file of cells and that of their traces. `index` is the part's number, -1 for the compacted pair."""

    index: int
    cells: Path
    traces: Path

    def read_cells(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The cells, of the columns that the file has. Raises Damaged (StoreError for the compacted pair)."""
        return self._read(self.cells, columns, None)

    def read_traces(
        self, columns: Sequence[str] | None = None, where: pc.Expression | None = None
    ) -> pa.Table:
        """The traces, or those that `where` selects."""
        return self._read(self.traces, columns, where)

    def _read(self, path: Path, columns: Sequence[str] | None, where: pc.Expression | None) -> pa.Table:
        try:
            if columns is not None:
                there = set(pq.read_schema(path).names)
                columns = [name for name in columns if name in there]
            return pq.read_table(
                path, columns=columns, filters=where, page_checksum_verification=True, partitioning=None
            )
        except FileNotFoundError:
            raise
        except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            reason = str(error).splitlines()[0]
            if self.index < 0:
                raise StoreError(
                    f"{path} cannot be read ({reason}); "
                    "move it and its neighbours away to compute its cells again"
                ) from error
            raise Damaged(self, reason) from error


def part_paths(folder: Path, index: int) -> tuple[Path, Path]:
    """The files of part number `index`: cells, traces."""
    stem = folder / PARTS / f"{index:06d}"
    return stem.with_suffix(".cells.parquet"), stem.with_suffix(".traces.parquet")


def find_sources(folder: Path) -> list[Source]:
    """All sources of the sweep, oldest first. A truncated or foreign part is warned of and left out."""
    parts, problems = scan_parts(folder)
    for path, reason in problems.items():
        warn_of(path, reason)
    cells, traces = folder / CELLS, folder / TRACES
    if not cells.exists():
        return parts
    if not traces.exists():
        raise StoreError(
            f"{traces} is missing, but {cells} is there; move that away to compute its cells again"
        )
    return [Source(-1, cells, traces), *parts]


def warn_of(path: Path, reason: object) -> None:
    """Say on stderr, once, that `path` is left out."""
    warnings.warn(
        f"{path} is left out, its cells will be computed again: {reason}", StoreWarning, stacklevel=3
    )


def scan_parts(folder: Path) -> tuple[list[Source], dict[Path, str]]:
    """The parts in order, and what lies beside them that is no part, with the reason."""
    problems: dict[Path, str] = {}
    pieces: dict[int, dict[str, Path]] = {}
    base = folder / PARTS
    for path in sorted(base.iterdir()) if base.is_dir() else []:
        if path.name.endswith((TEMPORARY, DAMAGED)):
            continue
        match = PART.fullmatch(path.name)
        if not match:
            problems[path] = "not a part of lpbench"
            continue
        reason = _what_is_wrong(
            path, {"cells": ("cell_id", "status"), "traces": ("cell_id", "step")}[match[2]]
        )
        if reason:
            problems[path] = reason
        else:
            pieces.setdefault(int(match[1]), {})[match[2]] = path
    sources = []
    for index, files in sorted(pieces.items()):
        if len(files) == 2:
            sources.append(Source(index, files["cells"], files["traces"]))
        elif "cells" in files and part_paths(folder, index)[1] not in problems:
            problems[files["cells"]] = "its traces are missing"
    return sources, problems


def _what_is_wrong(path: Path, needed: tuple[str, ...]) -> str | None:
    try:
        names = pq.read_schema(path).names
    except FileNotFoundError:
        return None  # compacted away since the folder was listed: whoever opens it starts again
    except (OSError, pa.ArrowInvalid) as error:
        return f"truncated or damaged ({str(error).splitlines()[0]})"
    return None if set(needed) <= set(names) else f"not a part of lpbench: no columns {', '.join(needed)}"


def newest(sources: Sequence[Source]) -> list[tuple[Source, pa.Table, np.ndarray]]:
    """For each readable source: `cell_id` and `status`, and which of its rows no later source replaces."""
    found = []
    seen: set[str] = set()
    for source in reversed(sources):
        try:
            table = source.read_cells(["cell_id", "status"])
        except Damaged as damaged:
            warn_of(source.cells, damaged.reason)
            continue
        ids = table["cell_id"].to_pylist()
        keep = np.ones(len(ids), bool)
        for i in range(len(ids) - 1, -1, -1):
            if ids[i] in seen:
                keep[i] = False
            else:
                seen.add(ids[i])
        found.append((source, table, keep))
    return found[::-1]
