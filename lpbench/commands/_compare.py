"""What `lpbench compare` prints."""

from typing import Any

from lpbench.analysis.compare import Comparison
from lpbench.analysis.ratios import verdict
from lpbench.terminal import Table


def table(found: Comparison) -> Table:
    """One row a combination of axes; red where B is surely worse."""
    a, b = found.a.name, found.b.name
    names = [a, b] if a != b else ["A", "B"]
    headings = [*found.by, *names, "ratio", "95 % interval", "seeds", "configurations"]
    rows = [[*(row[axis] for axis in found.by), *_numbers(row)] for row in found.rows]
    red = frozenset(i for i, row in enumerate(found.rows) if verdict(row, found.better) == "worse")
    return Table(
        headings, rows, f"{found.metric}: {b} / {a}", frozenset([*names, "ratio"]), len(found.by), red
    )


def _numbers(row: dict[str, Any]) -> list[Any]:
    """Medians, ratio, interval (a dash where one seed says nothing of it), seeds, configurations."""
    shown = ["-" if row[name] is None else f"{row[name]:.3g}" for name in ("median_a", "median_b", "ratio")]
    interval = "-" if row["low"] is None else f"{row['low']:.3g} ... {row['high']:.3g}"
    seeds = row["seeds_a"] if row["seeds_a"] == row["seeds_b"] else f"{row['seeds_a']}, {row['seeds_b']}"
    return [*shown, interval, seeds, row["configurations"]]
