"""An executor that computes nothing and stores made-up results: what is left is what a sweep costs beside its cells.

At the end it is gone, as the head of a cluster may be. So the parts stay, and their compaction can be timed by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lpbench.errors import LpbenchError
from lpbench.executors.base import Shard, Store, Stored
from lpbench.registry import executors
from lpbench.store.parts import MAX_CELLS

POINTS = 20  # of a trace
NUMBERS = [
    "initial_gap",
    "final_gap",
    "noise_floor",
    "mean_gap",
    "iterate_gap",
    "best_gap",
    "seconds",
    "L",
    "mu",
    "L_f",
]


@dataclass
class Made:
    """A finished cell, as parts take it."""

    row: dict[str, Any]
    trace: dict[str, np.ndarray]
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


@executors.register("made_up")
class MadeUp:
    """One part for each MAX_CELLS cells, one after the other, in this process."""

    version = 1
    reads: frozenset[str] = frozenset()

    def __init__(self, workers: int | None = None, options: Mapping[str, Any] | None = None):
        self.workers = 1
        self._random = np.random.default_rng(0)

    def submit(
        self, shards: Sequence[Shard], timeout: float | None = None, store: Store | None = None
    ) -> None:
        """Take the shards."""
        assert store is not None
        self._shards, self._store, self._stopped = list(shards), store, False

    def events(self) -> Iterator[Stored | None]:
        """Parts, as they are stored."""
        while self._shards:
            shard = self._shards.pop(0)
            for start in range(0, len(shard.cells), MAX_CELLS):
                if self._stopped:
                    return
                made = [self._made(cell) for cell in shard.cells[start : start + MAX_CELLS]]
                number = self._store.reserve(1)
                yield Stored(number, self._store.target.write(number, made))
        raise LpbenchError("the made-up engine is gone")

    def cancel(self, now: bool = False) -> None:
        """Store no further part."""
        self._stopped = True

    def _made(self, cell: Any) -> Made:
        gap = np.exp(self._random.standard_normal(POINTS))
        steps = np.arange(POINTS) * 100
        row = {
            **cell.choices, **cell.identity, "limit": 1.0, "step_size": 0.1, "status": "ok", "digest": cell.cell_id,
            "host": "made up", "lpbench_version": "0", **dict.fromkeys(NUMBERS, float(gap[-1])),
        }  # fmt: skip
        trace = {
            "step": steps, "epoch": steps / 1000, "outer": steps // 2000, "gradient_evaluations": steps,
            "objective_gap": gap, "iterate_gap": gap, "gradient_norm": np.sqrt(gap), "distance": gap,
            "saturation_rate": 0 * gap, "stall_rate": gap / 10, "seconds": steps * 1e-6,
        }  # fmt: skip
        return Made(row, trace)
