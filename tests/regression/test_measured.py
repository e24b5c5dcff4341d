"""What a check reads of a sweep: floors, targets, and the steps to them."""

import math

import numpy as np
import pytest
from fake_results import fake_cell, fake_result
from measuring import cell

from lpbench.errors import StoreError
from lpbench.regression import measured
from lpbench.store import SweepWriter


def test_the_target_is_halfway_between_start_and_floor():
    cells = [cell(seed, floor, initial_gap=4.0) for seed, floor in enumerate((1e-4, 1e-2, 1.0))]
    assert measured.targets(cells) == {cells[0]["config_id"]: pytest.approx(math.sqrt(4.0 * 1e-2))}
    assert measured.targets([cell(0, 0.5)]) == {}
    assert measured.targets([cell(0, None, "diverged")]) == {}


def test_the_crossing_lies_on_the_line_between_two_points():
    step, gap = np.array([0, 1, 10, 100, 1000]), np.array([10.0, 5.0, 1.0, 0.01, 0.001])
    assert measured.crossing(step, gap, 0.1, 1000) == pytest.approx(10**1.5)
    assert measured.crossing(step, gap, 20.0, 1000) == 1.0
    assert measured.crossing(step, gap, 1e-9, 1000) == 2000


def test_cells_of_an_older_store_are_refused(tmp_path):
    with SweepWriter(tmp_path / "old", [], 1) as store:
        store.put(fake_result(fake_cell()))
    with pytest.raises(StoreError, match="sweep it again"):
        measured.read(tmp_path / "old")
