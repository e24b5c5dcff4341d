"""The files that hold a sweep's cells: the compacted pair and the parts, without damaged ones."""

import re
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lpbench.errors import StoreError
from lpbench.store.arrays import from_texts
from lpbench.store.files import TEMPORARY, open_parquet, was_replaced
from lpbench.store.folder import CELLS, PARTS, TRACES

DAMAGED = ".damaged"  # a part that compaction set aside
NEEDED = {"cells": ("cell_id", "status"), "traces": ("cell_id", "step")}
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
        self, columns: Sequence[str] | None = None, cells: Sequence[str] | None = None
    ) -> pa.Table:
        """The traces of `cells` (None: of all); only row groups that may hold them are read."""
        return self._read(self.traces, columns, cells)

    def _read(self, path: Path, columns: Sequence[str] | None, cells: Sequence[str] | None) -> pa.Table:
        # By ParquetFile, since `read_table` imports pandas.
        try:
            with open_parquet(path, page_checksum_verification=True) as file:
                if columns is not None:
                    there = set(file.schema_arrow.names)
                    columns = [name for name in columns if name in there]
                if cells is None:
                    return file.read(columns)
                extra = [] if columns is None or "cell_id" in columns else ["cell_id"]
                wanted = sorted(cells)
                table = file.read_row_groups(
                    _groups_with(file, wanted), None if columns is None else [*columns, *extra]
                )
        except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            if was_replaced(error):
                raise FileNotFoundError(path) from error
            reason = str(error).splitlines()[0]
            if self.index < 0:
                raise StoreError(
                    f"{path} cannot be read ({reason}); "
                    "move it and its neighbours away to compute its cells again"
                ) from error
            raise Damaged(self, reason) from error
        table = table.filter(pc.is_in(table["cell_id"], value_set=from_texts(wanted)))
        return table.drop_columns(extra) if extra else table


def _groups_with(file: pq.ParquetFile, wanted: Sequence[str]) -> list[int]:
    """The row groups of `file` whose range of `cell_id` holds one of `wanted`, which are sorted."""
    column = file.schema_arrow.names.index("cell_id")
    groups = []
    for i in range(file.metadata.num_row_groups):
        statistics = file.metadata.row_group(i).column(column).statistics
        if (
            statistics is None
            or not statistics.has_min_max
            or bisect_left(wanted, statistics.min) < bisect_right(wanted, statistics.max)
        ):
            groups.append(i)
    return groups


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
        reason = _what_is_wrong(path, NEEDED[match[2]])
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
        with open_parquet(path) as file:
            names = file.schema_arrow.names
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


def choose(ids: pa.Table, keep: np.ndarray, wanted: Collection[str] | None) -> list[str] | None:
    """The cells to read of a source that `newest` gave: those of `wanted` (None: all) that no later one replaces.

    None where that is the whole source.
    """
    if wanted is None and keep.all():
        return None
    names = zip(ids["cell_id"].to_pylist(), keep, strict=True)
    return [name for name, kept in names if kept and (wanted is None or name in wanted)]
