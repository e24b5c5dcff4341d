"""What algorithms share: how a cell is handed to one, and how it is carried on."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lpbench.arithmetic.arrays import Matrix, Vector
from lpbench.convex.drive import Run, drive
from lpbench.convex.integer import Samples
from lpbench.formats.base import Format

# Runs to stops[first:last] and writes a row of the record for each stop that has one.
Advance = Callable[[Vector, Vector, int, int, Matrix], None]


@dataclass(frozen=True)
class Setup:
    """One cell, ready to start.

    run      what kernels get.           format   the number format of the cell.
    start    (n,) float64, the starting point; algorithms that store low precision put it on their grid.
    L, mu    of the problem.             samples  N.
    choices  the cell's choices with all numbers resolved.
    samples_in_integers   the data of a cell in integer arithmetic, else None.
    """

    run: Run
    format: Format
    start: Vector
    dtype: Any
    L: float
    mu: float
    samples: int
    margins: int
    choices: dict[str, Any]
    samples_in_integers: Samples | None = None

    @property
    def inner_steps(self) -> int:
        """Steps between two snapshots; 2 N where none are asked for."""
        return self.choices["inner_steps"] or 2 * self.samples


class Algorithm:
    """An optimisation algorithm: one file that registers such a class, and one yaml in conf/algorithm.

    It may have, for what is estimated before a run: `ns_coordinate`, nanoseconds a coordinate of a step;
    `sparse_steps`, whether a step without regularization touches the non-zeros of a row alone.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    reads: ClassVar[frozenset[str]]
    convex: ClassVar[bool] = True  # whether it solves convex problems
    integer: ClassVar[bool] = False  # whether it does so in integer arithmetic, too
    networks: ClassVar[bool] = False  # whether it trains networks
    centred: ClassVar[bool] = False  # whether what is rounded are offsets from a centre in full precision
    bit_centred: ClassVar[bool] = (
        False  # networks: whether all tensors of a pass are such offsets from a centre
    )
    own_gradient: ClassVar[bool] = False  # and a batch's gradient there stands for that of all samples
    adam: ClassVar[bool] = False  # networks: by Adam's two moments, else by momentum

    def begin(self, setup: Setup) -> Any:
        """The state at step 0: a NamedTuple with cases of the generics in lpbench.convex.drive."""
        raise NotImplementedError

    def begin_in_integers(self, setup: Setup) -> Any:
        """The same in integer arithmetic, of algorithms that are `integer`."""
        raise NotImplementedError

    def prepare(self, setup: Setup) -> Advance:
        """The cell at step 0, as a function that carries it on."""
        begin = self.begin if setup.samples_in_integers is None else self.begin_in_integers
        return functools.partial(drive, setup.run, begin(setup), np.zeros(1, np.int64))


def uses_snapshots(algorithm: type[Algorithm]) -> bool:
    """Whether it runs in whole loops, each with a full gradient at a snapshot."""
    return "snapshot" in algorithm.reads
