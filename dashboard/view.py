"""One figure as its reader has set it: page, sweep, controls and zoom, from an address or words, and back to words."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlsplit

from lpbench.errors import ConfigError, did_you_mean

from .data.sweeps import Sweep
from .page import Page, Panel, State, drawn, pages, query_of

# In the address: `panel:axis:low:high` of each axis, in plotly's coordinates; assets/state.js writes it.
ZOOM = "zoom"
_AXIS = re.compile(r"[xy]axis\d*")
Zoom = Mapping[str, tuple[float, float]]  # by axis


@dataclass(frozen=True)
class View:
    """One panel of a page.     zoom   the ranges of its axes that the reader chose."""

    page: Page
    sweep: Sweep
    state: State
    panel: int = 0
    zoom: Zoom = field(default_factory=dict)

    def drawn(self) -> Panel:
        """The panel, light. Raises ConfigError where the page has none of this number."""
        if not 0 <= self.panel < self.page.panels:
            last = self.page.panels - 1
            raise ConfigError(f"page {self.page.name} has panels 0 to {last}, got {self.panel}")
        return zoomed(drawn(self.page, self.sweep, self.state, False)[self.panel], self.zoom)

    def words(self) -> list[str]:
        """What names it on the command line; defaults are left out."""
        panel = ["--panel", str(self.panel)] if self.panel else []
        query = query_of(self.page.controls(self.sweep), self.state)
        zoom = ",".join(f"{self.panel}:{name}:{low:g}:{high:g}" for name, (low, high) in self.zoom.items())
        chosen = [f"{key}={value}" for key, value in {**query, **({ZOOM: zoom} if zoom else {})}.items()]
        return [self.sweep.name, "--page", self.page.name, *panel, *chosen]


def zoomed(panel: Panel, zoom: Zoom) -> Panel:
    """A panel with the ranges of its axes that the reader chose."""
    if panel.figure is None or not zoom:
        return panel
    layout = dict(panel.figure["layout"])
    for name in zoom.keys() & layout.keys():
        layout[name] = {**layout[name], "range": [*zoom[name]], "autorange": False}
    return replace(panel, figure={**panel.figure, "layout": layout})


def read(
    page: Page, sweep: Sweep, panel: int, query: Mapping[str, str], typed: Collection[str] | None = None
) -> View:
    """A view from what a person wrote. Raises ConfigError for an unknown value, and for an unknown key.

    typed   the keys that must be known; None: all. An address may hold those of other pages.
    """
    controls = page.controls(sweep)
    keys = [*(control.key for control in controls), ZOOM]
    for key in query if typed is None else typed:
        if key not in keys:
            raise ConfigError(f"page {page.name} has no control {key!r}.{did_you_mean(key, keys)}")
    state = {one.key: one.read(query[one.key]) if one.key in query else one.default for one in controls}
    zoom = query.get(ZOOM, "")
    for part in filter(None, zoom.split(",")):
        found = _zoomed(part)
        if found is None or not 0 <= found[0] < page.panels:
            raise ConfigError(
                f"zoom={zoom}: {part!r} is not PANEL:AXIS:LOW:HIGH of this page, such as 0:xaxis:1:3"
            )
    return View(page, sweep, state, panel, zoom_of(panel, zoom))


def zoom_of(panel: int, written: str) -> Zoom:
    """The ranges that an address holds for a panel; what is none is passed over."""
    parts = [found for part in written.split(",") if (found := _zoomed(part))]
    return {axis: ends for number, axis, ends in parts if number == panel}


def _zoomed(part: str) -> tuple[int, str, tuple[float, float]] | None:
    try:
        panel, axis, low, high = part.split(":")
        number, ends = int(panel), (float(low), float(high))
    except ValueError:
        return None
    return (number, axis, ends) if _AXIS.fullmatch(axis) and all(map(math.isfinite, ends)) else None


def page_called(name: str) -> Page:
    """The page of this name, whatever its case. Raises ConfigError for an unknown one."""
    every = {page.name.lower(): page for page in pages()}
    if name.lower() not in every:
        names = [page.name for page in every.values()]
        raise ConfigError(f"no page {name!r}.{did_you_mean(name.capitalize(), names)}")
    return every[name.lower()]


def is_address(word: str) -> bool:
    """Whether a word is the address of a page, and not a name or KEY=VALUE."""
    return "://" in word.partition("=")[0] or word.startswith("/")


def of_address(written: str) -> tuple[Page, dict[str, str]]:
    """The page that an address is of, behind whatever prefix, and its query.

    Raises ConfigError for another page, and for a key that is given twice.
    """
    parts = urlsplit(written)
    path = "/" + parts.path.lstrip("/")
    fitting = [page for page in pages() if path.rstrip("/").endswith(page.path.rstrip("/"))]
    page = max(fitting, key=lambda page: len(page.path), default=None)
    if page is None or (page.path == "/" and path.rstrip("/").count("/") and not path.endswith("/")):
        raise ConfigError(
            f"{written}: there is no page {path}.{did_you_mean(path, [one.path for one in pages()])}"
        )
    query = parse_qsl(parts.query, keep_blank_values=True)
    keys = [key for key, _ in query]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise ConfigError(f"{written}: {twice[0]} is given twice")
    return page, dict(query)


def pairs(words: Iterable[str]) -> dict[str, str]:
    """KEY=VALUE words as a query. Raises ConfigError for another word, and for a key that is given twice."""
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ConfigError(f"{word!r} is not KEY=VALUE, nor the address of a page")
        if key in found:
            raise ConfigError(f"{key} is given twice: {key}={found[key]} and {word}")
        found[key] = value
    return found
