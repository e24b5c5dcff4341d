import math

import numpy as np
import pyarrow as pa
import pytest
from fake_results import fake_cell, fake_result
from hypothesis import given, settings
from hypothesis import strategies as st

from lpbench.store import schema


def test_columns_of_the_contract_are_there_once():
    names = (
        "cell_id group_id sweep mantissa_bits bits_per_value status error initial_gap final_gap noise_floor",
        "mean_gap iterate_gap best_gap gradient_l1 max_update bound bound_kind saturation_rate stall_rate",
        "steps seconds steps_per_second digest L mu L_f L_1 L_1_avg gamma sigma sigma_1 s_1 sigma_w L_w",
        "w_max lpbench_version git_commit started_at host cpu",
    )
    assert set(" ".join(names).split()) <= set(schema.CELLS.names)
    assert len(set(schema.CELLS.names)) == len(schema.CELLS.names)
    names = (
        "cell_id step epoch outer gradient_evaluations objective_gap iterate_gap gradient_norm distance",
        "saturation_rate stall_rate seconds",
    )
    assert " ".join(schema.TRACES.names) == " ".join(names)


def test_rows_get_the_contracts_types_and_null_where_absent():
    table = schema.cells_table([{"cell_id": "a", "precision": 8, "limit": 1, "subnormals": True}])
    assert table.schema.names == schema.CELLS.names
    assert table.schema.types == schema.CELLS.types
    assert table["limit"].to_pylist() == [1.0]
    assert table["noise_floor"].null_count == 1


def test_numpy_scalars_and_whole_floats_fit():
    rows = [
        {"cell_id": "a", "steps": 100.0, "L": np.float64(2.5), "seed": np.int64(3), "subnormals": np.True_}
    ]
    table = schema.cells_table(rows)
    assert [table[name][0].as_py() for name in ("steps", "L", "seed", "subnormals")] == [100, 2.5, 3, True]


def test_a_value_that_does_not_fit_becomes_null_and_is_said():
    rows = [
        {"cell_id": "a", "status": "ok", "precision": 8.5},
        {"cell_id": "b", "status": "ok", "precision": 4},
    ]
    table = schema.cells_table(rows)
    assert table["precision"].to_pylist() == [None, 4]
    assert table["error"][0].as_py() == "precision: the column holds int64, got 8.5"
    assert table["error"][1].as_py() is None


def test_an_unresolved_expression_of_a_failed_cell_leaves_its_error_alone():
    table = schema.cells_table(
        [{"cell_id": "a", "status": "failed", "error": "no file", "step_size": "0.1/L"}]
    )
    assert table["step_size"].to_pylist() == [None]
    assert table["error"].to_pylist() == ["no file"]


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        ([1, None], pa.int64(), [1, None]),
        ([1, 2.5], pa.float64(), [1.0, 2.5]),
        ([True, None], pa.bool_(), [True, None]),
        (["a", 1], pa.string(), ["a", "1"]),
        ([[1, 2], None], pa.string(), ["[1, 2]", None]),
    ],
)
def test_unknown_keys_become_columns_of_inferred_type(values, kind, read):
    table = schema.cells_table([{"cell_id": str(i), "mine": value} for i, value in enumerate(values)])
    assert table["mine"].type == kind
    assert table["mine"].to_pylist() == read


def test_an_unknown_key_without_a_value_has_no_type_yet_and_no_column():
    empty, full = (schema.cells_table([{"cell_id": "a", "mine": value}]) for value in (None, 2.5))
    assert "mine" not in empty.column_names
    assert schema.concatenate([empty, full], schema.CELLS)["mine"].to_pylist() == [None, 2.5]


def test_columns_of_two_types_meet():
    one, two, three = (schema.cells_table([{"cell_id": "a", "mine": value}]) for value in (1, 2.5, "x"))
    assert schema.concatenate([one, two], schema.CELLS)["mine"].to_pylist() == [1.0, 2.5]
    assert schema.concatenate([one, three], schema.CELLS)["mine"].to_pylist() == ["1", "x"]
    plain = schema.cells_table([{"cell_id": "a"}])
    assert schema.concatenate([plain, one], schema.CELLS)["mine"].to_pylist() == [None, 1]


def test_traces_in_one_table_with_null_where_a_column_is_absent():
    first = {"step": np.array([0, 5]), "objective_gap": np.array([1.0, np.nan])}
    second = {"step": np.array([0]), "objective_gap": np.array([2.0]), "outer": np.array([1])}
    table = schema.traces_table(["a", "b"], [first, second])
    assert table.schema.names == schema.TRACES.names
    assert table.schema.types == schema.TRACES.types
    assert table["cell_id"].to_pylist() == ["a", "a", "b"]
    assert table["outer"].to_pylist() == [None, None, 1]
    assert math.isnan(table["objective_gap"][1].as_py())


def test_no_traces_at_all():
    assert schema.traces_table([], []).schema.names == schema.TRACES.names


value = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([*schema.CELLS.names, "mine", "yours"]), value), max_size=4))
def test_whatever_a_row_holds_the_table_has_the_schema(rows):
    table = schema.cells_table([{**row, "cell_id": str(i)} for i, row in enumerate(rows)])
    assert table.num_rows == len(rows)
    assert table.schema.types[: len(schema.CELLS)] == schema.CELLS.types


def test_a_whole_result_round_trips():
    result = fake_result(fake_cell())
    row = schema.cells_table([result.row]).to_pylist()[0]
    assert {name: row[name] for name in result.row} == result.row
