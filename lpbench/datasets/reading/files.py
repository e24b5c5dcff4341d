"""Data files: where they are, what they hold, and the one line that says what is wrong with them."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import math
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from lpbench.datasets.data import CLASSIFICATION, REGRESSION, FileData
from lpbench.errors import ConfigError

MAX_PARSED = 2  # files kept parsed in memory

NOT_UTF8 = "is not UTF-8: save the file as UTF-8 (for example: iconv -f latin1 -t utf-8)"

_contents: dict[tuple[Any, ...], str] = {}
_parsed: OrderedDict[tuple[Any, ...], FileData] = OrderedDict()
_lock = threading.RLock()


def chosen_path(choices: Mapping[str, Any], dataset: str, needs: str) -> Path:
    """The `path` of the choices, `~` expanded; raises ConfigError where it is null."""
    path = choices.get("path")
    if path is None:
        raise ConfigError(f"dataset={dataset} needs path={needs}")
    return Path(str(path)).expanduser()


def existing_file(path: Path) -> Path:
    """`path` where it is a file that holds something; raises ConfigError otherwise."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    if path.is_dir():
        raise ConfigError(f"{path}: is a folder; a data file is needed")
    if size == 0:
        raise ConfigError(f"{path}: is empty")
    return path


def content_hash(path: Path) -> str:
    """Hash of a file's bytes, remembered while path, size and times of change stay the same."""
    try:
        state = path.stat()
        stamp = (str(path), state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        known = _contents.get(stamp)
        if known is None:
            with path.open("rb") as file:
                known = _contents[stamp] = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
        return known
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None


def parsed(paths: list[Path], how: tuple[Any, ...], read: Callable[..., FileData]) -> FileData:
    """`read` of the bytes of `paths`, remembered by their content and by `how` for the last few files.

    Its `content` is the hashes of the very bytes that were parsed: a file may be replaced at any moment, also
    after its content was hashed for a plan.
    """
    contents = tuple(map(content_hash, paths))
    with _lock:
        data = _parsed.get((*how, *contents))
        if data is None:
            raw, contents = read_all(paths)
            data = _parsed[*how, *contents] = read(*raw)
            data.content = contents
            while len(_parsed) > MAX_PARSED:
                _parsed.popitem(last=False)
        _parsed.move_to_end((*how, *contents))
        return data


def read_all(paths: Sequence[Path]) -> tuple[list[bytes], tuple[str, ...]]:
    """What files hold, and the hashes of these very bytes; raises ConfigError."""
    raw = [read_bytes(path) for path in paths]
    return raw, tuple(hashlib.blake2b(held).hexdigest()[:32] for held in raw)


def read_bytes(path: Path) -> bytes:
    """What the file `path` holds; raises ConfigError."""
    try:
        return existing_file(path).read_bytes()
    except OSError as error:
        refuse(path, f"cannot be read: {error.strerror or error}")


class Read(NamedTuple):
    """What a reader found: X (N, d), the target (N,), what the columns are called, and what its user may not expect."""

    X: Any
    target: np.ndarray
    columns: Sequence[str | int]
    remarks: Sequence[str] = ()


def _zstandard(content: bytes) -> bytes:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        return bytes(stream.read())


# Of each suffix, what reads such a file, and what it begins with.
_COMPRESSED: dict[str, tuple[Callable[[bytes], bytes], bytes]] = {
    ".gz": (gzip.decompress, b"\x1f\x8b"),
    ".bz2": (bz2.decompress, b"BZh"),
    ".xz": (lzma.decompress, b"\xfd7zXZ\0"),
    ".zst": (_zstandard, b"\x28\xb5\x2f\xfd"),
}
# What a file of another kind begins with, and what to do with it.
_OTHERS = {
    **{start: f"is compressed: its name must end in {suffix}" for suffix, (_, start) in _COMPRESSED.items()},
    b"PK\3\4": "is a zip archive, as Excel's files are: unpack it, or save the table as .csv",
    b"PAR1": "is a parquet file: its name must end in .parquet",
    b"\xff\xfe": "is UTF-16: save the file as UTF-8 (for example: iconv -f utf-16 -t utf-8)",
    b"\xfe\xff": "is UTF-16: save the file as UTF-8 (for example: iconv -f utf-16 -t utf-8)",
}


def compression(path: Path) -> str:
    """The suffix that says how a file is compressed, else nothing: part of how its content is read."""
    suffix = path.suffix.lower()
    return suffix if suffix in _COMPRESSED else ""


def decompressed(path: Path, content: bytes) -> bytes:
    """`content` of `path`, decompressed as its suffix says; raises ConfigError."""
    if suffix := compression(path):
        try:
            content = _COMPRESSED[suffix][0](content)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            refuse(path, f"cannot be read: {error}")
    if not content:
        refuse(path, "is empty")
    return content


def text(path: Path, content: bytes) -> bytes:
    """`content` of a text file, without a byte order mark; raises ConfigError for a file of another kind."""
    for start, what in _OTHERS.items():
        if content.startswith(start):
            refuse(path, what)
    return content.removeprefix(b"\xef\xbb\xbf")


def stem(path: Path) -> Path:
    """`path` without the suffix that says how it is compressed."""
    return path.with_suffix("") if compression(path) else path


def refuse(path: Path, what: str, line: int | None = None) -> NoReturn:
    """Raise ConfigError: the file, the line where there is one, and what is wrong."""
    place = f"{path}: line {line}" if line is not None else str(path)
    raise ConfigError(f"{place}: {what}")


def shortened(text: str) -> str:
    """`text` for a line of an error: of a long one its beginning."""
    return text if len(text) <= 40 else text[:37] + "..."


def labelled(path: Path, found: Read, task: str) -> FileData:
    """Data of a file: the target as numbers (regression) or as class indices in the order of the labels.

    The target is float64, integers of any size, or str. Raises ConfigError for one class, for text in a
    regression, for fractional labels.
    """
    target, kind = found.target, found.target.dtype.kind
    if task == REGRESSION:
        if kind == "U":
            refuse(path, f"the target holds {str(target[0])!r}, but least squares needs numbers")
        data = FileData(found.X, target.astype(np.float64), REGRESSION)
    else:
        odd = target[(target != np.round(target)) | ~np.isfinite(target)] if kind == "f" else target[:0]
        if len(odd):
            refuse(path, f"the target holds {odd[0]:g}: whole numbers or names are needed as class labels")
        labels, y = classes(path, target)
        data = FileData(found.X, y.astype(np.float64), CLASSIFICATION, len(labels))
    data.columns, data.remarks = found.columns, tuple(found.remarks)
    return data


def classes(path: Path, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct labels in their order, and of each sample the index of its own; raises ConfigError for one class."""
    labels, y = np.unique(target, return_inverse=True)
    if len(labels) < 2:
        refuse(path, f"all {len(y)} samples have the label {labels[0]}: two classes or more are needed")
    return labels, y


def label_values(labels: Sequence[str]) -> np.ndarray:
    """Labels as numbers where every one is one, so that 10 sorts after 9; else as text.

    Whole numbers stay whole, at any size: as float64 those above 2^53 would merge.
    """
    distinct = {text: text.strip() for text in set(labels)}
    try:
        numbers = {text: float(stripped) for text, stripped in distinct.items()}
    except ValueError:
        return np.array([distinct[text] for text in labels], dtype=np.str_)
    if max(map(abs, numbers.values()), default=0.0) >= 2.0**53 and all(map(math.isfinite, numbers.values())):
        exact = {text: Fraction(stripped) for text, stripped in distinct.items()}
        if all(number.denominator == 1 for number in exact.values()):
            return np.array([int(exact[text]) for text in labels], dtype=object)
    return np.array([numbers[text] for text in labels])
