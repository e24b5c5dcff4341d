"""What one cell's row says of how its run went, and how it is cut into kernel calls so that time-outs are answered."""

import itertools
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lpbench
from lpbench import cli
from lpbench.cells import convex, run
from lpbench.cells.binding import resolve
from lpbench.cells.convex import _BEYOND_NOISE, _DIVERGED
from lpbench.cells.theorems import columns, noise_scale
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import single
from lpbench.errors import Interrupted
from lpbench.problems.build import build
from lpbench.proofs.bounds import prove

pytestmark = pytest.mark.usefixtures("module_in_python")

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
        "epochs": 40,
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
    problem = build(cell.choices)
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


# Extreme choices: whatever becomes of the bounds, the run is what it is.
EXTREME = st.sampled_from([5e-324, 1e-300, 1e-160, 1e-30, 1.0, 1e30, 1e160, 1e300, 1.7e308])
SIZES = {
    "least_squares": {"dimension": 3, "n_samples": 6},
    "logistic_regression": {"dimension": 3, "n_samples": 6},
    "family_q": {"dimension": 4},
    "family_s": {"dimension": 8},
}


def extreme(problem, algorithms):
    """Choices of a short run, some of them at the ends of what float64 holds."""
    keys = {"least_squares": ["regularization", "noise"], "logistic_regression": ["regularization"]}
    chosen = {
        "problem": problem,
        **SIZES[problem],
        "steps": 40,
        "even_points": 4,
        "record_points": 4,
        "inner_steps": 10,
        "snapshot": "random",
    }
    return st.fixed_dictionaries(
        {"algorithm": st.sampled_from(algorithms), **{key: st.just(value) for key, value in chosen.items()}},
        optional={
            **dict.fromkeys([*keys.get(problem, ["noise"]), "limit", "step_size", "mu"], EXTREME),
            "precision": st.sampled_from([2, 8, 24]), "start": st.sampled_from(["zero", "optimum"]),
        },
    )  # fmt: skip


ALGORITHMS = ["sgd", "lp_sgd", "svrg", "lp_svrg", "halp", "swalp"]
EASY = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@EASY
@given(st.one_of(extreme("least_squares", ["lp_sgd"]), extreme("family_q", ["lp_sgd", "halp"])))
def test_a_run_is_what_it_is_whatever_becomes_of_its_bounds(choices):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convex, "proofs", lambda choices, problem, row: {})
        alone = lpbench.run(**choices)
    row = lpbench.run(**choices)
    assert (row["status"], row["digest"], row["error"]) == (alone["status"], alone["digest"], alone["error"])
    if row["status"] == "ok" and row["bound"] is not None:
        assert math.isfinite(row["bound"])
        assert row["bound_ratio"] < 10  # more is a bound that lost what underflowed


@EASY
@given(
    st.one_of(*(extreme(problem, ALGORITHMS) for problem in SIZES)),
    st.sampled_from(["stochastic", "nearest_even"]),
    st.sampled_from([0.0, 1e-300, 1.0, 1e300, math.inf]),
)
def test_bounds_that_cannot_be_computed_are_null(choices, rounding, update):
    cell = make_cell(single({**choices, "rounding": rounding}))
    (proof,) = prove([cell])
    found = proof.row()
    if proof.error is None:
        problem = build(cell.choices)
        row = {"max_update": update, "saturation_rate": 0.0, "mean_gap": 1.0}
        found |= columns(resolve(cell.choices, problem), problem, row)
    for name, value in found.items():
        if name.startswith(("bound", "noise_ball")) and isinstance(value, float):
            assert math.isfinite(value) or name == "bound_ratio"


def test_a_bound_that_raises_fails_no_cell(monkeypatch):
    choices = {"problem": "family_q", "dimension": 4, "steps": 40}
    whole = lpbench.run(**choices)

    def broken(choices, problem, row):
        raise RuntimeError("a theorem of the user's own")

    monkeypatch.setattr(convex, "proofs", broken)
    row = lpbench.run(**choices)
    assert (row["status"], row["digest"]) == ("ok", whole["digest"])
    assert row["bound"] is None
    assert (
        row["error"] == "its bounds could not be computed: RuntimeError: a theorem of the user's own (broken)"
    )


@pytest.mark.parametrize(
    "choices", [{"limit": 1e300}, {"regularization": 1e300}, {"step_size": 1e-300, "noise": 1e150}]
)
def test_bounds_and_bits_at_extremes(choices, capsys):
    """One line or null, no traceback and no warning."""
    asked = {"problem": "least_squares", "dimension": 4, "n_samples": 16, **choices}
    overrides = [f"{key}={value}" for key, value in asked.items()]
    assert cli.run(["bounds", *overrides, "precision=8", "--why"]) in (0, 3)
    assert cli.run(["bits", "--target", "0.01", "--no-measure", *overrides]) in (0, 2, 3)
    assert "Traceback" not in capsys.readouterr().err


def strides(monkeypatch, **choices):
    """The longest stretch of steps between two looks at the clock that a cell would be run with."""

    class Asked(Exception):
        pass

    def stops(points, stride):
        raise Asked(stride)

    monkeypatch.setattr(run, "stops", stops)
    row = run.run_cell(make_cell(single({"problem": "least_squares", "dimension": 16, **choices}, None))).row
    assert row["error"].startswith("Asked: "), row["error"]
    return int(row["error"].split()[1])


def test_a_stretch_counts_the_samples_of_a_step(monkeypatch):
    one, many = (strides(monkeypatch, algorithm="sgd", batch_size=size, steps=10**6) for size in (1, 1000))
    assert one > 100 * many


def test_a_stretch_counts_full_gradients(monkeypatch):
    rare, often = (
        strides(monkeypatch, algorithm="svrg", inner_steps=inner, n_samples=10_000, steps=10**6)
        for inner in (10_000, 1)
    )
    seconds = often * 10_000 * 16 * convex._COORDINATE_SECONDS
    assert seconds <= run.CALL_SECONDS
    assert rare > 1000 * often


def test_the_pauses_of_a_long_run_fit_into_memory(monkeypatch):
    assert strides(monkeypatch, algorithm="sgd", batch_size=10**6, steps=4 * 10**9) >= 4000


@pytest.mark.parametrize("algorithm", ["lp_svrg", "halp"])
def test_pauses_change_no_bit(monkeypatch, algorithm):
    digests = []
    for seconds in (1e-6, 1e-4, run.CALL_SECONDS):
        monkeypatch.setattr(run, "CALL_SECONDS", seconds)
        choices = {"problem": "least_squares", "dimension": 4, "n_samples": 20, "epochs": 9}
        row = run.run_cell(make_cell(single({**choices, "algorithm": algorithm}, None))).row
        assert row["status"] == "ok", row["error"]
        digests.append(row["digest"])
    assert len(set(digests)) == 1


def test_a_watch_is_told_how_far_the_cell_is():
    watch, moved = run.Watch(), []
    watch.move_on = lambda: moved.append(watch.built) or run.Watch.move_on(watch)
    cell = make_cell(single({"problem": "family_q", "dimension": 4, "algorithm": "sgd", "steps": 20}, None))
    assert not watch.built
    assert run.run_cell(cell, stop=watch).row["status"] == "ok"
    assert moved == [False, True]
    watch.set()
    with pytest.raises(Interrupted):
        run.run_cell(cell, stop=watch)
