"""The fewest bits that reach a target, measured: bisection over the precision, all combinations at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
_READ = (
    "cell_id", "status", "error", "problem", "dataset", "dimension", "algorithm", "format", "precision", "seed",
    "noise_floor",
)  # fmt: skip


@dataclass
class Search:
    """The bisection on one case.

    proven         bits that suffice by a proof; where it starts from above.
    exponent_bits  those of a format of so many bits.
    floors         mean noise floor over the seeds by bits; inf where a seed did not end well.
    errors         its standard error.       bad   the rows of the seeds that did not end well.
    skipped        why it is not measured; empty: it is.
    """

    case: Case
    seeds: int
    proven: int | None
    exponent_bits: Callable[[int], int | None]
    target: float
    floors: dict[int, float] = field(default_factory=dict)
    errors: dict[int, float] = field(default_factory=dict)
    bad: list[Row] = field(default_factory=list)
    skipped: str = ""

    def reaches(self, bits: int) -> bool:
        """Whether the measured floor is at or below the target."""
        return self.floors[bits] <= self.target

    def state(self) -> tuple[int, int, int | None]:
        """(low, high, next): the fewest bits are in low .. high, and `next` is to be measured; None: it is found.

        What a proof promises is measured too: if it does not hold, the search goes on above it. At the end low = high
        reaches the target and low - 1 does not, both measured; or none of the format's precisions does.
        """
        least, most = self.case.precisions[0], self.case.precisions[-1]
        low, high = least, min(max(self.proven or most, least), most)
        while True:
            middle = (low + high) // 2
            if middle not in self.floors:
                return low, high, middle
            if self.reaches(middle):
                if low == high:
                    return low, high, None
                high = middle
            elif low < high:
                low = middle + 1
            elif low < most:
                low = high = low + 1
            else:
                return low, high, None

    @property
    def bits(self) -> int | None:
        """The fewest bits, once they are found; None where none suffice, or it is not measured."""
        low, _, following = self.state()
        return low if following is None and self.reaches(low) else None

    def cells(self, bits: int) -> list[Cell]:
        """The cells that measure one precision: seeds 0 .. N-1."""
        exponent = self.exponent_bits(bits)
        return [self.case.cell(bits, seed, exponent) for seed in range(self.seeds)]

    def learn(self, bits: int, rows: Sequence[Row]) -> None:
        """Take note of what the cells of one precision measured."""
        self.bad += [row for row in rows if row["status"] in BAD]
        floors = [row["noise_floor"] for row in rows if row["status"] == "ok"]
        bad = len(floors) < len(rows) or any(floor is None or not math.isfinite(floor) for floor in floors)
        mean = math.inf if bad else sum(floors) / len(floors)
        spread = [] if bad else [(floor - mean) ** 2 for floor in floors]
        self.floors[bits] = mean
        self.errors[bits] = math.sqrt(sum(spread) / max(1, len(floors) - 1) / max(1, len(floors)))

    def call(self, bits: int, config_dir: str | None) -> Call:
        """What asks for the same cells in a sweep."""
        texts = [*self.case.texts, f"precision={bits}", f"seed=range({self.seeds})"]
        exponent = self.exponent_bits(bits)
        if self.case.splits and exponent is not None:
            texts.append(f"exponent_bits={exponent}")
        return Call(tuple(texts), config_dir)

    def cost(self) -> float:
        """Seconds that the rest of the search takes on all cores, roughly; 0 where all is stored."""
        low, high, bits = self.state()
        if bits is None:
            return 0.0
        choices = self.case.cell(bits, 0, self.exponent_bits(bits)).choices
        known = {**choices, "steps": self.case.resolved()["steps"]}
        cell = Estimator().cost(known, "")
        rounds = math.ceil(math.log2(high - low + 1)) + 1
        return cell.seconds * self.seeds * rounds / cores() if cell is not None else 0.0


@dataclass
class Store:
    """The sweep that holds the cells, and what came of them in this call."""

    name: str
    runtime: dict[str, Any]
    config_dir: str | None
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
        return list(read_cells(self.folder, _READ).to_pylist()) if self.folder.is_dir() else []

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
        following = [(one, bits) for one in active for bits in [one.state()[2]] if bits is not None]
        if not following:
            return
        cells = [cell for one, bits in following for cell in one.cells(bits)]
        calls = [one.call(bits, store.config_dir) for one, bits in following]
        least, most = min(bits for _, bits in following), max(bits for _, bits in following)
        reach = f"{least}" if least == most else f"{least} to {most}"
        text = f"{_count(len(following), 'combination')} at {reach} bits, {_count(len(cells), 'cell')}"
        store.run(cells, calls, workers, on_round(text) if on_round else None)
        for one in active:
            _recall(one, store)


def _recall(one: Search, store: Store) -> None:
    """Walk on as far as what is stored leads."""
    while (bits := one.state()[2]) is not None:
        try:
            rows = store.known(one.cells(bits))
        except ConfigError as error:
            raise ConfigError(f"{' '.join(one.case.texts)} at {bits} bits: {error}") from None
        if rows is None:
            return
        one.learn(bits, rows)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
