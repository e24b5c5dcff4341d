"""What one cell's row says of how its run went."""

import itertools

import pytest

import lpbench
from lpbench import problems
from lpbench.binding import resolve
from lpbench.bounding import noise_scale
from lpbench.choices import make_cell
from lpbench.grid import single
from lpbench.running import _BEYOND_NOISE, _DIVERGED

# Two samples of each row, one of either class: the optimum is 0, and so is the gap at 0.
BALANCED = {
    "balanced": [(1.0,), (2.0,)],
    "mirrored": [(0.126, -0.132, 0.64), (0.105, -0.536, 0.362)],
    "constant": [(1, 7, 3), (1, 7, 3)],
}
ROUNDING = ("lp_sgd", "lp_svrg", "halp", "swalp")
CELLS = [("sgd", "none"), ("svrg", "none"), *((name, "fixed") for name in ROUNDING)]
SLOW = [*itertools.product(ROUNDING, ("float", "log", "block", "fp8_e4m3"))]


@pytest.fixture(params=BALANCED)
def balanced(request, tmp_path):
    """Choices of a logistic regression whose optimum is 0."""
    rows = [(*row, label) for row in BALANCED[request.param] for label in (0, 1)]
    header = [*(f"x{i}" for i in range(len(rows[0]) - 1)), "target"]
    lines = [",".join(map(str, row)) for row in [header, *rows]]
    (tmp_path / "data.csv").write_text("\n".join(lines) + "\n")
    path = str(tmp_path / "data.csv")
    return {
        "problem": "logistic_regression",
        "dataset": "file",
        "path": path,
        "target": "target",
        "epochs": 200,
    }


@pytest.mark.parametrize("start", ["zero", "optimum"])
@pytest.mark.parametrize(
    ("algorithm", "format"), [*CELLS, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in SLOW)]
)
def test_with_an_optimum_at_zero_nothing_diverges(balanced, algorithm, format, start):
    choices = {"snapshot": "random"} if algorithm in ("svrg", "lp_svrg", "halp") else {}
    choices |= {"format": format} if format != "none" else {}
    row = lpbench.run(**balanced, algorithm=algorithm, start=start, **choices)
    assert row["status"] == "ok", row["error"]
    assert row["initial_gap"] < 1e-30
    assert not row["bound_ratio"] or row["bound_ratio"] <= 1


def limits(**choices):
    """The gap at 0, the initial gap and the scale of the noise of a cell."""
    cell = make_cell(single(choices))
    problem = problems.build(cell.choices)
    row = lpbench.run(**{**choices, "steps": 1})
    at_zero = lpbench.run(**{**choices, "steps": 1, "start": "zero"})["initial_gap"]
    return at_zero, row["initial_gap"], noise_scale(resolve(cell.choices, problem), problem)


def test_a_start_and_an_optimum_next_to_zero_have_the_scale_of_the_noise():
    """w* is 1e-9 of what a step moves: the noise floor is 1e12 times the gap at 0."""
    faint = {
        "problem": "family_q",
        "dimension": 16,
        "noise": 1e6,
        "precision": 8,
        "limit": 8e6,
        "steps": 4000,
    }
    at_zero, initial, noise = limits(**faint)
    row = lpbench.run(**faint)
    assert row["final_gap"] > _DIVERGED * max(at_zero, initial)
    assert row["final_gap"] < 100 * noise
    assert row["status"] == "ok"


@pytest.mark.parametrize("start", ["zero", "optimum"])
@pytest.mark.parametrize("precision", [2, 8])
@pytest.mark.parametrize("problem", ["least_squares", "family_s", "family_q", "family_e"])
def test_where_the_gap_at_zero_is_no_trifle_it_decides(problem, precision, start):
    choices = {"problem": problem, "dimension": 16, "precision": precision, "start": start}
    choices |= {"n_samples": 64} if problem == "least_squares" else {}
    at_zero, initial, noise = limits(**choices)
    assert _DIVERGED * max(at_zero, initial) > _BEYOND_NOISE * noise


@pytest.mark.parametrize("noise", [0, 1.0])
def test_what_diverges_is_still_told(noise):
    row = lpbench.run(
        problem="family_q", dimension=16, noise=noise, algorithm="sgd", step_size="3/L", steps=4000
    )
    assert row["status"] == "diverged"
    threshold = _DIVERGED * row["initial_gap"]
    assert row["trace"].objective_gap.iloc[-1] > threshold
    assert row["trace"].objective_gap.iloc[-2] <= threshold
