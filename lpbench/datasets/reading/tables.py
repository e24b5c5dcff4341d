"""Reading csv and parquet tables: numbers in every column but the target."""

from __future__ import annotations

import csv
import io
import math
import re
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lpbench.datasets.base import REGRESSION
from lpbench.datasets.reading.files import NOT_UTF8, Read, label_values, refuse, shortened
from lpbench.errors import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = (",", ";", "\t")
MISSING = ("", "#N/A", "N/A", "n/a", "NA", "NULL", "null", "NaN", "nan")
BLOCK = 2**20  # bytes that pyarrow parses at a time; a line must fit into one
_TRUTH = {"true": 1.0, "false": 0.0}
_SPELLINGS = {word: [word, word.title(), word.upper()] for word in _TRUTH}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SEPARATED = re.compile(r"[+-]?\d[\d.,'\s]*")
_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls an index without a name
_ONE_INDEX = "the first column has no name: it is taken for an index, and is no feature"


class _Header(NamedTuple):
    """names, stripped; the mark between fields; what the first line takes, in bytes and in lines of text."""

    names: list[str]
    delimiter: str
    size: int
    lines: int


def read_csv(path: Path, content: bytes, target: str, task: str) -> Read:
    """X (N, d) float64 and the target (N,), numbers or str, of a table with a header, in UTF-8.

    Fields are separated by commas, semicolons or tabs, decimals by points; true and false are 1 and 0. A first
    column without a name is an index, and no feature. Raises ConfigError that names the first bad line
    (counted from 1, the header included).
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    header = _header(path, content, target)
    index = header.names[0] in ("", "Unnamed: 0") and header.names[0] != target
    features = _features(path, header.names, target, header.names[:1] if index else [])
    body = memoryview(content)[header.size :]
    flags = _flags(path, content, header)
    kinds: dict[str, Any] = {name: pa.bool_() if name in flags else pa.float64() for name in header.names}
    if task != REGRESSION:
        kinds[target] = pa.string()
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(body),
            arrow_csv.ReadOptions(column_names=header.names, block_size=max(BLOCK, 64 * header.size)),
            arrow_csv.ParseOptions(delimiter=header.delimiter, newlines_in_values=b'"' in content),
            arrow_csv.ConvertOptions(
                column_types=kinds, include_columns=[*features, target], null_values=MISSING,
                strings_can_be_null=True, true_values=_SPELLINGS["true"], false_values=_SPELLINGS["false"],
            ),
        )  # fmt: skip
        column = table.column(target)
        if column.null_count:
            raise pa.ArrowInvalid
        X = np.empty((table.num_rows, len(features)))
        for j, name in enumerate(features):
            X[:, j] = _numbers(table.column(name))
        y = _numbers(column) if task == REGRESSION else label_values(column.to_pylist())
        if not np.isfinite(X).all() or (task == REGRESSION and not np.isfinite(y).all()):
            raise pa.ArrowInvalid
    except pa.ArrowInvalid:
        # What pyarrow does not take is bad, and has a line; or only written in another way, such as +1.5.
        X, y = _by_line(path, content, header, features, target, task, flags)
    if len(X) == 0:
        refuse(path, "holds a header but no samples")
    return Read(X, y, features, [_ONE_INDEX] if index else [])


def read_parquet(path: Path, content: bytes, target: str, task: str) -> Read:
    """As `read_csv`, from a parquet file; errors name the row, counted from 1. Indices of pandas are no features."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(pa.BufferReader(content)).read()
    except (pa.ArrowException, OSError) as error:
        refuse(path, f"is not a parquet file: {' '.join(str(error).split())}")
    index = [name for name in _indices(table.schema) if name != target]
    features = _features(path, table.column_names, target, index)
    if table.num_rows == 0:
        refuse(path, "holds no samples")
    X = np.empty((table.num_rows, len(features)))
    for j, name in enumerate(features):
        X[:, j] = _parquet_numbers(path, name, _plain(table.column(name)))
    labels = _plain(table.column(target))
    if labels.null_count:
        row = int(np.flatnonzero(labels.is_null().to_numpy())[0]) + 1
        refuse(path, f"row {row}: {target!r} is missing")
    y: np.ndarray
    if pa.types.is_string(labels.type):
        y = np.array(labels.to_pylist(), dtype=np.str_)
    elif task != REGRESSION and pa.types.is_integer(labels.type):
        y = labels.to_numpy()
    else:
        y = _parquet_numbers(path, target, labels)
    named = ", ".join(map(repr, index))
    return Read(X, y, features, [f"{named}: an index of the table, and no feature"] if index else [])


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column without dictionary, its text as strings."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return column


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    import pyarrow as pa

    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    numbers: np.ndarray = column.cast(pa.float64(), safe=False).to_numpy()
    return numbers


def _parquet_numbers(path: Path, name: str, column: pa.ChunkedArray) -> np.ndarray:
    from pyarrow import types

    is_number = (types.is_boolean, types.is_integer, types.is_floating, types.is_decimal)
    if not any(check(column.type) for check in is_number):
        needed = "numbers are needed; encode it as one, or leave it out"
        refuse(path, f"column {name!r} holds {column.type}, but {needed}")
    numbers = _numbers(column)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        refuse(path, f"row {bad[0] + 1}: {name!r} is missing or not finite")
    return numbers


def _indices(schema: pa.Schema) -> list[str]:
    """The columns that hold an index of pandas."""
    try:
        columns = (schema.pandas_metadata or {}).get("index_columns", [])
        named = [name for name in columns if isinstance(name, str)]
    except (ValueError, AttributeError, TypeError):  # of another program
        named = []
    return [name for name in schema.names if name in named or _INDEX.fullmatch(name)]


def _features(path: Path, header: list[str], target: str, index: list[str]) -> list[str]:
    name, count = Counter(header).most_common(1)[0]
    if count > 1:
        refuse(path, f"two columns are called {name!r}")
    if target not in header:
        hint = did_you_mean(target, header)
        refuse(path, f"has no column {target!r} to use as the target.{hint} (target=NAME takes another)")
    features = [name for name in header if name != target and name not in index]
    if not features:
        refuse(path, f"has no column but the target {target!r}")
    return features


def _lines(content: bytes) -> Iterator[str]:
    """The lines of the file with their ends; bytes that are not UTF-8 become lone surrogates."""
    return iter(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="surrogateescape", newline=""))


def _is_text(text: str) -> bool:
    """Whether there are no bytes in `text` that are not UTF-8, and no zero bytes, which are UTF-16."""
    return "\0" not in text and (text.isascii() or not any("\udc80" <= mark <= "\udcff" for mark in text))


def _header(path: Path, content: bytes, target: str) -> _Header:
    """The first line, by the delimiter that makes the target a column of it, else the most columns."""
    found = []
    for delimiter in DELIMITERS:
        taken: list[str] = []
        lines = (taken.append(line) or line for line in _lines(content))  # type: ignore[func-returns-value]
        try:
            names = [name.strip() for name in next(csv.reader(lines, delimiter=delimiter, strict=True), [])]
        except csv.Error as error:  # a quote that this delimiter does not end
            wrong = error
            continue
        size = len("".join(taken).encode("utf-8", "surrogateescape"))
        found.append(_Header(names, delimiter, size, len(taken)))
    if not found:
        refuse(path, f"cannot be read: {wrong}", 1)
    header = max(found, key=lambda one: (target in one.names, len(one.names)))
    if not any(header.names):
        refuse(path, "the first line, which names the columns, is empty", 1)
    if not all(map(_is_text, header.names)):
        refuse(path, NOT_UTF8, 1)
    if target not in header.names and all(map(_NUMBER.fullmatch, header.names)):
        refuse(path, "the first line must name the columns, but holds numbers", 1)
    if target not in header.names and len(header.names) == 1:
        got = header.names[0][:60]
        refuse(path, f"its columns must be separated by commas, semicolons or tabs, got {got!r}", 1)
    if "" in header.names[1:]:
        refuse(path, f"field {header.names.index('', 1) + 1} of the header is empty: name the column", 1)
    return header


def _rows(path: Path, content: bytes, header: _Header) -> Iterator[tuple[int, list[str]]]:
    """(number of its last line, fields) of each row below the header."""
    rows = csv.reader(_lines(content), delimiter=header.delimiter, strict=True)
    while True:
        try:
            fields = next(rows, None)
        except csv.Error as error:
            refuse(path, f"cannot be read: {error}", rows.line_num)
        if fields is None:
            return
        if fields and rows.line_num > header.lines:
            yield rows.line_num, fields


def _flags(path: Path, content: bytes, header: _Header) -> set[str]:
    """The columns of true and false, by the first row."""
    _, first = next(_rows(path, content, header), (0, []))
    return {name for name, text in zip(header.names, first, strict=False) if text.strip().lower() in _TRUTH}


def _by_line(
    path: Path, content: bytes, header: _Header, features: list[str], target: str, task: str, flags: set[str]
) -> tuple[np.ndarray, np.ndarray]:
    """What the file holds, number by number; raises ConfigError for the first line that is not as it must be."""
    numbers, targets, labels = array("d"), array("d"), []
    for line, fields in _rows(path, content, header):
        if len(fields) != len(header.names):
            refuse(path, f"{len(fields)} fields, but the header names {len(header.names)}", line)
        row = dict(zip(header.names, fields, strict=True))
        for name in features:
            numbers.append(_number(path, line, name, row[name], name in flags))
        if task == REGRESSION:
            targets.append(_number(path, line, target, row[target], target in flags))
        elif not _is_text(row[target]):
            refuse(path, f"column {target!r}: {NOT_UTF8}", line)
        elif row[target] in MISSING:
            refuse(path, f"the target {target!r} is missing", line)
        else:
            labels.append(row[target])
    X = np.array(numbers).reshape(-1, len(features))
    return X, np.array(targets) if task == REGRESSION else label_values(labels)


def _number(path: Path, line: int, name: str, text: str, flag: bool) -> float:
    stripped = text.strip()
    if flag and stripped.lower() in _TRUTH:
        return _TRUTH[stripped.lower()]
    if not flag and _NUMBER.fullmatch(stripped) and math.isfinite(float(stripped)):
        return float(stripped)
    shown = repr(shortened(text))
    if not _is_text(text):
        why = NOT_UTF8
    elif stripped in MISSING and stripped.lower() != "nan":
        why = "is missing"
    elif flag:
        why = f"{shown} is neither true nor false, as the first row's is"
    elif stripped.lower().lstrip("+-") in ("nan", "inf", "infinity") or _NUMBER.fullmatch(stripped):
        why = f"{shown} is not a finite number"
    elif _SEPARATED.fullmatch(stripped):
        why = f"{shown} is not a number: decimals are written with a point, thousands without a mark"
    else:
        why = f"{shown} is not a number; encode it as one, or leave the column out"
    refuse(path, f"column {name!r}: {why}", line)
