"""What a cell's row says of theory: the right numbers reach the theorems, and no measurement exceeds them."""

import numpy as np
import pytest

import lpbench
from lpbench import registry
from lpbench.cells.binding import resolve
from lpbench.cells.theorems import Path, grid_of, noise_ball, setting
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import single
from lpbench.errors import ConfigError
from lpbench.problems.build import build
from lpbench.theory.evaluation import evaluate, theorem
from lpbench.theory.theorem import Refused

SMALL = {"problem": "least_squares", "dimension": 12, "n_samples": 150, "record_points": 8, "even_points": 64}
LOGISTIC = {**SMALL, "problem": "logistic_regression"}


def resolved(**choices):
    cell = make_cell(single(choices))
    problem = build(cell.choices)
    return resolve(cell.choices, problem), problem


def run(**choices):
    row = lpbench.run(**choices)
    assert row["status"] == "ok", row["error"]
    return row


CELLS = {
    "fixed": {**SMALL, "precision": 7},
    "coarse": {**SMALL, "precision": 4, "step_size": "0.01/L"},
    "float": {**SMALL, "format": "float", "precision": 8, "limit": "4*w_max"},
    "log": {**LOGISTIC, "format": "log", "precision": 8},
    "preset": {**SMALL, "format": "fp8_e4m3"},
    "batch": {**SMALL, "precision": 8, "batch_size": 8},
    "batch of SVRG": {
        **SMALL, "algorithm": "lp_svrg", "snapshot": "random", "inner_steps": 3000, "batch_size": 4, "precision": 6,
    },
    "decreasing": {**SMALL, "precision": 8, "schedule": "decreasing", "epochs": 60},
    "nearest": {**SMALL, "precision": 8, "rounding": "nearest_even"},
    "toward zero": {**SMALL, "precision": 8, "rounding": "toward_zero"},
    "few bits": {**SMALL, "precision": 8, "random_bits": 3},
    "hinge": {**SMALL, "problem": "squared_hinge", "precision": 6, "regularization": 0.2},
    "full": {**SMALL, "algorithm": "sgd"},
    "swalp": {**SMALL, "algorithm": "swalp", "precision": 8},
    "swalp, not quadratic": {**LOGISTIC, "algorithm": "swalp", "precision": 8},
    "svrg": {**SMALL, "algorithm": "svrg", "snapshot": "average", "inner_steps": 3000},
    "lp_svrg": {**SMALL, "algorithm": "lp_svrg", "snapshot": "random", "inner_steps": 3000, "precision": 8},
    "lp_svrg, logistic": {
        **LOGISTIC, "algorithm": "lp_svrg", "snapshot": "random", "inner_steps": 3000, "precision": 8,
    },
    "lp_svrg, averages": {**SMALL, "algorithm": "lp_svrg", "snapshot": "average", "inner_steps": 3000, "precision": 6},
    "halp": {**SMALL, "algorithm": "halp", "snapshot": "random", "inner_steps": 3000, "precision": 12},
    "halp in float": {
        **SMALL, "algorithm": "halp", "snapshot": "random", "inner_steps": 3000, "format": "float", "precision": 14,
        "exponent_bits": 1,
    },
    "out of range": {**SMALL, "precision": 6, "limit": "0.6*w_max"},
    "out of range, logistic": {**LOGISTIC, "precision": 8, "limit": "0.5*w_max"},
    "softmax": {"problem": "logistic_regression", "dataset": "digits", "n_samples": 120, "precision": 6, "epochs": 10},
    "sparse": {"problem": "family_s", "dimension": 32, "k": 4, "precision": 6, "start": "optimum", "epochs": 200},
    "diagonal": {"problem": "family_q", "dimension": 16, "noise_kind": "dense", "precision": 8, "epochs": 500},
}  # fmt: skip


# Each has a kernel of its own, and another cell with its theorems.
SLOW = {
    "preset", "toward zero", "swalp, not quadratic", "lp_svrg, logistic", "lp_svrg, averages", "halp in float",
    "out of range, logistic", "softmax",
}  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CELLS]
)
def test_no_bound_is_broken(name):
    """Every theorem that applies, against the mean over seeds; deterministic, with room for the seeds' error."""
    rows = [run(**CELLS[name], seed=seed) for seed in range(4)]
    assert rows[0]["bound"] is not None
    assert rows[0]["bound_ratio"] == pytest.approx(rows[0]["mean_gap"] / rows[0]["bound"], rel=1e-9)
    for bound in registry.bounds.names():
        column, judged = theorem(bound).column, theorem(bound).judges
        if rows[0][column] is None:
            continue
        values, gaps = [row[column] for row in rows], [row[judged] for row in rows]
        assert np.mean(gaps) <= 1.1 * np.mean(values), bound
        if judged == "mean_gap":
            assert min(values) >= rows[0]["bound"] * (1 - 1e-12) or bound == "1a-i"  # its G is the path's
    assert any(rows[0][theorem(bound).column] == rows[0]["bound"] for bound in [rows[0]["bound_kind"]])
    assert rows[0]["bound_basis"] in ("certified", "on this path")


@pytest.mark.parametrize(
    "choices",
    [
        {**SMALL, "format": "block"},
        {**SMALL, "algorithm": "lp_svrg"},  # the last iterate as the snapshot
        {**SMALL, "algorithm": "halp", "snapshot": "random", "inner_steps": 3000, "precision": 12, "mu": 5.0},
        {**SMALL, "algorithm": "swalp", "average_start": 10},
        {**SMALL, "rounding": "nearest_even", "limit": "0.6*w_max"},
    ],
)
@pytest.mark.usefixtures("in_python")
def test_no_bound_without_a_proof(choices):
    row = run(**choices, steps=300)
    assert row["bound"] is None
    assert row["bound_kind"] is None
    assert row["bound_ratio"] is None
    assert all(row[theorem(name).column] is None for name in registry.bounds.names())


@pytest.mark.parametrize("start", ["zero", "optimum"])
@pytest.mark.parametrize("format", ["fixed", "float", "log"])
@pytest.mark.parametrize("algorithm", ["lp_sgd", "halp"])
@pytest.mark.usefixtures("in_python")
def test_the_start_is_that_of_the_run(start, format, algorithm):
    """Distance and gap at step 0; on nonlinear grids w* is rounded by at most half a gap, which is what is counted."""
    row = run(**SMALL, start=start, format=format, algorithm=algorithm, steps=10, precision=6)
    found = setting(
        *resolved(**SMALL, start=start, format=format, algorithm=algorithm, steps=10, precision=6)
    )
    first = row["trace"].iloc[0]
    exact = start == "zero" or format == "fixed" or algorithm == "halp"
    if exact:
        assert first.distance**2 == pytest.approx(found.D_0, rel=1e-12, abs=1e-300)
    assert first.distance**2 <= found.D_0 * (1 + 1e-12)
    assert first.objective_gap <= found.e_0 * (1 + 1e-9)
    if start == "zero":
        assert first.objective_gap == pytest.approx(found.e_0, rel=1e-9)


@pytest.mark.usefixtures("in_python")
def test_the_gap_at_zero_does_not_cancel(tmp_path):
    """An optimum of 1e-9: f(0) - f(w*) is 1e-19, where f is 0.7, and SVRG's bound starts from it."""
    rows = [f"{x},{label}" for x, label in [(1.0, 0), (1.0, 1), (2.0, 0), (2.0 + 4e-8, 1)]]
    (tmp_path / "tiny.csv").write_text("\n".join(["x,target", *rows]) + "\n")
    choices = {
        "problem": "logistic_regression", "dataset": "file", "path": str(tmp_path / "tiny.csv"), "target": "target",
        "scaling": "none", "algorithm": "svrg", "snapshot": "random", "inner_steps": 1000, "steps": 1000,
    }  # fmt: skip
    row, found = run(**choices), setting(*resolved(**choices))
    assert 0 < row["initial_gap"] < 1e-16
    assert found.e_0 == pytest.approx(row["initial_gap"], rel=1e-9)
    assert row["mean_gap"] <= row["bound"]


def test_the_optimum_outside_the_range():
    """The mean gap cannot fall below what the range costs; above that the theorems hold with the range's optimum."""
    choices = {**SMALL, "precision": 8, "limit": "0.6*w_max", "epochs": 100}
    rows = [run(**choices, seed=seed) for seed in range(3)]
    row = rows[0]
    assert row["box_excess"] > 0
    assert row["gap_to_box"] == row["mean_gap"] - row["box_excess"] > 0
    assert all(row["bound"] > row["box_excess"] for row in rows)
    assert np.mean([row["gap_to_box"] / (row["bound"] - row["box_excess"]) for row in rows]) <= 1
    found = setting(*resolved(**choices))
    assert not found.inside
    assert found.m == 2
    inside = run(**SMALL, precision=8)
    assert inside["box_excess"] == 0.0
    assert inside["gap_to_box"] == inside["mean_gap"]
    assert run(**SMALL, algorithm="sgd")["box_excess"] is None


def test_the_path_feeds_what_depends_on_it():
    choices, problem = resolved(**SMALL, precision=5, step_size="0.2/L")
    still = setting(choices, problem)
    delta = still.delta
    assert "1d" not in evaluate(still).bounds
    coarse = evaluate(setting(choices, problem, Path(0.9 * delta, 0.0)))
    fine = evaluate(setting(choices, problem, Path(1.1 * delta, 0.0)))
    assert not coarse.bounds["1d"].certified
    assert "1d" not in fine.bounds
    assert not coarse.bounds["1a-i"].certified
    assert evaluate(still).bounds["1a-i"].certified
    assert coarse.bounds["1a-i"].value < evaluate(still).bounds["1a-i"].value


def test_the_gradient_bounds_of_the_range():
    """G and the largest coordinate, against gradients at corners of the range."""
    choices, problem = resolved(**SMALL, precision=5)
    found = setting(choices, problem)
    rng = np.random.default_rng(0)
    for _ in range(50):
        w = rng.choice([found.grid.low, found.grid.high], found.n)
        g = (problem.X @ w - problem.y)[:, None] * problem.X + problem.regularization * w
        assert np.mean(np.sum(g**2, axis=1)) <= found.G**2
        assert np.abs(g).max() <= found.largest_gradient


def test_the_noise_ball_is_the_limit_of_long_runs():
    found = setting(*resolved(**SMALL, precision=6, steps=100))
    ball = evaluate(noise_ball(found))
    for name, bound in evaluate(setting(*resolved(**SMALL, precision=6, steps=4_000_000_000))).bounds.items():
        assert ball.bounds[name].value == pytest.approx(bound.value, rel=1e-5)
    for name, bound in evaluate(found).bounds.items():
        assert ball.bounds[name].value < bound.value


def test_the_halp_grid_ends_at_one():
    choices, _ = resolved(**SMALL, algorithm="halp", precision=6)
    grid = grid_of(choices)
    assert grid.high / grid.gap == 2**5 - 1


def test_a_format_of_the_users_own_may_declare_its_grid(monkeypatch):
    choices, problem = resolved(**SMALL, format="block")
    with pytest.raises(Refused, match="no theorem is about the format block"):
        setting(choices, problem)
    from lpbench.theory.spacings import linear

    block = registry.formats.get("block")
    monkeypatch.setattr(block, "grid", staticmethod(lambda chosen, limit: linear(8, limit)), raising=False)
    assert setting(choices, problem).grid == linear(8, choices["limit"])


# -- exponent_bits=auto ------------------------------------------------------------------------------------------------
E = {
    "problem": "family_e",
    "format": "float",
    "exponent_bits": "auto",
    "step_size": 2.0**-6,
    "limit": 1.25,
    "steps": 64,
}


@pytest.mark.slow
@pytest.mark.usefixtures("in_python")
def test_auto_takes_the_split_with_the_least_noise_ball():
    for solution, least in (("geometric", 2), ("uniform", 0)):
        row = run(**E, precision=8, solution=solution)
        balls = {}
        for exponent in range(7):
            choices, problem = resolved(**{**E, "exponent_bits": exponent}, precision=8, solution=solution)
            found = evaluate(setting(choices, problem, steps=np.inf))
            balls[exponent] = min(
                found.bounds[name].value for name in ("1b", "1c", "4") if name in found.bounds
            )
        assert row["exponent_bits"] == min(balls, key=balls.get)
        assert (row["exponent_bits"] >= least) if least else row["exponent_bits"] == 0
        assert row["mantissa_bits"] == 7 - row["exponent_bits"]


@pytest.mark.usefixtures("in_python")
def test_auto_gives_the_bits_of_the_number_it_chose():
    row = run(**E, precision=8)
    named = run(**{**E, "exponent_bits": row["exponent_bits"]}, precision=8)
    assert named["digest"] == row["digest"]
    assert named["cell_id"] != row["cell_id"]


@pytest.mark.parametrize(
    "more", [{"algorithm": "lp_svrg"}, {"schedule": "decreasing"}, {"algorithm": "swalp"}]
)
@pytest.mark.usefixtures("in_python")
def test_auto_with_other_algorithms(more):
    row = run(**{**SMALL, "format": "float", "exponent_bits": "auto", "precision": 8, "steps": 50, **more})
    assert row["exponent_bits"] in range(7)


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"algorithm": "halp"}, "halp moves"),
        ({"step_size": "delta/2"}, "reads delta"),
        ({"format": "log"}, "exponent_bits must be in 1..9, got auto"),
    ],
)
def test_auto_is_refused_where_it_cannot_be_known(choices, text):
    with pytest.raises(ConfigError, match=text):
        lpbench.run(**{**SMALL, "format": "float", "exponent_bits": "auto", **choices})


def test_a_row_holds_the_noise_ball_beside_the_floor():
    row = run(**SMALL, precision=6, start="optimum", epochs=300)
    assert row["noise_floor"] <= row["noise_ball"] < row["bound"]
    assert row["noise_ball"] == min(row["noise_ball_earlier"], row["noise_ball_dimension_free"])
    assert run(**{**CELLS["halp"], "steps": 3000})["noise_ball"] == 0.0
