"""What `lpbench speed` prints and draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpbench.commands import _options as opt
from lpbench.errors import ConfigError
from lpbench.terminal import Table, note, print_pairs, size

if TYPE_CHECKING:
    from lpbench.speed.measure import Speed

STEPS = {
    "dimension": "dimension", "algorithm": "algorithm", "numbers": "numbers", "cores": "cores",
    "ns_coordinate": "ns a coordinate", "bytes_coordinate": "bytes", "gb_s": "GB/s", "ratio": "float32 / it",
}  # fmt: skip
LOOPS = {
    "dimension": "dimension", "numbers": "numbers", "loop_ms": "outer loop, ms",
    "full_gradient_ms": "of it the full gradient, ms", "ratio": "float32 / it",
}  # fmt: skip
GAPS = {
    "gap": "gap / gap at 0",
    "numbers": "numbers",
    "loops": "outer loops",
    "ms": "ms",
    "ratio": "float32 / it",
}


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
        "int8: data in 8 bits, weights and HALP's offset in 16; full gradients read 16 bits (docs/integer.md)"
    )


def _table(title: str, rows: Sequence[dict[str, Any]], columns: dict[str, str], keys: int) -> Table:
    shown = [[row[key] for key in columns] for row in rows]
    numbers = frozenset(columns.values()) - {"algorithm", "numbers"}
    return Table(list(columns.values()), shown, title, numbers=numbers, keys=keys)


def draw(found: Speed, path: Path) -> None:
    """The gap against the clock, as a file."""
    from lpbench.claims.papers.integer_speed import course
    from lpbench.dashboard.charts.claims import claim_figure
    from lpbench.dashboard.charts.files import write_panel
    from lpbench.dashboard.page import Panel

    facts, plot = found.machine, course(found).record()
    rows = [[line["name"], x, y] for line in plot["lines"] for x, y in zip(line["x"], line["y"], strict=True)]
    notes = (
        f"Least squares, SVRG in float32 and HALP in integers, one core of {facts['cpu']}, {facts['instructions']}.",
        "A mark for each outer loop; medians of rounds in turns.",
    )
    data = Table(["numbers", plot["x"], plot["y"]], rows)
    write_panel(Panel("Objective gap against the clock", claim_figure(plot), data, notes), path)
    note(f"figure: {path}")
