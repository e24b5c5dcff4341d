"""Sweeps on disk: `runs/<name>/{cells,traces,rollup}.parquet`, `manifest.json` and `parts/`.

    folder    names and paths of sweeps               schema      columns and types, rows to tables
    manifest  what live views poll                    lock        one writer a sweep
    sources   the files that hold cells               parts       finished cells, written during a sweep
    read      the newest row of every cell, also live compaction  parts merged into sorted files and the
              rollup
    writer    all of it, opened for one sweep

Nothing outside this package knows a column's type or a file's name.
"""

from typing import TYPE_CHECKING

from lpbench import lazy

if TYPE_CHECKING:
    from lpbench.store.compaction import compact
    from lpbench.store.folder import find_sweep, list_sweeps, sweep_folder
    from lpbench.store.manifest import read_manifest
    from lpbench.store.read import load_cells, load_traces, read_cells, read_statuses, read_traces
    from lpbench.store.writer import SweepWriter

__all__ = [
    "SweepWriter",
    "compact",
    "find_sweep",
    "list_sweeps",
    "load_cells",
    "load_traces",
    "read_cells",
    "read_manifest",
    "read_statuses",
    "read_traces",
    "sweep_folder",
]

__getattr__ = lazy.attributes(
    __name__,
    {
        "SweepWriter": "lpbench.store.writer.SweepWriter",
        "compact": "lpbench.store.compaction.compact",
        "find_sweep": "lpbench.store.folder.find_sweep",
        "list_sweeps": "lpbench.store.folder.list_sweeps",
        "load_cells": "lpbench.store.read.load_cells",
        "load_traces": "lpbench.store.read.load_traces",
        "read_cells": "lpbench.store.read.read_cells",
        "read_manifest": "lpbench.store.manifest.read_manifest",
        "read_statuses": "lpbench.store.read.read_statuses",
        "read_traces": "lpbench.store.read.read_traces",
        "sweep_folder": "lpbench.store.folder.sweep_folder",
    },
)
