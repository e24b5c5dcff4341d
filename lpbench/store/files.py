"""Files that are there whole or not at all: written under a temporary name, synced, renamed; or put at once."""

import contextlib
import errno
import itertools
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lpbench.errors import StoreError
from lpbench.store.address import first_line, is_remote

TEMPORARY = ".tmp"
DAMAGED = ".damaged"  # what was set aside
# Errors that say nothing of the file: it may be read another time, and is left where it is.
_ELSEWHERE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ETIMEDOUT}
)
ROW_GROUP = 100_000  # rows: a curve's points lie in one or two row groups of a sorted file


class StoreWarning(UserWarning):
    """A file of a sweep was left out."""


def write_atomic(path: Path, write: Callable[[IO[bytes]], object]) -> None:
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
        with contextlib.suppress(FileNotFoundError):  # a new file has the mode that new files have
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


def write_named(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a file that the user named: as `write_atomic`, but a link stays one, and what is no regular file
    (a device, a pipe) is written to, not replaced. Raises StoreError.

    The store's own files are replaced even where they are links: a folder that someone else made must not lead a
    sweep to a file elsewhere.
    """
    if is_remote(path):
        _put(path, write)
        return
    try:
        stream = _open_stream(path)
        if stream is None:
            write_atomic(_target(path), write)
            return
        # What formats like Parquet are written into must be able to tell and seek; a pipe is not.
        with open(stream, "wb") as there, tempfile.TemporaryFile() as file:
            write(file)
            file.seek(0)
            shutil.copyfileobj(file, there)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file that the user named, as `write_named` does."""
    write_named(path, lambda file: file.write(content))


def replace_bytes(path: Path, content: bytes) -> None:
    """Write a file of lpbench's own, as `write_atomic` does."""
    write_atomic(path, lambda file: file.write(content))


def append_bytes(path: Path, content: bytes) -> None:
    """Append to a file that the user named, which is made where it is missing; raises StoreError."""
    try:
        with open(path, "ab") as file:
            file.write(content)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


def _open_stream(path: Path) -> int | None:
    """Where `path` names something to write to and not a file to replace (a device, a pipe, this process's output), a
    descriptor of it; raises OSError.
    """
    try:
        there = path.stat()
    except OSError:
        return None  # nothing is there yet, or writing will say what is wrong
    for output in (1, 2):  # /dev/stdout is a regular file where the shell leads it into one
        with contextlib.suppress(OSError):
            if os.path.samestat(there, os.fstat(output)):
                return os.dup(output)
    plain = stat.S_ISREG(there.st_mode) or stat.S_ISDIR(there.st_mode)
    return None if plain else os.open(path, os.O_WRONLY)


def _target(path: Path) -> Path:
    """Where the links of `path` lead, a file that need not be there; raises StoreError for links in a circle."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise StoreError(f"cannot write {path}: its links lead in a circle")
    return target


def _put(path: Any, write: Callable[[IO[bytes]], object]) -> None:
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
    """All of a file as it is at one moment, by one request where it lies in an object store; raises OSError.

    What is no regular file, a pipe for one, which nobody may ever write to, cannot be read.
    """
    if is_remote(path):
        return cast(Any, path).fs.cat_file(cast(Any, path).path)
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return path.read_bytes()


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


def read_bounded(
    path: Path, columns: Sequence[str], most_rows: int, most_bytes: int, may_lack: Collection[str] = ()
) -> pa.Table:
    """The `columns` of a Parquet file that someone else may have made; raises StoreError where it holds more than it
    may, OSError, KeyError for a missing column, pyarrow.ArrowInvalid.

    A file of some kB can hold a billion equal rows, or a text of a megabyte a million times: rows and bytes are counted
    before they are unpacked, and texts are kept once each until it is known how much they come to.

    most_bytes   of the unpacked columns; also of the file
    may_lack     columns that are left out where they are missing
    """

    def check(what: str, count: int, most: int) -> None:
        if count > most:
            raise StoreError(f"{path} holds {count:,} {what}, and {most:,} are the most that are read")

    with open_parquet(path) as file:
        metadata, schema = file.metadata, file.schema_arrow
        check("rows", metadata.num_rows, most_rows)
        columns = [name for name in columns if name in schema.names or name not in may_lack]
        missing = [name for name in columns if name not in schema.names]
        if missing:
            raise KeyError(*missing)
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
        unpacked = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in columns)
        check("bytes", unpacked, most_bytes)
    texts = []
    for name in columns:
        kind = schema.field(name).type
        kind = kind.value_type if pa.types.is_dictionary(kind) else kind
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            texts.append(name)
        elif not (pa.types.is_primitive(kind) or pa.types.is_null(kind)):
            raise StoreError(
                f"{path}: column {name} is of type {kind}, which holds neither a number nor a text"
            )
    with open_parquet(path, read_dictionary=texts) as file:
        table = file.read(list(columns))
    size = sum(_unpacked(chunk) for name in texts for chunk in table[name].chunks)
    check("bytes of text", size, most_bytes)
    return table


def _unpacked(chunk: pa.DictionaryArray) -> int:
    """Bytes of the texts of a column, each as often as it stands there."""
    return pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices)).as_py() or 0


Write = Callable[[Path, Callable[[IO[bytes]], object]], None]


def write_table(path: Path, table: pa.Table, write: Write = write_atomic) -> None:
    """Write `table` as Parquet, atomically; `write_named` for a file that the user named."""
    write_pieces(path, [table], table.schema, write)


def write_pieces(
    path: Path, pieces: Iterable[pa.Table], schema: pa.Schema, write: Write = write_atomic
) -> None:
    """Write the tables of `pieces`, all of `schema`, one after the other as one Parquet file, atomically."""
    # Measured numbers hardly repeat: without dictionaries traces are written in half the time, and smaller.
    repeating = [field.name for field in schema if not pa.types.is_floating(field.type)]
    dictionaries = repeating if "step" in schema.names else True

    def fill(file: IO[bytes]) -> None:
        options = {"compression": "zstd", "write_page_checksum": True, "use_dictionary": dictionaries}
        with pq.ParquetWriter(file, schema, **options) as writer:
            for piece in pieces:
                writer.write_table(piece, ROW_GROUP)

    write(path, fill)
