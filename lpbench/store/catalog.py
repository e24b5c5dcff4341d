"""The sweeps of a folder: what each is, which of them lists leave out, and where one went that was renamed."""

from dataclasses import dataclass, field
from pathlib import Path

from lpbench.errors import ConfigError, StoreError, did_you_mean
from lpbench.store.about import CHECKED, HIDDEN, About, read_about
from lpbench.store.address import locate
from lpbench.store.folder import is_sweep, list_sweeps, name_of
from lpbench.store.manifest import read_manifest


@dataclass(frozen=True)
class Info:
    """A sweep in a list: its name, cells by status, state, when it changed, what is said of it.

    `problem` says why it cannot be read.
    """

    name: str
    counts: dict[str, int]
    state: str
    updated_at: str
    problem: str = ""
    about: About = field(default_factory=About)

    @property
    def hidden(self) -> bool:
        """Whether lists leave it out: `lpbench check` made it, or it has the tag `hidden`."""
        return self.name.startswith(CHECKED) or HIDDEN in self.about.tags

    @property
    def cells(self) -> str:
        """How many cells it has, in words."""
        count = sum(self.counts.values())
        return "cells that cannot be counted" if self.problem else f"{count} cell{'' if count == 1 else 's'}"

    @property
    def changed(self) -> str:
        """When its files changed last, in UTC, to the minute; "" where that is not known."""
        return self.updated_at[:16].replace("T", " ")

    @property
    def said(self) -> str:
        """What a search looks through: name, tags and note."""
        return " ".join([self.name, *self.about.tags, self.about.note])

    def matches(self, text: str) -> bool:
        """Whether every word of `text` is in what is said, whatever the case."""
        return all(word in self.said.casefold() for word in text.casefold().split())


def info(folder: Path) -> Info:
    """What the sweep in `folder` is."""
    about, name = read_about(folder), name_of(folder)
    try:
        manifest = read_manifest(folder) or {}
    except StoreError as error:
        return Info(name, {}, "unreadable", "", str(error), about)
    counts, state = manifest.get("counts", {}), manifest.get("state", "no manifest")
    return Info(name, counts, state, manifest.get("updated_at", ""), about=about)


def sweeps(runs_dir: Path | str = "runs") -> list[Info]:
    """All sweeps under `runs_dir`, by name."""
    base = locate(runs_dir)
    # Not by `find_sweep`: a folder may have a name that no sweep is given.
    return [info(base / name) for name in list_sweeps(base)]


def find_sweep(path_or_name: Path | str, runs_dir: Path | str = "runs") -> Path:
    """The folder of an existing sweep, by its path or name; raises ConfigError that names the nearest."""
    candidates = [locate(path_or_name)]
    if "://" not in str(path_or_name):
        candidates.insert(0, locate(runs_dir) / path_or_name)
    for folder in candidates:
        if is_sweep(folder):
            return folder
    name = str(path_or_name)
    if now := renamed(name, runs_dir):
        raise ConfigError(f"unknown sweep {name!r}: it was renamed, to {now!r}")
    known = list_sweeps(runs_dir)
    hint = did_you_mean(name, known) if known else f" There are no sweeps in {runs_dir}."
    raise ConfigError(f"unknown sweep {name!r}.{hint}")


def renamed(name: str, runs_dir: Path | str = "runs") -> str | None:
    """What the sweep is called now that once was `name`; None if there is none. Of several the newest."""
    found = []
    base = locate(runs_dir)
    for other in list_sweeps(base):
        try:
            manifest = read_manifest(base / other)
        except StoreError:
            continue
        if manifest is not None and name in manifest["former"]:
            found.append((manifest["updated_at"], other))
    return max(found)[1] if found else None
