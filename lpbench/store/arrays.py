"""Arrow arrays from Python values and numpy arrays, and back, without `pyarrow.array` and `to_numpy`.

Those import pandas to see whether they have to do with it, which costs a short sweep half a second.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

DTYPES = {
    pa.int64(): np.int64, pa.int32(): np.int32, pa.int16(): np.int16, pa.uint64(): np.uint64,
    pa.float64(): np.float64, pa.float32(): np.float32, pa.bool_(): np.bool_,
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
    """The values of a column, None for null: each different one once, and for every row its number.

    codes   the numbers, in as few bytes as hold them.
    """

    def __init__(self, column: pa.ChunkedArray):
        encoded = flat(column.dictionary_encode())
        there = encoded.dictionary
        self._values = there  # as Arrow holds them: Python takes four times as much
        codes = np.nan_to_num(to_numpy(encoded.indices), nan=len(there))
        self.codes: np.ndarray = codes.astype(np.min_scalar_type(len(there)))

    @property
    def different(self) -> list[Any]:
        """The different values by their numbers, None the last."""
        return [*self._values.to_pylist(), None]

    def __len__(self) -> int:
        return self.codes.size

    def __getitem__(self, row: Any) -> Any:
        code = self.codes[row]
        return self._values[int(code)].as_py() if code < len(self._values) else None

    def __iter__(self) -> Iterator[Any]:
        return map(self.different.__getitem__, self.codes.tolist())


def plain_columns(table: pa.Table) -> dict[str, Sequence[Any]]:
    """The values of each column, None for null."""
    return {name: Coded(table[name]) for name in table.column_names}


def ranks(columns: Mapping[str, Sequence[Any]], names: Sequence[str], last: bool = False) -> np.ndarray:
    """For every row where its combination of values in the columns `names` comes among the different ones, sorted.

    last   null comes after all values, and not before.
    """
    found = np.zeros(len(columns[names[0]]), np.int64)
    for name in names:
        found = refine(found, columns[name], last)
    return found


def refine(found: np.ndarray, values: Sequence[Any], last: bool = False) -> np.ndarray:
    """The `ranks` of one column more."""
    if isinstance(values, Coded):
        different, codes = values.different, values.codes
    else:
        numbers: dict[Any, int] = {}
        codes = np.array([numbers.setdefault(value, len(numbers)) for value in values], np.int64)
        different = list(numbers)
    if not codes.size or codes.min() == codes.max():
        return found
    place = np.empty(len(different), np.int64)
    order = sorted(range(len(different)), key=lambda i: null_first(different[i], last))
    place[order] = np.arange(len(different))
    return np.unique(found * len(different) + place[codes], return_inverse=True)[1]


def null_first(value: Any, last: bool = False) -> tuple[bool, bool, Any]:
    """What values are sorted by: numbers before texts (expressions), null before all others (`last`: after them)."""
    return (value is None) == last, isinstance(value, str), 0 if value is None else value


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
