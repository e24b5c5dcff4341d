"""Shares of a variance, beside sums of squares that are taken cell by cell."""

import itertools
import statistics

import numpy as np
import pytest

from lpbench.analysis.importance import final_gaps, importance

LEVELS = {"precision": [4, 6, 8], "format": ["fixed", "float"], "dimension": [16, 64]}


def design(seeds=2):
    """A balanced grid: one row a cell."""
    return [
        dict(zip(LEVELS, one, strict=True))
        for one in itertools.product(*LEVELS.values())
        for _ in range(seeds)
    ]


def explained(rows, values, names):
    """The share of the mean of all cells that have these keys in common, cell by cell."""
    mean = statistics.fmean(values)
    alike = [
        statistics.fmean(
            v for other, v in zip(rows, values, strict=True) if all(other[n] == row[n] for n in names)
        )
        for row in rows
    ]
    return sum((one - mean) ** 2 for one in alike) / sum((v - mean) ** 2 for v in values)


def found(rows, values):
    return importance(values, {name: [row[name] for row in rows] for name in LEVELS})


@pytest.mark.parametrize("drop", [0, 5])
def test_shares_are_those_between_the_means_of_each_key(drop):
    rows = design()[drop:]
    values = np.random.default_rng(0).standard_normal(len(rows)) + [row["precision"] for row in rows]
    got = found(rows, list(values))
    assert got.keys == pytest.approx({name: explained(rows, list(values), [name]) for name in LEVELS})
    assert list(got.keys.values()) == sorted(got.keys.values(), reverse=True)
    assert got.seeds == pytest.approx(1 - explained(rows, list(values), [*LEVELS]))
    assert (got.interactions is None) == (drop > 0)
    if not drop:
        assert sum(got.keys.values()) + got.seeds + got.interactions == pytest.approx(1)


def test_an_interaction_is_no_ones_main_effect():
    rows = design()
    got = found(
        rows, [1.0 if (row["format"] == "fixed") == (row["dimension"] == 16) else 0.0 for row in rows]
    )
    assert got.interactions == pytest.approx(1)
    assert got.keys == pytest.approx(dict.fromkeys(LEVELS, 0.0), abs=1e-12)


def test_nothing_is_said_of_what_does_not_vary():
    rows = design(seeds=1)
    assert found(rows, [0.3] * len(rows)) is None
    assert importance([1.0, 2.0], {"precision": [4, 4]}) is None
    assert importance([], {}) is None
    got = importance([1.0, 2.0, 3.0], {"precision": [4, 4, 6], "format": ["fixed"] * 3})
    assert [*got.keys] == ["precision"]
    assert found(rows, range(len(rows))).seeds is None  # one cell of each


def test_gaps_count_as_no_less_than_their_arithmetic_tells():
    known = {"algorithm": "lp_sgd", "compute_dtype": "float32", "schedule": "constant", "step_size": 0.1, "steps": 100,
             "L": 1.0, "mu": 0.1, "L_f": 1.0, "sigma": 0.1, "w_norm": 1.0}  # fmt: skip
    rows = [{"status": status, "final_gap": gap, **more} for status, gap, more in (
        ("ok", 1e-3, {}), ("ok", 0.0, {}), ("ok", 0.0, known), ("ok", None, {}), ("diverged", 1.0, {}),
        ("ok", float("inf"), {}))]  # fmt: skip
    logs, near, zeros = final_gaps(rows)
    assert (logs[0], near, zeros) == (-3.0, 1, 1)
    assert -20 < logs[2] < -8
    assert [one is None for one in logs] == [False, True, False, True, True, True]
