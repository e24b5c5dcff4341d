"""What algorithms share: their settings, and the record of one evaluation point."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from lpbench.arithmetic.dot import dot
from lpbench.arithmetic.generator import ROUNDING, SAMPLES, SNAPSHOT, stream
from lpbench.arithmetic.jit import inner
from lpbench.convex.gap import gap
from lpbench.convex.models import Work
from lpbench.formats.base import Format

# Columns of a recorded row: counts and sums are those since the start.
GAP, ITERATE_GAP, GRADIENT_NORM, DISTANCE, SATURATED, AUDITED, MOVED, STALLED, PEAK, L1 = range(10)
RECORDED = 10


class Keys(NamedTuple):
    """The generator's key for each purpose."""

    samples: Any
    rounding: Any
    snapshot: Any


class Look(NamedTuple):
    """Scratch of an evaluation, float64; (n,), but scratch (3, K)."""

    output: Any
    iterate: Any
    delta: Any
    g: Any
    scratch: Any


class Run(NamedTuple):
    """What every kernel gets: the problem, its judge, the format, and one cell's scratch."""

    model: Any
    judge: Any
    fmt: Any
    rounding: Any
    schedule: Any
    keys: Any
    batch: Any
    work: Any
    tally: Any
    look: Any


@dataclass(frozen=True)
class Setup:
    """One cell, ready to start.

    run      what kernels get.           format   the number format of the cell.
    start    (n,) float64, the starting point; algorithms that store low precision put it on their grid.
    L, mu    of the problem.             samples  N.
    choices  the cell's choices with all numbers resolved.
    """

    run: Run
    format: Format
    start: np.ndarray
    dtype: Any
    L: float
    mu: float
    samples: int
    margins: int
    choices: dict[str, Any]

    @property
    def inner_steps(self) -> int:
        """Steps between two snapshots; 2 N where none are asked for."""
        return self.choices["inner_steps"] or 2 * self.samples


# Runs to stops[first:last] and writes a row of the record for each stop that has one.
Advance = Callable[[np.ndarray, np.ndarray, int, int, np.ndarray], None]


class Algorithm(Protocol):
    """An optimisation algorithm: one file that registers such a class, and one yaml in conf/algorithm.

    It may have, for what is estimated before a run: `ns_coordinate`, nanoseconds a coordinate of a step;
    `sparse_steps`, whether a step without regularization touches the non-zeros of a row alone.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    reads: ClassVar[frozenset[str]]

    def prepare(self, setup: Setup) -> Advance:
        """The cell at step 0, as a function that carries it on."""
        ...


def uses_snapshots(algorithm: type[Algorithm]) -> bool:
    """Whether it runs in whole loops, each with a full gradient at a snapshot."""
    return "snapshot" in algorithm.reads


def keys_of(seed: int) -> Keys:
    """The generator's keys of one seed."""
    return Keys(stream(seed, SAMPLES), stream(seed, ROUNDING), stream(seed, SNAPSHOT))


def scratch(n: int, classes: int, table: np.ndarray) -> tuple[Work, Look]:
    """Work and Look of a cell with n coordinates."""
    work = Work(table, np.zeros(classes), np.zeros(classes))
    return work, Look(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros((3, classes)))


@inner
def record(run, same, row, trace):
    """Judge run.look.output, and run.look.iterate unless it is the same point, into trace[row]."""
    look, tally = run.look, run.tally
    for j in range(look.delta.size):
        look.delta[j] = look.output[j] - run.judge.w_star[j]
    trace[row, GAP] = gap(run.judge, look.delta, look.g, look.scratch)
    trace[row, GRADIENT_NORM] = math.sqrt(dot(look.g, look.g))
    trace[row, DISTANCE] = math.sqrt(dot(look.delta, look.delta))
    if same:
        trace[row, ITERATE_GAP] = trace[row, GAP]
    else:
        for j in range(look.delta.size):
            look.delta[j] = look.iterate[j] - run.judge.w_star[j]
        trace[row, ITERATE_GAP] = gap(run.judge, look.delta, look.g, look.scratch)
    for i in range(4):
        trace[row, SATURATED + i] = tally.counts[i]
    for i in range(2):
        trace[row, PEAK + i] = tally.sums[i]
