"""What rounding does to the tensors of a network over steps: of the seeds of one group, their means and their range."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lpbench.analysis.tensors import full, percent

from . import steps
from .sweeps import POINTS, Sweep

if TYPE_CHECKING:
    import pandas
    import pyarrow

# In the order of a step: forward, backward, update.
ROLES = (
    "weights", "activations", "errors", "operands", "gradients", "momentum", "second_momentum", "master",
)  # fmt: skip
EXPONENTS = ("exponent_min", "exponent_q10", "exponent_q50", "exponent_q90", "exponent_max")
KEPT = 8  # views of a sweep in memory, of a few groups each


@dataclass(frozen=True)
class Rate:
    """A column of `tensors` that a figure shows.

    title   as an axis calls it.      word   what it makes of a tensor, in a box.
    share   in per cent, and bad where it is high; else decibels, and bad where it is low.
    """

    name: str
    title: str
    word: str
    share: bool = True

    def text(self, value: float) -> str:
        """`12 %`, `34 dB`."""
        return percent(value) or "" if self.share else f"{value:.0f} dB"

    def rank(self, value: float) -> float:
        """What sorts the worst first; what does not apply last."""
        return math.inf if value != value else -value if self.share else value


SATURATION = Rate("saturation_rate", "outside the range of the format", "saturated")
UNDERFLOW = Rate("underflow_rate", "rounded to 0", "underflow")
STALL = Rate("stall_rate", "updates that changed nothing", "stalled")
GRADIENT = Rate("stall_gradient", "lost of what the gradient moved", "gradient lost")
DECAY = Rate("stall_decay", "lost of what weight decay moved", "decay lost")
MOMENTUM = Rate("stall_momentum", "lost of what momentum moved", "momentum lost")
SNR = Rate("snr", "signal to rounding noise", "signal to noise", share=False)
SHARES = (SATURATION, UNDERFLOW, STALL, GRADIENT, DECAY, MOMENTUM)
RATES = {rate.name: rate for rate in (*SHARES, SNR)}
COLUMNS = ("numbers", *RATES, *EXPONENTS)


class Tensor(NamedTuple):
    """One tensor in one role: `hidden1.weight` as a gradient."""

    layer: str
    tensor: str
    role: str

    @property
    def name(self) -> str:
        """`hidden1.weight`, which no other tensor is called."""
        return full(self.layer, self.tensor)


@dataclass(frozen=True)
class Numbers:
    """Of one column, by step and tensor or by tensor: over the seeds that have it; NaN where none has."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def at(self, step: int) -> Numbers:
        """Those of one of the steps."""
        return Numbers(self.mean[step], self.low[step], self.high[step])


@dataclass(frozen=True)
class Moment:
    """All tensors at one step.

    numbers   by column, each by tensor.      seeds   that reach the step.      steps   the least and the largest of
              theirs.
    """

    numbers: dict[str, Numbers]
    seeds: int
    steps: tuple[int, int]


@dataclass(frozen=True)
class History:
    """The tensors of one group.

    tensors   in the network's order.
    steps     ascending: those that all seeds recorded, or, where they have steps of their own, common ones; a seed is
              linear between what it recorded.
    numbers   by column, each by step and tensor.      seeds   by step.      last   each seed at its last recorded step.
    """

    tensors: tuple[Tensor, ...]
    steps: np.ndarray
    numbers: dict[str, Numbers]
    seeds: np.ndarray
    last: Moment

    @functools.cached_property
    def places(self) -> dict[Tensor, int]:
        """Where each tensor is among them."""
        return {one: i for i, one in enumerate(self.tensors)}

    def at(self, step: float | None) -> Moment:
        """The moment at the recorded step that is the nearest to `step`; None: the last one of each seed."""
        if step is None:
            return self.last
        place = int(np.argmin(np.abs(self.steps - step)))
        found = {name: numbers.at(place) for name, numbers in self.numbers.items()}
        return Moment(found, int(self.seeds[place]), (int(self.steps[place]),) * 2)

    def frame(self, moment: Moment) -> pandas.DataFrame:
        """The means at a moment as rows of the table `tensors`, for what reads those."""
        import pandas as pd

        named = {name: [getattr(one, name) for one in self.tensors] for name in Tensor._fields}
        means = {name: numbers.mean for name, numbers in moment.numbers.items()}
        return pd.DataFrame({"step": moment.steps[1], **named, **means})


@functools.lru_cache(maxsize=KEPT)
def histories(sweep: Sweep, group_ids: tuple[str, ...]) -> dict[str, History]:
    """What happened to the tensors of some groups; without those of which nobody knows.

    Read at once, for their cells lie all over the files; kept for the figures of a page and what stands above them.
    """
    cells = sweep.cells[sweep.cells["group_id"].isin(group_ids) & sweep.cells["cell_id"].isin(sweep.watched)]
    if cells.empty:
        return {}
    table = sweep.tensors(cells["cell_id"].tolist(), ["cell_id", "step", *Tensor._fields, *COLUMNS])
    codes, ids = _codes(table, ["cell_id"])
    group_of = dict(zip(cells["cell_id"], cells["group_id"], strict=True))
    of_cells = [group_of[one] for (one,) in ids]
    there = list(dict.fromkeys(of_cells))
    groups = np.array([there.index(one) for one in of_cells], np.int64)[codes]
    return {one: _history(table.take(np.flatnonzero(groups == i))) for i, one in enumerate(there)}


def _history(table: pyarrow.Table) -> History:
    """That of one group, from its rows, of which each cell has some."""
    cells, ids = _codes(table, ["cell_id"])
    which, tensors = _codes(table, Tensor._fields)
    at = table["step"].to_numpy()
    each, rows = [], []
    for cell in range(len(ids)):
        mine = np.flatnonzero(cells == cell)
        own, places = np.unique(at[mine], return_inverse=True)
        each.append(own)
        rows.append((mine, places))
    grid = _grid(each)
    numbers, last = {}, {}
    for name in COLUMNS:
        column = np.asarray(table[name].to_numpy(), float)
        whole = [np.full((len(own), len(tensors)), np.nan) for own in each]
        for one, (mine, places) in zip(whole, rows, strict=True):
            one[places, which[mine]] = column[mine]
        numbers[name] = _over([_between(grid, own, one) for own, one in zip(each, whole, strict=True)])
        last[name] = _over([one[-1] for one in whole])
    ends = [int(own[-1]) for own in each]
    seeds = np.sum([grid <= end for end in ends], axis=0)
    moment = Moment(last, len(each), (min(ends), max(ends)))
    return History(tuple(Tensor(*one) for one in tensors), grid, numbers, seeds, moment)


def _codes(table: pyarrow.Table, names: Sequence[str]) -> tuple[np.ndarray, list[list[str]]]:
    """Of each row a number for its texts, and the texts of each number; in the order of their first rows."""
    import pyarrow.compute as pc

    joint = pc.binary_join_element_wise(*(table[name] for name in names), "\0")
    found = joint.combine_chunks().dictionary_encode()
    return found.indices.to_numpy(), [one.split("\0") for one in found.dictionary.to_pylist()]


def _grid(each: Sequence[np.ndarray]) -> np.ndarray:
    """The steps of all seeds together."""
    import pandas as pd

    at = pd.DataFrame(
        {"step": np.concatenate(each), "cell_id": np.repeat(np.arange(len(each)), list(map(len, each)))}
    )
    shared = steps.by_all(at)
    grid = shared if len(shared) >= steps.FEW else steps.common(each, POINTS)
    return grid[steps.thin(grid, POINTS)]


def _between(grid: np.ndarray, own: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What a seed recorded at steps of its `own` at those of `grid`: linear between them, NaN behind its end."""
    after = np.minimum(np.searchsorted(own, grid), len(own) - 1)
    found = values[after]
    apart = np.flatnonzero(own[after] != grid)
    if apart.size:
        right = after[apart]
        left = np.maximum(right - 1, 0)
        part = ((grid[apart] - own[left]) / np.maximum(1, own[right] - own[left]))[:, None]
        found[apart] = (1 - part) * values[left] + part * values[right]
    found[grid > own[-1]] = np.nan
    return found


def _over(each: Sequence[np.ndarray]) -> Numbers:
    """Over the seeds, without those that have no number."""
    found = np.stack(each)
    there = np.isfinite(found)
    count = there.sum(axis=0)
    mean = np.where(there, found, 0.0).sum(axis=0) / np.where(count, count, np.nan)
    low = np.where(there, found, np.inf).min(axis=0)
    high = np.where(there, found, -np.inf).max(axis=0)
    return Numbers(mean, np.where(count, low, np.nan), np.where(count, high, np.nan))
