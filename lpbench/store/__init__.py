"""Sweeps on disk: `runs/<name>/{cells,traces,tensors,rollup}.parquet`, `manifest.json` and `parts/`.

    folder    names and paths of sweeps               schema      columns and types, rows to tables
    manifest  what live views poll                    lock        one writer a sweep
    sources   the files that hold cells               parts       finished cells, written during a sweep
    read      the newest row of every cell, also live compaction  parts merged into sorted files and the
              rollup
    writer    all of it, opened for one sweep         about      a note and tags
    catalog   all sweeps of a folder                  moving     rename and delete

Nothing outside this package knows a column's type or a file's name.
"""

from typing import TYPE_CHECKING

from lpbench import lazy

if TYPE_CHECKING:
    from lpbench.store.catalog import find_sweep
    from lpbench.store.compaction import compact
    from lpbench.store.folder import list_sweeps, sweep_folder
    from lpbench.store.manifest import read_manifest
    from lpbench.store.read import (
        load_cells,
        load_tensors,
        load_traces,
        read_cells,
        read_statuses,
        read_tensors,
        read_traces,
    )
    from lpbench.store.writer import SweepWriter

__all__ = [
    "SweepWriter",
    "compact",
    "find_sweep",
    "list_sweeps",
    "load_cells",
    "load_tensors",
    "load_traces",
    "read_cells",
    "read_manifest",
    "read_statuses",
    "read_tensors",
    "read_traces",
    "sweep_folder",
]

_HOMES = {
    "compaction": ["compact"],
    "catalog": ["find_sweep"],
    "folder": ["list_sweeps", "sweep_folder"],
    "manifest": ["read_manifest"],
    "read": [
        "load_cells",
        "load_tensors",
        "load_traces",
        "read_cells",
        "read_statuses",
        "read_tensors",
        "read_traces",
    ],
    "writer": ["SweepWriter"],
}
__getattr__ = lazy.attributes(
    __name__, {name: f"{__name__}.{module}.{name}" for module, names in _HOMES.items() for name in names}
)
