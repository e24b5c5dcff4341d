"""Files that are there whole or not at all: written under a temporary name, synced, renamed; or put at once."""

import errno
import itertools
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from lpbench.address import first_line, is_remote
from lpbench.errors import StoreError

TEMPORARY = ".tmp"
DAMAGED = ".damaged"  # what was set aside
# Errors that say nothing of the file: it may be read another time, and is left where it is.
_ELSEWHERE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ETIMEDOUT}
)
ROW_GROUP = 100_000  # rows: a curve's points lie in one or two row groups of a sorted file


class StoreWarning(UserWarning):
    """A file of a sweep was left out."""


def write_atomic(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Let `write` fill `path`; raises StoreError, and leaves what was there, if that fails."""
    if is_remote(path):
        _put(path, write)
        return
    # Its own name: two workers may write the same part.
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}{TEMPORARY}")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


def _put(path: Any, write: Callable[[IO[bytes]], None]) -> None:
    """Let `write` fill a file of this machine, then put that into the object store: whole, as such stores do."""
    try:
        with tempfile.NamedTemporaryFile(prefix="lpbench-") as file:
            write(cast(IO[bytes], file))
            file.flush()
            path.fs.put_file(file.name, path.path)
    except StoreError:
        raise
    except Exception as error:  # each kind of store has its own
        raise StoreError(f"cannot write {path}: {first_line(error)}") from error


def read_bytes(path: Path) -> bytes:
    """All of a file as it is at one moment, by one request where it lies in an object store; raises OSError."""
    return cast(Any, path).fs.cat_file(cast(Any, path).path) if is_remote(path) else path.read_bytes()


def was_replaced(error: BaseException) -> bool:
    """Whether reading failed because the file went, or an object was put anew: whoever reads starts again."""
    return isinstance(error, FileNotFoundError) or type(error).__name__ == "FileExpired"


def is_elsewhere(error: BaseException) -> bool:
    """Whether reading failed for a reason outside the file: no right to, a disk or a net that does not answer."""
    return isinstance(error, OSError) and error.errno in _ELSEWHERE


def set_aside(path: Path, copy: bool = False) -> Path:
    """Rename `path` (or copy it), over no other file, so that nobody reads it; returns its new name.

    Raises StoreError.
    """
    names = (f"{path.name}{n}{DAMAGED}" for n in itertools.chain([""], map(".{}".format, itertools.count(2))))
    target = next(other for name in names if not (other := path.with_name(name)).exists())
    try:
        if not copy:
            path.rename(target)
        elif is_remote(path):
            target.write_bytes(read_bytes(path))
        else:
            shutil.copyfile(path, target)
    except OSError as error:
        raise StoreError(f"cannot set {path} aside: {error.strerror or error}") from error
    return target


def open_parquet(path: Path, **options: Any) -> pq.ParquetFile:
    """The Parquet file `path` for reading, wherever it lies; raises OSError, pyarrow.ArrowInvalid."""
    return pq.ParquetFile(cast(Any, path).open("rb") if is_remote(path) else path, **options)


def read_table(path: Path) -> pa.Table:
    """The whole of a Parquet file; raises OSError, pyarrow.ArrowInvalid."""
    with open_parquet(path) as file:
        return file.read()


def write_table(path: Path, table: pa.Table) -> None:
    """Write `table` as Parquet, atomically."""
    write_atomic(
        path, lambda file: pq.write_table(table, file, row_group_size=ROW_GROUP, **_options(table.schema))
    )


def write_pieces(path: Path, pieces: Iterable[pa.Table], schema: pa.Schema) -> None:
    """Write the tables of `pieces`, all of `schema`, one after the other as one Parquet file, atomically."""

    def write(file: IO[bytes]) -> None:
        with pq.ParquetWriter(file, schema, **_options(schema)) as writer:
            for piece in pieces:
                writer.write_table(piece, ROW_GROUP)

    write_atomic(path, write)


def _options(schema: pa.Schema) -> dict[str, Any]:
    options: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}
    if "step" in schema.names:
        # Measured numbers hardly repeat: without dictionaries traces are written in half the time, and
        # smaller.
        options["use_dictionary"] = [field.name for field in schema if not pa.types.is_floating(field.type)]
    return options
