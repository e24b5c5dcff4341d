"""DuckDB over the files of a sweep: one connection a process, and the questions that a table in the browser asks.

Nothing that a browser sent becomes part of a statement: columns are checked against those that there are, and values
are parameters.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lpbench.errors import ConfigError
from lpbench.store.address import is_remote

if TYPE_CHECKING:
    import duckdb
    import pyarrow

MOST_ROWS = 10_000  # that one answer holds
LAST = 2**62  # a row beyond all
MOST_CONDITIONS = 20  # of one column, as many as nobody clicks together
SETTINGS: dict[str, Any] = {
    "memory_limit": "400MB",
    "threads": 2,
    "enable_external_access": True,
    "preserve_insertion_order": True,
}
_lock = threading.Lock()
_connection: duckdb.DuckDBPyConnection | None = None
_registered: list[Any] = []  # the object stores that it reads

# AG Grid's filters as SQL, `{}` the column, by filterType and type.
_FILTERS = {
    "number": {
        "equals": "{} = ?", "notEqual": "{} IS DISTINCT FROM ?", "lessThan": "{} < ?", "lessThanOrEqual": "{} <= ?",
        "greaterThan": "{} > ?", "greaterThanOrEqual": "{} >= ?", "inRange": "{} BETWEEN ? AND ?",
    },
    "text": {
        "equals": "lower({}) = lower(?)",
        "notEqual": "lower({}) IS DISTINCT FROM lower(?)",
        "contains": "contains(lower({}), lower(?))",
        "notContains": "NOT contains(lower(coalesce({}, '')), lower(?))",
        "startsWith": "starts_with(lower({}), lower(?))",
        "endsWith": "ends_with(lower({}), lower(?))",
    },
}  # fmt: skip
_EMPTY = {"blank": "{} IS NULL", "notBlank": "{} IS NOT NULL"}


def cursor(reads: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A cursor of the process's connection, for one thread and a `with`; the first call opens the connection.

    reads   what it will read, where that may lie in an object store. Lazily, since a connection does not outlive a
            fork.
    """
    global _connection
    import duckdb

    with _lock:
        if _connection is None:
            _connection = duckdb.connect(":memory:", config=SETTINGS)
        if reads is not None and is_remote(reads):
            store = cast(Any, reads).fs
            if store.protocol not in _registered:
                _connection.register_filesystem(store)
                _registered.append(store.protocol)
        return _connection.cursor()


def rows(
    table: pyarrow.Table,
    start: int,
    end: int,
    sort: Sequence[Mapping[str, Any]],
    filters: Mapping[str, Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], int]:
    """Rows `start` to `end` (excluded) of `table`, sorted and filtered, and how many pass the filters in all.

    sort      [{"colId": column, "sort": "asc" or "desc"}], the first one first; what it leaves open is in the order of
              the table. Null and NaN come last.
    filters   AG Grid's filter model: {column: {"filterType": "text", "type": "contains", "filter": "lp"}}, with
              "operator" and "conditions" where there are several for a column. Texts are compared without case.

    Raises ConfigError for a column that there is not, or a filter that is not one.
    """
    start, end = min(max(0, int(start)), LAST), int(end)
    wheres, parameters = [], []
    for column, model in filters.items():
        where, values = _condition(table, column, model)
        wheres.append(where)
        parameters += values
    orders = []
    for one in sort:
        direction = {"asc": "ASC", "desc": "DESC"}.get(str(one.get("sort")))
        name = _quoted(table, one.get("colId"))
        if direction is None:
            raise ConfigError(f"sort: asc or desc, got {one.get('sort')!r}")
        orders += [f"coalesce(isnan({name}), TRUE)" if _is_real(table, one["colId"]) else f"{name} IS NULL"]
        orders += [f"{name} {direction}"]
    filtered = " WHERE " + " AND ".join(wheres) if wheres else ""
    order = " ORDER BY " + ", ".join(orders) if orders else ""
    with cursor() as connection:
        connection.register("cells_shown", table)
        total = connection.execute(f"SELECT count(*) FROM cells_shown{filtered}", parameters).fetchall()[0][0]
        chosen = f"SELECT * FROM cells_shown{filtered}{order} LIMIT ? OFFSET ?"
        count = min(max(0, end - start), MOST_ROWS)
        found = connection.execute(chosen, [*parameters, count, start]).fetchall()
    names = table.column_names
    return [dict(zip(names, map(_plain, row), strict=True)) for row in found], int(total)


def _condition(table: pyarrow.Table, column: Any, model: Any) -> tuple[str, list[Any]]:
    """A filter of one column as SQL, and its parameters."""
    name = _quoted(table, column)
    if not isinstance(model, Mapping):
        raise ConfigError(f"filter of {column}: {model!r} is none")
    if "operator" not in model:
        return _single(table, name, column, model)
    joint = {"AND": " AND ", "OR": " OR "}.get(str(model["operator"]))
    parts = model.get("conditions")
    if joint is None or not isinstance(parts, list) or not 0 < len(parts) <= MOST_CONDITIONS:
        raise ConfigError(f"filter of {column}: AND or OR of 1 to {MOST_CONDITIONS} conditions")
    found = [_single(table, name, column, part) for part in parts]
    return "(" + joint.join(where for where, _ in found) + ")", [v for _, values in found for v in values]


def _single(table: pyarrow.Table, name: str, column: str, model: Any) -> tuple[str, list[Any]]:
    asked = model if isinstance(model, Mapping) else {}
    kind, of = str(asked.get("type")), str(asked.get("filterType"))
    if kind in _EMPTY:
        return _EMPTY[kind].format(name), []
    where = _FILTERS.get(of, {}).get(kind)
    if where and of == "text":
        return where.format(f"CAST({name} AS VARCHAR)"), [_encoded(asked.get("filter", ""))]
    if where and _is_number(table, column):
        ends = ("filter", "filterTo")[: where.count("?")]
        return where.format(name), [_number(column, asked.get(end)) for end in ends]
    raise ConfigError(
        f"filter of {column}: {model!r} is none for a column of {table.schema.field(column).type}"
    )


def _encoded(value: Any) -> str:
    """A text that UTF-8 has: half a character is `?`."""
    return str(value).encode(errors="replace").decode()


def _quoted(table: pyarrow.Table, column: Any) -> str:
    if column not in table.column_names:
        raise ConfigError(f"cells have no column {column!r}")
    return '"' + str(column).replace('"', '""') + '"'


def _is_real(table: pyarrow.Table, column: str) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(table.schema.field(column).type))


def _is_number(table: pyarrow.Table, column: str) -> bool:
    import pyarrow as pa

    kind = table.schema.field(column).type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _number(column: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"filter of {column}: a number, got {value!r}")
    return float(value)


def _plain(value: Any) -> Any:
    """A value as JSON has it: there is no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
