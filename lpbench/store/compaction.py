"""Compaction: parts merged into `cells.parquet`, `traces.parquet` (sorted) and `rollup.parquet`.

Readers see the old files or the new ones at every moment: each file is renamed into place, the manifest's
version is raised after them, and the merged parts go last. A crash in between leaves rows twice, which
readers undo.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lpbench.address import is_remote
from lpbench.store.arrays import from_numpy, to_numpy
from lpbench.store.files import ROW_GROUP, TEMPORARY, open_parquet, parquet_writer, write_atomic, write_table
from lpbench.store.folder import CELLS, PARTS, ROLLUP, TRACES
from lpbench.store.lock import lock
from lpbench.store.manifest import Manifest, new_manifest, read_manifest, write_manifest
from lpbench.store.rollup import rollup
from lpbench.store.schema import CELLS as CELLS_SCHEMA
from lpbench.store.schema import CHOICES, concatenate, unite
from lpbench.store.schema import TRACES as TRACES_SCHEMA
from lpbench.store.sources import (
    DAMAGED,
    PART,
    Damaged,
    Source,
    choose,
    find_sources,
    newest,
    scan_parts,
    warn_of,
)

PASS_ROWS = 4_000_000  # trace rows held in memory at once: about 0.4 GB


def compact(folder: Path, state: str = "interrupted") -> Manifest:
    """Compact the sweep in `folder`; returns its manifest. Raises SweepBusy while another process writes it.

    state  what becomes of a sweep whose writer is gone without a word, "interrupted" or "done"
    """
    held = lock(folder)
    try:
        manifest = read_manifest(folder) or new_manifest(folder.name)
        if manifest["state"] == "running":  # we hold the lock, so whoever wrote that is gone
            manifest["state"] = state
        compact_locked(folder, manifest)
        return manifest
    finally:
        held.release()


def compact_locked(folder: Path, manifest: Manifest) -> None:
    """`compact` for a caller that holds the lock; updates the version and the counts of `manifest`."""
    for leftover in () if is_remote(folder) else folder.glob(f"**/*{TEMPORARY}"):
        leftover.unlink(missing_ok=True)
    sources = find_sources(folder)
    broken: set[int] = set()
    if any(source.index >= 0 for source in sources) or not (folder / ROLLUP).exists():
        while True:
            try:
                cells = _merge(folder, sources)
                break
            except Damaged as damaged:
                warn_of(damaged.source.cells, damaged.reason)
                broken.add(damaged.source.index)
                sources = [source for source in sources if source is not damaged.source]
        counts = pc.value_counts(cells["status"]).to_pylist()
        manifest["counts"] = {entry["values"]: entry["counts"] for entry in counts}
    write_manifest(folder, manifest)
    for source in sources:
        if source.index >= 0:
            source.cells.unlink(missing_ok=True)
            source.traces.unlink(missing_ok=True)
    _clear(folder, broken)


def _merge(folder: Path, sources: Sequence[Source]) -> pa.Table:
    kept = newest(sources)
    tables = [source.read_cells().filter(from_numpy(keep)) for source, _, keep in kept]
    cells = concatenate(tables, CELLS_SCHEMA)
    # Sorted by the choices: the same cells give the same file, whatever the workers, the order and the
    # interruptions.
    cells = cells.sort_by([(name, "ascending") for name in [*CHOICES, "cell_id"]])
    _write_traces(folder / TRACES, [(source, ids, keep) for source, ids, keep in kept])
    write_table(folder / CELLS, cells)
    write_table(folder / ROLLUP, rollup(cells, folder / TRACES))
    return cells


def _write_traces(path: Path, kept: Sequence[tuple[Source, pa.Table, np.ndarray]]) -> None:
    ids = sorted(
        name for _, table, keep in kept for name in choose(table, keep, table["cell_id"].to_pylist()) or ()
    )
    rows, schemas = 0, []
    for source, _, _ in kept:
        with open_parquet(source.traces) as traces:
            rows += traces.metadata.num_rows
            schemas.append(traces.schema_arrow)
    passes = max(1, -(-rows // PASS_ROWS))
    size = max(1, -(-len(ids) // passes))
    # Every pass has all columns, also those that only the traces of another pass use.
    schema = unite(schemas, TRACES_SCHEMA)

    def write(file: IO[bytes]) -> None:
        with parquet_writer(file, schema) as writer:
            for start in range(0, len(ids), size):
                chosen = None if passes == 1 else set(ids[start : start + size])
                table = _sorted_traces(
                    [source.read_traces(None, choose(t, keep, chosen)) for source, t, keep in kept]
                )
                writer.write_table(concatenate([table], schema), ROW_GROUP)

    write_atomic(path, write)


def _sorted_traces(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of `tables`, by cell and step."""
    table = concatenate(tables, TRACES_SCHEMA)
    # Each trace is one piece in the order of its steps already: sorting the pieces is cheaper than sorting
    # the rows.
    starts, lengths, names = trace_pieces(table)
    order = np.argsort(names, kind="stable")
    return table.take(from_numpy(_ranges(starts[order], lengths[order])))


def trace_pieces(table: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each trace of `table` starts, how many rows it has, and its `cell_id`; it lies in one piece."""
    codes = table["cell_id"].combine_chunks().dictionary_encode()
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.combine_chunks()
    index = to_numpy(codes.indices)
    starts = np.flatnonzero(np.r_[True, index[1:] != index[:-1]]) if len(index) else np.zeros(0, np.int64)
    lengths = np.diff(np.r_[starts, len(index)])
    names = np.asarray(codes.dictionary.to_pylist(), object)
    return starts, lengths, names[index[starts]]


def _ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """[s0, s0 + 1, ..., s0 + l0 - 1, s1, ...] for starts s and lengths l."""
    if not len(starts):
        return np.zeros(0, np.int64)
    ends = np.cumsum(lengths)
    return np.arange(ends[-1]) + np.repeat(starts - (ends - lengths), lengths)


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
            path.rename(path.with_name(path.name + DAMAGED))
        elif match:
            path.unlink()
