"""A view of the dashboard from its address: which page, in which state, and how far it is zoomed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lpbench.errors import ConfigError, did_you_mean

from ..data.sweeps import Sweep
from ..page import MULTI, NUMBER, SWITCH, TEXT, Control, Page, Panel, pages

ZOOM = "zoom"  # in an address
ELSE = ("sweep", "table", "all", "token")  # what it holds that no figure shows


@dataclass(frozen=True)
class View:
    """A page, and what its address asks of it."""

    page: Page
    query: Mapping[str, str]

    @property
    def sweep(self) -> str | None:
        """The sweep that the address names."""
        return self.query.get("sweep")

    @property
    def own(self) -> dict[str, str]:
        """What the address says of the page itself: its controls, filters, the zoom."""
        return {key: value for key, value in self.query.items() if key not in ELSE}


def view_of(address: str) -> View:
    """The view at an address as “Copy link” gives it, or at what follows its host: `/precision?target=1e-3`.

    Raises ConfigError for an unknown page.
    """
    parts = urlsplit(address)
    path = "/" + parts.path.lstrip("/")
    there = {page.path: page for page in pages()}
    # A proxy may show it under a path of its own, and the first page has none.
    ends = [one for one in there if one != "/" and path.rstrip("/").endswith(one)]
    found = max(ends, key=len) if ends else "/" if path.endswith("/") else None
    if found is None:
        raise ConfigError(f"{address!r}: unknown page {path!r}.{did_you_mean(path, there)}")
    query = parse_qsl(parts.query, keep_blank_values=True)
    keys = [key for key, _ in query]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise ConfigError(f"{address!r}: {twice[0]} is given twice")
    return View(there[found], dict(query))


def check(page: Page, sweep: Sweep, query: Mapping[str, str]) -> None:
    """Raise ConfigError for a key or a value that `page` of `sweep` has not: a page itself opens all the same, but a
    report must not show another view than was asked for.
    """
    known = {control.key: control for control in page.controls(sweep)}
    where = f"page {page.name} of {sweep.name or 'no sweep'}"
    for key, value in query.items():
        if key in known and not _has(known[key], value):
            raise ConfigError(f"{where}: {key}={value} cannot be.{_near(known[key], value)}")
        if key not in known and key not in (*sweep.varying, ZOOM):
            hint = did_you_mean(key, known) if known else " It has none."
            raise ConfigError(f"{where} has no control {key!r}.{hint}")


_NONE: Any = object()


def _has(control: Control, value: str) -> bool:
    if control.kind == MULTI or (control.kind == TEXT and control.known is not None):
        parts = {part.strip() for part in value.split(",")} - {""}
        return parts <= set(control.parse(value))
    return replace(control, default=_NONE).parse(value) is not _NONE


def _near(control: Control, value: str) -> str:
    """The choice that was meant, or all."""
    if control.kind == NUMBER:
        return " It takes a positive number."
    known = {"0", "1"} if control.kind == SWITCH else control.known or {name for name, _ in control.options}
    wrong = [part for part in value.split(",") if part.strip() not in known]
    return did_you_mean(wrong[0], known) if known and wrong else ""


def zoomed(panels: Sequence[Panel], ranges: str) -> list[Panel]:
    """The panels with the ranges of `zoom` in an address: `panel:axis:low:high`, several with commas between.

    Raises ConfigError for what is none.
    """
    found = list(panels)
    for part in filter(None, ranges.split(",")):
        try:
            panel, axis, low, high = part.split(":")
            at, ends = int(panel), [float(low), float(high)]
            figure = found[at].figure
            if figure is None or not axis.removeprefix("x").removeprefix("y").startswith("axis"):
                raise ValueError
        except (ValueError, IndexError):
            raise ConfigError(f"zoom={part} is no panel:axis:low:high of this page") from None
        told = {**figure["layout"].get(axis, {}), "range": ends, "autorange": False}
        found[at] = replace(found[at], figure={**figure, "layout": {**figure["layout"], axis: told}})
    return found
