"""Reading the svmlight / LIBSVM text format: lines of LABEL INDEX:VALUE ..., comments after `#`."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lpbench.datasets.reading.files import Read, label_values, refuse, shortened

_BLANKS = re.compile(rb":[ \t]+")


def read(path: Path, content: bytes) -> Read:
    """X (N, d) csr_array without stored zeros, the labels (N,), and the columns' indices, of what `path` holds.

    Indices count from 1, or from 0 if one is 0. Blanks may follow a colon, as for LIBSVM's own tools. Raises
    ConfigError that names the first bad line.
    """
    from scipy.sparse import csr_array
    from sklearn.datasets import load_svmlight_file

    content = _BLANKS.sub(b":", content)
    try:
        loaded, y = load_svmlight_file(io.BytesIO(content))
    except (ValueError, OverflowError) as error:
        _find_bad_line(path, content)
        refuse(path, f"is not an svmlight file: {error}")
    if len(y) == 0:
        refuse(path, "holds no samples")
    X = csr_array(loaded)
    if not (np.isfinite(X.data).all() and np.isfinite(y).all()):
        _find_bad_line(path, content)
        refuse(path, "holds a value that is not finite")
    if np.abs(y).max() >= 2.0**53:  # whole numbers that would merge
        y = label_values([line.split(None, 1)[0].decode() for _, line in _samples(content)])
    X.eliminate_zeros()
    if X.nnz == 0:
        refuse(path, "holds no feature that is not 0")
    index = np.int32 if max(X.nnz, *X.shape) < 2**31 else np.int64
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    first = 0 if re.search(rb"[ \t]0:", content) else 1
    return Read(X, y, range(first, first + X.shape[1]))


def _samples(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that hold a sample, without comments, and their numbers, from 1."""
    for number, line in enumerate(io.BytesIO(content), 1):
        sample = line.split(b"#", 1)[0]
        if sample.strip():
            yield number, sample


def _find_bad_line(path: Path, content: bytes) -> None:
    """Raise ConfigError for the first line that the format does not allow."""
    for number, sample in _samples(content):
        wrong = _wrong(sample.decode("utf-8", "replace").split() or [""])
        if wrong:
            refuse(path, wrong, number)


def _wrong(fields: list[str]) -> str | None:
    label, *pairs = fields
    if _number(label) is None:
        table = "; a table's file is named .csv or .parquet" if "," in label else ""
        return f"expected LABEL INDEX:VALUE ..., got {shortened(' '.join(fields))!r}{table}"
    if not math.isfinite(float(label)):
        return f"the label {label!r} is not finite"
    last = -1
    for pair in pairs:
        index, colon, value = pair.partition(":")
        if index == "qid":
            continue
        if not colon or not index.isascii() or not index.isdigit() or _number(value) is None:
            return f"expected INDEX:VALUE, got {shortened(pair)!r}"
        if not math.isfinite(float(value)):
            return f"feature {index} is {value!r}, not a finite number"
        if int(index) <= last:
            return f"the indices must rise, but {index} follows {last}"
        if int(index) >= 2**31 - 1:
            return f"the index {index} is too large"
        last = int(index)
    return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
