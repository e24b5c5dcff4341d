"""Sweeps that were stored before there were networks, whose columns their files lack."""

import pyarrow.parquet as pq
from fake_results import fake_cell, fake_result

from lpbench.declared.choices import LATER
from lpbench.declared.columns import NETWORK
from lpbench.store.read import read_cells, read_columns
from lpbench.store.writer import SweepWriter

NEW = [*LATER, *(metric.name for metric in NETWORK)]


def older(folder, cells):
    """The sweep with these cells, as it was written then."""
    with SweepWriter(folder, [{"overrides": ["precision=8"], "config_dir": None}], len(cells)) as store:
        for cell in cells:
            store.put(fake_result(cell))
        store.state = "done"
    file = folder / "cells.parquet"
    table = pq.read_table(file)
    pq.write_table(table.drop_columns(NEW), file)
    return folder


def test_columns_that_the_file_lacks_are_null(tmp_path):
    cells = [fake_cell(seed) for seed in range(5)]
    folder = older(tmp_path / "demo", cells)
    columns, _ = read_columns(folder, ["precision", *NEW])
    assert list(columns["precision"]) == [8] * 5
    assert all(list(columns[name]) == [None] * 5 for name in NEW)
    assert read_columns(folder, NEW)[0].keys() == set(NEW)
    assert read_cells(folder, ["recipe"]).to_pylist() == [{"recipe": None}] * 5
    assert read_cells(folder).num_rows == 5
