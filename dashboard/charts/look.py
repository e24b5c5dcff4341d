"""How the lines of a figure are told apart: one axis by colour and marker, what else varies by dashes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..data import choosing
from ..data.sweeps import Group, Sweep, text
from . import style
from .curves import Curve, Key

MEASURED = "measured"  # the key of lines without a colour of their own


def tints(values: Sequence[str], dark: bool) -> dict[str, str]:
    """The colours of the values of an axis: numbers by their order, a category its own on all pages."""
    known = [value for value in values if value != choosing.NO_AXIS]
    if len(known) > 1 and all(map(choosing.is_number, known)):
        return dict(zip(values, style.ordered(len(values), dark), strict=True))
    return {value: style.color(value, values, dark) for value in values}


class Look:
    """Colours and markers for one axis, dashes for the others: the same in every panel.

    color   the axis told by colour; where it is none of `axes`, all lines have the first colour.
    axes    that part the lines of a panel.     lines   the lines: of each the first group is read.
    """

    def __init__(
        self, sweep: Sweep, color: str, axes: Sequence[str], lines: Sequence[Sequence[Group]], dark: bool
    ):
        first = [line[0] for line in lines]
        self.dark, self.axes = dark, list(axes)
        self.color = color if color in axes else ""
        self.dashed = [axis for axis in axes if axis != self.color]
        self._colors = tints(choosing.values_of(sweep, color), dark) if self.color else {}
        self._labels = {text(row[color]): self.group(row) for row in first} if self.color else {}
        parts = choosing.split(first, self.dashed)
        self._dashes = list(dict.fromkeys(choosing.labels(part[0], self.dashed) for part in parts))
        self._limits: dict[str, str] = {}

    def name(self, row: Group) -> str:
        """What the hover calls a line."""
        return choosing.labels(row, self.axes) or "all"

    def group(self, row: Group) -> str:
        """The key of the line's colour."""
        return choosing.label(self.color, row[self.color]) if self.color else MEASURED

    def tint(self, row: Group) -> str:
        """The colour."""
        return self._colors[text(row[self.color])] if self.color else style.colors(self.dark)[0]

    def dash(self, row: Group) -> str:
        """The dash."""
        return style.dash(choosing.labels(row, self.dashed), self._dashes)

    def marker(self, row: Group) -> str:
        """The marker."""
        return style.marker(text(row[self.color]), list(self._colors)) if self.color else style.MARKERS[0]

    def curve(self, row: Group, facet: str, x: Any, y: Any, **more: Any) -> Curve:
        """The line of a group, with its marker unless `more` has another."""
        drawn = {"dash": self.dash(row), "marker": self.marker(row), "group": self.group(row), **more}
        return Curve(x, y, facet, self.name(row), self.tint(row), **drawn)

    def limit(
        self, row: Group, facet: str, x: Any, y: Any, label: str, dash: str = "dot", **more: Any
    ) -> Curve:
        """What is proven of a line: thin, in its colour; all with one label have one key."""
        self._limits[label] = dash
        return Curve(
            x, y, facet, f"{self.name(row)}: {label}", self.tint(row), dash, width=1.2, group=label, **more
        )

    def keys(self, markers: bool = True) -> list[Key]:
        """The legend: each colour, each dash where there is more than one, and each kind of limit that was drawn."""
        soft, among = style.soft(self.dark), list(self._colors)
        found = [
            Key(self._labels[value], color, marker=style.marker(value, among) if markers else None)
            for value, color in self._colors.items()
            if value in self._labels
        ]
        dashes = self._dashes if len(self._dashes) > 1 else []
        found += [Key(name, soft, style.dash(name, self._dashes), width=1.6) for name in dashes]
        if not found and self._limits:
            found = [Key(MEASURED, style.colors(self.dark)[0], marker=style.MARKERS[0] if markers else None)]
        return found + [Key(label, soft, dash, width=1.3) for label, dash in self._limits.items()]
