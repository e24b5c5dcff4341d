"""Reading a sweep, also while it runs: the newest row of each cell, from compacted files and parts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa

from lpbench.errors import StoreError
from lpbench.store.arrays import from_numpy
from lpbench.store.files import StoreWarning
from lpbench.store.folder import find_sweep
from lpbench.store.manifest import ManifestDamaged, read_manifest
from lpbench.store.schema import CELLS, TRACES, concatenate
from lpbench.store.sources import Damaged, choose, find_sources, leave_out, newest

if TYPE_CHECKING:
    import pandas

_ATTEMPTS = 5
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
    table = read_traces(find_sweep(path_or_name, runs_dir), cells)
    return table.sort_by([("cell_id", "ascending"), ("step", "ascending")]).to_pandas()


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
            pairs = zip(table["cell_id"].to_pylist(), table["status"].to_pylist(), strict=True)
            found.update(pair for pair, kept in zip(pairs, keep.tolist(), strict=True) if kept)
        return found

    return _steadily(folder, read)


def read_cells(folder: Path, columns: Sequence[str] | None = None, further: bool = False) -> pa.Table:
    """The newest row of each cell as an Arrow table; `columns` limits what is read (unknown: left out).

    further   beside `columns` what plug-ins declared: their choices and metrics (`schema.further`)
    """
    read_manifest(folder)

    def read() -> pa.Table:
        tables = []
        for source, _, keep in newest(find_sources(folder)):
            try:
                table = source.read_cells(columns, further)
            except Damaged as damaged:
                leave_out(damaged)
                continue
            tables.append(table if keep.all() else table.filter(from_numpy(keep)))
        wanted = [field for field in CELLS if columns is None or field.name in columns]
        return concatenate(tables, pa.schema(wanted))

    return _steadily(folder, read)


def read_traces(
    folder: Path, cells: Iterable[str] | None = None, columns: Sequence[str] | None = None
) -> pa.Table:
    """The traces of `cells` (None: all) as an Arrow table, each in one piece and by its steps."""
    read_manifest(folder)
    wanted = None if cells is None else set(cells)

    def read() -> pa.Table:
        tables = []
        for source, ids, keep in newest(find_sources(folder)):
            try:
                tables.append(source.read_traces(columns, choose(ids, keep, wanted)))
            except Damaged as damaged:
                leave_out(damaged)
        kept = [field for field in TRACES if columns is None or field.name in columns]
        return concatenate(tables, pa.schema(kept))

    return _steadily(folder, read)


def _steadily(folder: Path, read: Callable[[], T]) -> T:
    """What `read` returns; started again when a compaction took its files away under it."""
    for _ in range(_ATTEMPTS):
        try:
            return read()
        except FileNotFoundError as error:
            last = error
    raise StoreError(f"{folder}: its files vanish while they are read: {last}")
