"""Costs of whole cells as columns."""

import pyarrow as pa
import pytest

import lpbench
from lpbench.analysis.costs import with_costs
from lpbench.declared.costs import bits_moved

ROW = {"status": "ok", "algorithm": "lp_sgd", "snapshot": None, "steps": 10, "n_samples": 4, "batch_size": 1,
       "inner_steps": None, "weights": 3, "bits_per_value": 8.0, "compute_dtype": "float32"}  # fmt: skip


def test_costs_are_columns_where_a_cell_knows_them():
    rows = [ROW, ROW | {"inner_steps": 5}, ROW | {"status": "diverged"}, ROW | {"weights": None},
            ROW | {"algorithm": "of_mine"}]  # fmt: skip
    found = with_costs(pa.Table.from_pylist(rows))
    assert found["gradient_evaluations"].to_pylist() == [10, 28, None, 10, None]
    assert found["bits_moved"].to_pylist() == [240, 3 * (10 * 8 + 18 * 32), None, None, None]


@pytest.mark.parametrize(
    ("algorithm", "more"),
    [("swalp", {}), ("lp_svrg", {}), ("halp", {"inner_steps": 7}), ("halp", {"snapshot": "average"})],
)
def test_costs_of_a_cell_are_those_at_the_end_of_its_trace(in_python, algorithm, more):
    found = lpbench.run(
        problem="least_squares", n_samples=20, dimension=3, algorithm=algorithm, steps=50, batch_size=2, format="block",
        precision=8, record_points=4, even_points=4, **more,
    )  # fmt: skip
    end = found["trace"].iloc[-1]
    costs = with_costs(pa.Table.from_pylist([{name: found.get(name) for name in ROW}])).to_pylist()[0]
    assert costs["gradient_evaluations"] == end["gradient_evaluations"]
    assert costs["bits_moved"] == bits_moved(found, end["step"], end["gradient_evaluations"])


def test_a_column_of_before_stays_and_none_is_missed():
    table = pa.table({"status": ["ok"], "bits_moved": [1.5]})
    found = with_costs(table)
    assert (found["bits_moved"].to_pylist(), found["gradient_evaluations"].to_pylist()) == ([1.5], [None])


def test_costs_of_runs_are_those_of_their_steps():
    more = {"bytes_per_step": 3.0, "energy_per_step": 2.0, "arithmetic_energy_per_step": None}
    rows = [ROW | more, ROW | more | {"status": "diverged"}, ROW | more | {"steps": None}]
    found = with_costs(pa.Table.from_pylist(rows))
    assert found["bytes_per_run"].to_pylist() == [30.0, None, None]
    assert found["energy_per_run"].to_pylist() == pytest.approx([20e-9, None, None])
    assert found["arithmetic_energy_per_run"].to_pylist() == [None, None, None]


def test_networks_of_before_have_the_bytes_of_their_bits():
    rows = [{"bits_per_step": 80.0, "bytes_per_step": None}, {"bits_per_step": None, "bytes_per_step": 7.0}]
    found = with_costs(pa.Table.from_pylist([ROW | row for row in rows]))
    assert found["bytes_per_step"].to_pylist() == [10.0, 7.0]
    assert found["bytes_per_run"].to_pylist() == [100.0, 70.0]
