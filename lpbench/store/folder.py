"""Names and paths of sweeps."""

import re
from pathlib import Path

from lpbench.errors import ConfigError
from lpbench.escaping import HALF
from lpbench.store.address import is_folder, locate

# What `check` compares with, what it found so far, and what `reproduce` and `speed` keep.
RESERVED = frozenset({"baselines", "history", "reproduce", "speed"})
CELLS, TRACES, TENSORS = "cells.parquet", "traces.parquet", "tensors.parquet"
ROLLUP = "rollup.parquet"
MANIFEST, PARTS, LOCK, ABOUT = "manifest.json", "parts", ".lock", "about.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def sweep_folder(name: str, runs_dir: Path | str = "runs") -> Path:
    """The folder of the sweep `name`, which need not exist; raises ConfigError for an impossible name."""
    if name in RESERVED:
        raise ConfigError(f"sweep name {name!r} is reserved; choose another")
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"sweep name: up to 100 letters, digits, '.', '_' and '-', starting with a letter or digit and "
            f"without a path (--runs-dir says where sweeps lie), got {name!r}"
        )
    return locate(runs_dir) / name


def runs_option(runs_dir: Path) -> str:
    """The option that a command needs to find what lies in `runs_dir`; empty where it looks there by itself."""
    return "" if str(runs_dir) == "runs" else f" --runs-dir {runs_dir}"


def name_of(folder: Path) -> str:
    """The name of the sweep in `folder`: that of the folder, whatever it was called when its files were written."""
    return folder.name or folder.absolute().name


def is_sweep(folder: Path) -> bool:
    """Whether `folder` holds a sweep, or may not be looked into."""
    try:
        return (folder / MANIFEST).is_file() or (folder / CELLS).is_file()
    except PermissionError:
        return True  # whoever reads it says so; the others can be read


def list_sweeps(runs_dir: Path | str = "runs") -> list[str]:
    """The names of the sweeps under `runs_dir`, sorted; a folder whose name is no text is none."""
    base = locate(runs_dir)
    if not is_folder(base):
        return []
    return sorted(
        f.name for f in base.iterdir() if f.name not in RESERVED and not HALF.search(f.name) and is_sweep(f)
    )
