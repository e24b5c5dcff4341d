"""The parts of `lpbench delete`: what would go, the two questions, and what went."""

import sys
from collections.abc import Sequence
from pathlib import Path

from lpbench.errors import ConfigError
from lpbench.store import moving
from lpbench.store.lock import lock
from lpbench.store.moving import Doomed, doomed
from lpbench.terminal import counted, note, size, warning

KEPT = "nothing was deleted"


def delete(folders: Sequence[Path], yes: bool) -> int:
    """Delete the sweeps in `folders`, asked twice unless `yes`. Raises ConfigError where the answer is no."""
    found = [doomed(folder) for folder in folders]
    for one in found:
        lock(one.folder).release()  # who is being written is not asked about
    if not yes:
        _ask(found)
    for one in found:
        gone = moving.delete(one.folder)
        print(f"deleted: {one.folder} ({one.info.cells}, {size(gone.size)})")
        if gone.foreign:
            names = ", ".join(str(path.relative_to(one.folder)) for path in gone.foreign)
            warning(f"{one.folder} stays: lpbench did not write {names}")
    return 0


def _ask(found: Sequence[Doomed]) -> None:
    names = " ".join(one.info.name for one in found)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError(f"to delete {names} takes an answer, and nobody is there to give it: use --yes")
    for one in found:
        changed = one.info.changed or "at an unknown time"
        said = f" ({counted(one.info.counts)})" if one.info.counts else ""
        note(f"{one.folder}: {one.info.cells}{said}, {size(one.size)}, last changed {changed} (UTC)")
        for line in one.info.about.lines():
            note(f"  {line}")
    what = "it" if len(found) == 1 else f"these {len(found)} sweeps"
    if _answer(f"Delete {what} for good? [y/N] ").lower() not in {"y", "yes"}:
        raise ConfigError(KEPT)
    if _answer(f"Sure? Type {names!r}: ").split() != names.split():
        raise ConfigError(KEPT)


def _answer(question: str) -> str:
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()
