"""Compaction: parts merged into `cells.parquet`, `traces.parquet`, `tensors.parquet` (sorted) and `rollup.parquet`.

Readers see the old files or the new ones at every moment: each file is renamed into place, the manifest's
version is raised after them, and the merged parts go last. A crash in between leaves rows twice, which
readers undo. Rows pass through in pieces: of a sweep as a whole, memory holds the identities and the choices
of its cells.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lpbench.store.address import is_remote
from lpbench.store.arrays import flat, from_numpy, from_texts, plain_columns, ranks, to_numpy
from lpbench.store.files import TEMPORARY, open_parquet, set_aside, write_pieces
from lpbench.store.folder import CELLS, PARTS, ROLLUP, TENSORS, TRACES
from lpbench.store.lock import lock
from lpbench.store.manifest import Manifest, open_manifest, write_manifest
from lpbench.store.rollup import rollup
from lpbench.store.schema import CELLS as CELLS_SCHEMA
from lpbench.store.schema import CHOICES, FINAL, concatenate, conform, unite
from lpbench.store.schema import ROLLUP as ROLLUP_SCHEMA
from lpbench.store.schema import TENSORS as TENSORS_SCHEMA
from lpbench.store.schema import TRACES as TRACES_SCHEMA
from lpbench.store.sorting import Buckets
from lpbench.store.sources import (
    NEEDED,
    PART,
    Damaged,
    Kept,
    Source,
    compacted,
    leave_out,
    newest,
    rejected,
    scan,
    warn_of,
    what_is_wrong,
)  # fmt: skip

CELL_ROWS, TRACE_ROWS, TENSOR_ROWS = 100_000, 2_000_000, 1_000_000  # in memory at once: 0.1 to 0.2 GB
# cells.parquet is sorted by the choices: the same cells give the same file, whoever ran them, and when.
_CHOICES = pa.schema([CELLS_SCHEMA.field(name) for name in CHOICES])
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

    What cannot be read is set aside, never deleted. Returns whether cells were among it: they are not among the stored
    ones any more.
    """
    for leftover in () if is_remote(folder) else list(folder.glob(f"**/*{TEMPORARY}")):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
    sources, broken = scan(folder, strict=False)
    if -1 in broken:
        _set_aside(compacted(folder))
    if what_is_wrong(folder / ROLLUP, ROLLUP_SCHEMA.names) is not None:
        set_aside(folder / ROLLUP)
    sources = [_sound(source) for source in sources]
    if broken or any(source.index >= 0 for source in sources) or not (folder / ROLLUP).exists():
        while True:
            try:
                manifest["counts"] = _merge(folder, sources, broken)
                break
            except Damaged as damaged:
                if damaged.by_product:
                    sources = [
                        _without_tensors(damaged) if source is damaged.source else source
                        for source in sources
                    ]
                    continue
                warn_of(damaged.source.cells, damaged.reason)
                broken.add(damaged.source.index)
                if damaged.source.index < 0:
                    _set_aside(damaged.source)
                sources = [source for source in sources if source is not damaged.source]
    write_manifest(folder, manifest)
    _clear(folder, broken)
    return bool(broken)


def _set_aside(source: Source, copy: bool = False) -> None:
    for path in source.files:
        if path.exists():
            set_aside(path, copy)


def _sound(source: Source) -> Source:
    """`source`, or without its tensors where the footer of their file says that they cannot be read."""
    if source.tensors is None or not source.has("tensors"):
        return source
    wrong = what_is_wrong(source.tensors, NEEDED["tensors"])
    return source if wrong is None else _without_tensors(Damaged(source, wrong, by_product=True))


def _without_tensors(damaged: Damaged) -> Source:
    """A source whose tensors are damaged, without them; they are warned of, and set aside."""
    leave_out(damaged)
    assert damaged.source.tensors is not None
    set_aside(damaged.source.tensors)
    return replace(damaged.source, tensors=None)


def _merge(folder: Path, sources: Sequence[Source], broken: set[int]) -> dict[str, int]:
    """Write the files from `sources`; returns the number of cells by status.

    Sources that cannot be read, or hold what is no cell, are added to `broken`: they are to be kept under another name.
    """
    kept = newest(sources, strict=False)
    for lost in {*sources} - {source for source, *_ in kept}:  # not even their identities can be read
        broken.add(lost.index)
        if lost.index < 0:
            _set_aside(lost)
    known, choices = [], []
    for source, names, keep in kept:
        if gone := _without_trace(source, names, keep):
            warn_of(source.cells, f"{gone} cells have no trace in {source.traces.name}", "some of it")
        if source.index not in broken and (gone or rejected(names).any()):
            broken.add(source.index)
            if source.index < 0:
                _set_aside(source, copy=True)  # as it is about to be written anew, with its cells
        known.append(names.filter(from_numpy(keep)).select(_KNOWN.names))
        choices.append(_encoded(source.read_cells(list(CHOICES)).filter(from_numpy(keep))))
    cells = concatenate(known, _KNOWN)
    by_id = to_numpy(pc.rank(flat(cells["cell_id"]), tiebreaker="first")).astype(np.int64) - 1
    files = [source.traces for source, *_ in kept]
    _write(folder / TRACES, TRACES_SCHEMA, TRACE_ROWS, files, len(by_id), _points("traces", kept, by_id))
    files = [source.tensors for source, *_ in kept if source.tensors is not None and source.has("tensors")]
    tensors = _points("tensors", kept, by_id)
    some = _write(folder / TENSORS, TENSORS_SCHEMA, TENSOR_ROWS, files, len(by_id), tensors, empty=False)
    # An empty table is made by way of pandas: only where there is no other.
    encoded = pa.concat_tables(choices or [_encoded(_CHOICES.empty_table())])
    by_choices = ranks(plain_columns(encoded), list(CHOICES), last=True)
    places = np.unique(by_choices * len(by_id) + by_id, return_inverse=True)[1]
    files = [source.cells for source, *_ in kept]
    _write(folder / CELLS, CELLS_SCHEMA, CELL_ROWS, files, len(places), _cells(kept, places))
    if not some and (folder / TENSORS).exists():  # of cells that were replaced
        (folder / TENSORS).unlink()
    write_pieces(folder / ROLLUP, rollup(cells, folder / TRACES, folder), ROLLUP_SCHEMA)
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(cells["status"]).to_pylist()}


def _encoded(table: pa.Table) -> pa.Table:
    """The choices of `table`, each value as its number in a dictionary: a sweep's choices take few."""
    columns = conform(table, _CHOICES)
    return pa.table({name: columns[name].dictionary_encode() for name in CHOICES})


def _without_trace(source: Source, names: pa.Table, keep: np.ndarray) -> int:
    """Take out of `keep` the cells that ran and have no trace in `source`; returns their number."""
    there = source.read_points("traces", ["cell_id"])["cell_id"].unique()
    ran = pc.is_in(names["status"], value_set=from_texts(sorted(FINAL)))
    lost = keep & np.array(
        pc.and_(ran, pc.invert(pc.is_in(names["cell_id"], value_set=there))).to_pylist(), bool
    )
    keep[lost] = False
    return int(lost.sum())


Ranked = Iterator[tuple[pa.Table, np.ndarray]]  # rows, and where each of them comes


def _write(
    path: Path,
    first: pa.Schema,
    limit: int,
    files: Sequence[Path],
    count: int,
    pieces: Ranked,
    empty: bool = True,
) -> bool:
    """Write the rows of `files`, as `pieces` gives them, sorted; also columns that one of them alone has.

    empty   also where there is none.    Returns whether it did.
    """
    rows, schemas = 0, []
    for name in files:
        with open_parquet(name) as file:
            rows += file.metadata.num_rows
            schemas.append(file.schema_arrow)
    schema = unite(schemas, first)
    with Buckets(count, rows, limit, schema, path.parent) as buckets:
        for table, places in pieces:
            buckets.add(table, places)
            empty = empty or table.num_rows > 0
        if empty:
            write_pieces(path, buckets, schema)
    return empty


def _cells(kept: Sequence[Kept], places: np.ndarray) -> Ranked:
    """The cells of each source, and which one each is by `places`."""
    for source, _, keep in kept:
        mine, places = places[: keep.sum()], places[keep.sum() :]
        yield source.read_cells().filter(from_numpy(keep)), mine


def _points(kind: str, kept: Sequence[Kept], places: np.ndarray) -> Ranked:
    """As `_cells`. A cell's points are one piece by their steps in its source already; those of no cell stay out."""
    for source, names, keep in kept:
        mine, places = places[: keep.sum()], places[keep.sum() :]
        cells = flat(names["cell_id"].filter(from_numpy(keep)))
        for table in source.pieces(kind) if source.has(kind) else ():
            cell = pc.index_in(flat(table["cell_id"]), value_set=cells)
            yield table.filter(cell.is_valid()), mine[to_numpy(cell.drop_null())]


def _clear(folder: Path, broken: set[int]) -> None:
    """What is left among the parts: the damaged are renamed, so that they are warned of until here and no
    longer.

    Traces whose cells were never written (the writer was killed in between) go; foreign files stay.
    """
    # In this order: cells whose traces are gone would be taken for damaged.
    for path in sorted((folder / PARTS).glob("*.parquet")):
        match = PART.fullmatch(path.name)
        if match and int(match[1]) in broken:
            set_aside(path)
        elif match:
            path.unlink()
