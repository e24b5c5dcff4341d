"""What is measured of a cell, as figures show it: a column of `cells`, its axis, and the column of traces it ends."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lpbench.analysis.tables import RESULT
from lpbench.declared.columns import OF_NETWORKS, SHARES
from lpbench.declared.declarations import HIGHER
from lpbench.store.schema import own_choices

if TYPE_CHECKING:
    from .sweeps import Sweep

TRACED = {RESULT: "objective_gap"} | {name: name for name in OF_NETWORKS if name != "best_test_error"}
WIDE = 10.0  # from that factor between its ends on the axis of a plug-in's metric is logarithmic


@dataclass(frozen=True)
class Metric:
    """One column of `cells`.

    name     in addresses and on the command line.
    log      its axis is logarithmic; else linear.
    share    of a whole: in per cent.
    traced   the column of traces whose end it is; "": none.
    higher   is better.
    """

    name: str
    log: bool = True
    share: bool = False
    traced: str = ""
    higher: bool = False

    @property
    def gap(self) -> bool:
        """Whether it is of the objective gap, which theorems bound."""
        return self.name == RESULT

    @property
    def title(self) -> str:
        """`noise floor`."""
        return self.name.replace("_", " ")

    @property
    def short(self) -> str:
        """`floor`, as it is called in passing; of all else its title."""
        return "floor" if self.gap else self.title

    @property
    def followed(self) -> str:
        """The same on the way there: `objective gap`."""
        return "objective gap" if self.gap else self.title

    @property
    def best(self) -> str:
        """`lowest noise floor`, `highest accuracy`."""
        return f"{'highest' if self.higher else 'lowest'} {self.title}"

    def drawn(self, value: float, zeros: bool = False) -> bool:
        """Whether an axis has a place for it; `zeros`: a logarithmic one at its foot."""
        if not self.log:
            return value == value
        return value >= (0.0 if zeros else math.ulp(0.0))

    def placed(self, steps: Any, values: Any) -> Any:
        """Which points of a trace have a place, as arrays: the steps of an objective gap are logarithmic, too."""
        if self.gap:
            return (steps > 0) & (values >= 0)
        return np.isfinite(steps) & (values >= 0 if self.log else np.isfinite(values))

    def rank(self, value: float) -> float:
        """What sorts the best first."""
        return -value if self.higher else value

    def least(self, values: Iterable[float]) -> float:
        """The best of them."""
        return min(values, key=self.rank)

    def reaches(self, value: float, target: float) -> bool:
        """Whether a value is as good as `target`, or better."""
        return value >= target if self.higher else value <= target

    def text(self, value: float) -> str:
        """`1.2e-05` of gaps, `12.3 %` of errors, `0.123` of losses."""
        return f"{100 * value:.1f} %" if self.share else f"{value:.1e}" if self.gap else f"{value:.3g}"

    def place(self, value: float) -> float:
        """Its place on a scale of colours or lines: the logarithm where its axis has one."""
        return math.log10(value) if self.log else value

    @property
    def axis(self) -> dict[str, Any]:
        """What an axis of it has, in the words of `Axes`."""
        return {"y_log": self.log, "y_share": self.share}


GAP = Metric(RESULT, traced=TRACED[RESULT])


def metrics(sweep: Sweep) -> list[Metric]:
    """What cells of a sweep have, its own result first: what most of its cells are judged by."""
    cells, counts = sweep.cells, Counter(sweep.results)
    own = sorted(counts, key=lambda name: (-counts[name], name != RESULT))
    declared = own_choices(sweep.further)
    further = [name for name in sweep.further if name not in declared]
    there = [name for name in (*OF_NETWORKS, *further) if name in cells and cells[name].notna().any()]
    # Their own result, too, where all cells diverged and none has it.
    names = [name for name in (*own, *there) if name in cells and cells[name].dtype.kind in "iuf"]
    return [_metric(sweep, name) for name in dict.fromkeys(names or [RESULT])]


def named(name: str) -> Metric:
    """The metric of this name, as far as the name tells: that of a plug-in is on a linear axis."""
    if name == RESULT:
        return GAP
    share = name in SHARES
    return Metric(name, log=name in OF_NETWORKS and not share, share=share, traced=TRACED.get(name, ""))


def _metric(sweep: Sweep, name: str) -> Metric:
    if name == RESULT or name in OF_NETWORKS:
        return named(name)
    there = sweep.cells[name]
    there = there[there.notna()]
    wide = len(there) > 0 and there.min() > 0 and there.max() >= WIDE * there.min()
    higher = sweep.further.get(name) == HIGHER
    return Metric(name, bool(wide), False, name if name in sweep.traced else "", higher)
