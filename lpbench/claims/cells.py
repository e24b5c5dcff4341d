"""The stored cells of a claim, as arrays over its axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.errors import ConfigError

Row = Mapping[str, Any]
Trace = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Cells:
    """The cells of one sweep that a claim is about.

    rows     as in `cells`, all of them ok.       runs   consecutive seeds that make one replicate.
    folder   of the sweep.                        read   the trace of a cell, by `cell_id`.
    choices  what was chosen for each cell, before the problem made numbers of it, by `cell_id`.
    first_seed   of a claim that trains nothing: where the seeds of what it computes begin.
    """

    rows: Sequence[Row]
    runs: int
    folder: Path
    read: Callable[[str], Trace]
    choices: Mapping[str, Mapping[str, Any]]
    first_seed: int = 0

    @cached_property
    def replicates(self) -> list[tuple[int, ...]]:
        """The seeds of each replicate."""
        seeds = self.axis("seed")
        return [tuple(seeds[i : i + self.runs]) for i in range(0, len(seeds), self.runs)]

    def axis(self, key: str, **choices: Any) -> list[Any]:
        """The values of a choice, ascending, among the cells with `choices`."""
        return sorted({row[key] for row in self.where(**choices)})

    def where(self, **choices: Any) -> list[Row]:
        """The cells with these choices."""
        return [row for row in self.rows if all(row[key] == value for key, value in choices.items())]

    def table(self, column: str, axis: str, **choices: Any) -> tuple[list[Any], np.ndarray]:
        """The values of `axis`, and (replicates, values): means of `column` over the runs of each replicate.

        Raises ConfigError where a cell is missing: a grid that was cut by overrides.
        """
        rows, values = self.where(**choices), self.axis(axis, **choices)
        found = {(row[axis], row["seed"]): row[column] for row in rows}
        if len(found) != len(rows):
            raise ConfigError(f"{self.folder.name}: {axis} and seed do not tell the cells apart")
        try:
            numbers = [
                [np.mean([found[value, seed] for seed in seeds]) for value in values]
                for seeds in self.replicates
            ]
        except KeyError as missing:
            raise ConfigError(f"{self.folder.name}: no cell with {axis}, seed = {missing}") from None
        return values, np.array(numbers, float)

    def each(self, column: str, **choices: Any) -> np.ndarray:
        """(replicates,): `column` of the only cell of each seed with `choices`."""
        values, table = self.table(column, "algorithm", **choices)
        if len(values) != 1:
            raise ConfigError(f"{self.folder.name}: {choices} is not one cell a seed")
        return table[:, 0]

    def trace(self, row: Row) -> Trace:
        """Steps, epochs, gaps of one cell, as arrays."""
        return self.read(row["cell_id"])

    def course(self, rows: Sequence[Row], column: str, every: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Epochs (points,) and a column of the traces of `rows` (rows, points), at the steps that all recorded.

        every   only steps that are multiples of it: the ends of outer loops.
        """
        traces = [self.trace(row) for row in rows]
        steps = traces[0]["step"]
        for trace in traces[1:]:  # each seed has even points of its own
            steps = np.intersect1d(steps, trace["step"])
        steps = steps[steps % every == 0]
        epochs = traces[0]["epoch"][np.searchsorted(traces[0]["step"], steps)]
        return epochs, np.array([trace[column][np.searchsorted(trace["step"], steps)] for trace in traces])
