"""Costs of whole cells as columns."""

import pyarrow as pa

from lpbench.analysis.costs import with_costs

ROW = {"status": "ok", "steps": 10, "n_samples": 4, "batch_size": 1, "inner_steps": None, "weights": 3,
       "bits_per_value": 8.0, "compute_dtype": "float32"}  # fmt: skip


def test_costs_are_columns_where_a_cell_knows_them():
    rows = [ROW, ROW | {"inner_steps": 5}, ROW | {"status": "diverged"}, ROW | {"weights": None}]
    found = with_costs(pa.Table.from_pylist(rows))
    assert found["gradient_evaluations"].to_pylist() == [10, 28, None, 10]
    assert found["bits_moved"].to_pylist() == [240, 3 * (10 * 8 + 18 * 32), None, None]


def test_a_column_of_before_stays_and_none_is_missed():
    table = pa.table({"status": ["ok"], "bits_moved": [1.5]})
    found = with_costs(table)
    assert (found["bits_moved"].to_pylist(), found["gradient_evaluations"].to_pylist()) == ([1.5], [None])
