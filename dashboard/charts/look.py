"""How the lines of a figure are told apart: one axis by colour and marker, what else varies by dashes."""

from __future__ import annotations

from collections.abc import Sequence

from ..data import choosing
from ..data.sweeps import Group, Sweep, text
from . import style
from .curves import Key


class Look:
    """Colours and markers for one axis, dashes for the others: the same in every panel.

    color   the axis told by colour; where it is none of `axes`, all lines have the first colour.
    axes    that part the lines of a panel.     lines   the lines: of each the first group is read.

    A category has its own colour on all pages, numbers have colours by their order.
    """

    def __init__(
        self, sweep: Sweep, color: str, axes: Sequence[str], lines: Sequence[Sequence[Group]], dark: bool
    ):
        first = [line[0] for line in lines]
        self.dark, self.axes = dark, list(axes)
        self.color = color if color in axes else ""
        self.dashed = [axis for axis in axes if axis != self.color]
        values = choosing.values_of(sweep, self.color) if self.color else []
        shades = (
            style.ordered(len(values), dark)
            if _are_numbers(values)
            else [style.color(value, values, dark) for value in values]
        )
        self._colors = dict(zip(values, shades, strict=True))
        self._labels = (
            {text(row[color]): choosing.label(color, row[color]) for row in first} if self.color else {}
        )
        parts = choosing.split(first, self.dashed)
        self._dashes = list(dict.fromkeys(choosing.labels(part[0], self.dashed) for part in parts))

    def name(self, row: Group) -> str:
        """What the hover calls a line."""
        return choosing.labels(row, self.axes) or "all"

    def group(self, row: Group) -> str:
        """The key of the line's colour."""
        return self._labels[text(row[self.color])] if self.color else "measured"

    def tint(self, row: Group) -> str:
        """The colour."""
        return self._colors[text(row[self.color])] if self.color else style.colors(self.dark)[0]

    def dash(self, row: Group) -> str:
        """The dash."""
        return style.dash(choosing.labels(row, self.dashed), self._dashes)

    def marker(self, row: Group) -> str:
        """The marker."""
        return style.marker(text(row[self.color]), list(self._colors)) if self.color else style.MARKERS[0]

    def keys(self, markers: bool = True) -> list[Key]:
        """The legend: each colour, and each dash where there is more than one."""
        found = [
            Key(
                self._labels[value],
                color,
                "solid",
                style.marker(value, list(self._colors)) if markers else None,
            )
            for value, color in self._colors.items()
            if value in self._labels
        ]
        dashes = self._dashes if len(self._dashes) > 1 else []
        soft = style.soft(self.dark)
        return [*found, *(Key(name, soft, style.dash(name, self._dashes), width=1.6) for name in dashes)]


def _are_numbers(values: Sequence[str]) -> bool:
    known = [value for value in values if value != choosing.NO_AXIS]
    return len(known) > 1 and all(
        choosing.natural(value)[0] == 0 and value not in choosing.ALGORITHMS for value in known
    )
