"""What a claim is: a statement, the cells that test it, a statistic with a threshold, and a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from lpbench.claims.cells import Cells
from lpbench.registry import Registry

claims = Registry("claim", "lpbench.claims.papers")

DIMENSION_FREE = 'Li and De Sa 2019, "Dimension-Free Bounds for Low-Precision Training"'
HALP = 'De Sa et al. 2018, "High-Accuracy Low-Precision Training"'
SWALP = 'Yang et al. 2019, "SWALP: Stochastic Weight Averaging in Low-Precision Training"'

MEASURED, THEORY = "measured", "theory"  # what a line of a figure shows
Numbers = Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Measure:
    """One statistic: its values, one or more a replicate, and the interval that all of them must lie in."""

    name: str
    values: Numbers
    low: float = -math.inf
    high: float = math.inf

    @property
    def outside(self) -> int:
        """How many values miss the interval; one that is no number does."""
        return sum(not self.low <= value <= self.high for value in self.values)

    @property
    def passed(self) -> bool:
        """Whether there are values, and all lie in the interval."""
        return len(self.values) > 0 and self.outside == 0

    @property
    def threshold(self) -> str:
        """`0.85 ... 1.15`, `<= 1`, `>= 3`."""
        return interval(self.low, self.high)

    def record(self) -> dict[str, Any]:
        """As plain values; what is infinite or no number is null."""
        numbers = [float(value) for value in self.values]
        finite = [value for value in numbers if math.isfinite(value)]
        return {
            "name": self.name, "values": [value if math.isfinite(value) else None for value in numbers],
            "median": float(np.median(finite)) if finite else None, "min": min(finite, default=None),
            "max": max(finite, default=None), "low": self.low if math.isfinite(self.low) else None,
            "high": self.high if math.isfinite(self.high) else None, "threshold": self.threshold,
            "passed": self.passed, "outside": self.outside,
        }  # fmt: skip


def interval(low: float, high: float) -> str:
    """An interval for people."""
    if low == high:
        return f"= {low:g}"
    if low == -math.inf:
        return f"<= {high:g}"
    return f">= {low:g}" if high == math.inf else f"{low:g} ... {high:g}"


@dataclass(frozen=True)
class Line:
    """One line of a figure; low and high: its spread over the replicates. `panel`: the small multiple it is in."""

    name: str
    x: Numbers
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    role: str = MEASURED
    panel: str = ""
    points: bool = True


@dataclass(frozen=True)
class Plot:
    """A figure in numbers; `lpbench.dashboard.charts.claims` draws it."""

    x: str
    y: str
    lines: Sequence[Line] = field(default_factory=tuple)
    x_log: bool = False
    y_log: bool = True
    own_y: bool = False

    def record(self) -> dict[str, Any]:
        """As plain values."""
        lines = [
            {
                key: [float(v) if math.isfinite(v) else None for v in value]
                if key in ("x", "y", "low", "high") and value is not None
                else value
                for key, value in vars(line).items()
            }
            for line in self.lines
        ]
        return {**vars(self), "lines": lines}


def spread(name: str, x: Numbers, values: np.ndarray, panel: str = "", points: bool = True) -> Line:
    """The median over the replicates with their range; values (replicates, points)."""
    low, middle, high = values.min(axis=0), np.median(values, axis=0), values.max(axis=0)
    return Line(name, list(x), list(middle), list(low), list(high), MEASURED, panel, points)


def predicted(name: str, x: Numbers, y: Numbers, panel: str = "") -> Line:
    """A line that theory says, without marks."""
    return Line(name, list(x), list(y), role=THEORY, panel=panel, points=False)


def slope(x: Numbers, y: Numbers) -> float:
    """The exponent of the power law that fits y (x) best."""
    return float(np.polyfit(np.log(np.asarray(x, float)), np.log(np.asarray(y, float)), 1)[0])


def slopes(x: Numbers, values: np.ndarray) -> list[float]:
    """`slope` of each replicate; values (replicates, points)."""
    return [slope(x, row) for row in values]


def drops(values: np.ndarray) -> np.ndarray:
    """log2 of each value over the next, of all replicates; values (replicates, points)."""
    found: np.ndarray = np.log2(values[:, :-1] / values[:, 1:]).ravel()
    return found


class Claim:
    """Base of the claims; one file registers one, and conf/experiment holds the grid of the same name.

    statement   what is claimed.     paper   who claims it.     theory    where docs/theory.md derives it.
    limits      the thresholds in words, for a list.
    seeds       values of the seed in the experiment's grid; each `runs` of them make one value of the statistic.
    quick       overrides of the smaller form.          experiment   the grid's name; None: formulas only.
    takes_path  whether it needs data that do not come with lpbench.
    """

    name: ClassVar[str]
    statement: ClassVar[str]
    paper: ClassVar[str]
    theory: ClassVar[str]
    limits: ClassVar[str]
    runs: ClassVar[int] = 1
    replicates: ClassVar[int] = 5
    quick: ClassVar[tuple[str, ...]] = ()
    quick_replicates: ClassVar[int] = 2
    takes_path: ClassVar[bool] = False
    trains: ClassVar[bool] = True

    @property
    def experiment(self) -> str:
        """The name of its grid in conf/experiment."""
        return self.name

    def overrides(self, replicates: int | None, quick: bool, path: str | None) -> list[str]:
        """What to sweep: the experiment, and what is laid over it."""
        found = [f"+experiment={self.experiment}"]
        if quick:
            found += self.quick
            replicates = replicates or self.quick_replicates
        if replicates is not None:
            found.append(f"seed=range({replicates * self.runs})")
        return found

    def measure(self, cells: Cells) -> list[Measure]:
        """The statistics, from stored cells that all are ok."""
        raise NotImplementedError

    def plot(self, cells: Cells) -> Plot:
        """The figure, from the same cells."""
        raise NotImplementedError

    def remarks(self, cells: Cells) -> list[str]:
        """What a reader must know beside the numbers."""
        return []
