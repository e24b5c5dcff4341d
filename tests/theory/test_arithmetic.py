"""What arithmetic adds to a gap: the formula, and that runs which stall do so below it while defects show above."""

import math

import pytest

import lpbench
from lpbench.analysis.evidence import COLUMNS, weigh
from lpbench.theory.arithmetic import READS, ratio, resolution

KNOWN = {
    "algorithm": "svrg", "compute_dtype": "float64", "schedule": None, "step_size": 0.5, "steps": 10**6, "L": 1.0,
    "mu": 0.25, "L_f": 2.0, "sigma": 3.0, "w_norm": 4.0, "optimum_gradient_norm": 0.0,
}  # fmt: skip


def distance(**changes):
    return resolution({**KNOWN, **changes}) ** 0.5 / 2.0**-52  # L_f / 2 is 1


def test_the_formula_term_by_term():
    assert distance(L=0.0, sigma=0.0) == pytest.approx(4 * 8)  # eps ||w*|| / (alpha mu)
    assert distance(L=0.0, sigma=0.0, steps=5) == pytest.approx(4 * 5)  # no more than eps ||w*|| a step
    assert distance(L=0.0, sigma=0.0, mu=0.0, steps=100) == pytest.approx(4 * 100)
    assert distance(L=0.0, sigma=0.0, algorithm="halp") == pytest.approx(
        4
    )  # the centre is stored once a loop
    assert distance(L=0.0, sigma=0.0, schedule="decreasing") == pytest.approx(4 * (8 + 10**6 / 8))
    assert distance(w_norm=0.0) == pytest.approx(3 * 4)  # eps sigma / mu: what is left where w* is 0
    assert distance(algorithm="halp") == pytest.approx(4 + (4 + 3) * 4)
    assert distance(w_norm=0.0, steps=1) == pytest.approx(3 * 0.5)
    assert distance(compute_dtype="float32") == pytest.approx(2.0**29 * distance())
    off = {"w_norm": 0.0, "sigma": 0.0, "optimum_gradient_norm": 2.0**-40}
    assert distance(**off) == pytest.approx(4 * 2.0**12)


def test_where_constants_are_missing_nothing_is_known():
    for name in READS:
        known = resolution({**KNOWN, name: None}), resolution({**KNOWN, name: math.nan})
        optional = name in ("schedule", "optimum_gradient_norm")
        assert known == ((resolution(KNOWN),) * 2 if optional else (0.0, 0.0))
    assert resolution({}) == 0.0


def test_extreme_constants_give_a_number():
    for value in (1e-320, 1e-200, 1e200, 1e308):
        for name in ("step_size", "mu", "L", "sigma", "w_norm", "L_f"):
            assert resolution({**KNOWN, name: value}) >= 0


def test_the_ratio_leaves_out_what_arithmetic_added():
    assert ratio(0.5, 2.0, 0.0) == 0.25
    assert ratio(9.0, 2.0, 4.0) == pytest.approx(0.5)  # (3 - 2)^2 / 2
    assert ratio(4.0, 1e-9, 4.0) == 0.0
    assert ratio(None, 2.0, 0.0) is None
    assert ratio(0.5, None, 0.0) is None
    assert ratio(0.0, 0.0, 0.0) == 0.0
    assert ratio(0.5, 0.0, 0.0) == math.inf
    assert ratio(math.inf, 2.0, 1.0) == math.inf
    assert ratio(math.nan, 2.0, 1.0) == math.inf


def judged(row, **changes):
    """The evidence of five seeds like `row`."""
    cells = [{**dict.fromkeys(COLUMNS), **row, **changes, "seed": seed} for seed in range(5)]
    (group,) = weigh({name: [cell[name] for cell in cells] for name in COLUMNS}).groups
    return group


SVRG = {
    "algorithm": "svrg",
    "snapshot": "random",
    "inner_steps": 1000,
    "steps": 100_000,
    "even_points": 1,
    "record_points": 2,
}
LEAST_SQUARES = {"problem": "least_squares", "dimension": 4, "n_samples": 8, **SVRG}
HALP = {**LEAST_SQUARES, "algorithm": "halp", "precision": 12}
LOGISTIC = {**LEAST_SQUARES, "problem": "logistic_regression"}
STALLED = {
    "svrg": LEAST_SQUARES,
    "svrg, average": {**LEAST_SQUARES, "snapshot": "average"},
    "svrg, noisy": {**LEAST_SQUARES, "noise": 1000},
    "svrg, small steps": {**LEAST_SQUARES, "step_size": "0.02/L", "inner_steps": 5000, "steps": 500_000},
    "halp": HALP,
    "logistic": LOGISTIC,
}
SLOW = {  # most of it the compiler's
    "logistic, batch": {**LOGISTIC, "batch_size": 3},
    "logistic, halp": {**LOGISTIC, "algorithm": "halp", "precision": 16},
    "hinge": {**LOGISTIC, "problem": "squared_hinge", "regularization": 0.5},
    "family_s": {**SVRG, "problem": "family_s", "dimension": 4, "step_size": "0.05/L", "inner_steps": 2000},
    "family_e": {**SVRG, "problem": "family_e", "dimension": 16, "algorithm": "halp", "precision": 16},
    "halp, float": {**HALP, "format": "float", "precision": 16},
}
CASES = [*STALLED, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CASES)
def test_a_stall_of_the_arithmetic_breaks_no_bound(name, dtype):
    """The bound is far below what float64 or float32 resolve, and so is the gap below the resolution."""
    row = lpbench.run(**(STALLED | SLOW)[name], compute_dtype=dtype)
    assert row["status"] == "ok", row["error"]
    least = resolution(row)
    assert row["bound"] < 1e-6 * least
    assert row["mean_gap"] < 0.5 * least
    assert row["bound_ratio"] == 0.0
    assert not judged(row)["broken"]


def test_without_noise_float32_data_stall_at_the_optimum():
    quiet = {"problem": "family_e", "dimension": 16, "noise": 0, "start": "optimum"}
    row = lpbench.run(**quiet, algorithm="sgd", steps=20_000, compute_dtype="float32")
    assert row["bound"] == 0.0
    assert 0 < row["mean_gap"] < resolution(row)
    assert row["bound_ratio"] == 0.0


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("dtype", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "choices",
    [
        {"problem": "least_squares", "dimension": 8, "n_samples": 40, "precision": 8, "steps": 2000},
        {**LEAST_SQUARES, "steps": 5000},
    ],
    ids=["8 bits", "svrg"],
)
def test_a_defect_above_the_resolution_is_found(choices, dtype):
    """Gaps at eight times their bound: the resolution hides none of it."""
    row = lpbench.run(**choices, compute_dtype=dtype)
    assert row["bound"] > 100 * resolution(row)
    found = judged(row, mean_gap=8 * row["bound"])
    assert found["broken"]
    assert found["bound_ratio"] == pytest.approx(8, rel=0.1)
