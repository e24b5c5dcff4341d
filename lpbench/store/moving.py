"""Renaming and deleting a sweep: under its lock, so that nobody writes it meanwhile, and only what is its own.

The name of a sweep is that of its folder; all else that says it is read by way of the folder. On a disk a rename is
therefore one step of the system, and a crash leaves the sweep under its old name or under its new one.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpbench.errors import ConfigError, StoreError
from lpbench.store.address import first_line, is_folder, is_remote
from lpbench.store.catalog import Info, info
from lpbench.store.files import DAMAGED, TEMPORARY
from lpbench.store.folder import (
    ABOUT,
    CELLS,
    LOCK,
    MANIFEST,
    PARTS,
    ROLLUP,
    TENSORS,
    TRACES,
    is_sweep,
    name_of,
    sweep_folder,
)
from lpbench.store.lock import lock
from lpbench.store.manifest import read_manifest, write_manifest
from lpbench.store.sources import NEEDED, PART, what_is_wrong

# What lpbench writes into the folder of a sweep, and what becomes of it: set aside, or left behind by a crash.
_OWN = (
    CELLS,
    TRACES,
    TENSORS,
    ROLLUP,
    ABOUT,
    MANIFEST,
)  # the manifest last: until then it is a sweep, and can be deleted again
_AFTER = re.compile(rf"(\.\d+)?{re.escape(DAMAGED)}|\.[0-9a-f]{{8}}{re.escape(TEMPORARY)}|")


def rename(folder: Path, name: str) -> Path:
    """Call the sweep in `folder` `name`, which must be free, in the same folder of sweeps; returns its new folder.

    Raises ConfigError for an impossible name and for one that is taken, SweepBusy while the sweep is written,
    StoreError where it cannot be read or moved.
    """
    folder = folder if folder.name else folder.absolute()
    _refuse_links(folder)
    target = sweep_folder(name, folder.parent)
    if is_folder(target) or target.exists():
        raise ConfigError(f"cannot rename {name_of(folder)}: there is a {name!r} in {folder.parent} already")
    held = lock(folder)
    try:
        manifest = read_manifest(folder)
        if manifest is not None:  # before the move, which then is the last step
            before = [one for one in manifest["former"] if one not in (name, name_of(folder))]
            manifest["former"] = [*before, name_of(folder)]
            write_manifest(folder, manifest)
        _move(folder, target)
    finally:
        held.release()
    return target


def _move(folder: Any, target: Any) -> None:
    try:
        if not is_remote(folder):
            folder.rename(target)
            return
        files: Any = _contents(folder)[0]
        for path in files:  # no folders to rename: all is there twice before anything goes
            folder.fs.copy(path.path, (target / path.relative_to(folder)).path)
        for path in files:
            path.unlink()
    except Exception as error:  # each kind of store has its own
        raise StoreError(f"{folder} cannot be renamed: {first_line(error)}") from error


@dataclass(frozen=True)
class Doomed:
    """What deleting a sweep takes away: the sweep, its files and their bytes; and what in its folder is none of it."""

    folder: Path
    info: Info
    files: tuple[Path, ...]
    size: int
    foreign: tuple[Path, ...]


def doomed(folder: Path) -> Doomed:
    """What `delete` would do to the sweep in `folder`.

    Raises ConfigError for a link, whose target is somebody's, and for what lpbench did not make.
    """
    _refuse_links(folder)
    if not _is_ours(folder):
        raise ConfigError(f"{folder} holds neither a manifest nor cells of lpbench: it is not deleted")
    files, foreign = _contents(folder)
    return Doomed(folder, info(folder), files, sum(map(_size, files)), foreign)


def _refuse_links(folder: Path) -> None:
    """Raise ConfigError for a link, whose target is somebody's."""
    if folder.is_symlink():
        raise ConfigError(
            f"{folder} is a link, to {folder.resolve()}: take the link, or the sweep where it lies"
        )


def delete(folder: Path) -> Doomed:
    """Delete the sweep in `folder`, for good; what lpbench did not write stays, and the folder with it.

    Returns what went and what stays. Raises as `doomed`, SweepBusy while the sweep is written, StoreError where
    something cannot be deleted.
    """
    doomed(folder)
    held = lock(folder)
    try:
        gone = doomed(folder)
        for path in gone.files:
            path.unlink(missing_ok=True)
        if not is_remote(folder):
            (folder / LOCK).unlink(missing_ok=True)
            for place in (folder / PARTS, folder):
                if place.is_dir() and not place.is_symlink() and not any(place.iterdir()):
                    place.rmdir()
    except OSError as error:
        raise StoreError(f"{folder} cannot be deleted: {error.strerror or first_line(error)}") from error
    finally:
        held.release()
    return gone


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # merged away by who writes the sweep
        return 0


def _is_ours(folder: Path) -> bool:
    """Whether lpbench made the folder: a file called manifest.json may be of any program."""
    if not is_sweep(folder):
        return False
    try:
        if read_manifest(folder) is not None:
            return True
    except StoreError:
        pass  # damaged, or foreign: its cells decide
    return (folder / CELLS).exists() and what_is_wrong(folder / CELLS, NEEDED["cells"]) is None


def _contents(folder: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The sweep's own files, its manifest last; and what else is in its folder, links and folders among it."""
    own: list[Path] = []
    foreign: list[Path] = []
    parts = folder / PARTS
    places = [place for place in (parts, folder) if is_folder(place) and not place.is_symlink()]
    for place in places:
        for path in place.iterdir():
            if path.name == LOCK or path in places:
                continue
            mine = _has_own_name(path.name, place is parts) and path.is_file() and not path.is_symlink()
            if mine:
                own.append(path)
            elif path.is_symlink() or path.exists():  # else it went meanwhile
                foreign.append(path)
    own.sort(key=lambda path: (path.name == MANIFEST, str(path)))
    return tuple(own), tuple(sorted(foreign, key=str))


def _has_own_name(name: str, part: bool) -> bool:
    """Whether lpbench gives a file this name, among the parts or beside them."""
    if part:
        match = PART.match(name)
        return match is not None and bool(_AFTER.fullmatch(name[match.end() :]))
    return any(name.startswith(one) and _AFTER.fullmatch(name.removeprefix(one)) for one in _OWN)
