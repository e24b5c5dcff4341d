"""What the bounds promise over the dimension, beside the floors; tests/test_reproducing.py has the papers' claims."""

import numpy as np
import pytest

import lpbench

FAMILY = {
    "problem": "family_s", "noise": 1, "start": "optimum", "tail": 0.8, "limit": 1, "record_points": 16,
    "even_points": 400, "algorithm": "lp_sgd",
}  # fmt: skip


def run(**choices):
    row = lpbench.run(**choices)
    assert row["status"] == "ok", row["error"]
    return row


def slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]


def rounded_at(d: int) -> dict:
    """Family S at fixed sigma_1: 4 non-zeros a row, at every dimension."""
    steps = int(max(30, 8000 / d) * d * 128)
    return run(**FAMILY, dimension=d, k=4, precision=7, step_size="2**-7", steps=steps)


@pytest.mark.parametrize(
    "dimensions",
    [(16, 64, 256, 1024), pytest.param((16, 256, 4096, 16384), marks=pytest.mark.slow)],
)
def test_floor_and_bounds_do_not_depend_on_the_dimension_at_fixed_sigma_1(dimensions):
    rows = [rounded_at(d) for d in dimensions]
    floors = [row["noise_floor"] for row in rows]
    assert abs(slope(dimensions, floors)) <= 0.05
    assert max(floors) / min(floors) <= 1.25
    for column in ("bound_1c", "bound_1d"):
        bounds = [row[column] for row in rows]
        assert max(bounds) / min(bounds) <= 1.25
        assert all(row["mean_gap"] <= row[column] for row in rows)
    assert {row["bound_kind"] for row in rows} == {"1d"}
    # What earlier work proves grows: with n from delta^2 n / 4, with its root from the l2 norm.
    assert 0.9 < slope(dimensions[1:], [row["bound_1a_ii"] for row in rows[1:]]) < 1.05
    assert 0.35 < slope(dimensions, [row["bound_1a_i"] for row in rows]) < 0.6
