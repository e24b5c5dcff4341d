"""What the tests in the browser share: sweeps of seconds, and waiting without eval."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from interpreted import interpreted

import lpbench

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MARKS = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: `make browser` installs Debian's")
GRID = [
    "dimension=8,16",
    "n_samples=60",
    "algorithm=lp_sgd,swalp",
    "epochs=3",
    "record_points=20",
    "even_points=16",
    "seed=range(2)",
]
WAIT = 60_000  # ms; a loaded machine draws slowly


def sweep(runs: Path, name: str, *choices: str) -> None:
    """Run cells of GRID, 8 a precision, into a sweep, or add them to it."""
    with interpreted():
        lpbench.sweep([*GRID, *choices], name=name, runs_dir=runs)


def until(tab: Any, expression: str) -> None:
    """Wait until a JavaScript expression is true; playwright's own waiting is what the page's policy forbids: eval."""
    end = time.monotonic() + WAIT / 1000
    while not tab.evaluate(expression):
        assert time.monotonic() < end, f"{expression} did not become true"
        tab.wait_for_timeout(100)


def ready(tab: Any) -> None:
    """All figures of the page are drawn."""
    tab.wait_for_selector(".js-plotly-plot .main-svg", timeout=WAIT)
    until(tab, "!document.querySelector('._dash-loading, [data-dash-is-loading=true]')")
    until(
        tab,
        "[...document.querySelectorAll('figure.panel .graph')].every((one) => one.querySelector('.main-svg'))",
    )


def followed(tab: Any) -> None:
    """The page has looked at the version of its sweep once: what comes later is a change."""
    until(tab, "window.lpbenchVersion !== undefined")
