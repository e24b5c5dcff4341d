"""What a page of the dashboard is: controls, and a pure function from a sweep and their values to panels.

A page is one module of `lpbench.dashboard.pages`, or of a --config-dir, with a `PAGE`; it is found by being there.
Nothing in it knows of Dash: the app draws the controls, keeps them in the query string, and calls `draw` when one of
them or the data changes. The report calls the same `draw`.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np

from lpbench.errors import ConfigError, did_you_mean
from lpbench.registry import plugin_modules
from lpbench.terminal import Table

if TYPE_CHECKING:
    from .data.sweeps import Sweep

State = Mapping[str, Any]
SELECT, MULTI, SWITCH, NUMBER, TEXT = "select", "multi", "switch", "number", "text"
MOST = 60  # values of a list in the query string


@dataclass(frozen=True)
class Control:
    """One control, and one key of the query string.

    kind      select (one of `options`), multi (any of them, () for all), switch (bool), number (positive, or None),
              text (as typed; with `known` a list of those, separated by commas).
    options   (value as text, label) pairs of select and multi.
    default   what the query string leaves out: a text, a tuple of texts, a bool, or a number.
    most      values of a list.
    """

    key: str
    label: str
    kind: str
    default: Any = None
    options: tuple[tuple[str, str], ...] = ()
    help: str = ""
    known: Collection[str] | None = None
    most: int = MOST

    def parse(self, text: str | None) -> Any:
        """The value that the query string holds; the default for what is missing, unknown or out of range."""
        if text is None:
            return self.default
        allowed = {value for value, _ in self.options} if self.known is None else self.known
        match self.kind:
            case "select":
                return text if text in allowed else self.default
            case "switch":
                return {"1": True, "0": False}.get(text, self.default)
            case "number":
                return _positive(text, self.default)
            case "text" if self.known is None:
                return text
        parts = [part.strip() for part in text.split(",")[: 4 * MOST]]
        chosen = tuple(dict.fromkeys(part for part in parts if part in allowed))
        return chosen[: self.most] or self.default

    def read(self, text: str) -> Any:
        """As `parse`, for who typed it: raises ConfigError for what `parse` would pass over."""
        if self.kind == NUMBER and text and _positive(text, None) is None:
            raise ConfigError(f"{self.key} must be a number above 0, got {text!r}")
        several = self.kind in (MULTI, TEXT)
        allowed = {value for value, _ in self.options} if self.known is None else self.known
        if self.kind == SWITCH:
            allowed = {"0", "1"}
        if self.kind != NUMBER and (self.kind != TEXT or self.known is not None):
            for part in [one.strip() for one in text.split(",")] if several else [text]:
                if part not in allowed and not (several and not part):
                    raise ConfigError(f"{self.key} has no value {part!r}.{did_you_mean(part, allowed)}")
        return self.parse(text)

    def clean(self, value: Any) -> Any:
        """The value that a component sent, which may be anything: as `parse` of its text."""
        if self.kind == TEXT:
            return self.parse(str(value or ""))
        if value is None or value == "" or value == []:
            return () if self.kind == MULTI else None if self.kind == NUMBER else self.default
        if self.kind == SWITCH:
            return bool(value)
        if isinstance(value, list | tuple):
            value = ",".join(str(part) for part in value[:MOST])
        return self.parse(str(value))

    def text(self, value: Any) -> str | None:
        """The value for the query string; None where it is the default and left out."""
        if value == self.default:
            return None
        if isinstance(value, tuple):
            return ",".join(value)
        if isinstance(value, bool):
            return "1" if value else "0"
        return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _positive(text: str, default: float | None) -> float | None:
    if text == "":
        return None
    try:
        number = float(text)
    except ValueError:
        return default
    return number if 0 < number < math.inf else default


@dataclass(frozen=True)
class Panel:
    """One figure with its title, the numbers it is drawn from, and what a reader must know of it.

    figure   a plotly figure as a plain dict: data and layout; None where there is nothing to draw, and `notes` say why.
    notes    sentences: what was left out and by which rule, how many seeds, what diverged.
    """

    title: str
    figure: dict[str, Any] | None
    data: Table = field(default_factory=lambda: Table([], []))
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "figure", defused(self.figure))


_MARKUP = re.compile(r"<(?!/?(?:br|b|sub|extra)>)")  # all but what our own texts have


def defused(value: Any) -> Any:
    """A figure without markup that its texts brought along: plotly would make links and headings of it."""
    if isinstance(value, str):
        return _MARKUP.sub("&lt;", value) if "<" in value else value
    if isinstance(value, dict):
        return {key: defused(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(defused(one) if isinstance(one, _HOLDERS) else one for one in value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
        return [defused(one) for one in value.tolist()]
    return value


_HOLDERS = (str, dict, list, tuple, np.ndarray)


@dataclass(frozen=True)
class Page:
    """One page.

    path       in the address, `/` for the first page.      name   in the navigation.
    question   the question that the page answers, its heading.
    panels     how many panels `draw` returns, always the same.
    controls   of a sweep: those that it needs, no more.
    draw       (sweep, state, dark) to panels; state has a clean value for each key of the controls.
    body       (store, sweep, state, url prefix) to what the page shows above its panels, as Dash components.
    connect    (app, store): registers the callbacks of the body.
    summary    (sweep, state) to what the body says, as panels without figures: for the report.
    axes       (sweep, state) to the choices that its figures have on an axis: `drawn` names what else varied
               and is on no panel and no colour. None: nothing is said.
    of_sweep   False: it shows the folder of sweeps, and is there without any. It is part of a report by its summary.
    alone      False: it sets the sweep beside others, and is part of a report of several.
    """

    path: str
    name: str
    question: str
    order: int
    panels: int
    controls: Callable[[Sweep], list[Control]]
    draw: Callable[[Sweep, State, bool], list[Panel]]
    body: Callable[[Any, Sweep, State, str], Any] | None = None
    connect: Callable[[Any, Any], None] | None = None
    of_sweep: bool = True
    alone: bool = True
    summary: Callable[[Sweep, State], list[Panel]] | None = None
    axes: Callable[[Sweep, State], Collection[str]] | None = None


def pages() -> list[Page]:
    """All pages, the user's own among them, in the order of the navigation.

    Raises ConfigError where two have one path or one name.
    """
    from . import pages as package

    names = [f"{package.__name__}.{found.name}" for found in pkgutil.iter_modules(package.__path__)]
    modules = [*map(importlib.import_module, names), *plugin_modules()]
    found: list[Page] = []
    for module in modules:
        page = getattr(module, "PAGE", None)
        if not isinstance(page, Page):
            continue
        for other in found:
            if page.path == other.path or page.name.lower() == other.name.lower():
                raise ConfigError(
                    f"page {page.name!r} ({page.path}) of {module.__name__}: there is {other.name!r} ({other.path})"
                )
        found.append(page)
    return sorted(found, key=lambda page: page.order)


def opened(page: Page, sweep: Sweep) -> list[Panel]:
    """The panels of a page as it opens."""
    return drawn(page, sweep, state_of(page.controls(sweep), {}), False)


def drawn(page: Page, sweep: Sweep, state: State, dark: bool) -> list[Panel]:
    """The panels of a page; the first names what varied and is not told apart in it, and what is measured otherwise."""
    panels = page.draw(sweep, state, dark)
    if page.axes is None or not panels or panels[0].figure is None:
        return panels
    from .data.choosing import elsewhere, unseen

    first, *rest = panels
    shown = sweep.of(state.get("metric"))
    more = [*unseen(shown, state, page.axes(sweep, state)), *elsewhere(shown, state)]
    return [replace(first, notes=(*first.notes, *more)), *rest]


def state_of(controls: Sequence[Control], query: Mapping[str, str]) -> dict[str, Any]:
    """A clean value for each control from a query string, whatever it holds."""
    return {control.key: control.parse(query.get(control.key)) for control in controls}


def query_of(controls: Sequence[Control], state: State) -> dict[str, str]:
    """What the query string holds of `state`: no defaults."""
    texts = ((control.key, control.text(state[control.key])) for control in controls)
    return {key: text for key, text in texts if text is not None}


def address(prefix: str, path: str, query: Mapping[str, str]) -> str:
    """Where the reader finds the page at `path` with this query string; `prefix` ends with a slash."""
    return prefix + path.lstrip("/") + (f"?{urlencode(query)}" if query else "")
