import math

import numpy as np
import pyarrow as pa
import pytest
from fake_results import fake_cell, fake_result

from lpbench.store import schema
from lpbench.store.files import write_table
from lpbench.store.rollup import rollup


def build(tmp_path, results):
    """The rollup of `results`, as records by group and step."""
    results = sorted(results, key=lambda result: result.row["cell_id"])
    cells = schema.cells_table([result.row for result in results])
    traces = schema.traces_table([r.row["cell_id"] for r in results], [r.trace for r in results])
    write_table(tmp_path / "traces.parquet", traces)
    table = pa.concat_tables(rollup(cells, tmp_path / "traces.parquet", tmp_path))
    assert table.schema == schema.ROLLUP
    return {(row["group_id"], row["step"]): row for row in table.to_pylist()}


def test_only_steps_that_all_seeds_recorded(tmp_path):
    cells = [fake_cell(seed=seed) for seed in range(5)]
    found = build(tmp_path, [fake_result(cell, value=1.0 + cell.choices["seed"]) for cell in cells])
    log_spaced = {0, 1, 2, 5, 10, 100}
    shared = set.intersection(*(set(fake_result(cell).trace["step"].tolist()) for cell in cells))
    assert {step for _, step in found} == shared >= log_spaced
    assert all(row["n"] == 5 and row["n_diverged"] == 0 for row in found.values())


def test_quantiles_are_numpys(tmp_path):
    cells = [fake_cell(seed=seed) for seed in range(7)]
    values = [3.0, 0.5, 7.0, 1.0, 2.0, 9.0, 0.25]
    found = build(tmp_path, [fake_result(c, value=v) for c, v in zip(cells, values, strict=True)])
    row = found[cells[0].group_id, 0]
    for name, q in (("q10", 0.1), ("q50", 0.5), ("q90", 0.9), ("min", 0), ("max", 1)):
        assert row[name] == pytest.approx(np.quantile(values, q), rel=1e-15)
    assert row["mean_log10"] == pytest.approx(np.log10(values).mean())
    assert (row["epoch"], row["gradient_evaluations"]) == (0.0, 0)


def test_a_seed_that_diverged_counts_up_to_its_end(tmp_path):
    ok, bad = fake_cell(seed=0), fake_cell(seed=1)
    found = build(
        tmp_path,
        [fake_result(ok, steps=[0, 1, 10, 100]), fake_result(bad, "diverged", 50.0, steps=[0, 1])],
    )
    group = ok.group_id
    assert [found[group, step]["n"] for step in (0, 1, 10, 100)] == [2, 2, 1, 1]
    assert all(row["n_diverged"] == 1 for row in found.values())


def test_not_finite_gaps_are_left_out_and_zero_counts_as_very_small(tmp_path):
    zero, nan = fake_result(fake_cell(seed=0), steps=[0, 1]), fake_result(fake_cell(seed=1), steps=[0, 1])
    zero.trace["objective_gap"][:] = 0.0
    nan.trace["objective_gap"][1] = np.inf
    found = build(tmp_path, [zero, nan])
    group = zero.row["group_id"]
    assert found[group, 1]["n"] == 1
    assert found[group, 1]["q50"] == 0.0
    assert found[group, 1]["mean_log10"] == -300
    assert all(math.isfinite(v) for row in found.values() for v in row.values() if isinstance(v, float))


def test_groups_do_not_mix(tmp_path):
    cells = [fake_cell(seed=seed, precision=bits) for bits in (4, 8) for seed in range(2)]
    found = build(tmp_path, [fake_result(c, value=float(c.choices["precision"])) for c in cells])
    assert found[cells[0].group_id, 0]["max"] == 4.0
    assert found[cells[2].group_id, 0]["min"] == 8.0


def test_single_points_and_no_cells(tmp_path):
    cells = [fake_cell(seed=0, precision=4), fake_cell(seed=0, precision=8)]
    found = build(tmp_path, [fake_result(cells[0], steps=[0]), fake_result(cells[1], steps=[7])])
    assert sorted(step for _, step in found) == [0, 7]
    assert build(tmp_path, []) == {}
    tables = rollup(schema.CELLS.empty_table(), tmp_path / "traces.parquet", tmp_path)
    assert [table.num_rows for table in tables] == [0]
