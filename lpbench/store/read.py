"""Reading a sweep, also while it runs: the newest row of each cell, from compacted files and parts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from lpbench.errors import StoreError
from lpbench.store.arrays import from_numpy, plain_columns
from lpbench.store.catalog import find_sweep
from lpbench.store.files import StoreWarning
from lpbench.store.manifest import ManifestDamaged, read_manifest
from lpbench.store.schema import CELLS, concatenate, unite
from lpbench.store.sources import POINTS, Damaged, Kept, choose, find_sources, leave_out, newest

if TYPE_CHECKING:
    import pandas

_ATTEMPTS = 5
_AT_ONCE = 8  # columns
T = TypeVar("T")


def load_cells(path_or_name: Path | str, runs_dir: Path | str = "runs") -> pandas.DataFrame:
    """The cells of a sweep as a DataFrame, one row a cell, also while the sweep runs.

    path_or_name  the folder (`"runs/demo"`) or the name under `runs_dir` (`"demo"`)

    Raises ConfigError for an unknown sweep, StoreError where its files cannot be read.
    """
    return read_cells(find_sweep(path_or_name, runs_dir)).to_pandas()


def load_traces(
    path_or_name: Path | str, cells: Iterable[str] | None = None, runs_dir: Path | str = "runs"
) -> pandas.DataFrame:
    """The traces of a sweep as a DataFrame, one row a recorded step, sorted by `cell_id` and `step`.

    cells  the `cell_id`s wanted (None: all). Of a compacted sweep only their row groups are read.

    Raises ConfigError for an unknown sweep, StoreError where its files cannot be read.
    """
    return _by_step(read_traces(find_sweep(path_or_name, runs_dir), cells))


def load_tensors(
    path_or_name: Path | str, cells: Iterable[str] | None = None, runs_dir: Path | str = "runs"
) -> pandas.DataFrame:
    """How the tensors of a sweep's networks fared in their formats, as a DataFrame sorted by `cell_id` and `step`.

    One row a recorded step, tensor and role; none of cells without networks, and of sweeps that were stored before.

    cells  the `cell_id`s wanted (None: all). Of a compacted sweep only their row groups are read.

    Raises ConfigError for an unknown sweep, StoreError where its files cannot be read.
    """
    return _by_step(read_tensors(find_sweep(path_or_name, runs_dir), cells))


def _by_step(points: pa.Table) -> pandas.DataFrame:
    return points.sort_by([("cell_id", "ascending"), ("step", "ascending")]).to_pandas()


def read_statuses(folder: Path) -> dict[str, str]:
    """`status` by `cell_id`, for all cells of the sweep in `folder`; empty where there is no sweep yet.

    For whoever is to compute what is missing: what cannot be read is warned of, and missing.
    """
    try:
        read_manifest(folder)
    except ManifestDamaged as error:
        warnings.warn(str(error), StoreWarning, stacklevel=2)

    def read() -> dict[str, str]:
        found: dict[str, str] = {}
        for _, table, keep in newest(find_sources(folder, strict=False), strict=False):
            columns = plain_columns(table.filter(from_numpy(keep)))
            found.update(zip(columns["cell_id"], columns["status"], strict=True))
        return found

    return _steadily(folder, read)


def read_cells(folder: Path, columns: Sequence[str] | None = None, further: bool = False) -> pa.Table:
    """The newest row of each cell as an Arrow table; `columns` limits what is read (unknown: left out).

    further   beside `columns` what plug-ins declared: their choices and metrics (`schema.further`)
    """
    read_manifest(folder)
    return _steadily(folder, lambda: _cells(newest(find_sources(folder)), columns, further))


def read_columns(folder: Path, columns: Sequence[str]) -> tuple[dict[str, Sequence[Any]], pa.Schema]:
    """`read_cells` with `further`, as the values of each column (None for null), and their schema.

    Of a compacted sweep a few columns are in memory at once, and then their values, which mostly are equal.
    """
    read_manifest(folder)

    def read() -> tuple[dict[str, Sequence[Any]], pa.Schema]:
        found = newest(find_sources(folder))
        # Of parts, of which there may be a thousand, all at once: each is opened once, and left out as a whole.
        few = _AT_ONCE if [source.index for source, *_ in found] == [-1] else max(1, len(columns))
        values: dict[str, Sequence[Any]] = {}
        schema = pa.schema([])
        for first in range(0, len(columns), few):
            table = _cells(found, columns[first : first + few], first == 0)
            values |= plain_columns(table)
            schema = unite([table.schema], schema)
        return values, schema

    return _steadily(folder, read)


def _cells(found: Sequence[Kept], columns: Sequence[str] | None, further: bool) -> pa.Table:
    # With the identities, which every file has: one of before all of `columns` has its rows, too.
    asked = None if columns is None else list(dict.fromkeys(["cell_id", *columns]))

    def read(one: Kept) -> pa.Table:
        source, _, keep = one
        table = source.read_cells(asked, further)
        return table if keep.all() else table.filter(from_numpy(keep))

    table = _concatenated(found, read, CELLS, asked)
    return table if columns is None or "cell_id" in columns else table.drop_columns(["cell_id"])


def read_traces(
    folder: Path, cells: Iterable[str] | None = None, columns: Sequence[str] | None = None
) -> pa.Table:
    """The traces of `cells` (None: all) as an Arrow table, each in one piece and by its steps."""
    return _points(folder, "traces", cells, columns)


def read_tensors(
    folder: Path, cells: Iterable[str] | None = None, columns: Sequence[str] | None = None
) -> pa.Table:
    """As `read_traces`, a row for each step, tensor and role."""
    return _points(folder, "tensors", cells, columns)


def _points(folder: Path, kind: str, cells: Iterable[str] | None, columns: Sequence[str] | None) -> pa.Table:
    read_manifest(folder)
    wanted = None if cells is None else set(cells)

    def read() -> pa.Table:
        found = newest(find_sources(folder))
        alone = len(found) == 1
        return _concatenated(
            [one for one in found if one[0].has(kind)],
            lambda one: one[0].read_points(kind, columns, choose(one, wanted, alone)),
            POINTS[kind],
            columns,
        )

    return _steadily(folder, read)


def _concatenated(
    found: Sequence[Kept],
    read: Callable[[Kept], pa.Table],
    schema: pa.Schema,
    columns: Sequence[str] | None,
) -> pa.Table:
    """What `read` gives of each source, without damaged ones; the `columns` (None: all) of `schema` are there."""
    tables = []
    for one in found:
        try:
            tables.append(read(one))
        except Damaged as damaged:
            leave_out(damaged)
    return concatenate(
        tables, pa.schema([field for field in schema if columns is None or field.name in columns])
    )


def _steadily(folder: Path, read: Callable[[], T]) -> T:
    """What `read` returns; started again when a compaction took its files away under it."""
    for _ in range(_ATTEMPTS):
        try:
            return read()
        except FileNotFoundError as error:
            last = error
    raise StoreError(f"{folder}: its files vanish while they are read: {last}")
