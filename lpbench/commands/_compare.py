"""What `lpbench compare` prints."""

from typing import Any

from lpbench.analysis.compare import Comparison
from lpbench.analysis.matching import shown_choice
from lpbench.analysis.ratios import verdict
from lpbench.terminal import Table, first

LISTED = 10  # configurations whose status changed, and values of an axis


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


def notes(found: Comparison) -> list[str]:
    """What differs, what has no partner, whose status changed."""
    lines = []
    a, b = found.a.name, found.b.name
    for axis, pairs in found.match.differs.items():
        said = "; ".join(f"{shown_choice(x)} -> {shown_choice(y)}" for x, y in pairs[:LISTED])
        lines.append(f"compared: {axis} {said}" + ("; ..." if len(pairs) > LISTED else ""))
    if found.alone_a or found.alone_b:
        lines.append(f"without a partner: {found.alone_a} cells of {a}, {found.alone_b} of {b}")
    if any(not row["paired"] for row in found.rows):
        lines.append(
            "the sweeps share no seed there: their noise is independent, and the intervals are wider for it"
        )
    if any(row["ratio"] is not None and row["low"] is None for row in found.rows):
        lines.append("no interval where there is one seed alone: its noise is not known")
    if found.bad:
        lines.append(f"not in any ratio: {found.bad} without a number, not ok in {a} or in {b}")
    if found.left_out:
        lines.append(
            f"not in any ratio: {found.left_out} of a seed that another configuration of the row lacks"
        )
    if found.older_a or found.older_b:
        lines.append(
            f"older cells of the same choices left aside: {found.older_a} of {a}, {found.older_b} of {b}"
        )
    return lines + first([_changed(change) for change in found.statuses], LISTED, "more with another status")


def _changed(change: dict[str, Any]) -> str:
    seeds = "" if change["seeds"] is None else f" (seeds {', '.join(map(str, change['seeds']))})"
    return f"status {change['a']} -> {change['b']}: {change['configuration']}{seeds}"
