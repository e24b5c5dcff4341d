"""A loop of one's own writes a sweep, which everything else of lpbench then reads."""

import math
import threading

import pytest
import torch
from models import batches, make, train, weights

import lpbench
from lpbench import networks
from lpbench.errors import ConfigError
from lpbench.store import read_manifest


def recorded(folder, sweep="mine", seed=0, steps=6, every=2, after=None, **choices):
    model = networks.quantize_(make("mlp"), "bf16", seed=seed, **choices)
    optimizer = networks.optimizer(model, torch.optim.AdamW, lr=1e-4, weight_decay=0.1)
    with networks.record(optimizer, sweep, every=every, runs_dir=folder, dimension=8, dataset="mine") as run:
        for i, batch in enumerate(batches("mlp", steps)):
            run.log(train_loss=train(model, optimizer, [batch], i))
            if i == after:
                raise RuntimeError("the disk is full\nof smoke")
        run.log(test_loss=0.5, test_error=0.25)
    return model


def test_a_loop_writes_a_cell_with_its_points_and_tensors(tmp_path):
    for seed in (0, 1):
        recorded(tmp_path, seed=seed)
    recorded(tmp_path, rounding="stochastic")
    cells = lpbench.load_cells("mine", runs_dir=tmp_path)
    assert len(cells) == 3
    assert cells["group_id"].nunique() == 2
    assert cells["cell_id"].nunique() == 3
    row = cells[(cells["seed"] == 1)].iloc[0]
    told = {"status": "ok", "problem": "module", "module": "Sequential", "dataset": "mine", "algorithm": "lp_adamw",
            "format": "bf16", "precision": 16, "rounding": "nearest_even", "recipe": "bf16", "dimension": 8,
            "step_size": 1e-4, "weight_decay": 0.1, "steps": 6, "test_error": 0.25, "result": "test_error",
            "weights": 75, "engine": "torch"}  # fmt: skip
    assert {name: row[name] for name in told} == told
    assert row[["error", "limit"]].isna().all()
    trace = lpbench.load_traces("mine", [row["cell_id"]], tmp_path)
    assert trace["step"].tolist() == [2, 4, 6]
    assert trace["test_error"].tolist()[-1] == 0.25
    assert trace["train_loss"].notna().all()
    tensors = lpbench.load_tensors("mine", [row["cell_id"]], tmp_path)
    assert sorted(tensors["step"].unique()) == [2, 4, 6]
    decayed = tensors[tensors["role"] == "weights"].set_index(["step", "tensor"])["stall_decay"]
    assert decayed[6, "0.weight"] > 0.9
    assert read_manifest(tmp_path / "mine")["counts"] == {"ok": 3}


def test_the_mean_loss_between_two_points_is_that_of_all_minibatches(tmp_path):
    model = networks.quantize_(make("mlp"), "weights", format="fixed", precision=8)
    optimizer = networks.optimizer(model, torch.optim.SGD, lr=0.1)
    losses = []
    with networks.record(optimizer, "mine", every=3, runs_dir=tmp_path) as run:
        for i, batch in enumerate(batches("mlp", 6)):
            losses.append(train(model, optimizer, [batch], i))
            run.log(train_loss=losses[-1])
    trace = lpbench.load_traces("mine", runs_dir=tmp_path)
    assert trace["train_loss"].tolist() == pytest.approx([sum(losses[:3]) / 3, sum(losses[3:]) / 3])
    assert trace["epoch"].isna().all()  # nobody has said how many samples there are


def test_epochs_are_counted_by_samples_and_batch(tmp_path):
    model = networks.quantize_(make("mlp"), "weights", format="fixed", precision=8)
    optimizer = networks.optimizer(model, torch.optim.SGD, lr=0.1)
    with networks.record(optimizer, "mine", every=2, runs_dir=tmp_path, n_samples=16, batch_size=4):
        train(model, optimizer, batches("mlp", 4))
    trace = lpbench.load_traces("mine", runs_dir=tmp_path)
    assert trace["epoch"].tolist() == [0.5, 1.0]
    assert trace["gradient_evaluations"].tolist() == [8, 16]


def test_recording_changes_no_bit(tmp_path):
    watched = recorded(tmp_path, every=1)
    model = networks.quantize_(make("mlp"), "bf16")
    train(model, networks.optimizer(model, torch.optim.AdamW, lr=1e-4, weight_decay=0.1), batches("mlp", 6))
    assert torch.equal(weights(watched), weights(model))


def test_a_run_of_the_same_choices_takes_the_place_of_the_first(tmp_path):
    recorded(tmp_path, steps=2)
    recorded(tmp_path, steps=2)
    assert len(lpbench.load_cells("mine", runs_dir=tmp_path)) == 1
    assert lpbench.load_tensors("mine", runs_dir=tmp_path)["step"].unique().tolist() == [2]


def test_what_an_error_ends_is_kept_with_its_reason(tmp_path):
    with pytest.raises(RuntimeError, match="the disk is full"):
        recorded(tmp_path, after=4)
    row = lpbench.load_cells("mine", runs_dir=tmp_path).iloc[0]
    assert (row["status"], row["steps"]) == ("failed", 5)
    assert "the disk is full" in row["error"]
    assert "\n" not in row["error"]
    assert lpbench.load_traces("mine", runs_dir=tmp_path)["step"].tolist() == [2, 4, 5]


def test_a_loss_that_is_no_number_is_diverged(tmp_path):
    model = networks.quantize_(make("mlp"), "weights", format="fixed", precision=8)
    optimizer = networks.optimizer(model, torch.optim.SGD, lr=0.1)
    with networks.record(optimizer, "mine", runs_dir=tmp_path) as run:
        train(model, optimizer, batches("mlp", 1))
        run.log(train_loss=math.nan)
    assert lpbench.load_cells("mine", runs_dir=tmp_path)["status"].tolist() == ["diverged"]


def test_two_runs_at_a_time_write_one_sweep(tmp_path):
    threads = [threading.Thread(target=recorded, args=(tmp_path, "mine", seed)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lpbench.load_cells("mine", runs_dir=tmp_path)["seed"]) == [0, 1, 2]


def opened(optimizer, folder, sweep="mine", **given):
    return networks.record(optimizer, sweep, runs_dir=folder, **given)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda o, d: opened(o, d, "a/b"), "without a path"),
        (lambda o, d: opened(o, d, every=0), "every must be a whole number from 1 on, got 0"),
        (lambda o, d: opened(o, d, datset="x"), "unknown choice 'datset' of record. Did you mean 'dataset'"),
        (lambda o, d: opened(None, d), "record takes what lpbench.networks.optimizer made"),
        (lambda o, d: opened(o, d).log(loss=1.0), "unknown metric 'loss'"),
        (lambda o, d: opened(o, d).log(test_loss="low"), "test_loss must be a number, got 'low'"),
    ],
)
def test_bad_input_is_one_line(call, said, tmp_path):
    model = networks.quantize_(make("mlp"), "weights", format="fixed", precision=8)
    optimizer = networks.optimizer(model, torch.optim.SGD, lr=0.1)
    with pytest.raises(ConfigError) as caught:
        call(optimizer, tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
