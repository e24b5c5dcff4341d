"""How the lines of a figure are told apart: one axis by colour and marker, what else varies by dashes.

No two lines of a panel look alike: where there are more lines than looks, some are left out, and it is said which.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..data import choosing
from ..data.sweeps import Group, Sweep, text
from . import style
from .curves import LONE, Curve, Key

MEASURED = "measured"  # the key of lines without a colour of their own
COLORS = len(style.LIGHT)  # more are not told apart
Panels = Sequence[Sequence[list[Group]]]  # of each panel the lines, of each line the groups


def tints(axis: str, values: Sequence[str], dark: bool) -> dict[str, str]:
    """The colours of the values of an axis: bit widths and categories have their own on all pages, other numbers
    theirs by their order.
    """
    known = [value for value in values if value != choosing.NO_AXIS]
    if axis == "precision":
        return {
            value: style.width_color(float(value), dark) if value in known else style.soft(dark)
            for value in values
        }
    if len(known) > 1 and all(map(choosing.is_number, known)):
        return dict(zip(values, style.ordered(len(values), dark), strict=True))
    return {value: style.color(value, values, dark) for value in values}


class Look:
    """Colours and markers for one axis, dashes for the others: the same in every panel.

    color    the axis told by colour; where it is none of `axes`, all lines have the first colour.
    axes     that part the lines of a panel.
    panels   the lines of each panel: of each line the first group is read.
    most     lines of the whole figure.

    panels   afterwards: those of them that are drawn, evenly chosen.
    left     a sentence on those that are not.
    """

    def __init__(
        self, sweep: Sweep, color: str, axes: Sequence[str], panels: Panels, dark: bool, most: int = 10**9
    ):
        self.dark, self.axes = dark, list(axes)
        self.color = color if color in axes else ""
        self.dashed = [axis for axis in axes if axis != self.color]
        self.panels, self._told = self._fitting(panels, most)
        first = [line[0] for panel in self.panels for line in panel]
        self._labels = {text(row[self.color]): self.group(row) for row in first} if self.color else {}
        among = choosing.values_of(sweep, self.color) if self.color else []
        if not {*self._labels} <= {*among} or len(among) > COLORS:
            among = choosing.in_order(self._labels)
        self._colors = tints(self.color, among, dark) if self.color else {}
        parts = choosing.split(first, self.dashed)
        found = list(dict.fromkeys(self._combination(part[0]) for part in parts))
        self._dashes = found if len(found) <= len(style.DASHES) else []
        self._limits: dict[str, str] = {}
        self._limited: dict[tuple[str, str, str], tuple[str, list[float]]] = {}
        self._unlimited = 0

    def _fitting(self, panels: Panels, most: int) -> tuple[list[list[list[Group]]], list[str]]:
        """The lines that can be told apart, at most `most`; and by which rule they were chosen, in words."""
        lines = [line for panel in panels for line in panel]
        told = []
        if self.color:
            values = choosing.values([line[0] for line in lines], self.color)
            kept = style.evenly(values, COLORS)
            if len(kept) < len(values):
                told.append(f"{len(kept)} of {len(values)} values of {choosing.named(self.color)}")
            panels = [[line for line in panel if text(line[0][self.color]) in kept] for panel in panels]
        panels = [panel for panel in panels if panel]
        chosen: list[list[str]] = []
        every = [list(dict.fromkeys(self._combination(line[0]) for line in panel)) for panel in panels]
        for quota in range(len(style.DASHES), 0, -1):
            chosen = [style.evenly(names, quota) for names in every]
            lines_left = sum(
                self._combination(line[0]) in names
                for panel, names in zip(panels, chosen, strict=True)
                for line in panel
            )
            if lines_left <= most and len({name for names in chosen for name in names}) <= len(style.DASHES):
                break
        if chosen != every:
            names = list(dict.fromkeys(name for names in chosen for name in names))
            told.append(
                "; ".join(names[: len(style.DASHES)]) + (" …" if len(names) > len(style.DASHES) else "")
            )
        kept_lines = [
            [line for line in panel if self._combination(line[0]) in names]
            for panel, names in zip(panels, chosen, strict=True)
        ]
        if sum(map(len, kept_lines)) > most:
            told.append("evenly spread")
            kept_lines = choosing.spread(kept_lines, most)
        return kept_lines, told

    def _combination(self, row: Group) -> str:
        return choosing.labels(row, self.dashed)

    def left(self, there: int, what: str, *rules: str) -> list[str]:
        """A sentence on the lines of `there` that are left out, by the rules of the page and those of the looks."""
        shown = sum(map(len, self.panels))
        return choosing.left_out(shown, there, what, "; ".join(filter(None, [*rules, *self._told])))

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
        name = self._combination(row)
        return style.DASHES[self._dashes.index(name) if name in self._dashes else 0]

    def marker(self, row: Group) -> str:
        """The marker."""
        return self._marker(text(row[self.color])) if self.color else style.MARKERS[0]

    def _marker(self, value: str) -> str:
        return style.marker(value, list(self._colors), self.color)

    def curve(self, row: Group, facet: str, x: Any, y: Any, **more: Any) -> Curve:
        """The line of a group, with its marker unless `more` has another."""
        drawn = {"dash": self.dash(row), "marker": self.marker(row), "group": self.group(row), **more}
        return Curve(x, y, facet, self.name(row), self.tint(row), **drawn)

    def limit(
        self, row: Group, facet: str, x: Any, y: Any, label: str, kind: int = 0, **more: Any
    ) -> list[Curve]:
        """What is proven of a line: thin, without marker, in its colour, named at its end.

        label   of all limits of one kind, which share a key.      kind   the place of their dash.

        None where another line of the panel has a limit that would look the same: see `limits_left`.
        """
        if not len(x):
            return []
        place, mine = (facet, self.group(row), label), self._combination(row)
        other, there = self._limited.setdefault(place, (mine, list(y)))
        if other != mine:
            self._unlimited += list(y) != there
            return []
        dash = style.LIMITS[kind]
        self._limits[label] = dash
        alone = {"marker": LONE, "size": 14} if len(x) == 1 else {}
        drawn = {"width": 1.2, "group": label, "end": label.partition(",")[0], **alone, **more}
        return [Curve(x, y, facet, f"{self.name(row)}: {label}", self.tint(row), dash, **drawn)]

    def limits_left(self) -> list[str]:
        """A sentence on the limits that would look like those of another line."""
        names = list(dict.fromkeys(name for name, _ in self._limited.values()))
        which = "; ".join(names[:2]) + (" …" if len(names) > 2 else "")
        said = f"not drawn, which would look like those of {which}: the filters show a line with its own"
        return choosing.count_note(self._unlimited, "limit", said)

    def keys(self, markers: bool = True) -> list[Key]:
        """The legend: each colour, each dash where there is more than one, and each kind of limit that was drawn."""
        soft = style.soft(self.dark)
        found = [
            Key(self._labels[value], color, marker=self._marker(value) if markers else None)
            for value, color in self._colors.items()
            if value in self._labels
        ]
        dashes = self._dashes if len(self._dashes) > 1 else []
        found += [Key(name, soft, dash, width=1.6) for name, dash in zip(dashes, style.DASHES, strict=False)]
        if not found and self._limits:
            found = [Key(MEASURED, style.colors(self.dark)[0], marker=style.MARKERS[0] if markers else None)]
        return found + [Key(label, soft, dash, width=1.3) for label, dash in self._limits.items()]
