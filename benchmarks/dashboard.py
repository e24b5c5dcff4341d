"""The dashboard on a large store: first visits and control changes in a real browser, memory, eight readers at once."""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import big_store
from benchmarks.report import Figure

NAME = "big"
CHANGES_EACH = 3  # of every control
READERS, ROUNDS = 8, 12
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
TIMEOUT = 120_000  # ms
VISIT = 0.8  # target: seconds
CLICK, SLOWER_CLICK = 250.0, {"/explore": 400.0}  # targets: milliseconds at the median

# Sets a control, and resolves with the milliseconds until the last figure on the screen that it changes is drawn, and
# until all are: nothing has been drawn or asked for QUIET ms since. Figures that stay as they are are not drawn.
CHANGE = """
([id, property, value]) => new Promise((resolve, reject) => {
  const QUIET = 200;
  const start = performance.now();
  let asked = 0, answered = 0, last = start, shown = start;
  const moved = () => { last = performance.now(); };
  const seen = () => { moved(); shown = last; };
  const graphs = [...document.querySelectorAll(".js-plotly-plot")].map((graph) =>
    [graph, graph.getBoundingClientRect().top < window.innerHeight ? seen : moved]);
  for (const [graph, look] of graphs) graph.on("plotly_afterplot", look);
  const fetched = window.fetch;
  window.fetch = async (...given) => {
    asked += 1;
    try { return await fetched(...given); } finally { answered += 1; moved(); if (shown === start) shown = last; }
  };
  const done = (settle, what) => {
    window.fetch = fetched;
    for (const [graph, look] of graphs) graph.removeListener("plotly_afterplot", look);
    settle(what);
  };
  const look = () => {
    const now = performance.now();
    if (asked && asked === answered && now - last > QUIET) done(resolve, [shown - start, last - start]);
    else if (now - start > 60000) done(reject, new Error("no answer within 60 s to " + JSON.stringify(id)));
    else requestAnimationFrame(look);
  };
  window.dash_clientside.set_props(id, {[property]: value});
  requestAnimationFrame(look);
})
"""
# Whether each figure is drawn; of them the argument says whether only those on the screen count.
DRAWN = """
(seen) => {
  const places = [...document.querySelectorAll("figure.panel .graph")];
  return places.length > 0 && places.every((place) => place.querySelector(".main-svg")
    || (seen && place.getBoundingClientRect().top >= window.innerHeight));
}
"""


@dataclass
class Clicks:
    """What was measured in the browser, by page and control, and the requests that were sent.

    Each is (milliseconds until what is on the screen is drawn, until all of the page is).
    """

    cold: dict[str, tuple[float, float]] = field(default_factory=dict)
    warm: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    changes: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


def measure(python: str, smoke: bool) -> list[Figure]:
    """All of it on 10 million trace rows (`smoke`: 40,000) in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="lpbench-speed-") as folder:
        runs = Path(folder) / "runs"
        start = time.perf_counter()
        cells, rows = big_store.write(runs, NAME, 1, 20) if smoke else big_store.write(runs, NAME)
        written = time.perf_counter() - start
        return [
            Figure("dashboard", f"a store of {cells:,} cells and {rows:,} trace rows: written", written, "s"),
            *on_store(runs, smoke),
        ]


def on_store(runs: Path, smoke: bool) -> list[Figure]:
    """The same on a store that is there."""
    with _served(runs) as (address, process):
        if CHROMIUM is None:
            return [Figure("dashboard", "control change", None, "ms", note="no chromium is installed")]
        clicks = _browse(address, _wanted(runs, 1 if smoke else CHANGES_EACH), repetitions=1 if smoke else 5)
        together = _readers(address, clicks.requests, 2 if smoke else ROUNDS)
        memory = sum(_memory(one) for one in _tree(process.pid))
    return [
        *_browser_figures(clicks),
        *together,
        Figure("dashboard", "memory of the server", memory / 1e9, "GB", None, 1.5),
    ]


def _browser_figures(clicks: Clicks) -> list[Figure]:
    """First visits and control changes, each page on its own."""
    cold = [
        Figure(
            "dashboard", f"first visit, cold: {page}", seen / 1e3, "s", None, 3.0, note=_all([(seen, whole)])
        )
        for page, (seen, whole) in clicks.cold.items()
    ]
    warm = []
    for page, found in clicks.warm.items():
        seen = [ms / 1e3 for ms, _ in found]
        warm.append(
            Figure(
                "dashboard",
                f"visit, warm: {page}",
                statistics.median(seen),
                "s",
                min(seen),
                VISIT,
                note=_all(found),
            )
        )
    changed = []
    for page in dict.fromkeys(page for page, _ in clicks.changes):
        mine = {
            key: statistics.median(ms for ms, _ in found)
            for (one, key), found in clicks.changes.items()
            if one == page
        }
        all_of = [ms for (one, _), found in clicks.changes.items() if one == page for ms in found]
        seen, slowest = [ms for ms, _ in all_of], max(mine, key=lambda key: mine[key])
        note = (
            f"{len(all_of)} changes of {len(mine)} controls; the slowest is {slowest}: {mine[slowest]:.0f} ms; "
            f"{_all(all_of)}"
        )
        changed.append(
            Figure(
                "dashboard",
                f"control change: {page}",
                statistics.median(seen),
                "ms",
                min(seen),
                SLOWER_CLICK.get(page, CLICK),
                note=note,
            )
        )
    return [*cold, *warm, *changed]


def _all(found: Sequence[tuple[float, float]]) -> str:
    return f"all of the page {statistics.median(ms for _, ms in found):.0f} ms"


def _wanted(runs: Path, times: int) -> dict[str, list[tuple[str, str, Any]]]:
    """For each page (property, key, value) of the changes: another value of each control, and back."""
    from lpbench.dashboard.data.sweeps import Store
    from lpbench.dashboard.page import MULTI, NUMBER, SELECT, SWITCH, pages

    sweep = Store(runs).sweep(NAME)
    found: dict[str, list[tuple[str, str, Any]]] = {}
    for page in pages():
        changes = found.setdefault(page.path, [])
        for control in page.controls(sweep):
            others = [value for value, _ in control.options if value != control.default][:times]
            for i in range(times):
                one = others[i % len(others)] if others else None
                if control.kind == SELECT and one is not None:
                    changes += [("value", control.key, one), ("value", control.key, control.default)]
                elif control.kind == MULTI and one is not None:
                    changes += [
                        ("value", control.key, [one]),
                        ("value", control.key, list(control.default or ())),
                    ]
                elif control.kind == SWITCH:
                    changes += [
                        ("checked", control.key, not control.default),
                        ("checked", control.key, control.default),
                    ]
                elif control.kind == NUMBER and control.default:
                    changes += [
                        ("value", control.key, control.default * 2),
                        ("value", control.key, control.default),
                    ]
    return found


def _browse(address: str, wanted: dict[str, list[tuple[str, str, Any]]], repetitions: int) -> Clicks:
    from playwright.sync_api import sync_playwright

    clicks = Clicks()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for path, changes in wanted.items():
            context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
            page = context.new_page()
            page.set_default_timeout(TIMEOUT)
            clicks.cold[path] = _visit(page, address + path)
            clicks.warm[path] = [_visit(page, address + path) for _ in range(repetitions)]
            page.wait_for_timeout(500)
            page.on("request", lambda asked: _remember(clicks, asked))
            for kind, key, value in changes:
                named = {"type": "switch" if kind == "checked" else "control", "key": key}
                took = page.evaluate(CHANGE, [named, kind, value])
                clicks.changes.setdefault((path, key), []).append((took[0], took[1]))
                page.wait_for_timeout(50)
            context.close()
        browser.close()
    return clicks


def _visit(page: Any, address: str) -> tuple[float, float]:
    """Milliseconds from the navigation to the figures on the screen drawn, and to all of them."""
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    found = []
    for seen in (True, False):
        while not page.evaluate(DRAWN, seen):
            page.wait_for_timeout(5)
            if time.perf_counter() - start > TIMEOUT / 1e3:
                raise RuntimeError(f"{address}: not drawn within {TIMEOUT / 1e3:.0f} s")
        found.append((time.perf_counter() - start) * 1e3)
    return found[0], found[1]


def _remember(clicks: Clicks, asked: Any) -> None:
    if (
        asked.method == "POST"
        and "/_dash-update-component" in asked.url
        and "figure" in (asked.post_data or "")
    ):
        kept = {name: value for name, value in asked.headers.items() if name in ("content-type", "cookie")}
        clicks.requests.append((asked.url, asked.post_data, kept))


def _readers(address: str, requests: Sequence[tuple[str, str, dict[str, str]]], rounds: int) -> list[Figure]:
    """Readers who all click at the same moment, again and again, each something else."""
    barrier = threading.Barrier(READERS)
    seconds: list[float] = []
    errors: list[str] = []

    def read(number: int) -> None:
        for turn in range(rounds):
            url, body, headers = requests[(number * 37 + turn * 11) % len(requests)]
            barrier.wait()
            start = time.perf_counter()
            try:
                asked = urllib.request.Request(url, body.encode(), headers)
                with urllib.request.urlopen(asked, timeout=60) as answer:
                    json.loads(answer.read())
            except (OSError, ValueError) as error:
                errors.append(str(error))
            seconds.append(time.perf_counter() - start)

    threads = [threading.Thread(target=read, args=(i,)) for i in range(READERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordered = sorted(seconds)
    late = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    note = f"median {statistics.median(seconds):.2f} s, slowest {ordered[-1]:.2f} s, {len(seconds)} requests"
    return [
        Figure(
            "dashboard",
            f"{READERS} readers who click at once: 95 % of answers within",
            late,
            "s",
            None,
            1.0,
            note=note,
        ),
        Figure(
            "dashboard", f"{READERS} readers: errors", len(errors), "", None, 0.0, note="; ".join(errors[:1])
        ),
    ]


@contextmanager
def _served(runs: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`lpbench dashboard` as a user starts it, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "lpbench.cli", "dashboard", str(runs), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        if not server.stdout.readline().startswith("dashboard:"):
            raise RuntimeError("lpbench dashboard did not start")
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        server.wait(timeout=20)


def _tree(process: int) -> list[int]:
    """A process and all its descendants."""
    found = [process]
    for one in found:
        for thread in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in thread.read_text().split()]
    return found


def _memory(process: int) -> float:
    """Bytes of a process, shared pages by their share; its resident pages where the system tells no more."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        return float(pages * os.sysconf("SC_PAGE_SIZE"))
