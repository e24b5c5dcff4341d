"""A panel's figure as a paper prints it: of true size, with texts in points, and nothing in it but the figure.

The width and the size of the texts are given; lines and markers have widths of their own, whatever the texts have.
What a page writes around a figure and into its corners becomes the caption.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from lpbench.errors import ConfigError, did_you_mean

from ..charts import style
from ..charts.grid import LETTER, Sizes, entries, place
from ..page import Panel
from . import latex
from .ranges import axes_of, ends_of, named
from .widths import WIDTHS

LEAST, MOST = 1.0, 20.0  # inches
LEAST_FONT, MOST_FONT = 4.0, 24.0  # points
INCH, POINT = 96.0, 96.0 / 72.0  # pixels
# Points of a line and of a marker for each pixel on the screen: 1.8 become 1 pt, 8 become 4 pt.
LINE, MARKER = 0.56, 0.5
GRID = 0.4  # points, of the lines of the grid and of axes
# Points of dashes and of what is between them: plotly's own are for screens, and long on paper.
DASHES = {
    "dash": (3.6, 1.8), "dashdot": (4.2, 1.5, 1, 1.5), "longdash": (7, 2), "longdashdot": (7, 1.6, 1, 1.6),
    "dot": (1, 1.4), "1px,5px": (0.8, 3.2),
}  # fmt: skip
BOLD = 1.1  # of the width of a text, that of the same in bold
RAISED = 0.4  # of the size of a font, the width of a digit above the line
NARROWEST = 11.0  # sizes of the font that a panel is wide at least; with less there are fewer columns
SHAPE, TALLEST = 0.66, 2.2  # of a panel: its height by its width, and inches
FLATTEST = 3.0  # sizes of the font that a panel is high at least


@dataclass(frozen=True)
class Size:
    """Inches; `height` None: as fits the panels. `font` in points."""

    width: float = WIDTHS["text"]
    height: float | None = None
    font: float = 8.0

    @classmethod
    def of(cls, width: str | None = None, height: float | None = None, font: float | None = None) -> Size:
        """From what a person wrote: inches, or the name of a width. Raises ConfigError for what no page holds."""
        wide = cls.width if width is None else _width(width)
        for name, value, least, most in (
            ("width", wide, LEAST, MOST),
            ("height", height, LEAST, MOST),
            ("font size", font, LEAST_FONT, MOST_FONT),
        ):
            if value is not None and not least <= value <= most:
                unit = "points" if name == "font size" else "inches"
                raise ConfigError(f"{name}: {least:g} to {most:g} {unit}, got {value:g}")
        return cls(wide, height, cls.font if font is None else font)

    def words(self) -> list[str]:
        """What names it on the command line."""
        tall = [] if self.height is None else ["--height", f"{self.height:g}"]
        return ["--width", f"{self.width:g}", *tall, "--font-size", f"{self.font:g}"]


def _width(written: str) -> float:
    try:
        return WIDTHS[written] if written in WIDTHS else float(written)
    except ValueError:
        raise ConfigError(
            f"width {written!r}: inches, or the name of a style.{did_you_mean(written, WIDTHS)}"
        ) from None


@dataclass(frozen=True)
class Printed:
    """A plotly figure whose pixels are those of paper, 96 an inch, and the sentences that it does not hold itself."""

    figure: dict[str, Any]
    title: str
    notes: tuple[str, ...]


def printed(panel: Panel, size: Size) -> Printed:
    """The figure of a panel on paper. Raises ConfigError where there is nothing to draw, or no room for it."""
    if panel.figure is None:
        raise ConfigError(f"nothing to draw: {' '.join(panel.notes)}")
    letters = size.font * POINT  # pixels, of the texts
    scaled = _scaled(panel.figure, letters / style.SIZE)
    names = {str(one.get("name", "")) for one in scaled["data"] if one.get("showlegend")}
    data, layout = [_without(one, names) for one in scaled["data"]], dict(scaled["layout"])
    inside, said = _sorted(layout.get("annotations", []))
    layout |= {"annotations": inside, "width": size.width * INCH, "title": None}
    layout["legend"] = {
        **layout.get("legend", {}),
        "itemsizing": "trace",
        "itemwidth": 30,
        "tracegroupgap": 0,
    }
    figure = {"data": data, "layout": layout}
    (_placed if "panels" in (layout.get("meta") or {}) else _whole)(figure, size, letters, bool(inside))
    return Printed(figure, panel.title, (*panel.notes, *said))


def _without(trace: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """A trace without texts in the panel that the legend says: they would lie on the lines of a small one."""
    texts = [str(one) for one in trace.get("text", ())]
    kept = ["" if any(_says(name, one) for name in names) else one for one in texts]
    if "text" not in trace.get("mode", "") or kept == texts:
        return trace
    if any(kept):
        return {**trace, "text": kept}
    mode = [part for part in trace["mode"].split("+") if part != "text"]
    return {name: one for name, one in trace.items() if name != "text"} | {"mode": "+".join(mode) or "none"}


def _says(name: str, said: str) -> bool:
    return name.partition(",")[0] == said


def _scaled(value: Any, texts: float, key: str = "", parent: str = "") -> Any:
    """A part of a figure with the sizes of paper. key, parent: where it is."""
    if isinstance(value, dict):
        axis = re.fullmatch(r"[xy]axis\d*", key)
        found = {name: _scaled(one, texts, name, key) for name, one in value.items()}
        return {**found, **(AXIS | {"ticklen": 0.3 * style.SIZE * texts})} if axis else found
    if isinstance(value, list | tuple):
        return type(value)(
            _scaled(one, texts, key, parent) if isinstance(one, dict) else one for one in value
        )
    if key == "dash" and value in DASHES:
        return ",".join(f"{part * POINT:.4g}px" for part in DASHES[value])
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value
    if (key == "size" and parent.endswith("font")) or key in ("xshift", "yshift", "standoff"):
        return value * texts
    if key == "size" and parent == "marker":
        return value * MARKER * POINT
    if (key == "width" and parent == "line") or key == "thickness":
        return value * LINE * POINT
    if key == "width" and parent.startswith("error"):
        return value * MARKER * POINT
    return value


AXIS = {"gridwidth": GRID * POINT, "linewidth": GRID * POINT, "tickwidth": GRID * POINT}


def _sorted(annotations: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """What stays in the figure, and what becomes sentences: remarks on the whole, and those in corners of a panel."""
    inside: list[dict[str, Any]] = []
    said: list[str] = []
    facets: dict[str, str] = {}
    for one in annotations:
        place, at = str(one.get("xref", "")), one.get("y")
        if place.endswith(" domain") and at == 1.0:
            facets[place] = one["text"]
        if place == "paper":
            said.append(one["text"])
        elif place.endswith(" domain") and at == 0.0:
            where = f"{facets[place]}: " if place in facets else ""
            said.append(where + one["text"].replace("<br>", "; "))
        else:
            inside.append(one)
    return inside, said


def _placed(figure: dict[str, Any], size: Size, letters: float, titled: bool) -> None:
    """Places of small multiples, in as many columns as they have on the screen where these fit."""
    layout, width = figure["layout"], size.width * INCH
    count, axes = layout["meta"]["panels"], [named(layout, name) for name in axes_of(layout, "x")]
    shared = any(named(layout, name).get("matches") for name in axes_of(layout, "y"))
    ticks = label_width(figure, letters)
    beside = 0.8 * letters if shared else ticks + letters
    names = [_wide(one["text"].removeprefix("<b>").removesuffix("</b>")) for one in layout["annotations"]]
    least = max([NARROWEST, *(BOLD * one for one in names)]) * letters
    left, right = ticks + 2.2 * letters, 0.8 * letters
    most = len({round(axis["domain"][0], 4) for axis in axes})
    fitting = [
        columns
        for columns in range(2, most + 1)
        if width - left - right - (columns - 1) * beside >= columns * least
    ]
    columns = max(fitting, default=1)
    rows = math.ceil(count / columns)
    entry_count, entries_beside = entries(layout, figure["data"], layout["width"])
    row, top, bottom = 1.5 * letters, (1.7 if titled else 0.6) * letters, 3.4 * letters
    gap = (3.8 if titled else 2.2) * letters
    around = top + bottom + row * math.ceil(entry_count / entries_beside) + (rows - 1) * gap
    panel = min(SHAPE * (width - left - right - (columns - 1) * beside) / columns, TALLEST * INCH)
    if size.height is not None:
        panel = (size.height * INCH - around) / rows
        if panel < FLATTEST * letters:
            raise ConfigError(
                f"height {size.height:g}: {count} panels in {rows} rows need "
                f"{(around + rows * FLATTEST * letters) / INCH:.2g} inches at this width and font size"
            )
    if _wide(layout["meta"]["y"]) * letters > panel:  # in two lines
        layout["meta"] = {**layout["meta"], "y": layout["meta"]["y"].replace(" (", "<br>(")}
        left += 1.2 * letters
    plot = width - left - right
    sizes = Sizes(
        panel,
        gap,
        top,
        bottom,
        row,
        0.0,
        (0.5 * letters, 0.4 * letters),
        (0.8 * letters / plot, (ticks + letters) / plot),
    )
    place(figure, columns, layout["width"], around + rows * panel, sizes)
    layout["margin"] = {"l": left, "r": right, "t": top, "b": around - top - (rows - 1) * gap, "pad": 0}


def _whole(figure: dict[str, Any], size: Size, letters: float, titled: bool) -> None:
    """A figure of another make keeps its shape, its texts their share of it."""
    layout = figure["layout"]
    share = letters / style.SIZE
    layout["height"] = size.height * INCH if size.height else layout["height"] * share
    layout["margin"] = {
        name: max(value * share, 2.5 * letters if name == "l" else letters)
        for name, value in layout["margin"].items()
    }


def label_width(figure: Mapping[str, Any], letters: float) -> float:
    """Pixels that the ticks of the y axes take, with their texts."""
    layout = figure["layout"]
    texts = [text for name in axes_of(layout, "y") for text in _ticks(name, figure)]
    return max(map(_wide, texts), default=0.0) * letters + 0.8 * letters


def _ticks(name: str, figure: Mapping[str, Any]) -> list[str]:
    """The texts at the ticks of an axis that are seen."""
    axis = named(figure["layout"], name)
    if "ticktext" not in axis:
        return ["0.000"]
    low, high = sorted(ends_of(name, figure["data"], figure["layout"]))
    both = zip(axis["tickvals"], axis["ticktext"], strict=True)
    return [str(text) for value, text in both if low <= value <= high]


def _wide(text: str) -> float:
    """The width of a text, in sizes of its font."""
    return sum(RAISED if mark in latex.RAISED_MARKS else LETTER for mark in text)
