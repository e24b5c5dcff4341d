"""The history of checks: one small Parquet file for each run, which a repository or an artifact store can keep.

A file is never changed after it is written, so runs of several branches merge by putting their files together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from lpbench.declared import choices
from lpbench.errors import StoreError
from lpbench.store.address import make_folder
from lpbench.store.files import open_parquet, read_bounded, write_table
from lpbench.store.schema import CHOICES, INT, REAL, TEXT, conform

SCHEMA_VERSION = 1
MOST_ROWS, MOST_BYTES = 50_000, 64_000_000  # of one check; a file may be someone else's
LATER = ("warned", "metric", *choices.LATER)  # columns that files of before lack
FOLDER = "history"  # under the folder of sweeps: where the dashboard looks
# One row a cell group of a run. `floor` is the median over the seeds of `metric` (null: of the noise floor),
# `floor_q10` and `floor_q90` their spread; `ratio` and its interval compare with the baseline, above 1 is worse;
# `verdict` is that of `lpbench check`; `warned` what it warned of its slice, null where of nothing.
COLUMNS = pa.schema(
    {
        "run": TEXT, "checked_at": TEXT, "git_commit": TEXT, "lpbench_version": TEXT, "platform": TEXT,
        "baseline": TEXT, "sweep": TEXT, "config_id": TEXT, "cell_id": TEXT, "label": TEXT,
        **{name: kind for name, kind in CHOICES.items() if name != "seed"},
        "verdict": TEXT, "n": INT, "floor": REAL, "floor_q10": REAL, "floor_q90": REAL, "steps_to_target": REAL,
        "bound_ratio": REAL, "steps_per_second": REAL, "ratio": REAL, "ratio_low": REAL, "ratio_high": REAL,
        "warned": TEXT, "metric": TEXT,
    }
)  # fmt: skip


def append(folder: Path, run: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write the rows of one run as `<run>.parquet` into `folder`, which is made; raises StoreError."""
    make_folder(folder)
    table = pa.Table.from_pylist([dict(row) for row in rows], COLUMNS)
    path = folder / f"{run}.parquet"
    write_table(path, table.replace_schema_metadata({"lpbench_history": str(SCHEMA_VERSION)}))
    return path


def read(folder: Path) -> tuple[pa.Table, list[str]]:
    """(all rows by `checked_at`, what could not be read, in words); without rows where there is no history."""
    tables, problems = [], []
    for path in sorted(folder.glob("*.parquet")) if folder.is_dir() else []:
        try:
            with open_parquet(path) as file:
                version = (file.schema_arrow.metadata or {}).get(b"lpbench_history")
            if version is None:
                problems.append(f"{path.name} is not a history of lpbench")
            elif version != str(SCHEMA_VERSION).encode():
                problems.append(f"{path.name} was written by another lpbench (schema {version.decode()})")
            else:
                found = read_bounded(path, COLUMNS.names, MOST_ROWS, MOST_BYTES, LATER)
                tables.append(conform(found, COLUMNS))
        except StoreError as error:
            problems.append(str(error))
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            problems.append(f"{path.name} cannot be read: {(str(error) or repr(error)).splitlines()[0]}")
    whole = pa.concat_tables(tables) if tables else COLUMNS.empty_table()
    return whole.sort_by([("checked_at", "ascending"), ("config_id", "ascending")]), problems
