"""The metrics that algorithm, problem and dataset of a cell record: a value at each point of its trace."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench import registry
from lpbench.algorithms.base import Advance
from lpbench.problems.base import Problem


class Measured:
    """An `Advance` that stops at each point of the record, and asks whoever has `records` to measure the output there.

    output   (n,) float64, what the kernels judged last.
    values   by metric (points,) float64; NaN where none was measured.
    """

    def __init__(
        self, advance: Advance, choices: Mapping[str, Any], problem: Problem, output: np.ndarray, points: int
    ):
        found = [
            getattr(registry, f"{kind}s").get(choices[kind])
            for kind in ("algorithm", "problem", "dataset")
            if choices[kind] is not None
        ]
        self._things = [thing for thing in found if getattr(thing, "records", ())]
        self._advance, self._problem, self._output, self._choices = advance, problem, output, choices
        names = [metric.name for thing in self._things for metric in thing.records]
        self.values = {name: np.full(points, np.nan) for name in names}

    def __call__(self, stops: np.ndarray, rows: np.ndarray, first: int, last: int, trace: np.ndarray) -> None:
        """Carry the cell on from stop `first` to stop `last`."""
        if not self._things:
            return self._advance(stops, rows, first, last, trace)
        for point in [place for place in range(first, last) if rows[place] >= 0]:
            self._advance(stops, rows, first, point + 1, trace)
            first = point + 1
            for thing in self._things:
                found = thing.measure(self._choices, self._problem, self._output.copy())
                for metric in thing.records:
                    self.values[metric.name][rows[point]] = found[metric.name]
        return self._advance(stops, rows, first, last, trace)

    def trace(self, count: int) -> dict[str, np.ndarray]:
        """The columns of `traces`, of the first `count` points."""
        return {name: values[:count] for name, values in self.values.items()}

    def row(self, count: int) -> dict[str, float]:
        """The columns of `cells`: the last value of each."""
        return {name: float(values[count - 1]) for name, values in self.values.items()}
