"""Reading csv and parquet tables: numbers in every column but the target."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from lpbench.datasets.base import REGRESSION
from lpbench.datasets.files import label_values, refuse
from lpbench.errors import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa


def read_csv(path: Path, content: bytes, target: str, task: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """X (N, d) float64, the target (N,), numbers or str, and the names of the columns, of a table with a header.

    Raises ConfigError that names the first bad line (counted from 1, the header included).
    """
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    header = _header(path, content)
    features = _features(path, header, target)
    types = dict.fromkeys(features, pa.float64())
    types[target] = pa.float64() if task == REGRESSION else pa.string()
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(content),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types, include_columns=[*features, target], strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid as error:
        _find_bad_line(path, content, header, target, task)
        refuse(path, f"is not a comma-separated table: {' '.join(str(error).split())}")
    if table.num_rows == 0:
        refuse(path, "holds a header but no samples")
    X = np.empty((table.num_rows, len(features)))
    for j, name in enumerate(features):
        X[:, j] = table.column(name).to_numpy()
    if not np.isfinite(X).all() or table.column(target).null_count:
        _find_bad_line(path, content, header, target, task)
        refuse(path, "holds a value that is missing or not finite")
    y = (
        label_values(table.column(target).to_pylist())
        if task != REGRESSION
        else table.column(target).to_numpy()
    )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        _find_bad_line(path, content, header, target, task)
        refuse(path, f"the target {target!r} holds a value that is not finite")
    return X, y, features


def read_parquet(
    path: Path, content: bytes, target: str, task: str
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """As `read_csv`, from a parquet file; errors name the row, counted from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(pa.BufferReader(content)).read()
    except (pa.ArrowException, OSError) as error:
        refuse(path, f"is not a parquet file: {' '.join(str(error).split())}")
    features = _features(path, table.column_names, target)
    if table.num_rows == 0:
        refuse(path, "holds no samples")
    X = np.empty((table.num_rows, len(features)))
    for j, name in enumerate(features):
        X[:, j] = _parquet_numbers(path, name, table.column(name))
    labels = table.column(target)
    if labels.null_count:
        row = int(np.flatnonzero(labels.is_null().to_numpy())[0]) + 1
        refuse(path, f"row {row}: {target!r} is missing")
    if pa.types.is_dictionary(labels.type):
        labels = labels.cast(labels.type.value_type)
    if pa.types.is_string(labels.type) or pa.types.is_large_string(labels.type):
        return X, np.array(labels.to_pylist(), dtype=np.str_), features
    if task != REGRESSION and pa.types.is_integer(labels.type):
        return X, labels.to_numpy(), features
    return X, _parquet_numbers(path, target, labels), features


def _parquet_numbers(path: Path, name: str, column: pa.ChunkedArray) -> np.ndarray:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        refuse(path, f"column {name!r} holds {kind}, but numbers are needed")
    numbers = column.cast(pa.float64(), safe=False).to_numpy()
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        refuse(path, f"row {bad[0] + 1}: {name!r} is missing or not finite")
    return numbers


def _features(path: Path, header: list[str], target: str) -> list[str]:
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        refuse(path, f"two columns are called {twice[0]!r}")
    if target not in header:
        refuse(path, f"has no column {target!r} to use as the target.{did_you_mean(target, header)}")
    features = [name for name in header if name != target]
    if not features:
        refuse(path, f"has no column but the target {target!r}")
    return features


def _lines(content: bytes) -> IO[str]:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", errors="replace", newline="")


def _header(path: Path, content: bytes) -> list[str]:
    try:
        header = next(csv.reader(_lines(content)), [])
    except csv.Error as error:
        refuse(path, f"cannot be read: {error}")
    if not header:
        refuse(path, "the first line, which names the columns, is empty", 1)
    return header


def _find_bad_line(path: Path, content: bytes, header: list[str], target: str, task: str) -> None:
    """Raise ConfigError for the first line whose fields are not what the header promises."""
    rows = csv.reader(_lines(content))
    next(rows)
    for fields in rows:
        if not fields:
            continue
        if len(fields) != len(header):
            refuse(path, f"{len(fields)} fields, but the header names {len(header)}", rows.line_num)
        for name, text in zip(header, fields, strict=True):
            if name == target and task != REGRESSION:
                if text == "" or text.lower() in ("nan", "na", "null"):
                    refuse(path, f"the target {name!r} is missing", rows.line_num)
                continue
            try:
                number = float(text)
            except ValueError:
                shown = f"{text[:40]!r} is not a number" if text else "is missing"
                refuse(path, f"column {name!r}: {shown}", rows.line_num)
            if not math.isfinite(number):
                refuse(path, f"column {name!r}: {text!r} is not a finite number", rows.line_num)
