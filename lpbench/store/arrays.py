"""Arrow arrays from Python values and numpy arrays, and back, without `pyarrow.array` and `to_numpy`.

Those import pandas to see whether they have to do with it, which costs a short sweep half a second.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

DTYPES = {
    pa.int64(): np.int64, pa.int32(): np.int32, pa.uint64(): np.uint64, pa.float64(): np.float64, pa.bool_(): np.bool_,
}  # fmt: skip


def from_numpy(values: np.ndarray, valid: np.ndarray | None = None) -> pa.Array:
    """An array of the numbers or booleans in `values`; null where `valid` (booleans) is False."""
    kind = next(kind for kind, dtype in DTYPES.items() if values.dtype == dtype)
    data = np.packbits(values, bitorder="little") if kind == pa.bool_() else np.ascontiguousarray(values)
    return pa.Array.from_buffers(kind, len(values), [_bitmap(valid), pa.py_buffer(data)])


def from_texts(values: Sequence[str | None]) -> pa.Array:
    """An array of texts, null for None. Raises TypeError for anything else."""
    encoded = [b"" if value is None else str.encode(value) for value in values]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    valid = np.fromiter((value is not None for value in values), np.bool_, len(encoded))
    buffers = [_bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def from_values(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """An array of type `kind` (text, int64, float64 or bool), null for None.

    Raises ValueError, TypeError or OverflowError for a value that is not exactly of the kind (an int is a float).
    """
    if kind == pa.string():
        return from_texts(values)
    allowed = {pa.int64(): (int,), pa.float64(): (int, float), pa.bool_(): (bool,)}[kind]
    if not {type(value) for value in values} <= {*allowed, type(None)}:
        raise TypeError(f"not all {kind}")
    valid = np.fromiter((value is not None for value in values), np.bool_, len(values))
    filled = [0 if value is None else value for value in values]
    return from_numpy(np.array(filled, DTYPES[kind]), valid)


def to_numpy(array: pa.Array) -> np.ndarray:
    """The numbers of `array`; as float64 with NaN for null where there are nulls."""
    bitmap, data = array.buffers()
    part = slice(array.offset, array.offset + len(array))
    values: np.ndarray = np.frombuffer(data, DTYPES[array.type])[part]
    if not array.null_count:
        return values
    valid = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")[part]
    return np.where(valid, values.astype(np.float64), np.nan)


class Coded(Sequence[Any]):
    """Values of which many are equal: each once, and for every place which of them it is, in few bytes."""

    def __init__(self, values: list[Any], codes: np.ndarray):
        self._values, self._codes = values, codes.astype(np.min_scalar_type(len(values) - 1))

    def __len__(self) -> int:
        return self._codes.size

    def __getitem__(self, place: Any) -> Any:
        return self._values[self._codes[place]]

    def __iter__(self) -> Iterator[Any]:
        return map(self._values.__getitem__, self._codes.tolist())


def plain_columns(table: pa.Table) -> dict[str, Sequence[Any]]:
    """The values of each column, None for null. Equal ones are one object: choices take few values.

    Columns of a table that nobody else holds are let go as they are read.
    """
    columns: dict[str, Sequence[Any]] = {}
    for name in table.column_names:
        encoded = flat(table[name].dictionary_encode())
        table = table.drop_columns([name])
        values = [*encoded.dictionary.to_pylist(), None]
        columns[name] = Coded(values, np.nan_to_num(to_numpy(encoded.indices), nan=len(values) - 1))
    return columns


def flat(column: pa.ChunkedArray) -> pa.Array:
    """The column of a table in one piece."""
    whole = column.combine_chunks()
    if not isinstance(whole, pa.ChunkedArray):
        return whole
    return whole.chunk(0) if whole.num_chunks else from_texts([]).cast(column.type)


def _bitmap(valid: np.ndarray | None) -> pa.Buffer | None:
    if valid is None or valid.all():
        return None
    return pa.py_buffer(np.packbits(valid, bitorder="little"))
