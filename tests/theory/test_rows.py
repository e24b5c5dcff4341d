"""Theory from a stored row: the same noise balls as from the problem itself."""

import numpy as np
import pytest

import lpbench
from lpbench.theory import spacings
from lpbench.theory.evaluation import evaluate
from lpbench.theory.rows import setting_of_row
from lpbench.theory.theorem import Refused

pytestmark = pytest.mark.usefixtures("module_in_python")

SMALL = {
    "problem": "least_squares",
    "dimension": 8,
    "n_samples": 60,
    "steps": 50,
    "record_points": 4,
    "even_points": 8,
}
PATH = {"1a-i", "1d", "5b-coarse", "6", "1e"}  # they read what the run showed, or its range


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"batch_size": 4},
        {"format": "float", "precision": 8},
        {"format": "log", "precision": 8},
        {"schedule": "decreasing"},
        {"algorithm": "lp_svrg", "snapshot": "random", "inner_steps": 2000},
        {"problem": "logistic_regression"},
        {"algorithm": "sgd"},
    ],
)
def test_a_row_has_the_noise_balls_of_its_cell(choices):
    row = lpbench.run(**{**SMALL, **choices})
    found = {
        name: bound.value for name, bound in evaluate(setting_of_row(row)).bounds.items() if name not in PATH
    }
    assert found
    for form in ("earlier", "dimension_free"):
        column = f"noise_ball_{form}"
        if row[column] is not None:
            assert (
                any(value == pytest.approx(row[column], rel=1e-9) for value in found.values())
                or form == "earlier"
            )
    assert min(found.values()) >= row["noise_ball"] * (1 - 1e-9)


def test_nan_is_null_as_pandas_writes_it():
    row = lpbench.run(**SMALL, algorithm="sgd")
    holes = {name: np.nan if value is None else value for name, value in row.items()}
    assert setting_of_row(holes) == setting_of_row(row)


def test_what_if_with_another_grid_and_step_size():
    row = lpbench.run(**SMALL)
    base = setting_of_row(row, spacings.linear(8, row["limit"]))
    assert base == setting_of_row(row)
    finer = setting_of_row(row, spacings.linear(12, row["limit"]), alpha=base.alpha / 10)
    assert finer.delta == base.delta / 16
    assert evaluate(finer).bounds["1b"].value < evaluate(base).bounds["1b"].value
    assert np.isinf(finer.steps)


def test_rows_that_cannot_say_it_are_refused():
    row = lpbench.run(**SMALL)
    with pytest.raises(Refused, match="no constants"):
        setting_of_row({**row, "weights": None})
    with pytest.raises(Refused, match="does not hold the optimum"):
        setting_of_row({**row, "box_excess": 0.1})
    with pytest.raises(Refused, match="HALP"):
        setting_of_row({**row, "algorithm": "halp"})
    with pytest.raises(Refused, match="no theorem is about the format block"):
        setting_of_row({**row, "format": "block"})
