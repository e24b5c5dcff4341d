"""Cells that train networks: the same bits however they are cut and wherever they run, and what their rows say."""

import threading

import nets
import numpy as np
import pytest
from interpreted import interpreted

import lpbench
from lpbench.cells import networks, run
from lpbench.cells.networks import Training
from lpbench.choices.cell import make_cell
from lpbench.choices.grid import single
from lpbench.errors import Interrupted
from lpbench.networks import training
from lpbench.store import load_cells
from lpbench.sweeps.plan import make_plan
from lpbench.sweeps.sweep import run_plan

# Every role, blocks and elements, rows of which numbers are drawn and others of which none are.
ROLES = {
    **nets.ALL, "error_format": "fp8_e5m2(rounding=nearest_even)", "master_format": "bf16", "loss_scale": 16.0,
    "weight_decay": 0.01, "steps": 4,
}  # fmt: skip

# A set of many batches, the last of them incomplete, with random words in judging.
DIGITS = {
    "problem": "mlp", "dataset": "digits", "dimension": 8, "batch_size": 16, "steps": 4, "record_points": 0,
    "even_points": 2, "recipe": "all", "format": "block",
}  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Thirty samples of three columns in two classes."""
    random = np.random.default_rng(0)
    X = random.standard_normal((30, 3))
    lines = ["a,b,c,target", *(f"{a},{b},{c},{int(a + b > 0)}" for a, b, c in X)]
    path = tmp_path_factory.mktemp("data") / "small.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def tiny(file):
    """Choices of a network on it."""
    return {
        "problem": "mlp", "dataset": "file", "path": file, "target": "target", "dimension": 3, "depth": 1, "steps": 4,
        "batch_size": 4, "even_points": 2, "format": "block",
    }  # fmt: skip


def bits(cell):
    """All that a cell has come to."""
    memory = cell.memory
    parts = (memory.weights, memory.master, memory.momentum, cell.losses, cell.record, cell.average.weights)
    return b"".join(part.tobytes() for part in parts)


@pytest.mark.parametrize(
    "choices", [ROLES, {**ROLES, "algorithm": "swalp", "average_start": 1, "average_every": 2}]
)
def test_pauses_change_no_bit(choices, in_python):
    whole, *cut = (
        bits(nets.run(nets.training(nets.data("mlp"), stride=2, **choices), pauses)) for pauses in (10**6, 1)
    )
    assert cut == [whole]


def test_cells_of_one_problem_do_not_touch_each_other(in_python):
    problem, choices = nets.data("mlp"), {**ROLES, "steps": 2}
    alone = [nets.run(nets.training(problem, **choices, seed=seed)).memory.weights for seed in range(2)]
    cells = [nets.training(problem, **choices, seed=seed) for seed in range(2)]
    for step in range(2):  # in turns
        for cell in cells:
            cell._train(step, step + 1, watching=False)
    assert all(map(np.array_equal, alone, (cell.memory.weights for cell in cells)))
    assert not np.array_equal(*alone)


def test_compiled_is_interpreted_bit_for_bit():
    """All paths through the passes in one dtype: what is compiled knows the type of the numbers alone."""
    cases = [("pooled", {**ROLES, "compute_dtype": "float32", "steps": 2})]
    cases.append(
        ("mlp", {**cases[0][1], "algorithm": "lp_adamw", "second_momentum": 0.9, "master_format": "none"})
    )
    cases.append(("mlp", {**cases[0][1], "compensation": "kahan", "master_format": "same"}))
    for name, choices in cases:
        problem = nets.data(name)
        with interpreted():
            expected = nets.run(nets.training(problem, **choices))
        found = nets.run(nets.training(problem, **choices))
        assert bits(found) == bits(expected), name
        assert len(np.unique(found.memory.weights)) > 10


def test_two_threads_give_the_bits_of_one():
    problem, choices = nets.data("pooled"), {**ROLES, "compute_dtype": "float32", "steps": 100}
    expected = [bits(nets.run(nets.training(problem, **choices, seed=seed))) for seed in range(4)]
    found = [b""] * 4

    def work(first):
        for seed in (first, first + 2):
            found[seed] = bits(nets.run(nets.training(problem, **choices, seed=seed)))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_a_run_is_cut_off_between_stretches(tiny, monkeypatch):
    """A cell that is to take minutes: it answers after a few calls, whatever a step was thought to cost."""
    calls = []
    advance = Training.advance

    def counted(self, *arguments):
        calls.append(arguments)
        if len(calls) == 3:
            stop.set()
        return advance(self, *arguments)

    stop = threading.Event()
    monkeypatch.setattr(Training, "advance", counted)
    cell = make_cell(single({**tiny, "steps": 10**7, "record_points": 4}))
    with pytest.raises(Interrupted):
        run.run_cell(cell, stop)
    assert len(calls) == 3
    row = run.run_cell(cell, timeout=1e-9).row
    assert row["status"] == "timeout"
    assert row["train_loss"] > 0


def test_judging_in_parts_changes_no_bit(monkeypatch):
    judge, calls, found, parts = training.judge, [], [], []

    def counted(*asked):
        calls.append(asked[4].size)
        judge(*asked)

    monkeypatch.setattr(training, "judge", counted)
    for seconds in (1e-9, 1e-3, 1e3):
        monkeypatch.setattr(networks, "CALL_SECONDS", seconds)
        calls.clear()
        row = run.run_cell(make_cell(single(DIGITS))).row
        assert row["status"] == "ok"
        found.append((row["digest"], row["test_error"], row["train_loss"]))
        parts.append([size for size in calls if size])
    assert found[0] == found[1] == found[2]
    assert max(parts[0]) == 16
    assert len(parts[0]) > len(parts[1]) > len(parts[2])
    assert set(parts[2]) == {1297, 500}


def test_a_look_at_a_large_set_is_cut_off_between_parts(monkeypatch):
    """A set that takes minutes to judge: Ctrl-C and time-outs are answered on the way, once there is a point."""
    for module in (networks, run):
        monkeypatch.setattr(module, "CALL_SECONDS", 1e-9)
    cell, judge, calls = make_cell(single(DIGITS)), training.judge, []

    def counted(*asked):
        calls.append(asked)
        if len(calls) == cut:
            stop.set()
        judge(*asked)

    monkeypatch.setattr(training, "judge", counted)
    for cut in (3, 100):
        stop = threading.Event()
        calls.clear()
        with pytest.raises(Interrupted):
            run.run_cell(cell, stop)
        assert len(calls) == cut
    calls.clear()
    cut, stop = 0, threading.Event()
    result = run.run_cell(cell, stop, timeout=1e-9)
    assert result.row["status"] == "timeout"
    assert result.trace["step"].tolist() == [0]
    assert result.row["test_loss"] > 0


def test_workers_and_order_change_no_digest(tiny, tmp_path, in_python):
    overrides = [f"{key}={value}" for key, value in tiny.items()] + [
        "recipe=all",
        "seed=range(3)",
    ]
    digests = []
    for workers in (1, 2):
        plan = make_plan(overrides, f"of{workers}", tmp_path)
        plan.cells[:] = plan.cells[:: 3 - 2 * workers]
        run_plan(plan, workers=workers)
        frame = load_cells(tmp_path / f"of{workers}")
        assert set(frame["status"]) == {"ok"}
        digests.append(dict(zip(frame["cell_id"], frame["digest"], strict=True)))
    assert digests[0] == digests[1]
    assert len(set(digests[0].values())) == 3


ODD = [
    {"batch_size": 1},
    {"depth": 64, "steps": 1, "n_samples": 2, "batch_size": 1},
    {"dimension": 1}, {"steps": 1}, {"precision": 2, "recipe": "all"},
    {"record_points": 0, "even_points": 1}, {"steps": None, "epochs": 0.001}, {"n_samples": 2, "batch_size": 1},
    {"batch_size": 24}, {"block_size": 1}, {"block_size": 10**6}, {"warmup": 100},
    {"full_precision": "*", "recipe": "all"},
    {"algorithm": "swalp", "average_start": 100}, {"loss_scale": 1e-6}, {"momentum": 0, "weight_decay": 1},
    {"algorithm": "lp_adamw", "second_momentum": 0.5, "recipe": "bf16_kahan"}, {"sampling": "replacement"},
    {"format": "none", "algorithm": "lp_sgd"}, {"compute_dtype": "float64", "recipe": "fp8"}, {"schedule": "steps"},
]  # fmt: skip


@pytest.mark.parametrize("choices", ODD)
def test_what_nobody_would_choose(tiny, choices, in_python):
    row = lpbench.run(**{**tiny, **choices})
    assert row["status"] == "ok", row["error"]
    trace = row["trace"]
    assert np.isfinite(trace[["train_loss", "test_loss", "test_error"]].to_numpy()).all()
    assert (
        (trace[["test_error", "saturation_rate", "stall_rate"]] >= 0)
        & (trace[["test_error", "saturation_rate", "stall_rate"]] <= 1)
    ).all(axis=None)
    assert trace["step"].iloc[-1] == row["steps"]
    assert row["best_test_error"] <= row["test_error"]


def test_a_loss_that_is_not_finite_is_stored_as_diverged(tiny, in_python):
    row = lpbench.run(**{**tiny, "algorithm": "sgd", "step_size": 1e30, "steps": 8, "even_points": 8})
    assert row["status"] == "diverged"
    assert row["error"] is None
    assert not np.isfinite(row["trace"]["train_loss"].iloc[-1])
    assert np.isfinite(row["trace"]["train_loss"].iloc[0])
    assert row["test_error"] <= 1


def test_what_a_row_says(tiny, in_python):
    row = lpbench.run(**{**tiny, "recipe": "all", "precision": 8})
    assert row["weights"] == 3 * 3 + 3 + 3 * 2 + 2
    assert row["result"] == "test_error"
    assert row["dimension"] == 3
    assert (row["precision"], row["mantissa_bits"], row["bits_per_value"]) == (8, 7, 8.5)
    batch, each = 4, 8.5
    moved = 20 * (4 + 2 + 2) + batch * (
        3 + 3 * 3 + 3 * (3 + 2)
    )  # of weights, gradient, momentum; of input, activations, errors
    assert row["bits_per_step"] == each * moved
    for column in ("w_max", "L", "noise_floor", "initial_gap", "bound"):
        assert row.get(column) is None
    plain = lpbench.run(**{**tiny, "algorithm": "sgd"})
    assert plain["bits_per_step"] == 32 * moved


def test_clipped_updates_are_a_share(tiny, in_python):
    """Weights beyond the range, most of which are not updated: the share is of updates."""
    row = lpbench.run(**{**tiny, "format": "fixed", "limit": 0.01, "precision": 6, "step_size": 10.0})
    kahan = lpbench.run(
        **{
            **tiny,
            "format": "fixed",
            "limit": 0.01,
            "precision": 6,
            "step_size": 10.0,
            "compensation": "kahan",
        }
    )
    assert 0.1 < row["saturation_rate"] <= 1
    assert 0.1 < kahan["saturation_rate"] <= 1
