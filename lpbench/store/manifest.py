"""`manifest.json`: what a sweep is, and the version number that live views poll.

It is written last, after the files that it speaks of, by rename: a reader that sees a new version sees its
files.
"""

import json
import os
import socket
from pathlib import Path
from typing import Any

from lpbench.errors import StoreError
from lpbench.provenance import now, version
from lpbench.store.files import read_bytes, write_atomic
from lpbench.store.folder import MANIFEST

SCHEMA_VERSION = 1  # raised when a reader of the old files would misread the new ones

Manifest = dict[str, Any]


def new_manifest(sweep: str) -> Manifest:
    """The manifest of a sweep that has nothing yet.

    schema       int, SCHEMA_VERSION of the lpbench that wrote the files
    version      int, raised with every change of the files
    state        "running", "done" or "interrupted"; after a kill -9 it stays "running" while the lock is free
    calls        the distinct calls that made the sweep: {"overrides": [...], "config_dir": path or null, ...}
    runtime      timeout, workers, executor of the last call
    planned      int, cells of the last call;  counts: stored cells by status
    last_part    number of the newest part ever written
    """
    return {
        "schema": SCHEMA_VERSION,
        "version": 0,
        "sweep": sweep,
        "state": "running",
        "calls": [],
        "runtime": {},
        "planned": 0,
        "counts": {},
        "last_part": -1,
        "created_at": now(),
        "updated_at": now(),
    }


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of the sweep in `folder`, None where there is none.

    Raises StoreError when it is damaged, or written by a newer lpbench.
    """
    path = folder / MANIFEST
    try:
        text = read_bytes(path).decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    try:
        manifest = json.loads(text)
        schema = int(manifest["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is damaged or of another program: {error!r}") from error
    if schema != SCHEMA_VERSION:
        age = "newer" if schema > SCHEMA_VERSION else "older"
        raise StoreError(
            f"{path} was written by {age} lpbench: its files have schema {schema}, this lpbench "
            f"({version()}) reads {SCHEMA_VERSION}"
        )
    return new_manifest(folder.name) | manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Raise the version number of `manifest` and write it."""
    manifest["version"] += 1
    manifest["updated_at"] = now()
    manifest["writer"] = {"pid": os.getpid(), "host": socket.gethostname(), "lpbench_version": version()}
    text = json.dumps(manifest, indent=1) + "\n"
    write_atomic(folder / MANIFEST, lambda file: _write(file, text))


def _write(file: Any, text: str) -> None:
    file.write(text.encode("utf-8"))
