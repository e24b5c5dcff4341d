"""Several sweeps as one, with the axis `sweep`: what pages draw of one they draw of several."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .sweeps import POINTS, Store, Sweep

SWEEP = "sweep"  # the axis
JOINT = ":"  # between a sweep's name, which holds none, and the identity of a group or cell of it


class Union(Sweep):
    """The cells of `parts`, each under the name of its sweep; groups and cells of two sweeps are never one."""

    def __init__(self, parts: Sequence[Sweep]):
        self.parts = {part.name: part for part in parts}
        self.folder, self.name = parts[0].folder, ", ".join(self.parts)
        self.version, self.manifest = sum(part.version for part in parts), parts[0].manifest

    @property
    def _axes(self) -> list[str]:
        """The sweep first: what all cells of one share is no axis of its own."""
        return [SWEEP, *super()._axes]

    def curves(
        self, group_ids: Sequence[str], points: int = POINTS, wanted: Collection[str] = ()
    ) -> dict[str, dict[str, np.ndarray]]:
        """As of one sweep."""
        found: dict[str, dict[str, np.ndarray]] = {}
        for name, ids in _by_sweep(group_ids).items():
            curves = self.parts[name].of(self.metric.name).curves(ids, points, wanted)
            found |= {f"{name}{JOINT}{one}": curve for one, curve in curves.items()}
        return found

    @functools.cached_property
    def _table(self) -> Any:
        import pyarrow as pa

        tables = []
        for name, part in self.parts.items():
            table = part._table
            for column in ("cell_id", "group_id"):
                ids = pa.array([f"{name}{JOINT}{one}" for one in table[column].to_pylist()], pa.string())
                table = table.set_column(table.column_names.index(column), column, ids)
            at = table.column_names.index(SWEEP)
            tables.append(table.set_column(at, SWEEP, pa.array([name] * len(table), pa.string())))
        return pa.concat_tables(tables, promote_options="permissive")

    @functools.cached_property
    def traced(self) -> frozenset[str]:
        """As of one sweep."""
        return frozenset().union(*(part.traced for part in self.parts.values()))

    def traces(self, cell_ids: Sequence[str], columns: Sequence[str] | None = None) -> Any:
        """As of one sweep."""
        import pandas as pd

        found = []
        for name, ids in _by_sweep(cell_ids).items():
            frame = self.parts[name].traces(ids, columns)
            found.append(frame.assign(cell_id=[f"{name}{JOINT}{one}" for one in frame["cell_id"]]))
        return pd.concat(found) if found else next(iter(self.parts.values())).traces([], columns)

    @functools.cached_property
    def watched(self) -> frozenset[str]:
        """As of one sweep."""
        return frozenset(f"{name}{JOINT}{one}" for name, part in self.parts.items() for one in part.watched)

    def tensors(self, cell_ids: Sequence[str], columns: Sequence[str]) -> Any:
        """As of one sweep."""
        import pyarrow as pa

        found = []
        for name, ids in _by_sweep(cell_ids).items():
            table = self.parts[name].tensors(ids, columns)
            if "cell_id" in columns:
                own = pa.array([f"{name}{JOINT}{one}" for one in table["cell_id"].to_pylist()], pa.string())
                table = table.set_column(table.column_names.index("cell_id"), "cell_id", own)
            found.append(table)
        return pa.concat_tables(found) if found else next(iter(self.parts.values())).tensors([], columns)


def _by_sweep(ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in ids:
        name, _, own = one.partition(JOINT)
        found.setdefault(name, []).append(own)
    return found


def beside(sweep: Sweep) -> Store:
    """The folder that a sweep lies in, with the sweeps beside it."""
    return _store(sweep.folder.parent)


@functools.lru_cache(maxsize=4)
def _store(folder: Path) -> Store:
    return Store(folder)


def union(sweep: Sweep, others: Sequence[str]) -> Sweep:
    """`sweep` and those of these names beside it. Raises ConfigError, StoreError as `Store.sweep`."""
    names = [name for name in dict.fromkeys(others) if name != sweep.name]
    return _joined(sweep, *map(beside(sweep).sweep, names)) if names else sweep


@functools.lru_cache(maxsize=2)
def _joined(*parts: Sweep) -> Union:
    """Once for the body and the figures of a page, and for every control that changes while no sweep does."""
    return Union(parts)
