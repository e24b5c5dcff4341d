"""The files that hold a sweep's cells: the compacted ones and the parts, without damaged ones.

A cell is its row and its trace: where either is damaged, it is computed again. Its tensors are a by-product, which a
cell may lack: where they are damaged they are gone, and the cell stays.
"""

import re
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lpbench.errors import StoreError
from lpbench.store.address import first_line
from lpbench.store.arrays import flat, from_numpy, from_texts, to_numpy
from lpbench.store.files import (
    DAMAGED,
    TEMPORARY,
    StoreWarning,
    is_elsewhere,
    open_parquet,
    was_replaced,
)
from lpbench.store.folder import CELLS, PARTS, TENSORS, TRACES, name_of
from lpbench.store.schema import CELLS as CELLS_SCHEMA
from lpbench.store.schema import STATUSES, concatenate, further, plain
from lpbench.store.schema import TENSORS as TENSORS_SCHEMA
from lpbench.store.schema import TRACES as TRACES_SCHEMA

_ID = pa.schema([CELLS_SCHEMA.field("cell_id")])
NEEDED = {
    "cells": ("cell_id", "group_id", "status"),
    "traces": ("cell_id", "step"),
    "tensors": ("cell_id", "step", "layer", "tensor", "role"),
}
# The tables of recorded steps.
POINTS = {"traces": TRACES_SCHEMA, "tensors": TENSORS_SCHEMA}
GROUPS_AT_ONCE = 10  # row groups, of a million rows
PART = re.compile(r"(\d{6,})\.(cells|traces|tensors)\.parquet")


class Damaged(Exception):
    """A source that looked whole cannot be read, or holds what is none of ours.

    by_product   that is true of its tensors alone
    """

    def __init__(self, source: "Source", reason: object, by_product: bool = False):
        super().__init__(f"{source.cells}: {reason}")
        self.source = source
        self.reason = reason
        self.by_product = by_product


@dataclass(frozen=True)
class Source:
    """A file of cells and that of their traces, and of tensors where there may be some.

    index   the part's number, -1 for what is compacted
    """

    index: int
    cells: Path
    traces: Path
    tensors: Path | None = None

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [self.cells, self.traces, *([] if self.tensors is None else [self.tensors])]

    def has(self, kind: str) -> bool:
        """Whether it has points of `kind`, one of POINTS."""
        # What is compacted is asked when it is read: its files may be newer than the list of them.
        return kind == "traces" or (self.tensors is not None and (self.index >= 0 or self.tensors.exists()))

    def read_cells(self, columns: Sequence[str] | None = None, more: bool = False) -> pa.Table:
        """The cells, of the columns that the file has, with our types; `more`: and those of plug-ins.

        Their sweep is that whose folder they lie in, whatever it was called when they were written.

        Raises Damaged; StoreError for a file that cannot be read now.
        """
        table = self._read("cells", CELLS_SCHEMA, columns, None, more)
        if "sweep" not in table.column_names:
            return table
        at, field = table.column_names.index("sweep"), table.schema.field("sweep")
        names = from_texts([self.sweep]).take(from_numpy(np.zeros(len(table), np.int64)))
        return table.set_column(at, field, names)

    @property
    def sweep(self) -> str:
        """The name of the sweep that it is of."""
        return name_of(self.cells.parent if self.index < 0 else self.cells.parent.parent)

    def read_points(
        self, kind: str, columns: Sequence[str] | None = None, cells: Sequence[str] | None = None
    ) -> pa.Table:
        """The traces, or tensors, of `cells` (None: of all); only row groups that may hold them are read.

        kind   one of POINTS, which the source `has`.    Raises as `read_cells`.
        """
        return self._checked(kind, self._read(kind, POINTS[kind], columns, cells))

    def pieces(self, kind: str) -> Iterator[pa.Table]:
        """All points of `kind` in their order, as `read_points` gives them, some row groups at a time."""
        with self._opened(kind) as file:
            for first in range(0, file.num_row_groups, GROUPS_AT_ONCE):
                groups = range(first, min(first + GROUPS_AT_ONCE, file.num_row_groups))
                yield self._checked(kind, plain(file.read_row_groups(groups), POINTS[kind]))

    def _checked(self, kind: str, table: pa.Table) -> pa.Table:
        if any(name in table.column_names and table[name].null_count for name in NEEDED[kind]):
            raise Damaged(self, f"a point without its {' or its '.join(NEEDED[kind])}", kind == "tensors")
        return table

    def _read(
        self,
        kind: str,
        schema: pa.Schema,
        columns: Sequence[str] | None,
        cells: Sequence[str] | None,
        more: bool = False,
    ) -> pa.Table:
        with self._opened(kind) as file:
            if columns is not None:
                own = further(file.schema_arrow) if more else {}
                columns = [name for name in file.schema_arrow.names if name in {*columns, *own}]
            asked = columns if columns is None or cells is None else [*{*columns, "cell_id"}]
            groups = range(file.num_row_groups) if cells is None else _groups_with(file, sorted(cells))
            table = plain(file.read_row_groups(groups, asked), schema)
        if cells is not None:
            table = table.filter(pc.is_in(table["cell_id"], value_set=from_texts(cells)))
        return table if columns is None else table.select(columns)

    @contextmanager
    def _opened(self, kind: str) -> Iterator[pq.ParquetFile]:
        """The file of `kind`; whatever goes wrong with it meanwhile is Damaged, or says nothing of the file."""
        path: Path = getattr(self, kind)
        # By ParquetFile, since `read_table` imports pandas.
        try:
            with open_parquet(path, page_checksum_verification=True) as file:
                if wrong := _what_lacks(file.schema_arrow.names, NEEDED[kind]):
                    raise ValueError(wrong)
                yield file
        except Damaged:
            raise
        except Exception as error:  # what a file can contain makes Arrow and Python raise whatever they have
            if was_replaced(error):
                raise FileNotFoundError(path) from error
            _check_readable(path, error)
            raise Damaged(self, first_line(error), kind == "tensors") from error


def _check_readable(path: Path, error: BaseException) -> None:
    """Raise StoreError for an error that says nothing of the file `path`."""
    if is_elsewhere(error):
        raise StoreError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _groups_with(file: pq.ParquetFile, wanted: Sequence[str]) -> list[int]:
    """The row groups of `file` whose range of `cell_id` holds one of `wanted`, which are sorted."""
    groups = []
    for i in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(i)
        columns = (group.column(j) for j in range(group.num_columns))  # nested ones have several
        statistics = next(column.statistics for column in columns if column.path_in_schema == "cell_id")
        if (
            statistics is None
            or not statistics.has_min_max
            or not isinstance(statistics.min, str)
            or bisect_left(wanted, statistics.min) < bisect_right(wanted, statistics.max)
        ):
            groups.append(i)
    return groups


def part_paths(folder: Path, index: int) -> tuple[Path, Path, Path]:
    """The files of part number `index`: cells, traces, tensors."""
    stem = folder / PARTS / f"{index:06d}"
    cells, traces, tensors = (stem.with_suffix(f".{kind}.parquet") for kind in NEEDED)
    return cells, traces, tensors


def compacted(folder: Path) -> Source:
    """The compacted files, which are there from the first compaction on."""
    return Source(-1, folder / CELLS, folder / TRACES, folder / TENSORS)


def find_sources(folder: Path, strict: bool = True) -> list[Source]:
    """The sources that `scan` finds."""
    return scan(folder, strict)[0]


def scan(folder: Path, strict: bool = True) -> tuple[list[Source], set[int]]:
    """All sources of the sweep, oldest first; and the indices of those that a truncated or foreign file leaves out.

    Of tensors nothing is known but that they are there: who reads them sees what they are.

    strict  raise StoreError where the compacted files cannot be read; else they are warned of and left out, too
    """
    sources: list[Source] = []
    broken: set[int] = set()
    pieces: dict[int, dict[str, Path]] = {}
    pair, parts = compacted(folder), folder / PARTS
    if pair.cells.exists():
        wrong = what_is_wrong(pair.cells, NEEDED["cells"]) or what_is_wrong(pair.traces, NEEDED["traces"])
        wrong = wrong if pair.traces.exists() else f"{TRACES} is missing"
        if wrong is None:
            sources.append(pair)
        else:
            leave_out(Damaged(pair, wrong), strict)
            broken.add(pair.index)
    for path in sorted(parts.iterdir()) if parts.is_dir() else []:
        if path.name.endswith((TEMPORARY, DAMAGED)):
            continue
        match = PART.fullmatch(path.name)
        if match and match[2] == "tensors":
            pieces.setdefault(int(match[1]), {})[match[2]] = path
            continue
        wrong = what_is_wrong(path, NEEDED[match[2]]) if match else "not a part of lpbench"
        if wrong is not None:
            warn_of(path, wrong)
        if match and wrong is None:
            pieces.setdefault(int(match[1]), {})[match[2]] = path
        elif match:
            broken.add(int(match[1]))
    for index, files in sorted(pieces.items()):
        if files.keys() >= {"cells", "traces"}:
            sources.append(Source(index, **files))
        elif "cells" in files and index not in broken:
            warn_of(files["cells"], "its traces are missing")
            broken.add(index)
    return sources, broken


def leave_out(damaged: Damaged, strict: bool = True) -> None:
    """Warn of a source that is left out, or its tensors; raises StoreError for compacted cells where it is `strict`."""
    source = damaged.source
    if damaged.by_product:
        assert source.tensors is not None
        warn_of_tensors(source.tensors, damaged.reason)
        return
    if source.index < 0 and strict:
        raise StoreError(
            f"{source.cells} cannot be read ({damaged.reason}); the next `lpbench resume {source.cells.parent.name}` "
            "sets it aside and computes its cells again"
        ) from damaged
    warn_of(source.cells, damaged.reason)


def warn_of(path: Path, reason: object, what: str = "it") -> None:
    """Say on stderr, once, that `path`, or some of it, is left out."""
    warnings.warn(
        f"{path}: {what} is left out, and what it held will be computed again: {reason}",
        StoreWarning,
        stacklevel=3,
    )


def warn_of_tensors(path: Path, reason: object) -> None:
    """Say on stderr, once, that the file of tensors `path` is left out, and what becomes of its cells."""
    warnings.warn(
        f"{path}: it is left out: {reason}. Its cells stay, but what it held of their tensors is gone",
        StoreWarning,
        stacklevel=3,
    )


def what_is_wrong(path: Path, needed: Sequence[str]) -> str | None:
    """Why `path` is no Parquet file with the columns `needed`, by its footer; None if it is one, or is gone."""
    try:
        with open_parquet(path) as file:
            names = file.schema_arrow.names
    except FileNotFoundError:
        return None  # compacted away since the folder was listed: whoever opens it starts again
    except Exception as error:
        if was_replaced(error):
            return None
        _check_readable(path, error)
        return f"truncated or damaged ({first_line(error)})"
    return _what_lacks(names, needed)


def _what_lacks(names: Sequence[str], needed: Sequence[str]) -> str | None:
    missing = [name for name in needed if names.count(name) != 1]
    return f"not a part of lpbench: no column {', '.join(missing)}" if missing else None


def rejected(table: pa.Table) -> np.ndarray:
    """Which rows, of which `table` has the NEEDED columns, are no cells: without identity, or of an unknown status."""
    good = pc.is_in(table["status"], value_set=from_texts(sorted(STATUSES)))
    for name in ("cell_id", "group_id"):
        good = pc.and_(good, pc.is_valid(table[name]))
    return ~np.array(good.to_pylist(), bool)


Kept = tuple[Source, pa.Table, np.ndarray]


def newest(sources: Sequence[Source], strict: bool = True) -> list[Kept]:
    """For each readable source: the NEEDED columns, and which of its rows are cells that no later source replaces.

    strict  as in `scan`
    """
    found = []
    for source in sources:
        try:
            table = source.read_cells(NEEDED["cells"])
        except Damaged as damaged:
            leave_out(damaged, strict)
            continue
        keep = ~rejected(table)
        if not keep.all():
            wrong = f"{(~keep).sum()} rows without cell_id, group_id or a known status"
            warn_of(source.cells, wrong, "rows of it")
        found.append((source, table, keep))
    if found:
        ids = concatenate(
            [table.select(["cell_id"]).filter(from_numpy(keep)) for _, table, keep in found], _ID
        )
        codes = flat(ids["cell_id"]).dictionary_encode()
        last = np.empty(len(codes.dictionary), np.int64)
        last[to_numpy(codes.indices)] = np.arange(len(codes))  # of equal ones the last is kept
        is_last = np.zeros(len(codes), bool)
        is_last[last] = True
        for _, _, keep in found:
            rows = np.flatnonzero(keep)
            keep[rows], is_last = is_last[: rows.size], is_last[rows.size :]
    return found


def choose(one: Kept, wanted: Collection[str] | None, alone: bool) -> list[str] | None:
    """The cells to read points of, in what `newest` gave: those of `wanted` (None: all) that no later source replaces.

    None where that is the whole source. Of what is compacted it is so only where it is `alone`: a compaction that is
    under way, or was killed, writes points before their cells, and then those of parts stand in both.
    """
    source, ids, keep = one
    if wanted is None and keep.all() and (alone or source.index >= 0):
        return None
    names = zip(ids["cell_id"].to_pylist(), keep, strict=True)
    return [name for name, kept in names if kept and (wanted is None or name in wanted)]
