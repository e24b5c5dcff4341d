"""Integer arithmetic as a choice: what it takes, what it refuses, and the identity of all other cells."""

import pytest

from lpbench.cells.cost import warnings
from lpbench.choices.cell import Cell, make_cell
from lpbench.choices.grid import single
from lpbench.errors import ConfigError


def cell(**choices: object) -> Cell:
    return make_cell(single({"dimension": 16, "n_samples": 50, **choices}))


def test_simulated_cells_are_those_of_before_there_was_a_choice():
    plain = cell()
    assert cell(arithmetic="simulated") == plain
    assert cell(data_bits=16) == plain  # which nothing reads
    assert plain.choices["arithmetic"] is plain.choices["data_bits"] is None
    # Stored cells are found by it: it stays.
    assert plain.cell_id == "24cdcb302df49a0b"
    assert "arithmetic" not in plain.group.definition


def test_integer_cells_are_cells_of_their_own():
    eight, also, sixteen = (
        cell(arithmetic="integer", **more) for more in ({}, {"data_bits": 8}, {"data_bits": 16})
    )
    assert eight == also
    assert len({cell().cell_id, eight.cell_id, sixteen.cell_id}) == 3
    assert (eight.choices["data_bits"], sixteen.choices["data_bits"]) == (8, 16)
    assert "arithmetic integer 1" in eight.group.definition


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"algorithm": "sgd"}, "arithmetic=integer does not have algorithm=sgd: choose algorithm=lp_sgd"),
        ({"algorithm": "svrg"}, "algorithm=svrg: choose algorithm=lp_svrg"),
        ({"algorithm": "swalp"}, "algorithm=swalp: choose algorithm=halp, lp_sgd, lp_svrg"),
        ({"format": "float"}, "format=float: choose format=fixed"),
        ({"precision": 6}, "precision=6: choose precision=8"),
        ({"precision": 20}, "precision=20: choose precision=16"),
        ({"data_bits": 14}, "data_bits=14: choose data_bits=16"),
        ({"rounding": "nearest_even"}, "rounding=nearest_even: choose rounding=stochastic"),
        ({"random_bits": 4}, "rounding=stochastic with random_bits=null"),
        ({"sum_format": "bf16"}, "sum_format=bf16: choose sum_format=none, as sums are exact"),
        ({"batch_size": 4}, "batch_size=4: choose batch_size=1"),
        ({"algorithm": "halp", "snapshot": "average"}, "snapshot=average: choose snapshot=last"),
        ({"problem": "family_s"}, "problem=family_s: choose problem=least_squares, logistic_regression, squared_hinge"),
        ({"problem": "mlp"}, "problem=mlp: choose problem=least_squares"),
        ({"problem": "logistic_regression", "dataset": "digits", "dimension": None, "n_samples": None}, "more classes"),
        ({"arithmetic": "integers"}, "unknown arithmetic 'integers'. Did you mean 'integer'?"),
        ({"data_bits": 4}, "data_bits must be a whole number in 8..16"),
    ],
)  # fmt: skip
def test_refused_in_one_line(choices, message):
    with pytest.raises(ConfigError) as refused:
        cell(**{"arithmetic": "integer", **choices})
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_sparse_data_is_refused(tmp_path):
    file = tmp_path / "rows.svm"
    file.write_text("1 1:0.5 3:2\n-1 2:1\n1 1:1 2:-1\n-1 3:1.5\n")
    of = {"dataset": "file", "path": str(file), "dimension": None, "n_samples": None}
    with pytest.raises(ConfigError, match="reads dense data, and an svmlight file is kept sparse"):
        cell(arithmetic="integer", problem="squared_hinge", **of)


def test_offsets_of_8_bits_are_warned_of():
    of = {"algorithm": "halp", "arithmetic": "integer"}
    (line,) = warnings(
        [cell(**of, precision=8), cell(**of, precision=16), cell(algorithm="halp", precision=8)]
    )
    assert line.startswith("1 cells hold HALP's offset z in 8 bits")
    assert warnings([cell(**of, precision=16), cell(arithmetic="integer", precision=8)]) == []
