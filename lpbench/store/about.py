"""`about.json`: what people say of a sweep, a note and tags. It is part of no identity; nothing computed reads it."""

import json
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from lpbench.errors import ConfigError, StoreError
from lpbench.escaping import HALF
from lpbench.store.address import first_line
from lpbench.store.files import StoreWarning, is_elsewhere, read_bytes, replace_bytes, set_aside
from lpbench.store.folder import ABOUT

HIDDEN = "hidden"  # the tag that takes a sweep out of lists
CHECKED = "check-"  # how the sweeps begin that `lpbench check` makes, which lists leave out as well
MOST_NOTE, MOST_TAGS = 4_000, 32  # characters; tags
_TAG = re.compile(r"\w[\w./:-]{0,39}")


@dataclass(frozen=True)
class About:
    """What is said of a sweep: a note of any text, and tags in the order in which they came."""

    note: str = ""
    tags: tuple[str, ...] = ()

    def line(self) -> str:
        """It in one line: the tags, then the note."""
        return " · ".join(filter(None, [", ".join(self.tags), " ".join(self.note.split())]))

    def lines(self) -> list[str]:
        """It in words: a line for the tags, and one for the note, where there are such."""
        tags = [f"tags: {', '.join(self.tags)}"] if self.tags else []
        return [*tags, *([f"note: {' '.join(self.note.split())}"] if self.note else [])]


class _Damaged(StoreError):
    """A file that says nothing of a sweep."""


def read_about(folder: Path) -> About:
    """What is said of the sweep in `folder`; what cannot be read is warned of, and nothing is said."""
    try:
        return _read(folder)
    except StoreError as error:
        warnings.warn(str(error), StoreWarning, stacklevel=2)
        return About()


def annotate(
    folder: Path,
    note: str | None = None,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    tags: Iterable[str] | None = None,
) -> About:
    """Say of the sweep in `folder` another note (None: the one that is there), and more or fewer tags, or `tags` alone.

    A damaged file is warned of and set aside. Raises ConfigError for a note or a tag that cannot be, and for a tag to
    remove that is not there; StoreError where the file cannot be read now, or written. Nothing is written then.
    """
    found, about, damaged = _proposed(folder, note, list(add), list(remove), tags)
    if damaged:
        where = set_aside(folder / ABOUT)
        warnings.warn(f"{damaged}; it is now {where.name}", StoreWarning, stacklevel=2)
    if about != found or damaged:
        replace_bytes(folder / ABOUT, (json.dumps(asdict(about), indent=1) + "\n").encode())
    return about


def check(folder: Path, note: str | None, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
    """Raise what `annotate` would, and write nothing."""
    _proposed(folder, note, list(add), list(remove), None)


def _proposed(
    folder: Path, note: str | None, add: Sequence[str], remove: Sequence[str], tags: Iterable[str] | None
) -> tuple[About, About, str]:
    """What is said of a sweep, what would be, and what is wrong with the file, if anything is."""
    try:
        found, damaged = _read(folder), ""
    except _Damaged as error:
        found, damaged = About(), str(error)
    before = found.tags if tags is None else tags
    missing = [tag for tag in remove if tag not in found.tags]
    if missing:
        there = f"its tags are {', '.join(found.tags)}" if found.tags else "it has no tags"
        raise ConfigError(f"sweep {folder.name} has no tag {missing[0]!r}: {there}")
    kept = dict.fromkeys(tag for tag in (*before, *add) if tag not in remove)
    return found, _checked(About(found.note if note is None else note.strip(), tuple(kept))), damaged


def _checked(about: About) -> About:
    """`about`; raises ConfigError where it is too long, or a tag is none."""
    if len(about.note) > MOST_NOTE:
        raise ConfigError(f"note: at most {MOST_NOTE} characters, got {len(about.note)}")
    if half := HALF.search(about.note):
        raise ConfigError(f"note: a text in UTF-8, got {half[0]!r} at character {half.start() + 1}")
    if len(about.tags) > MOST_TAGS:
        raise ConfigError(f"tags: at most {MOST_TAGS} of a sweep, got {len(about.tags)}")
    for tag in about.tags:
        if not _TAG.fullmatch(tag):
            raise ConfigError(
                "tag: up to 40 letters, digits, '_', '.', '/', ':' and '-', starting with a letter, digit or '_', "
                f"got {tag!r}"
            )
    return about


def _read(folder: Path) -> About:
    path = folder / ABOUT
    try:
        found = json.loads(read_bytes(path).decode("utf-8"))
        note, tags = found["note"], found["tags"]
        if (
            not isinstance(note, str)
            or not isinstance(tags, list)
            or not all(type(tag) is str for tag in tags)
        ):
            raise TypeError("note is no text, or tags are no list of texts")
        return _checked(About(note, tuple(dict.fromkeys(tags))))
    except (FileNotFoundError, NotADirectoryError):
        return About()
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        if is_elsewhere(error):
            raise StoreError(f"{path} cannot be read: {first_line(error)}") from error
        raise _Damaged(
            f"{path} is damaged or of another program ({type(error).__name__}: {first_line(error)})"
        ) from error
