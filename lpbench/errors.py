"""The exit codes of the command line, and the errors that lpbench raises on purpose with the code of each.

    LpbenchError           1  something outside the user's request went wrong
     |- ConfigError        2  wrong usage or configuration: nothing was run or written
     |   `- TooLarge       2  more memory is needed than there is
     |- StoreError         1  a sweep cannot be read or written (disk full, damaged file)
     |   `- SweepBusy      1  another process is writing the same sweep
     `- Interrupted      130  Ctrl-C: everything finished is on disk

Divergence, time-outs and saturation are outcomes of a cell, kept in its row; they are never exceptions.
"""

import difflib
import traceback
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command ends with. Of several that hold, a broken bound outranks all, then comes a regression."""

    DONE = 0
    # Of lpbench, or of what it runs in: the disk is full, a store cannot be read.
    ERROR = 1
    # Of usage or configuration: nothing was run or written.
    USAGE = 2
    # Finished, but some cells failed, diverged or timed out.
    SOME_BAD = 3
    # `check` found one, or a claim fails.
    REGRESSION = 4
    BOUND_BROKEN = 5
    # `check`: nothing was measured, the baseline or cells are missing, or the grid is another.
    UNDECIDABLE = 6
    # Everything finished is on disk.
    INTERRUPTED = 130


class LpbenchError(Exception):
    """One clear line for the user; the command line exits with `exit_code`."""

    exit_code = ExitCode.ERROR


class ConfigError(LpbenchError, ValueError):
    """A choice that cannot be run: names the thing, what is allowed and what came."""

    exit_code = ExitCode.USAGE


class TooLarge(ConfigError):
    """What was asked for does not fit into memory: says how much it needs and how much there is."""


class StoreError(LpbenchError):
    """A sweep folder or file that cannot be read or written."""


class SweepBusy(StoreError):
    """Another process holds the sweep."""


class Interrupted(LpbenchError):
    """The user asked to stop; carries the line that says how to go on."""

    exit_code = ExitCode.INTERRUPTED


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """` Did you mean 'float'?`, or the choices when none is near."""
    names = sorted(choices)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f" Did you mean {near[0]!r}?"
    return f" Choose from: {', '.join(names)}."


def last_line(error: BaseException) -> str:
    """An error that nobody raised on purpose, in one line, with the function that raised it."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''} ({place.name})"
