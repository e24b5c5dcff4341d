"""The fewest bits that reach a target, measured: bisection over the precision, all combinations at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpbench.analysis.tables import RESULT
from lpbench.cells.cost import Estimator
from lpbench.choices.cell import Cell
from lpbench.errors import ConfigError
from lpbench.executors.base import cores
from lpbench.proofs.bits.cases import Case
from lpbench.store.folder import sweep_folder
from lpbench.store.read import read_cells, read_statuses
from lpbench.store.schema import FINAL
from lpbench.sweeps.plan import Call, Plan, set_reasons
from lpbench.sweeps.sweep import BAD, Event, run_plan
from lpbench.terminal import duration

Row = Mapping[str, Any]
FULL = 0  # in place of a number of bits: full precision
_READ = (
    "cell_id", "status", "error", "problem", "dataset", "dimension", "algorithm", "format", "precision", "seed",
)  # fmt: skip


def fewest(reached: Mapping[int, bool], least: int, most: int, start: int) -> tuple[int, int, int | None]:
    """(low, high, next): the fewest bits are in low .. high, and `next` is to be measured; None: it is found.

    reached       whether so many bits suffice, of those that are measured.
    least, most   what there are.      start   bits that are thought to suffice; if they do not, it goes on above them.

    At the end low = high reaches and low - 1 does not, both measured; or `most` does not either.
    """
    low, high = least, min(max(start, least), most)
    while True:
        middle = (low + high) // 2
        if middle not in reached:
            return low, high, middle
        if reached[middle]:
            if low == high:
                return low, high, None
            high = middle
        elif low < high:
            low = middle + 1
        elif low < most:
            low = high = low + 1
        else:
            return low, high, None


@dataclass
class Search:
    """What is measured of one case; base of the bisections.

    seeds     of each point: 0 .. seeds - 1.         bad      the rows of those that did not end well.
    skipped   why it is not measured; empty: it is.
    """

    case: Case
    seeds: int
    bad: list[Row] = field(default_factory=list, kw_only=True)
    skipped: str = field(default="", kw_only=True)

    def wanted(self) -> list[int]:
        """The bits to be measured next; none: it is found."""
        raise NotImplementedError

    def learn(self, bits: int, rows: Sequence[Row]) -> None:
        """Take note of what the cells of one precision measured."""
        raise NotImplementedError

    def rounds(self) -> int:
        """About how many points are still to be measured."""
        raise NotImplementedError

    def at(self, bits: int) -> Case:
        """The case whose cells measure so many bits."""
        return self.case

    def exponent(self, bits: int) -> int | None:
        """The exponent bits of a format of so many; None: its own rule."""
        return None

    def cells(self, bits: int) -> list[Cell]:
        """The cells that measure one precision: seeds 0 .. N-1."""
        exponent = self.exponent(bits)
        return [self.at(bits).cell(bits, seed, exponent) for seed in range(self.seeds)]

    def call(self, bits: int, config_dir: str | None) -> Call:
        """What asks for the same cells in a sweep."""
        case = self.at(bits)
        precision = [f"precision={bits}"] if bits != FULL else []
        texts = [*case.texts, *precision, f"seed=range({self.seeds})"]
        exponent = self.exponent(bits)
        if case.splits and exponent is not None:
            texts.append(f"exponent_bits={exponent}")
        return Call(tuple(texts), config_dir)

    def cost(self) -> float:
        """Seconds that the rest of the search takes on all cores, roughly; 0 where all is stored."""
        wanted = self.wanted()
        if not wanted:
            return 0.0
        cost = Estimator().cost({**self.cells(wanted[-1])[0].located, **self.known()}, "")
        return cost.seconds * self.seeds * self.rounds() / cores() if cost is not None else 0.0

    def known(self) -> dict[str, Any]:
        """The choices of its cells whose numbers are found first."""
        return {}


@dataclass
class Bisection(Search):
    """The bisection to an objective gap.

    proven         bits that suffice by a proof; where it starts from above.
    exponent_bits  those of a format of so many bits.
    floors         mean noise floor over the seeds by bits; inf where a seed did not end well.
    errors         its standard error.
    """

    proven: int | None
    exponent_bits: Callable[[int], int | None]
    target: float
    floors: dict[int, float] = field(default_factory=dict)
    errors: dict[int, float] = field(default_factory=dict)

    def reaches(self, bits: int) -> bool:
        """Whether the measured floor is at or below the target."""
        return self.floors[bits] <= self.target

    def state(self) -> tuple[int, int, int | None]:
        """As `fewest`; what a proof promises is measured too."""
        least, most = self.case.precisions[0], self.case.precisions[-1]
        return fewest({bits: self.reaches(bits) for bits in self.floors}, least, most, self.proven or most)

    def wanted(self) -> list[int]:
        """The next step of the bisection."""
        following = self.state()[2]
        return [] if following is None else [following]

    @property
    def bits(self) -> int | None:
        """The fewest bits, once they are found; None where none suffice, or it is not measured."""
        low, _, following = self.state()
        return low if following is None and self.reaches(low) else None

    def exponent(self, bits: int) -> int | None:
        """As theory splits them."""
        return self.exponent_bits(bits)

    def learn(self, bits: int, rows: Sequence[Row]) -> None:
        """Take note of what the cells of one precision measured."""
        self.bad += [row for row in rows if row["status"] in BAD]
        floors = [row[RESULT] for row in rows if row["status"] == "ok"]
        bad = len(floors) < len(rows) or any(floor is None or not math.isfinite(floor) for floor in floors)
        mean = math.inf if bad else sum(floors) / len(floors)
        spread = [] if bad else [(floor - mean) ** 2 for floor in floors]
        self.floors[bits] = mean
        self.errors[bits] = math.sqrt(sum(spread) / max(1, len(floors) - 1) / max(1, len(floors)))

    def known(self) -> dict[str, Any]:
        """The steps, which may depend on the problem's constants."""
        return {"steps": self.case.resolved()["steps"]}

    def rounds(self) -> int:
        """As a bisection halves."""
        low, high, _ = self.state()
        return math.ceil(math.log2(high - low + 1)) + 1


@dataclass
class Store:
    """The sweep that holds the cells, and what came of them in this call.

    metric   the column that is judged.
    """

    name: str
    runtime: dict[str, Any]
    config_dir: str | None
    metric: str = RESULT
    rows: dict[str, Row] = field(default_factory=dict)
    ran: int = 0

    def __post_init__(self) -> None:
        for row in self._read():
            if row["status"] in FINAL:  # others run again
                self.rows[row["cell_id"]] = row

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return sweep_folder(self.name, self.runtime["runs_dir"] or "runs")

    def _read(self) -> list[Row]:
        names = (*_READ, self.metric)
        return list(read_cells(self.folder, names).to_pylist()) if self.folder.is_dir() else []

    def known(self, cells: Sequence[Cell]) -> list[Row] | None:
        """The rows of `cells`; None where one has not run."""
        found = [self.rows.get(cell.cell_id) for cell in cells]
        return [row for row in found if row] if all(found) else None

    def run(
        self,
        cells: Sequence[Cell],
        calls: Sequence[Call],
        workers: int | None,
        on_event: Callable[[Event], None] | None,
    ) -> None:
        """Run those of `cells` that are not stored. Raises Interrupted after Ctrl-C."""
        plan = Plan(self.name, self.folder, list(calls), list(cells), [], runtime=self.runtime)
        set_reasons(plan, read_statuses(self.folder))
        self.ran += (
            run_plan(plan, workers, on_event=on_event).complete("the same command goes on from there").ran
        )
        wanted = {cell.cell_id for cell in cells}
        self.rows |= {row["cell_id"]: row for row in self._read() if row["cell_id"] in wanted}


def search(
    searches: Sequence[Search],
    store: Store,
    workers: int | None = None,
    minutes: float | None = None,
    on_round: Callable[[str], Callable[[Event], None] | None] | None = None,
) -> None:
    """Bisect all `searches` in rounds: each round is one sweep over the next precision of every case.

    minutes   measure the cheapest cases first, as long as they take no more than this in all by estimate; the others
              are skipped, and say so. None: all.
    on_round  called with what a round measures, in words; returns what follows its events.
    """
    possible = [one for one in searches if not one.skipped]
    for one in possible:
        _recall(one, store)
    spent = 0.0
    for one in sorted(possible, key=Search.cost):
        cost = one.cost()
        one.skipped = one.case.too_large if cost else ""
        if not one.skipped and cost and minutes is not None and spent + cost > 60 * minutes:
            one.skipped = (
                f"it takes about {duration(cost)}, too long for --max-minutes {minutes:g}; --yes measures it"
            )
        spent += 0.0 if one.skipped else cost
    active = [one for one in possible if not one.skipped]
    while True:
        following = [(one, bits) for one in active for bits in one.wanted()]
        if not following:
            return
        # Several may have full precision in common.
        cells = list({cell.cell_id: cell for one, bits in following for cell in one.cells(bits)}.values())
        calls = list(dict.fromkeys(one.call(bits, store.config_dir) for one, bits in following))
        combinations = _count(len({id(one) for one, _ in following}), "combination")
        text = f"{combinations} {_reach([bits for _, bits in following])}, {_count(len(cells), 'cell')}"
        store.run(cells, calls, workers, on_round(text) if on_round else None)
        for one in active:
            _recall(one, store)


def _reach(bits: Sequence[int]) -> str:
    """`at 4 to 6 bits and in full precision`."""
    searched = sorted({*bits} - {FULL})
    ends = f"{searched[0]}" if len(searched) == 1 else f"{searched[0]} to {searched[-1]}" if searched else ""
    parts = [*([f"at {ends} bits"] if searched else []), *(["in full precision"] if FULL in bits else [])]
    return " and ".join(parts)


def _recall(one: Search, store: Store) -> None:
    """Walk on as far as what is stored leads."""
    while True:
        stored = [
            (bits, rows) for bits in one.wanted() if (rows := store.known(_cells(one, bits))) is not None
        ]
        if not stored:
            return
        for bits, rows in stored:
            one.learn(bits, rows)


def _cells(one: Search, bits: int) -> list[Cell]:
    try:
        return one.cells(bits)
    except ConfigError as error:
        raise ConfigError(f"{' '.join(one.case.texts)} at {bits} bits: {error}") from None


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
