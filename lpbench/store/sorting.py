"""Rows brought into an order, of tables that memory does not hold at once: dealt into buckets on disk by their rank.

Each bucket holds a range of ranks and fits into memory, so it is sorted by itself: every row is read once, written
once, and read once more, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from lpbench.errors import StoreError
from lpbench.store.address import is_remote
from lpbench.store.arrays import flat, from_numpy, to_numpy
from lpbench.store.files import TEMPORARY
from lpbench.store.schema import conform

RANK = "__rank"


class Buckets(ExitStack):
    """Takes tables with a rank for each row, and gives the rows back by rank; those of one rank in the order they came.

    ranks   0 ... ranks - 1; of about as many rows each
    rows    that will be added;  limit: those of one bucket. All in one bucket stay in memory.
    schema  of every table, and of what comes back
    beside  a folder: spilled rows lie in it meanwhile, or in the system's own where that is no disk

    A context manager, after which nothing is left on the disk. Raises StoreError where the disk refuses.
    """

    def __init__(self, ranks: int, rows: int, limit: int, schema: pa.Schema, beside: Path):
        super().__init__()
        count = max(1, -(-rows // limit))
        self._size = max(1, -(-ranks // count))
        self._count = max(1, -(-ranks // self._size))
        self._schema = schema
        self._deal = max(1, limit // 4)
        self._beside = beside
        self._folder: Path | None = None
        self._files: dict[int, pa.RecordBatchFileWriter] = {}
        self._waiting: list[pa.Table] = []
        self._waits = 0

    def add(self, table: pa.Table, ranks: np.ndarray) -> None:
        """Take the rows of `table`, the i-th of rank `ranks[i]`."""
        whole = conform(table, self._schema).append_column(RANK, from_numpy(ranks.astype(np.int64)))
        self._waiting.append(whole)
        self._waits += whole.num_rows
        # Many small tables at once: dealt one by one, each would leave a crumb in every bucket.
        if self._count > 1 and self._waits >= self._deal:
            self._spill()

    def __iter__(self) -> Iterator[pa.Table]:
        """The rows by rank, a bucket at a time; once."""
        if self._count == 1:
            yield self._sorted(self._take())
            return
        self._spill()
        with self._telling():
            for writer in self._files.values():
                writer.close()
        for bucket in sorted(self._files):
            path = self._path(bucket)
            with pa.memory_map(str(path)) as file:
                yield self._sorted(pa.ipc.open_file(file).read_all())
            path.unlink()

    def _take(self) -> pa.Table:
        fields = [*self._schema, pa.field(RANK, pa.int64())]
        whole = pa.concat_tables(self._waiting) if self._waiting else pa.schema(fields).empty_table()
        self._waiting, self._waits = [], 0
        return whole

    def _sorted(self, table: pa.Table) -> pa.Table:
        order = np.argsort(_numbers(table, RANK), kind="stable")
        return table.drop_columns([RANK]).take(from_numpy(order))

    def _spill(self) -> None:
        table = self._take()
        buckets = _numbers(table, RANK) // self._size
        order = np.argsort(buckets, kind="stable")
        table, ends = (
            table.take(from_numpy(order)),
            np.searchsorted(buckets[order], np.arange(self._count + 1)),
        )
        with self._telling():
            for bucket in np.flatnonzero(np.diff(ends)).tolist():
                piece = table.slice(ends[bucket], ends[bucket + 1] - ends[bucket])
                self._writer(bucket, table.schema).write_table(piece)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"cannot write beside {self._beside}: {error.strerror or error}") from error

    def _writer(self, bucket: int, schema: pa.Schema) -> pa.RecordBatchFileWriter:
        if self._folder is None:
            where = None if is_remote(self._beside) else self._beside
            spilled = TemporaryDirectory(TEMPORARY, "sorting-", where, ignore_cleanup_errors=True)
            self._folder = Path(self.enter_context(spilled))
        if bucket not in self._files:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            file = pa.ipc.new_file(str(self._path(bucket)), schema, options=options)
            self._files[bucket] = self.enter_context(file)
        return self._files[bucket]

    def _path(self, bucket: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{bucket}.arrow"


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return to_numpy(flat(table[name]))
