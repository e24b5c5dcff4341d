"""`manifest.json`: what a sweep is, and the version number that live views poll.

It is written last, after the files that it speaks of, by rename: a reader that sees a new version sees its
files.
"""

import json
import os
import socket
import warnings
from pathlib import Path
from typing import Any

from lpbench.errors import StoreError
from lpbench.escaping import HALF
from lpbench.provenance import now, version
from lpbench.store.files import StoreWarning, is_elsewhere, read_bytes, replace_bytes, set_aside
from lpbench.store.folder import MANIFEST, name_of

SCHEMA_VERSION = 1  # raised when a reader of the old files would misread the new ones

Manifest = dict[str, Any]


class ManifestDamaged(StoreError):
    """A manifest that says nothing; what it speaks of may be whole."""


def new_manifest(sweep: str) -> Manifest:
    """The manifest of a sweep that has nothing yet.

    schema       int, SCHEMA_VERSION of the lpbench that wrote the files
    version      int, raised with every change of the files
    state        "running", "done" or "interrupted"; after a kill -9 it stays "running" while the lock is free
    calls        the distinct calls that made the sweep: {"overrides": [...], "config_dir": path or null, ...}
    runtime      timeout, workers, executor of the last call
    planned      int, cells of the last call;  counts: stored cells by status
    total        int, cells that the sweep has once that call is done; 0: not known
    began        when that call began, and how many cells were stored then: {"at": time, "stored": int}
    last_part    number of the newest part ever written
    sweep        what it is called, by its folder;  former: what it was called before
    """
    return {
        "schema": SCHEMA_VERSION,
        "version": 0,
        "sweep": sweep,
        "state": "running",
        "calls": [],
        "runtime": {},
        "planned": 0,
        "total": 0,
        "began": {},
        "counts": {},
        "last_part": -1,
        "former": [],
        "created_at": now(),
        "updated_at": now(),
    }


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of the sweep in `folder`, None where there is none.

    Raises ManifestDamaged, and StoreError when it cannot be read now or was written by a newer lpbench.
    """
    path = folder / MANIFEST
    try:
        text = read_bytes(path).decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        raise _damaged(path, error.reason) from error
    except OSError as error:
        if is_elsewhere(error):
            raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
        raise _damaged(path, error.strerror or error) from error
    try:
        manifest = json.loads(text)
        if "\\u" in text and HALF.search(json.dumps(manifest, ensure_ascii=False)):
            raise ValueError("half a character")
        schema = manifest["schema"]
        if type(schema) is not int:
            raise TypeError("schema is no whole number")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    if schema != SCHEMA_VERSION:
        age = "newer" if schema > SCHEMA_VERSION else "older"
        raise StoreError(
            f"{path} was written by {age} lpbench: its files have schema {schema}, this lpbench "
            f"({version()}) reads {SCHEMA_VERSION}"
        )
    wrong = _wrong_entry(manifest, new_manifest(name_of(folder)))
    if wrong is not None:
        raise _damaged(path, f"{wrong} cannot be {json.dumps(manifest[wrong])[:80]}")
    return new_manifest(name_of(folder)) | manifest | {"sweep": name_of(folder)}


def open_manifest(folder: Path) -> Manifest:
    """The manifest of the sweep in `folder` for its writer: a new one where there is none.

    A damaged one is warned of and set aside. Raises StoreError as `read_manifest`.
    """
    try:
        return read_manifest(folder) or new_manifest(name_of(folder))
    except ManifestDamaged as error:
        where = set_aside(folder / MANIFEST)
        warnings.warn(f"{error}; it is now {where.name}, and a new one is begun", StoreWarning, stacklevel=2)
        return new_manifest(name_of(folder))


def _damaged(path: Path, reason: object) -> ManifestDamaged:
    return ManifestDamaged(
        f"{path} is damaged or of another program ({reason}); the sweep's own command sets it aside and goes on"
    )


def _wrong_entry(manifest: Manifest, model: Manifest) -> str | None:
    """An entry of `manifest` of another kind than in `model`; None if all is well."""
    for key, value in model.items():
        if type(manifest.get(key, value)) is not type(value):
            return key
    known = model | manifest
    right = {
        "last_part": known["last_part"] >= -1,
        "counts": all(type(count) is int for count in known["counts"].values()),
        "calls": all(_is_call(call) for call in known["calls"]),
        "former": all(type(name) is str for name in known["former"]),
        "runtime": all(
            value is None or (type(value) in (int, float) and value > 0)
            for value in (known["runtime"].get("timeout"), known["runtime"].get("workers"))
        ),
    }
    return next((key for key, is_right in right.items() if not is_right), None)


def _is_call(call: Any) -> bool:
    return (
        isinstance(call, dict)
        and isinstance(call.get("overrides"), list)
        and all(isinstance(text, str) for text in call["overrides"])
        and isinstance(call.get("config_dir"), str | None)
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Raise the version number of `manifest` and write it."""
    manifest["version"] += 1
    manifest["updated_at"] = now()
    manifest["writer"] = {"pid": os.getpid(), "host": socket.gethostname(), "lpbench_version": version()}
    replace_bytes(folder / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
