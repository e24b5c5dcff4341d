import errno

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpbench.errors import StoreError
from lpbench.store import sorting
from lpbench.store.sorting import Buckets

SCHEMA = pa.schema({"value": pa.int64(), "text": pa.string()})


def table_of(values):
    return pa.table({"value": pa.array(values, pa.int64()), "text": [f"{value}!" for value in values]})


@settings(deadline=None)
@given(
    tables=st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=6),
    limit=st.integers(1, 80),
)
def test_rows_come_back_by_rank_in_the_order_they_came(tmp_path_factory, tables, limit):
    folder, count = tmp_path_factory.mktemp("sorting"), 0
    expected = []
    with Buckets(10, sum(map(len, tables)), limit, SCHEMA, folder) as buckets:
        for ranks in tables:
            values = list(range(count, count + len(ranks)))
            count += len(ranks)
            expected += zip(ranks, values, strict=True)
            buckets.add(table_of(values), np.array(ranks, np.int64))
        found = pa.concat_tables(buckets)
    expected.sort(key=lambda pair: pair[0])
    assert found.schema == SCHEMA
    assert found["value"].to_pylist() == [value for _, value in expected]
    assert found["text"].to_pylist() == [f"{value}!" for _, value in expected]
    assert not list(folder.iterdir())


def test_of_many_rows_few_are_in_memory_and_nothing_stays_on_the_disk(tmp_path):
    generator = np.random.default_rng(0)
    ranks = generator.permutation(1000)
    with Buckets(1000, 1000, 100, SCHEMA, tmp_path) as buckets:
        for start in range(0, 1000, 10):
            chosen = ranks[start : start + 10]
            buckets.add(table_of(chosen.tolist()), chosen)
            assert buckets._waits < 100
        pieces = [piece["value"].to_pylist() for piece in buckets]
    assert max(map(len, pieces)) <= 100
    assert [value for piece in pieces for value in piece] == list(range(1000))
    assert not list(tmp_path.iterdir())


def test_an_error_on_the_way_leaves_nothing_on_the_disk(tmp_path):
    with pytest.raises(ZeroDivisionError), Buckets(10, 10, 2, SCHEMA, tmp_path) as buckets:  # noqa: PT012
        buckets.add(table_of([1, 2, 3]), np.array([1, 2, 3]))
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sorting.pa.ipc, "new_file", full)
    buckets = Buckets(10, 10, 2, SCHEMA, tmp_path)
    with pytest.raises(StoreError, match="No space left on device"):
        buckets.add(table_of([1, 2, 3]), np.array([1, 2, 3]))
    buckets.close()
