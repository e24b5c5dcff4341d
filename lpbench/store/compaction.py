"""Compaction: parts merged into `cells.parquet`, `traces.parquet` (sorted) and `rollup.parquet`.

Readers see the old files or the new ones at every moment: each file is renamed into place, the manifest's
version is raised after them, and the merged parts go last. A crash in between leaves rows twice, which
readers undo. Rows pass through in pieces: of a sweep as a whole, memory holds the identities and the choices
of its cells.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lpbench.store.address import is_remote
from lpbench.store.arrays import flat, from_numpy, from_texts, to_numpy
from lpbench.store.files import TEMPORARY, open_parquet, set_aside, write_pieces
from lpbench.store.folder import CELLS, PARTS, ROLLUP, TRACES
from lpbench.store.lock import lock
from lpbench.store.manifest import Manifest, open_manifest, write_manifest
from lpbench.store.rollup import rollup
from lpbench.store.schema import CELLS as CELLS_SCHEMA
from lpbench.store.schema import CHOICES, FINAL, concatenate, conform, unite
from lpbench.store.schema import ROLLUP as ROLLUP_SCHEMA
from lpbench.store.schema import TRACES as TRACES_SCHEMA
from lpbench.store.sorting import Buckets
from lpbench.store.sources import (
    PART,
    Damaged,
    Source,
    choose,
    find_sources,
    newest,
    rejected,
    scan_pair,
    scan_parts,
    warn_of,
    what_is_wrong,
)

CELL_ROWS, TRACE_ROWS = 100_000, 2_000_000  # in memory at once: 0.1 to 0.2 GB
_ORDER = (
    *CHOICES,
    "cell_id",
)  # of cells.parquet: the same cells give the same file, whoever ran them, and when
_ORDERED = pa.schema([CELLS_SCHEMA.field(name) for name in _ORDER])
_KNOWN = pa.schema([CELLS_SCHEMA.field(name) for name in ("cell_id", "group_id", "status")])


def compact(folder: Path, state: str = "interrupted") -> Manifest:
    """Compact the sweep in `folder`; returns its manifest. Raises SweepBusy while another process writes it.

    state  what becomes of a sweep whose writer is gone without a word, "interrupted" or "done"
    """
    held = lock(folder)
    try:
        manifest = open_manifest(folder)
        if manifest["state"] == "running":  # we hold the lock, so whoever wrote that is gone
            manifest["state"] = state
        compact_locked(folder, manifest)
        return manifest
    finally:
        held.release()


def compact_locked(folder: Path, manifest: Manifest) -> bool:
    """`compact` for a caller that holds the lock; updates the version and the counts of `manifest`.

    What cannot be read is set aside, never deleted. Returns whether there was such: the cells that it held are not
    among the stored ones any more.
    """
    for leftover in () if is_remote(folder) else list(folder.glob(f"**/*{TEMPORARY}")):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
    sources = find_sources(folder, strict=False)
    broken: set[int] = set()
    pair, reason = scan_pair(folder)
    if pair is not None and reason is not None:
        broken.add(pair.index)
        _set_aside(pair)
    if what_is_wrong(folder / ROLLUP, ROLLUP_SCHEMA.names) is not None:
        set_aside(folder / ROLLUP)
    if broken or any(source.index >= 0 for source in sources) or not (folder / ROLLUP).exists():
        while True:
            try:
                manifest["counts"] = _merge(folder, sources, broken)
                break
            except Damaged as damaged:
                warn_of(damaged.source.cells, damaged.reason)
                broken.add(damaged.source.index)
                if damaged.source.index < 0:
                    _set_aside(damaged.source)
                sources = [source for source in sources if source is not damaged.source]
    write_manifest(folder, manifest)
    for source in sources:
        if source.index >= 0 and source.index not in broken:
            source.cells.unlink(missing_ok=True)
            source.traces.unlink(missing_ok=True)
    _clear(folder, broken)
    return bool(broken)


def _set_aside(source: Source, copy: bool = False) -> None:
    for path in (source.cells, source.traces):
        if path.exists():
            set_aside(path, copy)


@dataclass(frozen=True)
class _Kept:
    """The rows of a source that no later one replaces: which they are, and their numbers among all rows kept."""

    source: Source
    names: pa.Table
    keep: np.ndarray
    rows: slice


def _merge(folder: Path, sources: Sequence[Source], broken: set[int]) -> dict[str, int]:
    """Write the three files from `sources`; returns the number of cells by status.

    Sources that hold rows which are no cells are added to `broken`: they are to be kept, under another name.
    """
    kept: list[_Kept] = []
    tables, keys, count = [], [], 0
    for source, names, keep in newest(sources, strict=False):
        if lost := _without_trace(source, names, keep):
            warn_of(source.cells, f"{lost} cells have no trace in {source.traces.name}", "some of it")
        if source.index not in broken and (lost or rejected(names).any()):
            broken.add(source.index)
            if source.index < 0:
                _set_aside(source, copy=True)  # as it is about to be written anew, with its cells
        kept.append(_Kept(source, names, keep, slice(count, count + int(keep.sum()))))
        count = kept[-1].rows.stop
        table = source.read_cells([*_ORDER, *_KNOWN.names]).filter(from_numpy(keep))
        tables.append(table.select(_KNOWN.names))
        keys.append(_encoded(table))
    cells = concatenate(tables, _KNOWN)
    by_id = _sorted(flat(cells["cell_id"]))
    _write_traces(folder, kept, cells, _ranks(by_id))
    _write_cells(folder, kept, _ranks(_by_choices(keys)))
    write_pieces(
        folder / ROLLUP, rollup(cells.take(from_numpy(by_id)), folder / TRACES, folder), ROLLUP_SCHEMA
    )
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(cells["status"]).to_pylist()}


def _without_trace(source: Source, names: pa.Table, keep: np.ndarray) -> int:
    """Take out of `keep` the cells that ran and have no trace in `source`; returns their number."""
    there = source.read_traces(["cell_id"])["cell_id"].unique()
    ran = pc.is_in(names["status"], value_set=from_texts(sorted(FINAL)))
    lost = keep & np.array(
        pc.and_(ran, pc.invert(pc.is_in(names["cell_id"], value_set=there))).to_pylist(), bool
    )
    keep[lost] = False
    return int(lost.sum())


def _write_traces(folder: Path, kept: Sequence[_Kept], cells: pa.Table, ranks: np.ndarray) -> None:
    """`traces.parquet`: by cell and step. Each trace is one piece by its steps in its source already."""
    rows, schema = _size_and_schema([one.source.traces for one in kept], TRACES_SCHEMA)
    with Buckets(len(ranks), rows, TRACE_ROWS, schema, folder) as buckets:
        for one in kept:
            table = one.source.read_traces(None, choose(one.names, one.keep, None))
            codes = flat(table["cell_id"]).dictionary_encode()
            rank_of = dict(zip(cells["cell_id"][one.rows].to_pylist(), ranks[one.rows].tolist(), strict=True))
            found = np.array([rank_of.get(name, -1) for name in codes.dictionary.to_pylist()], np.int64)
            rank = found[to_numpy(codes.indices)] if table.num_rows else np.zeros(0, np.int64)
            if (rank < 0).any():  # points of a cell that is not there
                table, rank = table.filter(from_numpy(rank >= 0)), rank[rank >= 0]
            buckets.add(table, rank)
        write_pieces(folder / TRACES, buckets, schema)


def _write_cells(folder: Path, kept: Sequence[_Kept], ranks: np.ndarray) -> None:
    """`cells.parquet`: in the order that `ranks` gives."""
    rows, schema = _size_and_schema([one.source.cells for one in kept], CELLS_SCHEMA)
    with Buckets(len(ranks), rows, CELL_ROWS, schema, folder) as buckets:
        for one in kept:
            buckets.add(one.source.read_cells().filter(from_numpy(one.keep)), ranks[one.rows])
        write_pieces(folder / CELLS, buckets, schema)


def _size_and_schema(paths: Iterable[Path], first: pa.Schema) -> tuple[int, pa.Schema]:
    """Rows of all `paths` together, and what their schemas unite to: also columns that one of them alone has."""
    rows, schemas = 0, []
    for path in paths:
        with open_parquet(path) as file:
            rows += file.metadata.num_rows
            schemas.append(file.schema_arrow)
    return rows, unite(schemas, first)


def _encoded(table: pa.Table) -> pa.Table:
    """What cells are sorted by, each value as its number in a dictionary: a sweep's choices take few values."""
    columns = conform(table.select([name for name in _ORDER if name in table.column_names]), _ORDERED)
    return pa.table({name: columns[name].dictionary_encode() for name in _ORDER})


def _by_choices(tables: Sequence[pa.Table]) -> np.ndarray:
    """The rows of `tables` (`_encoded`), numbered one after the other, in the order of _ORDER; null comes last."""
    if not tables:
        return np.zeros(0, np.int64)
    whole = pa.concat_tables(tables).unify_dictionaries()
    keys: list[np.ndarray] = []
    for name in _ORDER:
        column = flat(whole[name])
        size = len(column.dictionary)
        place = np.empty(size + 1, np.int32)
        place[_sorted(column.dictionary)] = np.arange(size)
        place[size] = size
        keys.append(place[np.nan_to_num(to_numpy(column.indices), nan=size).astype(np.int64)])
    varying = [key for key in keys if key.size and (key != key[0]).any()]
    return np.lexsort(varying[::-1]) if varying else np.arange(whole.num_rows)


def _sorted(values: pa.Array) -> np.ndarray:
    """The numbers of `values`, the least first."""
    return to_numpy(pc.sort_indices(values)).astype(np.int64)


def _ranks(order: np.ndarray) -> np.ndarray:
    """Where each one stands in `order`."""
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _clear(folder: Path, broken: set[int]) -> None:
    """What is left among the parts: the damaged are renamed, so that they are warned of until here and no
    longer.

    Traces whose cells were never written (the writer was killed in between) go; foreign files stay.
    """
    _, problems = scan_parts(folder)
    broken = broken | {int(match[1]) for path in problems if (match := PART.fullmatch(path.name))}
    for path in (folder / PARTS).glob("*.parquet"):
        match = PART.fullmatch(path.name)
        if match and int(match[1]) in broken:
            set_aside(path)
        elif match:
            path.unlink()
