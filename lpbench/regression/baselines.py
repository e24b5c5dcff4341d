"""Baselines: what was measured once, small enough for a repository: `runs/baselines/<name>/<platform>/`."""

from __future__ import annotations

import json
import platform
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa

from lpbench.analysis.matching import Row
from lpbench.arithmetic import generator
from lpbench.declared.choices import LATER
from lpbench.errors import ConfigError, StoreError, did_you_mean
from lpbench.provenance import now, provenance
from lpbench.regression import measured
from lpbench.store import find_sweep, read_manifest
from lpbench.store.address import locate, make_folder
from lpbench.store.files import open_parquet, read_bounded, read_bytes, replace_bytes, write_table
from lpbench.store.schema import CHOICES, REAL, TEXT, choice_field, conform, further, own_choices

SCHEMA_VERSION = 1
FOLDER = "baselines"
CELLS, META = "cells.parquet", "meta.json"
LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "scikit-learn")
COLUMNS = pa.schema(
    {
        "config_id": TEXT, "definition": TEXT, **CHOICES, "status": TEXT, "digest": TEXT, "initial_gap": REAL,
        "noise_floor": REAL, "mean_gap": REAL, "target_gap": REAL, "steps_to_target": REAL, "bound_ratio": REAL,
        "steps_per_second": REAL, "L": REAL, "L_f": REAL, "sigma": REAL, "w_norm": REAL, "optimum_gradient_norm": REAL,
        "result": TEXT, "test_error": REAL, "train_loss": REAL,
    }
)  # fmt: skip
# Columns that older baselines lack: null there.
_LATER = frozenset({"L", "sigma", "result", "test_error", "train_loss", *LATER})
MOST_CELLS, MOST_BYTES = 50_000, 64_000_000  # that are read: a baseline is small, and may be someone else's
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Baseline:
    """What was measured: `cells` with the columns COLUMNS and the choices of plug-ins, and where it came from.

    meta   schema, name, platform, created_at, sweep, calls, git_commit, lpbench_version, libraries, generator, counts
    """

    folder: Path
    meta: dict[str, Any]
    cells: list[Row]

    @property
    def name(self) -> str:
        """The name that `--baseline` takes."""
        return str(self.meta["name"])

    @property
    def seeds(self) -> list[int]:
        """All seeds of it."""
        return sorted({cell["seed"] for cell in self.cells})

    @property
    def is_ours(self) -> bool:
        """Whether it was measured on this class of platform: only then digests can be equal."""
        return bool(self.meta["platform"] == platform_class())


def platform_class() -> str:
    """`linux-x86_64`: machines of one class give the same bits, unless their libraries differ."""
    return f"{platform.system()}-{platform.machine()}".lower()


def create(name: str, sweep: str, runs_dir: Path, replace: bool = False) -> Baseline:
    """Make the baseline `name` of a stored sweep, for this platform.

    replace   one that is there may be replaced.
    Raises ConfigError for a bad name, an unknown sweep, one without a cell that is ok, and a baseline that is there.
    """
    folder = _folder(name, runs_dir) / platform_class()
    if (folder / META).exists() and not replace:
        raise ConfigError(f"baseline {name} is there already: lpbench baseline update {name} --from {sweep}")
    source = find_sweep(sweep, runs_dir)
    cells = measured.read(source)
    if not any(cell["status"] == "ok" for cell in cells):
        raise ConfigError(f"sweep {sweep} holds no cell that is ok: nothing to compare with")
    if len(cells) > MOST_CELLS:
        raise ConfigError(f"sweep {sweep} holds {len(cells):,} cells; a baseline has at most {MOST_CELLS:,}")
    measured.steps_to_target(source, cells, measured.targets(cells))
    manifest = read_manifest(source) or {}
    meta = {
        "schema": SCHEMA_VERSION, "name": name, "platform": platform_class(), "created_at": now(), "sweep": source.name,
        "calls": [_portable(call) for call in manifest.get("calls", [])],
        "git_commit": _common(cells, "git_commit"), "lpbench_version": _common(cells, "lpbench_version"),
        "written_by": provenance()["lpbench_version"], "generator": generator.SCHEME,
        "libraries": {name: _version(name) for name in LIBRARIES},
        "counts": dict(Counter(str(cell["status"]) for cell in cells)),
    }  # fmt: skip
    rows = sorted(cells, key=lambda cell: (cell["config_id"], cell["seed"]))
    return write(Baseline(folder, meta, rows))


def _portable(call: dict[str, Any]) -> dict[str, Any]:
    """A call without the folder that it was made in: on another machine, its data files lie where check runs."""
    return {"config_dir": None, **{key: value for key, value in call.items() if key != "folder"}}


def write(baseline: Baseline) -> Baseline:
    """Write the files; raises StoreError."""
    make_folder(baseline.folder)
    rows = [{name: cell.get(name) for name in COLUMNS.names} for cell in baseline.cells]
    table = pa.Table.from_pylist(rows, COLUMNS)
    for name in measured.own(baseline.cells):
        values = pa.array([cell.get(name) for cell in baseline.cells])
        table = table.append_column(choice_field(name, values.type), values)
    write_table(baseline.folder / CELLS, table)
    text = (json.dumps(baseline.meta, indent=1) + "\n").encode()
    replace_bytes(baseline.folder / META, text)
    return baseline


def load(name: str, runs_dir: Path) -> Baseline:
    """The baseline `name` (or the one in the folder with that path): of this platform, else of another one.

    Raises ConfigError for an unknown name, StoreError for files that are damaged or of a newer lpbench.
    """
    there = platforms(name, runs_dir)
    if (locate(name) / META).is_file():
        return read(locate(name))
    if not there:
        known = names(runs_dir)
        hint = did_you_mean(name, known) if known else (
            f" There are none in {runs_dir / FOLDER}: lpbench baseline create {name} --from SWEEP"
        )  # fmt: skip
        raise ConfigError(f"unknown baseline {name!r}.{hint}")
    mine = platform_class()
    return read(runs_dir / FOLDER / name / (mine if mine in there else there[0]))


def read(folder: Path) -> Baseline:
    """The baseline in one folder; raises StoreError."""
    try:
        meta = json.loads(read_bytes(folder / META))
        schema = int(meta["schema"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(f"{folder / META} is damaged or of another program: {error!r}") from error
    if schema != SCHEMA_VERSION:
        age = "a newer" if schema > SCHEMA_VERSION else "an older"
        raise StoreError(
            f"{folder} was written by {age} lpbench: schema {schema}, this one reads {SCHEMA_VERSION}"
        )
    try:
        with open_parquet(folder / CELLS) as file:
            own = set(own_choices(further(file.schema_arrow))) - {*COLUMNS.names}
        table = read_bounded(folder / CELLS, [*COLUMNS.names, *own], MOST_CELLS, MOST_BYTES, may_lack=_LATER)
        cells = conform(table, COLUMNS).to_pylist()
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise StoreError(
            f"{folder / CELLS} cannot be read: {(str(error) or repr(error)).splitlines()[0]}"
        ) from error
    for name in ("name", "platform"):  # they become parts of names of sweeps and files
        if not isinstance(meta.get(name), str) or not _NAME.fullmatch(meta[name]):
            raise StoreError(f"{folder / META} is damaged: {name} is {meta.get(name)!r:.80}")
    if not isinstance(meta.get("calls"), list):
        raise StoreError(f"{folder / META} is damaged: calls is {meta.get('calls')!r:.80}")
    for name in ("config_id", "seed", "status"):
        if any(cell[name] is None for cell in cells):
            raise StoreError(f"{folder / CELLS} is damaged: a cell has no {name}")
    return Baseline(folder, meta, cells)


def names(runs_dir: Path) -> list[str]:
    """The names of all baselines."""
    base = runs_dir / FOLDER
    return sorted(folder.name for folder in base.iterdir() if folder.is_dir()) if base.is_dir() else []


def platforms(name: str, runs_dir: Path) -> list[str]:
    """The platform classes that a baseline was measured on."""
    base = runs_dir / FOLDER / name
    if not _NAME.fullmatch(name) or not base.is_dir():
        return []
    return sorted(folder.name for folder in base.iterdir() if (folder / META).is_file())


def _folder(name: str, runs_dir: Path) -> Path:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"baseline name: letters, digits, '.', '_' and '-', starting with a letter or digit, got {name!r}"
        )
    return runs_dir / FOLDER / name


def _common(cells: Sequence[Row], column: str) -> str | None:
    """What all cells have there, joined where they differ."""
    return ", ".join(sorted({str(cell[column]) for cell in cells if cell[column] is not None})) or None


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None
