"""The columns of `cells`, `traces` and `tensors` with their types, and rows turned into tables.

Every column is there in every file, null where it does not apply; a row's unknown keys become further
columns.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from lpbench import registry
from lpbench.declared import choices, columns
from lpbench.declared.declarations import Choice, Metric
from lpbench.store.arrays import DTYPES, from_numpy, from_texts, from_values

TEXT, INT, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

_KINDS = {str: TEXT, int: INT, float: REAL, bool: FLAG}
_SHORT = {int: pa.int16(), float: pa.float32()}  # of tensors, of which a cell has thousands of rows
_ROLE = b"lpbench"  # in the metadata of a column that a plug-in declared: what it is, for readers without the plug-in


def _types(
    declared: Iterable[Choice | Metric], kinds: Mapping[type, pa.DataType] = _KINDS
) -> dict[str, pa.DataType]:
    return {one.name: kinds[one.stored] for one in declared}


CHOICES = _types(choices.CHOICES.values())
STATUSES = frozenset({"ok", "diverged", "timeout", "failed"})
FINAL = frozenset({"ok", "diverged"})  # a failed or timed-out cell runs again on resume
CELLS = pa.schema(CHOICES | _types(choices.COLUMNS_OF_RUNTIME.values()) | _types(columns.COLUMNS))
TRACES = pa.schema(
    {
        "cell_id": TEXT, "step": INT, "epoch": REAL, "outer": INT, "gradient_evaluations": INT,
        "objective_gap": REAL, "iterate_gap": REAL, "gradient_norm": REAL, "distance": REAL,
        "saturation_rate": REAL, "stall_rate": REAL, "seconds": REAL,
    }
)  # fmt: skip
TENSORS = pa.schema(_types(columns.TENSOR_ROWS) | _types(columns.TENSOR_MEASURES, _SHORT))
ROLLUP = pa.schema(
    {
        "group_id": TEXT, "step": INT, "epoch": REAL, "gradient_evaluations": INT, "n": INT,
        "n_diverged": INT,
        "q10": REAL, "q50": REAL, "q90": REAL, "min": REAL, "max": REAL, "mean_log10": REAL,
    }
)  # fmt: skip


def further(schema: pa.Schema) -> dict[str, str]:
    """The columns of choices and metrics that plug-ins declared: `choice`, `metric`, or a metric's better side."""
    return {field.name: role.decode() for field in schema if (role := _role(field)) is not None}


def own_choices(further: Mapping[str, str]) -> list[str]:
    """Of what `further` found: the choices."""
    return [name for name, role in further.items() if role == "choice"]


def _role(field: pa.Field) -> bytes | None:
    return (field.metadata or {}).get(_ROLE)


def _field(name: str, kind: pa.DataType, role: bytes | str | None = None) -> pa.Field:
    return pa.field(name, kind, metadata=None if role is None else {_ROLE: role})


def choice_field(name: str, kind: pa.DataType) -> pa.Field:
    """The column of a choice that a plug-in declared, as `further` finds it."""
    return _field(name, kind, "choice")


def _declared() -> list[pa.Field]:
    """The columns that loaded plug-ins declare, beside those of `CELLS`."""
    own = [choice_field(name, _KINDS[one.stored]) for name, (_, one) in registry.choices.items()]
    own += [
        _field(name, _KINDS[one.stored], one.better or "metric") for name, one in registry.metrics.items()
    ]
    return [field for field in own if field.name not in CELLS.names]


def cells_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """A table of `rows`, the contract's columns first; raises no error for a value that does not fit.

    Such a value becomes null. In a failed cell that is an expression which was not resolved any more; else (a
    user's own format may put anything there) the row's `error` says so.
    """
    rows = list(rows)
    arrays: dict[str, pa.Array] = {}
    errors: dict[int, str] = {}
    # Without a value a column has no type, and what it is elsewhere could not be joined to it.
    there = dict.fromkeys(key for row in rows for key in row if row[key] is not None)
    fields = [*CELLS, *(field for field in _declared() if field.name in there)]
    for name, kind in ((field.name, field.type) for field in fields):
        values = [row.get(name) for row in rows]
        try:
            arrays[name] = from_values(values, kind)
        except (TypeError, ValueError, OverflowError):
            arrays[name] = from_values(_fit(name, values, kind, errors), kind)
    for name in there.keys() - arrays.keys():
        arrays[name] = _infer([row.get(name) for row in rows])
    if errors:
        texts = arrays["error"].to_pylist()
        for i, error in errors.items():
            if rows[i].get("status") != "failed":
                texts[i] = "; ".join(filter(None, [texts[i], error.strip()]))
        arrays["error"] = from_texts(texts)
    names = [field.name for field in fields]
    fields += [_field(name, arrays[name].type) for name in there if name not in names]
    return pa.table([arrays[field.name] for field in fields], pa.schema(fields))


def _fit(name: str, values: list[Any], kind: pa.DataType, errors: dict[int, str]) -> list[Any]:
    fitted: list[Any] = []
    for i, value in enumerate(values):
        try:
            fitted.append(_convert(value, kind))
        except (ValueError, TypeError, OverflowError):
            fitted.append(None)
            errors[i] = errors.get(i, "") + f"{name}: the column holds {kind}, got {value!r} "
    return fitted


def _convert(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if kind == TEXT:
        return _text(value)
    if kind == REAL:
        return float(value)
    if kind == FLAG:
        if value not in (0, 1):
            raise ValueError
        return bool(value)
    if int(value) != value or abs(int(value)) >= 2**63:
        raise ValueError
    return int(value)


def _infer(values: list[Any]) -> pa.Array:
    """A column of booleans, integers, floats or texts, whatever holds all `values`."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    kinds = {type(value) for value in plain if value is not None}
    if kinds <= {int, float} and kinds:
        kind = INT if kinds == {int} and all(v is None or abs(v) < 2**63 for v in plain) else REAL
        return from_values(plain, kind)
    if kinds == {bool}:
        return from_values(plain, FLAG)
    return from_texts([None if value is None else _text(value) for value in plain])


def _text(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode()  # a lone surrogate is no UTF-8


Points = Mapping[str, np.ndarray]


def traces_table(cell_ids: Sequence[str], traces: Sequence[Points]) -> pa.Table:
    """A table of `traces`, the one of `cell_ids[i]` after that of `cell_ids[i - 1]`.

    A trace maps the columns of `TRACES` (without `cell_id`, with `step`) to arrays of one length; absent:
    null.
    """
    return _points_table(TRACES, cell_ids, traces, _column)


def tensors_table(cell_ids: Sequence[str], tensors: Sequence[Points]) -> pa.Table:
    """As `traces_table`, of `TENSORS`; NaN is null, too. Each cell's rows are brought into the order of their steps."""
    return _points_table(TENSORS, cell_ids, [_by_step(points) for points in tensors], _column_without_nan)


def _by_step(points: Points) -> Points:
    """`points` by their steps; those of one step stay in the order they came."""
    step = np.asarray(points["step"])
    if (step[1:] >= step[:-1]).all():
        return points
    order = np.argsort(step, kind="stable")
    return {name: np.asarray(values)[order] for name, values in points.items()}


def _points_table(
    schema: pa.Schema,
    cell_ids: Sequence[str],
    records: Sequence[Points],
    column: Callable[[list[np.ndarray | None], list[int], pa.DataType], pa.Array],
) -> pa.Table:
    lengths = [len(record["step"]) for record in records]
    which = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    ids = pa.DictionaryArray.from_arrays(from_numpy(which), from_texts(cell_ids))
    columns: dict[str, Any] = {"cell_id": ids.cast(TEXT)}
    kinds = dict(zip(schema.names[1:], schema.types[1:], strict=True))
    extra = dict.fromkeys(key for record in records for key in record if key not in kinds)
    for name, kind in {**kinds, **dict.fromkeys(extra, REAL)}.items():
        columns[name] = column([record.get(name) for record in records], lengths, kind)
    return pa.table(columns)


def _column(pieces: list[np.ndarray | None], lengths: list[int], kind: pa.DataType) -> pa.Array:
    """The numbers of `pieces`, one after the other; null for those of a piece that is None."""
    dtype = DTYPES[kind]
    values = _joined(pieces, lengths, dtype, 0)
    there = np.array([piece is not None for piece in pieces], bool)
    return from_numpy(values, None if there.all() else np.repeat(there, lengths))


def _column_without_nan(pieces: list[np.ndarray | None], lengths: list[int], kind: pa.DataType) -> pa.Array:
    """As `_column`, also of texts; NaN is null, and so is what is beyond whole numbers where such are held."""
    if kind == TEXT:
        return _texts(pieces, lengths)
    values, dtype = _joined(pieces, lengths, np.float64, np.nan), DTYPES[kind]
    valid = ~np.isnan(values)
    if np.issubdtype(dtype, np.integer):
        least = float(np.iinfo(dtype).min)
        valid = (values >= least) & (values < -least)
    with np.errstate(over="ignore"):  # what float32 does not hold is infinite
        return from_numpy(np.where(valid, values, 0).astype(dtype), valid)


def _joined(pieces: list[np.ndarray | None], lengths: list[int], dtype: Any, absent: float) -> np.ndarray:
    made = [
        np.full(length, absent, dtype) if piece is None else np.asarray(piece, dtype)
        for piece, length in zip(pieces, lengths, strict=True)
    ]
    return np.concatenate(made) if made else np.zeros(0, dtype)


def _texts(pieces: list[np.ndarray | None], lengths: list[int]) -> pa.Array:
    """Texts, each different one of which is held once on the way: there are few."""
    numbers: dict[str | None, int] = {}
    codes: list[int] = []
    for piece, length in zip(pieces, lengths, strict=True):
        texts = [None] * length if piece is None else np.asarray(piece).tolist()
        for text in dict.fromkeys(texts):
            numbers.setdefault(text, len(numbers))
        codes += map(numbers.__getitem__, texts)
    held = pa.DictionaryArray.from_arrays(from_numpy(np.array(codes, np.int32)), from_texts(list(numbers)))
    return held.cast(TEXT)


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` with the columns and types of `schema` first; its further columns follow."""
    if table.schema.equals(schema):
        return table
    fields = [*schema, *(field for field in table.schema if field.name not in schema.names)]
    columns = [
        _cast(table[field.name], field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in fields
    ]
    return pa.table(columns, pa.schema(fields))


def plain(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """`table` with the types of `schema`, and text, int64, float64 or bool for its further columns.

    Raises ValueError, or what pyarrow does, where a column is there twice or its values do not fit.
    """
    if len(set(table.column_names)) < table.num_columns:
        raise ValueError("a column is there twice")
    kinds = dict(zip(schema.names, schema.types, strict=True))
    fields = [
        _field(field.name, kinds.get(field.name) or _plain(field.type), _role(field))
        for field in table.schema
    ]
    made = pa.table([_cast(table[field.name], field.type) for field in fields], pa.schema(fields))
    made.validate(full=True)  # among others that texts are UTF-8
    return made


def _plain(kind: pa.DataType) -> pa.DataType:
    for found, ours in (
        (pa.types.is_null, kind),
        (pa.types.is_boolean, FLAG),
        (pa.types.is_integer, INT),
        (pa.types.is_floating, REAL),
    ):
        if found(kind):
            return ours
    return TEXT


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    # An integer beyond 2**53 is a float, if not exactly.
    return column if column.type == kind else column.cast(kind, safe=kind != REAL)


def concatenate(tables: Iterable[pa.Table], schema: pa.Schema) -> pa.Table:
    """The rows of `tables` under `schema` and their further columns (`unite`)."""
    tables = list(tables)
    if not tables:
        return schema.empty_table()
    united = unite([table.schema for table in tables], schema)
    return pa.concat_tables([conform(table, united) for table in tables])


def unite(schemas: Iterable[pa.Schema], first: pa.Schema) -> pa.Schema:
    """`first`, and the further columns of `schemas`, as text where their types do not meet."""
    found: dict[str, pa.Field] = {}
    for schema in schemas:
        for field in schema:
            there = found.get(field.name, field)
            role = _role(there) or _role(field)
            found[field.name] = _field(field.name, _meet(there.type, field.type), role)
    return pa.schema([*first, *(field for name, field in found.items() if name not in first.names)])


def _meet(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    if a == b:
        return a
    for one, other in ((a, b), (b, a)):
        if pa.types.is_null(one):
            return other
    return REAL if {a, b} == {INT, REAL} else TEXT
