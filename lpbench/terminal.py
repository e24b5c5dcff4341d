"""What the commands print: data on stdout, everything else on stderr; NO_COLOR and COLUMNS obeyed."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from lpbench.escaping import one_line

if TYPE_CHECKING:
    from rich.console import Console

_UNLIMITED = 10_000  # columns: a table that goes into a file or a pipe is never cut


@dataclass
class Table:
    """Rows under named columns, printed for people or as JSON.

    A table that is too wide is printed in parts below each other; the first `keys` columns stand in each part.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    numbers: frozenset[str] = field(default_factory=frozenset)  # columns set to the right
    keys: int = 0
    red: frozenset[int] = field(default_factory=frozenset)  # rows that are wrong

    def records(self) -> list[dict[str, Any]]:
        """The rows as dictionaries by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def print(self, as_json: bool = False) -> None:
        """Print on stdout, for people or the records as JSON."""
        if as_json:
            print_json(self.records())
            return
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        out = console()
        for number, part in enumerate(self._parts(out.width)):
            title = self.title if number == 0 else ""
            grid = RichTable(
                title=one_line(title) or None, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold"
            )
            for i in part:
                name = self.columns[i]
                grid.add_column(
                    one_line(name), justify="right" if name in self.numbers else "left", overflow="fold"
                )
            for row_number, row in enumerate(self.rows):
                style = "red" if row_number in self.red else ""
                grid.add_row(*(Text(shown(row[i]), style=style) for i in part))
            out.print(grid)

    def _parts(self, width: int) -> list[list[int]]:
        """The columns of each part, so that it is at most `width` wide where that can be."""
        every = list(range(len(self.columns)))
        if not self.keys:
            return [every]
        cells = [[name, *(shown(row[i]) for row in self.rows)] for i, name in enumerate(self.columns)]
        sizes = [max(map(len, texts)) + 3 for texts in cells]  # two for the padding, one between columns
        keys, parts = every[: self.keys], []
        rest, room = every[self.keys :], width - 1 - sum(sizes[: self.keys])
        while rest:
            count = 1
            while count < len(rest) and sum(sizes[i] for i in rest[: count + 1]) <= room:
                count += 1
            parts.append([*keys, *rest[:count]])
            rest = rest[count:]
        return parts or [keys]


def shown(value: Any) -> str:
    """`value` for people, on one line: `-` for null, floats to 4 digits."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return one_line(str(value))


def first(lines: Sequence[str], most: int, more: str = "more") -> list[str]:
    """The first `most` lines, and `... and 3 more` where there are others."""
    left = len(lines) - most
    return [*lines[:most], f"... and {left} {more}"] if left > 0 else list(lines)


def counted(counts: Mapping[str, int] | Iterable[tuple[str, int]]) -> str:
    """`3 ok, 1 failed`, in the order that is given."""
    return ", ".join(f"{count} {name}" for name, count in dict(counts).items())


def console(stderr: bool = False) -> "Console":
    """A rich console on stdout (or stderr), as wide as the terminal, $COLUMNS, or what is printed."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # rich itself would end the process

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _UNLIMITED
    return Plain(file=stream, width=width, highlight=False, emoji=False, markup=False)


def print_json(value: Any) -> None:
    """Print `value` as JSON on stdout; NaN and infinities become null."""
    sys.stdout.write(json_bytes(value).decode())


def json_bytes(value: Any) -> bytes:
    """`value` as JSON for people; NaN and infinities become null."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(value, option=options)


def print_pairs(pairs: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
    """Print names and values in two columns on stdout."""
    items = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
    width = max((len(name) for name, _ in items), default=0)
    for name, value in items:
        print(f"{one_line(name):<{width}}  {shown(value)}")


def colored(text: str, code: int | None, stream: IO[str]) -> str:
    """`text` on one line, in an ANSI colour where `stream` is a terminal and NO_COLOR is not set."""
    text = one_line(text)
    if code is None or not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def note(text: str, color: int | None = None) -> None:
    """A line on stderr, in an ANSI colour; where nobody hears it (a closed pipe, a terminal that is gone), none."""
    try:
        print(colored(text, color, sys.stderr), file=sys.stderr)
    except (OSError, ValueError):
        hush(sys.stderr)


def hush(stream: IO[str]) -> None:
    """Let what `stream` still holds, and will get, vanish: what it leads to is gone."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def until_closed() -> Iterator[None]:
    """What is printed in here ends where the reader of stdout has seen enough (`| head`); what comes after it runs."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        hush(sys.stdout)


def error(text: str) -> None:
    """One red line on stderr."""
    note(f"error: {' '.join(text.splitlines())}", 31)


def warning(text: str) -> None:
    """One yellow line on stderr."""
    note(f"warning: {' '.join(text.splitlines())}", 33)


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, name, small, small_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            return f"{whole // size} {name} {whole % size // small} {small_name}"
    return f"{whole} s"


def size(count: float) -> str:
    """`512 B`, `1.5 kB`, `33 MB`, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
