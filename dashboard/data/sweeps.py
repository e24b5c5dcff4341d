"""The store as the pages see it: sweeps, their cells and groups, curves of the rollup. Read in place, never written."""

from __future__ import annotations

import contextlib
import copy
import functools
import math
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpbench.analysis.costs import with_costs
from lpbench.analysis.evidence import COLUMNS as JUDGED
from lpbench.analysis.evidence import Evidence, weigh
from lpbench.analysis.spread import INTERVAL, QUANTILES, spread
from lpbench.analysis.tables import RESULT, as_asked, axes_of, expressions, varying
from lpbench.errors import ConfigError
from lpbench.store import (
    catalog,
    find_sweep,
    list_sweeps,
    read_cells,
    read_manifest,
    read_tensors,
    read_traces,
)
from lpbench.store.address import locate
from lpbench.store.catalog import Info
from lpbench.store.folder import ROLLUP, TENSORS
from lpbench.store.schema import CELLS, further
from lpbench.store.sources import find_sources

from . import database, steps
from .metrics import Metric, metrics

if TYPE_CHECKING:
    import pandas
    import pyarrow

KEPT = 4  # sweeps in memory
POINTS = 200  # of a curve: more than a screen shows
CURVE = ("step", "epoch", "gradient_evaluations", "n", "q10", "q50", "q90", "min", "max")  # of the rollup
TIME = "seconds"  # of a curve: the median over the seeds
SPREAD = (*QUANTILES, "min", "max", *INTERVAL)
BOUNDS = (
    "bound", "bound_earlier", "bound_dimension_free", "noise_ball", "noise_ball_earlier", "noise_ball_dimension_free",
)  # fmt: skip


Group = dict[str, Any]


class Asked(float):
    """A number with the expression that gave it, by which groups join: `0.1/L` is one step size of all dimensions."""

    said: str

    def __new__(cls, number: float | None, said: str) -> Asked:
        """`said` of a cell that failed has no number: NaN."""
        found = super().__new__(cls, math.nan if number is None else number)
        found.said = said
        return found


class Store:
    """The sweeps under one folder. Names come from a list of that folder: no other path is ever opened."""

    def __init__(self, runs_dir: Path | str):
        self.runs_dir = locate(runs_dir)
        self._kept: dict[str, Sweep] = {}  # the one that was asked for last at the end
        self._lock = threading.Lock()

    def sweeps(self) -> list[Info]:
        """All sweeps, the newest first."""
        return sorted(catalog.sweeps(self.runs_dir), key=lambda info: info.updated_at, reverse=True)

    def folder(self, name: str, former: bool = False) -> Path:
        """The folder of the sweep called `name`, with `former` of one that was; raises ConfigError for an unknown one,
        which says where one went that was renamed.
        """
        if name in list_sweeps(self.runs_dir):
            return self.runs_dir / name
        now = catalog.renamed(name, self.runs_dir)
        if now and former:
            return self.runs_dir / now
        raise ConfigError(
            f"sweep {name!r} was renamed, to {now!r}"
            if now
            else f"there is no sweep {name!r} in {self.runs_dir}"
        )

    def stamp(self, name: str) -> tuple[int, str]:
        """What is another after every change: the version of the files, and when they were begun, for a name may be
        given again. Raises ConfigError for an unknown sweep.
        """
        return _stamp(self.folder(name))

    def version(self, name: str) -> int:
        """A number that rises with every change of the sweep's files; raises as `stamp`."""
        return self.stamp(name)[0]

    def sweep(self, name: str) -> Sweep:
        """The sweep called `name`, or that was, so that a link of before leads to it.

        Raises ConfigError for an unknown one, StoreError for one that cannot be read.
        """
        folder = self.folder(name, former=True)
        stamp = _stamp(folder)
        with self._lock:
            kept = self._kept.pop(folder.name, None)
            if kept is None or kept.stamp != stamp:  # a sweep that runs is in memory once
                kept = Sweep(find_sweep(folder), stamp[0])
            self._kept[folder.name] = kept
            if len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
            return kept

    def no_sweep(self) -> Sweep:
        """A sweep without name and cells, for pages that show the folder where it holds none."""
        return NoSweep(self.runs_dir)


class Sweep:
    """One sweep at one version: cells, groups (all seeds of a cell), and their curves.

    cells     one row a cell, the columns of the contract; rows of failed cells included.
    groups    one dictionary a group: the columns of one of its cells (one that is ok, if there is any), and over its
              seeds n, n_ok, n_diverged, n_timeout, n_failed; floor (median of `metric`: noise_floor, or what the
              reader chose), and its spread as floor_q10, floor_max ... (`SPREAD`); mean_gap (mean), and the mean of
              every bound column; NaN where there is nothing.
              A choice whose expression stands for several numbers is an `Asked`.
    varying   the choices that vary between groups, without those that others determine.
    metrics   what cells are measured by, the result of most of them first.      metric   that which is shown: `of`.
    """

    def __init__(self, folder: Path, version: int):
        self.folder, self.name, self.version = folder, folder.name, version
        self.manifest = read_manifest(folder) or {}

    @property
    def stamp(self) -> tuple[int, str]:
        """As `Store.stamp`."""
        return self.version, self.manifest.get("created_at", "")

    @property
    def total(self) -> int:
        """Cells that there will be; more than there are while the sweep runs, and where it was interrupted."""
        return max(len(self.cells), self.manifest.get("total", 0))

    @functools.cached_property
    def cells(self) -> pandas.DataFrame:
        """All cells."""
        return self._table.to_pandas()

    @functools.cached_property
    def cell_ids(self) -> frozenset[str]:
        """The identities of all cells."""
        return frozenset(self.cells["cell_id"])

    @functools.cached_property
    def varying(self) -> list[str]:
        """The choices that vary, precision among them where it does."""
        cells, axes = self.cells, self._axes
        names = [*axes, "precision", "asked"]
        known = cells[names].astype(object).where(cells[names].notna(), None)
        found = varying(as_asked({name: known[name].tolist() for name in names}, axes), axes)
        return ["precision", *found] if cells["precision"].nunique() > 1 else found

    @property
    def _axes(self) -> list[str]:
        """The choices that may vary, in the order in which those before decide those after."""
        return axes_of(self._table.schema)

    @functools.cached_property
    def further(self) -> dict[str, str]:
        """The columns that plug-ins declared, as `lpbench.store.schema.further` tells them."""
        return further(self._table.schema)

    @property
    def results(self) -> list[str]:
        """What each cell is judged by: a column."""
        if "result" not in self.cells:
            return [RESULT] * len(self.cells)
        return [one if isinstance(one, str) else RESULT for one in self.cells["result"]]

    @functools.cached_property
    def metrics(self) -> list[Metric]:
        """What cells have, the sweep's own result first."""
        return metrics(self)

    @functools.cached_property
    def metric(self) -> Metric:
        """What `floor` is of the groups."""
        return self.metrics[0]

    @functools.cached_property
    def _views(self) -> dict[str, Sweep]:
        return {self.metric.name: self}

    def of(self, name: str | None) -> Sweep:
        """The same sweep, shown by another of its metrics; by its own where it has none of that name."""
        chosen = next((one for one in self.metrics if one.name == name), self.metrics[0])
        if chosen.name not in self._views:  # the copy shares what was read, and this dictionary
            view = copy.copy(self)
            view.__dict__.pop("groups", None)
            view.metric = chosen
            self._views[chosen.name] = view
        return self._views[chosen.name]

    @functools.cached_property
    def traced(self) -> frozenset[str]:
        """The columns of the traces."""
        return frozenset(read_traces(self.folder, []).column_names)

    def has(self, row: Group) -> bool:
        """Whether a group is of a kind that is measured by the metric: a network has no noise floor."""
        kinds = self._kinds[self.metric.name]
        return not kinds or text(row.get("result")) in kinds

    @functools.cached_property
    def _kinds(self) -> dict[str, frozenset[str]]:
        """By metric what the cells that have it are judged by."""
        if "result" not in self.cells:
            return {one.name: frozenset() for one in self.metrics}
        there = {one.name: self.cells[one.name].notna() for one in self.metrics}
        return {name: frozenset(map(text, self.cells["result"][has].unique())) for name, has in there.items()}

    @functools.cached_property
    def groups(self) -> list[Group]:
        """All groups, in the order of the cells."""
        import pandas as pd

        cells = self.cells
        bounds = [name for name in cells.columns if name.startswith("bound_") and cells[name].dtype == float]
        numbers = list(dict.fromkeys([*BOUNDS, *bounds, "mean_gap", "box_excess", "gap_to_box"]))
        numbers = [name for name in numbers if name in cells.columns]
        order = cells["group_id"].unique()
        ok = cells[cells["status"] == "ok"]
        first = pd.concat([ok, cells]).drop_duplicates("group_id").set_index("group_id").loc[order]
        by = ok.groupby("group_id")
        floors, zero = spread(ok, "group_id", self.metric.name), pd.Series(0, index=order)
        counts = cells.groupby(["group_id", "status"]).size().unstack(fill_value=0)
        more = {"floor": floors["q50"], "n": counts.sum(axis=1)}
        more |= {f"floor_{name}": floors[name] for name in SPREAD}
        more |= {name: by[name].mean() for name in numbers}
        more |= {
            f"n_{status}": counts.get(status, zero) for status in ("ok", "diverged", "timeout", "failed")
        }
        columns = {"group_id": order.tolist(), **{name: first[name].tolist() for name in first.columns}}
        columns |= {name: values.reindex(order).tolist() for name, values in more.items()}
        asked = [None if one != one else one for one in columns["asked"]]
        for axis, texts in expressions(asked, columns, self._axes).items():
            columns[axis] = [
                number if said is None else Asked(number, said)
                for number, said in zip(columns[axis], texts, strict=True)
            ]
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    @functools.cached_property
    def evidence(self) -> Evidence:
        """What is measured beside what is proven, of the groups with a bound: as `lpbench sweep` says at its end."""
        there = [name for name in JUDGED if name in self._table.column_names]
        return weigh({name: self._table[name].to_pylist() for name in there}, every=False)

    @functools.cached_property
    def above(self) -> dict[str, dict[str, Any]]:
        """The evidence of the groups that were measured above what is proven of them, by `group_id`."""
        judged = [one for one in self.evidence.groups if one["bound"] is not None]
        return {one["group_id"]: one for one in judged if one["bound_ratio"] > 1}

    def seeds(self, column: str) -> dict[str, list[float]]:
        """Of each group the numbers of its cells that are ok, where there are any, in the order of the cells."""
        ok = self.cells[(self.cells["status"] == "ok") & self.cells[column].notna()]
        found: dict[str, list[float]] = {}
        for group_id, number in zip(ok["group_id"], ok[column], strict=True):
            found.setdefault(group_id, []).append(float(number))
        return found

    def curves(
        self, group_ids: Sequence[str], points: int = POINTS, wanted: Collection[str] = ()
    ) -> dict[str, dict[str, np.ndarray]]:
        """For each group the columns `CURVE`, and those `wanted` of `SPREAD` and TIME, at most `points` of them.

        Of the column of traces that leads to the metric. That of the objective gap from the rollup, which a finished
        sweep has; of a running one, and what the rollup does not hold, from the traces of the cells that are done.
        """
        import duckdb

        columns = tuple(dict.fromkeys([*CURVE, *wanted]))
        try:
            rolled = columns == CURVE and self.metric.gap
            known = set(self._rolled) & set(group_ids) if rolled else set()
            found = self._from_rollup(sorted(known), points) if known else {}
        except duckdb.Error:  # a rollup that cannot be read: the next compaction makes it anew
            known, found = set(), {}
        return found | self._from_traces([one for one in group_ids if one not in known], points, columns)

    @functools.cached_property
    def _rolled(self) -> dict[str, int]:
        """Groups of which the rollup holds every cell, with how many."""
        path = self.folder / ROLLUP
        if not path.is_file():
            return {}
        with database.cursor(path) as cursor:
            rows = cursor.execute(
                "SELECT group_id, max(n) FROM read_parquet(?) GROUP BY group_id", [str(path)]
            ).fetchall()
        done = self.cells[self.cells["status"].isin(["ok", "diverged", "timeout"])]
        there = done.groupby("group_id").size().to_dict()
        return {group: n for group, n in rows if there.get(group) == n}

    def _from_rollup(self, group_ids: Sequence[str], points: int) -> dict[str, dict[str, np.ndarray]]:
        query = (
            f"SELECT group_id, {', '.join(CURVE)} FROM read_parquet(?) WHERE list_contains(?, group_id) "
            "ORDER BY group_id, step"
        )
        with database.cursor(self.folder) as cursor:
            rows = cursor.execute(query, [str(self.folder / ROLLUP), list(group_ids)]).df()
        return {str(group_id): _thinned(curve, points, CURVE) for group_id, curve in rows.groupby("group_id")}

    def _from_traces(
        self, group_ids: Sequence[str], points: int, columns: Sequence[str] = CURVE
    ) -> dict[str, dict[str, np.ndarray]]:
        import pandas as pd

        ran = self.cells[self.cells["group_id"].isin(group_ids) & (self.cells["status"] != "failed")]
        of = self.metric.traced
        if ran.empty or not of:
            return {}
        every = self.traces(ran["cell_id"].tolist(), ["step", "epoch", "gradient_evaluations", TIME, of])
        if of not in every or every.empty:
            return {}
        group_of = every["cell_id"].map(dict(zip(ran["cell_id"], ran["group_id"], strict=True)))
        parts = []
        for group_id, traces in every.groupby(group_of, sort=False):
            shared = steps.by_all(traces)
            apart = len(shared) < steps.FEW and not self.metric.gap
            part = _aligned(traces, of, points) if apart else traces[traces["step"].isin(shared)]
            parts.append(part.assign(group_id=str(group_id)))
        points_of = pd.concat(parts)
        points_of = points_of[np.isfinite(points_of[of])]
        points_of["place"] = points_of.groupby(["group_id", "step"], sort=False).ngroup()
        # All groups at once: of each alone pandas takes longer to begin than to count.
        places = points_of.groupby("place")
        curve = places[["group_id", "step", "epoch", "gradient_evaluations"]].first()
        curve = curve.join(places[TIME].median()).join(spread(points_of, "place", of))
        by = curve.sort_values("step", kind="stable").groupby("group_id", sort=False)
        return {str(group_id): _thinned(one, points, columns) for group_id, one in by}

    def rows(
        self,
        start: int,
        end: int,
        sort: Sequence[Mapping[str, Any]],
        filters: Mapping[str, Mapping[str, Any]],
        groups: Sequence[str] | None = None,
    ) -> tuple[list[dict[str, Any]], int]:
        """Cells for a table in the browser, of some groups (None: of all): see `database.rows`."""
        table = self._table
        if groups is not None:
            import pyarrow as pa
            import pyarrow.compute as pc

            table = table.filter(pc.is_in(table["group_id"], value_set=pa.array(groups, pa.string())))
        return database.rows(table, start, end, sort, filters)

    @functools.cached_property
    def _table(self) -> Any:
        return with_costs(read_cells(self.folder))

    def traces(self, cell_ids: Sequence[str], columns: Sequence[str] | None = None) -> pandas.DataFrame:
        """The traces of some cells: of all `columns`, or these and `cell_id`."""
        wanted = None if columns is None else ["cell_id", *columns]
        return read_traces(self.folder, cell_ids, wanted).to_pandas()

    @functools.cached_property
    def watched(self) -> frozenset[str]:
        """The identities of the cells that keep what rounding does to their tensors: networks do."""
        import duckdb

        paths = [str(one.tensors) for one in find_sources(self.folder) if one.has("tensors")]
        if not paths:
            return frozenset()
        try:  # in a fifth of the time: a table has millions of rows for hundreds of cells
            with database.cursor(self.folder) as cursor:
                rows = cursor.execute("SELECT DISTINCT cell_id FROM read_parquet(?)", [paths]).fetchall()
            return frozenset(cell_id for (cell_id,) in rows)
        except duckdb.Error:  # a file that cannot be read, or was compacted away since it was listed
            return frozenset(read_tensors(self.folder, None, ["cell_id"])["cell_id"].unique().to_pylist())

    def tensors(self, cell_ids: Sequence[str], columns: Sequence[str]) -> pyarrow.Table:
        """What rounding does to the tensors of some cells, each in one piece and by its steps."""
        import duckdb

        path = self.folder / TENSORS
        if [one.index for one in find_sources(self.folder)] == [-1] and path.is_file():
            query = f"SELECT {', '.join(columns)} FROM read_parquet(?) WHERE list_contains(?, cell_id)"
            with contextlib.suppress(duckdb.Error), database.cursor(self.folder) as cursor:
                return cursor.sql(query, params=[str(path), list(cell_ids)]).to_arrow_table()
        return read_tensors(self.folder, cell_ids, columns)

    def groups_where(self, chosen: Mapping[str, Sequence[str]]) -> list[Group]:
        """The groups whose axes have one of the chosen values (as texts); () chooses all."""
        asked = {axis: set(values) for axis, values in chosen.items() if values}
        return [
            row for row in self.groups if all(text(row[axis]) in values for axis, values in asked.items())
        ]


class NoSweep(Sweep):
    """What stands for a sweep in a folder without any."""

    def __init__(self, runs_dir: Path):
        self.folder, self.name, self.version, self.manifest = runs_dir / "none", "", 0, {}

    @functools.cached_property
    def _table(self) -> Any:
        return CELLS.empty_table()


def _stamp(folder: Path) -> tuple[int, str]:
    manifest = read_manifest(folder) or {"version": 0, "created_at": ""}
    return manifest["version"], manifest["created_at"]


def _aligned(traces: pandas.DataFrame, column: str, points: int) -> pandas.DataFrame:
    """Traces that recorded steps of their own at those of `steps.common`.

    Each is linear between what it recorded, and ends where it ended.
    """
    import pandas as pd

    names = ("epoch", "gradient_evaluations", TIME, column)
    at, numbers = traces["step"].to_numpy(), {name: traces[name].to_numpy(float) for name in names}
    each = list(traces.groupby("cell_id", sort=False).indices.values())
    grid = steps.common([at[rows] for rows in each], points)
    ends = [grid[grid <= at[rows[-1]]] for rows in each]
    found = {
        name: np.concatenate(
            [np.interp(mine, at[rows], values[rows]) for rows, mine in zip(each, ends, strict=True)]
        )
        for name, values in numbers.items()
    }
    return pd.DataFrame({"step": np.concatenate(ends), **found})


def _thinned(curve: pandas.DataFrame, points: int, columns: Sequence[str]) -> dict[str, np.ndarray]:
    keep = steps.thin(curve["step"].to_numpy(), points)
    return {name: curve[name].to_numpy(float)[keep] for name in columns}


def text(value: Any) -> str:
    """A choice as the query string and the legends write it: `-` for null, 8 for 8.0, an expression as it was asked."""
    return value.said if isinstance(value, Asked) else _text(value)


@functools.lru_cache(maxsize=4096, typed=True)
def _text(value: Any) -> str:
    if value is None or value != value:
        return "-"
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    return str(value)
