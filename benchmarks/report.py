"""Figures as a table in the terminal, as markdown and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured number.

    value    median; None where it could not be measured (then `note` says why).    best: the best repetition.
    target   the bound to meet, in the same unit; `least` says whether it is a lower bound.
    """

    part: str
    what: str
    value: float | None
    unit: str
    best: float | None = None
    target: float | None = None
    least: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        """`met` or `missed`; empty without a target or a value."""
        if self.target is None or self.value is None:
            return ""
        return "met" if (self.value >= self.target if self.least else self.value <= self.target) else "missed"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _cells(figure: Figure) -> list[str]:
    target = "" if figure.target is None else f"{'>=' if figure.least else '<='} {_number(figure.target)}"
    best = "" if figure.best is None else _number(figure.best)
    return [figure.what, _number(figure.value), best, figure.unit, target, figure.verdict, figure.note]


_HEADINGS = ["what", "median", "best", "unit", "target", "", "note"]


def heading(facts: dict[str, str]) -> str:
    """The machine and the versions."""
    return "\n".join(f"{name:10} {value}" for name, value in facts.items()) + "\n"


def table(title: str, figures: Sequence[Figure]) -> str:
    """One part as aligned columns."""
    rows = [_HEADINGS, *map(_cells, figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADINGS))]
    lines = [
        "  ".join(
            cell.rjust(width) if 0 < i < 3 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([title, "-" * len(title), *lines, ""])


def markdown(facts: dict[str, str], figures: Sequence[Figure]) -> str:
    """All parts as markdown tables."""
    lines = ["# Speed", "", "Written by `python -m benchmarks`; medians of several repetitions.", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    for part in dict.fromkeys(figure.part for figure in figures):
        lines += [
            "",
            f"## {part}",
            "",
            "| " + " | ".join(_HEADINGS) + " |",
            "| --- | ---: | ---: | --- | --- | --- | --- |",
        ]
        lines += ["| " + " | ".join(_cells(figure)) + " |" for figure in figures if figure.part == part]
    return "\n".join(lines) + "\n"


def write(folder: Path, facts: dict[str, str], figures: Sequence[Figure]) -> None:
    """latest.md and latest.json in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.md").write_text(markdown(facts, figures))
    rows = [asdict(figure) | {"verdict": figure.verdict} for figure in figures]
    (folder / "latest.json").write_text(json.dumps({"machine": facts, "figures": rows}, indent=1) + "\n")
