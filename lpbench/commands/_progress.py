"""How far the work is: a bar on a terminal, else a line on stderr for every 5 % or 30 s."""

import sys
import time
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from lpbench.terminal import counted, duration, note, shown

if TYPE_CHECKING:
    from lpbench.sweeps.sweep import Event

LINE_SHARE, LINE_SECONDS = 0.05, 30.0
TINY = 1e-9  # of a share: sums of costs are not exact
RATE_SECONDS = 10.0  # over which the rate is taken


class Bar:
    """Shows which share is done, and what that is. A context manager, which leaves the terminal as it was.

    quiet   say nothing
    """

    def __init__(self, quiet: bool = False):
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self.start()

    def start(self) -> None:
        """From now on, at a share of 0."""
        self._last_time, self._last_share = time.monotonic(), 0.0

    def __call__(self, share: float, what: str) -> None:
        """Say it: on a terminal at once, else where a line is due."""
        if self._quiet:
            return
        if self._bar is None and sys.stderr.isatty():
            self._open()
        if self._bar is not None:
            self._bar.update(self._task, completed=share, description=what)
            return
        elapsed, grown = time.monotonic() - self._last_time, share - self._last_share
        if grown >= LINE_SHARE - TINY or elapsed >= LINE_SECONDS or (grown > 0 and share >= 1 - TINY):
            note(f"{100 * share:3.0f} %  {what}")
            self._last_time, self._last_share = time.monotonic(), share

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            with suppress(OSError):  # a terminal that is gone
                self._bar.stop()
            self._bar = None

    def _open(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        from lpbench.terminal import console

        columns = (
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.description}"),
        )
        self._bar = Progress(*columns, console=console(stderr=True), refresh_per_second=5, transient=True)
        self._bar.start()
        self._task = self._bar.add_task("", total=1.0)


class Progress:
    """Follows the events of a sweep; call it with each. A context manager, which leaves the terminal as it was.

    quiet    say nothing;  verbose   a line for each cell, in place of the bar
    """

    def __init__(self, quiet: bool = False, verbose: bool = False):
        self._quiet = quiet
        self._verbose = verbose
        self._bar = Bar()
        self._marks: deque[tuple[float, int, float]] = deque()
        self._done = self._total = 0
        self._cost = self._cost_done = 0.0
        self._bad: Counter[str] = Counter()

    def __call__(self, event: "Event") -> None:
        """Take note of `event`."""
        if self._quiet:
            return
        if event.kind == "start":
            self._start(event)
        elif event.kind == "cell":
            self._cell(event)
        elif event.kind == "stopping":
            self.close()
            note(event.text)
        elif event.kind == "end":
            self.close()
            self._total = 0
        if self._total and not self._verbose:
            self._bar(self._share(), self._text())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()

    def _start(self, event: "Event") -> None:
        self._total, self._cost = event.total, event.cost
        self._bar.start()
        self._marks = deque([(time.monotonic(), 0, 0.0)])

    def _cell(self, event: "Event") -> None:
        self._done += 1
        self._cost_done += event.cost
        assert event.row is not None
        status = event.row["status"]
        if status != "ok":
            self._bad[status] += 1
        if self._verbose:
            note(f"{self._done}/{self._total} {cell_line(event.row)}")

    def _share(self) -> float:
        """The part of the work that is done: by estimated cost, since the dear cells run first."""
        return self._cost_done / self._cost if self._cost else self._done / self._total

    def _text(self) -> str:
        """Cells, their rate and the time left, by the last seconds: the first cells wait for compilers."""
        now, share = time.monotonic(), self._share()
        while len(self._marks) > 1 and self._marks[1][0] <= now - RATE_SECONDS:
            self._marks.popleft()
        then, done, share_then = self._marks[0]
        self._marks.append((now, self._done, share))
        parts = [f"{self._done}/{self._total} cells"]
        if self._done > done and now > then:
            parts.append(f"{(self._done - done) / (now - then):.3g} cells/s")
            if self._done < self._total and share > share_then:
                parts.append(f"{duration((now - then) * (1 - share) / (share - share_then))} left")
        return ", ".join([*parts, *filter(None, [counted(sorted(self._bad.items()))])])


def cell_line(row: Any) -> str:
    """One line about a finished cell: its identity, status, main choices and result."""
    names = (
        "problem",
        "dataset",
        "dimension",
        "algorithm",
        "format",
        "precision",
        "seed",
        row.get("result") or "noise_floor",
    )
    parts = [row["cell_id"], row["status"]]
    parts += [f"{name}={shown(row[name])}" for name in names if row.get(name) is not None]
    return " ".join([*parts, *filter(None, [row.get("error")])])
