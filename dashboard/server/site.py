"""What every part of the app asks: the sweeps, the pages, where a proxy shows them, and the panels of a page."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lpbench.errors import ConfigError, LpbenchError

from ..data.sweeps import Store, Sweep
from ..page import Page, Panel, drawn

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Site:
    """The dashboard over one folder of sweeps.

    prefix   begins and ends with a slash.      edit   whether readers may change sweeps.
    """

    store: Store
    pages: Sequence[Page]
    prefix: str
    edit: bool = False

    def page(self, path: Any) -> Page:
        """The page at a path; raises ConfigError for an unknown one."""
        for page in self.pages:
            if page.path == path:
                return page
        raise ConfigError("this is no view of these pages")

    def sweep(self, page: Page, name: str | None) -> Sweep:
        """The sweep that a page shows."""
        return choose(self.store, name, page.of_sweep)


def choose(store: Store, name: str | None, needed: bool = True) -> Sweep:
    """The sweep called `name`, or the newest, of those that are not hidden if there are any.

    Where there is none and one is needed, a ConfigError says what to do.
    """
    if name:
        return store.sweep(name)
    readable = sorted((one for one in store.sweeps() if not one.problem), key=lambda one: one.hidden)
    if readable:
        return store.sweep(readable[0].name)
    if not needed:
        return store.no_sweep()
    there = "holds no sweep yet" if store.runs_dir.is_dir() else "does not exist yet"
    raise ConfigError(
        f"{store.runs_dir} {there}. Run one, `lpbench sweep precision=4,6,8`, and it is shown here, or name another "
        "folder: `lpbench dashboard RUNS`"
    )


def draw(page: Page, sweep: Sweep, state: Mapping[str, Any], dark: bool) -> list[Panel]:
    """The panels of a page; where drawing fails, panels that say why."""
    try:
        return drawn(page, sweep, state, dark)
    except LpbenchError as error:
        said = str(error)
    except Exception:
        log.exception("%s of %s with %s", page.path, sweep.name, dict(state))
        said = "This figure could not be drawn: an error of lpbench, which the server's log holds."
    return [Panel("", None, notes=(said,))] * page.panels
