"""What the commands print: data on stdout, everything else on stderr; NO_COLOR and COLUMNS obeyed."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_UNLIMITED = 10_000  # columns: a table that goes into a file or a pipe is never cut


@dataclass
class Table:
    """Rows under named columns, printed for people or as JSON."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str = ""
    numbers: frozenset[str] = field(default_factory=frozenset)  # columns set to the right

    def records(self) -> list[dict[str, Any]]:
        """The rows as dictionaries by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def print(self) -> None:
        """Print on stdout."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        grid = RichTable(
            title=self.title or None, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold"
        )
        for name in self.columns:
            grid.add_column(name, justify="right" if name in self.numbers else "left", overflow="fold")
        for row in self.rows:
            grid.add_row(*(Text(shown(value)) for value in row))
        console().print(grid)


def shown(value: Any) -> str:
    """`value` for people: `-` for null, floats to 4 digits."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def console(stderr: bool = False) -> "Console":
    """A rich console on stdout (or stderr), as wide as the terminal, $COLUMNS, or what is printed."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _UNLIMITED
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False)


def print_json(value: Any) -> None:
    """Print `value` as JSON on stdout; NaN and infinities become null."""
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
    sys.stdout.write(orjson.dumps(value, option=options).decode())


def print_pairs(pairs: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
    """Print names and values in two columns on stdout."""
    items = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
    width = max((len(name) for name, _ in items), default=0)
    for name, value in items:
        print(f"{name:<{width}}  {shown(value)}")


def colored(text: str, code: int, stream: IO[str]) -> str:
    """`text` in an ANSI colour where `stream` is a terminal and NO_COLOR is not set."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def note(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr)


def error(text: str) -> None:
    """One red line on stderr."""
    note(colored(f"error: {' '.join(text.splitlines())}", 31, sys.stderr))


def warning(text: str) -> None:
    """One yellow line on stderr."""
    note(colored(f"warning: {' '.join(text.splitlines())}", 33, sys.stderr))


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
