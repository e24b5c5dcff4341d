"""The history of checks as a page sees it: runs in the order of time, and the result of each configuration."""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.analysis import statistics
from lpbench.analysis.tables import AXES, RESULT, varying
from lpbench.analysis.verdicts import LEAST_CHANGE, UNTESTED, VERDICTS
from lpbench.store import history
from lpbench.store.schema import CHOICES

from . import choosing
from .metrics import Metric, named

# Runs and configurations that steps are looked for in: the time grows with runs squared.
LATEST, SEARCHED = 60, 100
ALWAYS = ("algorithm", "format", "precision")  # first in the name of a configuration, whatever varies
BAD = VERDICTS[:3]
RUN = ("checked_at", "git_commit", "lpbench_version", "platform", "baseline", "sweep")
READ = ("run", *RUN, "config_id", "verdict", "floor", "floor_q10", "floor_q90", "warned", "metric")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """One check: its configurations by verdict, when and where it was made, and what it warned of."""

    counts: Mapping[str, int]
    warned: tuple[str, ...]
    name: str
    checked_at: str
    commit: str
    version: str
    platform: str
    baseline: str
    sweep: str

    @property
    def short(self) -> str:
        """lpbench's commit in seven letters, `+` after it where files differed from it; else its version."""
        differs = "+" if self.commit.endswith("-dirty") else ""
        return (self.commit[:7] or self.version or "unknown") + differs


@dataclass(frozen=True)
class Series:
    """A configuration over the runs of one platform.

    metric      what is measured of it.
    at          (T,) the runs in which it is > 0, ascending places in their list.
    floor       (T,) its median over the seeds; low, high   (T,) 10 and 90 % of them.
    verdicts    of every run that names it.
    choices     its own, as its newest row has them; `cell_id` is one of its cells there.
    zeros       runs in which it is 0, which has no logarithm.
    """

    config_id: str
    label: str
    metric: Metric
    choices: Mapping[str, Any]
    verdicts: Mapping[int, str]
    at: np.ndarray
    floor: np.ndarray
    low: np.ndarray
    high: np.ndarray
    zeros: int

    @functools.cached_property
    def steps(self) -> list[int]:
        """Places in `at` at which the level of log10(floor) changes, over the last LATEST runs."""
        recent = self.floor[-LATEST:]
        if not recent.size or np.ptp(recent) == 0:
            return []
        return [self.floor.size - recent.size + step for step in statistics.steps(np.log10(recent))]

    @functools.cached_property
    def levels(self) -> list[tuple[int, int, float]]:
        """(first, end, floor) of each piece between two steps, over the last LATEST runs: its median in logarithms."""
        edges = [max(0, self.floor.size - LATEST), *self.steps, self.floor.size]
        logs = np.log10(self.floor)
        return [(a, b, float(10 ** np.median(logs[a:b]))) for a, b in itertools.pairwise(edges)]

    @property
    def change(self) -> float:
        """The newest floor over the first."""
        return float(self.floor[-1] / self.floor[0]) if self.floor.size else 1.0

    @property
    def range(self) -> float:
        """The largest floor over the least."""
        return float(self.floor.max() / self.floor.min()) if self.floor.size else 1.0


@dataclass(frozen=True)
class Move:
    """Where a configuration moved.

    at        place of the run in which the last step happened; None: there is none, it drifted.
    across    floor after that step over the floor before it.
    release   (place of the newest earlier run with another version, newest floor over that run's); None: none such.
    """

    series: Series
    at: int | None
    across: float | None
    release: tuple[int, float] | None

    @property
    def worst(self) -> float:
        """What tables are sorted by: the larger of the changes since the last release and since the first run."""
        return max(self.series.change, self.release[1] if self.release else 0.0)


def called(series: Iterable[Series], what: Callable[[Metric], str]) -> str:
    """What some configurations are measured by, in one of its words; `result` where they differ, or there are none."""
    words = {what(one.metric) for one in series}
    return words.pop() if len(words) == 1 else "result"


class Past:
    """All checks of one folder, or with `on` those of one platform.

    runs    in the order of time.     problems   files that could not be read, in words.
    names   labels of the configurations by their identity, the same on all platforms.
    """

    def __init__(self, table: Any, problems: Sequence[str], names: Mapping[str, str] | None = None):
        self.problems, self._table = tuple(problems), table
        self._rows = table.select(READ).to_pylist()
        self.runs = sorted(map(_run, _parts(self._rows, "run")), key=lambda run: (run.checked_at, run.name))
        self.names = self._names() if names is None else names
        self._on: dict[str, Past] = {}

    @property
    def platforms(self) -> list[str]:
        """Those that were checked on, that of the newest run first."""
        return list(dict.fromkeys(run.platform for run in reversed(self.runs)))

    def on(self, platform: str) -> Past:
        """The runs of one platform alone: between two, floors may differ in their last digits."""
        if platform not in self._on:
            there = [row["platform"] == platform for row in self._rows]
            self._on[platform] = Past(self._table.filter(there), self.problems, self.names)
        return self._on[platform]

    def _newest(self) -> list[dict[str, Any]]:
        """The newest row of each configuration, with its choices."""
        last = {row["config_id"]: place for place, row in enumerate(self._rows)}
        return list(self._table.take(np.array([*last.values()], int)).to_pylist())

    def _names(self) -> dict[str, str]:
        newest = self._newest()
        return {row["config_id"]: name for row, name in zip(newest, labels(newest), strict=True)}

    @functools.cached_property
    def series(self) -> dict[str, Series]:
        """Every configuration by its identity, in the order of its choices."""
        places = {run.name: i for i, run in enumerate(self.runs)}
        rows = sorted(self._rows, key=lambda row: places[row["run"]])
        of = {mine[0]["config_id"]: mine for mine in _parts(rows, "config_id")}
        found = [self._series(choices, of[choices["config_id"]], places) for choices in self._newest()]
        found.sort(key=lambda one: [choosing.natural(part) for part in one.label.split(", ")])
        return {one.config_id: one for one in found}

    def _series(self, choices: Mapping[str, Any], rows: Sequence[Row], places: Mapping[str, int]) -> Series:
        verdicts = {places[row["run"]]: row["verdict"] or UNTESTED for row in rows}
        known = [row for row in rows if row["floor"] is not None and 0 < row["floor"] < math.inf]
        middle, low, high = (
            np.array([row[name] or math.nan for row in known], float)
            for name in ("floor", "floor_q10", "floor_q90")
        )
        at = np.array([places[row["run"]] for row in known], int)
        name, zeros = choices["config_id"], sum(row["floor"] == 0 for row in rows)
        metric = named(choices["metric"] or RESULT)
        return Series(name, self.names[name], metric, choices, verdicts, at, middle, low, high, zeros)

    @functools.cached_property
    def searched(self) -> list[Series]:
        """Where steps are looked for: the SEARCHED configurations whose floors range widest."""
        moving = [one for one in self.series.values() if one.range > 1]
        return sorted(moving, key=lambda one: -one.range)[:SEARCHED]

    @functools.cached_property
    def moves(self) -> list[Move]:
        """What has a step, or moved by LEAST_CHANGE since the first run or the last release; the worst first."""
        found = []
        for series in self.searched:
            release = self._release(series)
            drifted = [series.change, release[1] if release else 1.0]
            if series.steps:
                *_, (_, _, before), (first, _, after) = series.levels
                found.append(Move(series, int(series.at[first]), after / before, release))
            elif any(not 1 / LEAST_CHANGE <= ratio <= LEAST_CHANGE for ratio in drifted):
                found.append(Move(series, None, None, release))
        return sorted(found, key=lambda move: -move.worst)

    def _release(self, series: Series) -> tuple[int, float] | None:
        """The newest earlier run of another version in which it was measured, and its change since then."""
        now = self.runs[series.at[-1]].version
        for place, floor in zip(series.at[::-1], series.floor[::-1], strict=True):
            if self.runs[place].version != now:
                return int(place), float(series.floor[-1] / floor)
        return None

    def worst(self, most: int) -> list[Series]:
        """At most `most` that are bad in the newest run, else those whose floor moved furthest."""
        last = len(self.runs) - 1
        known = [one for one in self.series.values() if one.at.size]
        bad = [one for one in known if one.verdicts.get(last) in BAD]
        bad.sort(key=lambda one: (BAD.index(one.verdicts[last]), -one.change))
        moved = sorted(known, key=lambda one: -one.range)
        return (bad or moved)[:most]


def _parts(rows: Sequence[Row], by: str) -> list[list[Row]]:
    """The rows of each value of a column, in the order of the rows."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(row[by], []).append(row)
    return [*parts.values()]


def _run(rows: Sequence[Row]) -> Run:
    counts = Counter(row["verdict"] or UNTESTED for row in rows)
    warned = tuple(dict.fromkeys(row["warned"] for row in rows if row["warned"]))
    return Run(counts, warned, rows[0]["run"], *(rows[0][name] or "" for name in RUN))


def labels(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each configuration by what varies: `halp, fixed, 8 bits`; where that names two, by its identity as well."""
    found = varying({axis: [row[axis] for row in rows] for axis in (*AXES, "precision")})
    axes = [*ALWAYS, *(axis for axis in CHOICES if axis in found and axis not in ALWAYS)]
    names = [choosing.labels(dict(row), axes) for row in rows]
    twice = Counter(names)
    return [
        name if twice[name] == 1 else f"{name}, {row['config_id'][:7]}"
        for name, row in zip(names, rows, strict=True)
    ]


def read(runs_dir: Path) -> Past:
    """The history under a folder of sweeps; read anew when a file of it appears, goes or changes."""
    folder = runs_dir / history.FOLDER
    files = sorted(folder.glob("*.parquet")) if folder.is_dir() else []
    return _read(folder, tuple((file.name, hash(file.stat().st_mtime)) for file in files))


@functools.lru_cache(maxsize=4)
def _read(folder: Path, stamp: tuple[tuple[str, int], ...]) -> Past:
    return Past(*history.read(folder))
