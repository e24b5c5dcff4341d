"""What `lpbench speed` prints and draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpbench.commands import _options as opt
from lpbench.errors import ConfigError
from lpbench.store.measurements import GAPS, LOOPS, STEPS, Column, coarse, of_record, table
from lpbench.terminal import Table, note, print_pairs, size

if TYPE_CHECKING:
    from lpbench.speed.measure import Speed


def numbers(text: str) -> list[int]:
    """`1024,4096` as numbers. Raises ConfigError."""
    try:
        return list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise ConfigError(f"--dimensions must be whole numbers with commas between, got {text!r}") from None


def check_figure(path: Path | None) -> None:
    """Raise ConfigError before anything is measured where the figure could not be written."""
    if path is not None:
        from lpbench.dashboard.charts.files import check_ending

        check_ending(path)
        opt.check_place(path, ConfigError)


def show(found: Speed) -> None:
    """The machine, and a table each of steps, loops and gaps."""
    facts = found.machine
    cores = sorted({1, facts["cores"]})
    pairs = {"processor": f"{facts['cpu']}, {facts['cores']} cores, {facts['instructions']}"}
    pairs["last-level cache"] = size(facts["last_level_cache"])
    pairs["data"] = (
        f"{facts['numbers']} numbers: {size(facts['numbers'])} in int8, {size(4 * facts['numbers'])} in float32"
    )
    for name, words in (("read", "memory read"), ("copy", "memory copied (read and written)")):
        each = ", ".join(f"{facts[f'{name}_gb_s_{n}']:.1f} GB/s on {n} core{'s' * (n > 1)}" for n in cores)
        pairs[words] = each
    print_pairs(pairs)
    titles = {
        "a step: update, and the dot product of the next": (found.steps, STEPS, 4),
        "an outer loop: a full gradient, and two passes of steps": (found.loops, LOOPS, 2),
        "time to a gap, least squares with a condition number of 100": (found.gaps, GAPS, 2),
    }
    for title, (rows, columns, keys) in titles.items():
        print()
        _table(title, rows, columns, keys).print()
    note(
        f"int8: data in 8 bits, weights and HALP's offset in {found.precision}; full gradients read 16 bits "
        "(docs/integer.md)"
    )
    if said := coarse(found.precision, found.gaps):
        note(f"{said} (docs/integer.md)")


def _table(title: str, rows: Sequence[dict[str, Any]], columns: Mapping[str, Column], keys: int) -> Table:
    heads = [column.head for column in columns.values()]
    numbers = frozenset(column.head for column in columns.values() if column.kind is not str)
    return Table(heads, table(rows, columns), title, numbers=numbers, keys=keys)


def draw(record: dict[str, Any], path: Path) -> None:
    """The gap against the clock, as a file: the panel of the dashboard's page Speed."""
    from lpbench.dashboard.charts.files import write_panel
    from lpbench.dashboard.pages.speed import gap_panel

    write_panel(gap_panel(of_record(path.stem, record)), path)
    note(f"figure: {path}")
