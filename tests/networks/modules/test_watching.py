"""What is counted of a module's tensors: by kernels and by tensor operations, and by cause for each optimizer."""

import models
import numpy as np
import pytest
import torch

from lpbench import networks
from lpbench.networks.modules.quantizing import quantized
from lpbench.networks.modules.watching import by_cause
from lpbench.networks.net import ROLE_COLUMN
from lpbench.networks.watching import RATES


def trained(name, recipe, kernels=True, steps=3, kind=torch.optim.SGD, options=None, watched=True, **choices):
    """A model after some steps, and by (tensor, role) what was counted of the last one."""
    model = networks.quantize_(models.make(name), recipe, seed=9, **choices)
    made = quantized(model)
    made.rounding.kernels = kernels
    optimizer = networks.optimizer(model, kind, **(options or {"lr": 0.1, "momentum": 0.9}))
    data = list(models.batches(name, steps))
    models.train(model, optimizer, data[:-1])
    if not watched:
        models.train(model, optimizer, data[-1:])
        return model, {}
    with made.watched() as watching:
        models.train(model, optimizer, data[-1:])
    rows = zip(watching.tensors, watching.rates(), strict=True)
    found = {(one.name, ROLE_COLUMN[one.role]): dict(zip(RATES, row, strict=True)) for one, row in rows}
    return model, {key: row for key, row in found.items() if not np.isnan(row["numbers"])}


@pytest.mark.parametrize("name", ["mlp", "recurrent"])
@pytest.mark.parametrize(
    ("recipe", "choices"),
    [
        ("all", {"format": "fixed", "precision": 6, "limit": 0.5}),
        ("master", {"format": "fp8_e4m3", "full_precision": "first"}),
        ("bf16_kahan", {}),
        ("all", {"format": "mxfp4"}),
        ("weights", {"format": "none"}),
    ],
)
def test_kernels_and_tensor_operations_count_the_same(name, recipe, choices):
    (plain, _), (model, found), (other, expected) = (
        trained(name, recipe, kernels, watched=watched, **choices)
        for kernels, watched in ((True, False), (True, True), (False, True))
    )
    assert torch.equal(models.weights(model), models.weights(plain))  # counting changes nothing
    assert torch.equal(models.weights(model), models.weights(other))
    assert found.keys() == expected.keys()
    for key, row in found.items():
        assert row == pytest.approx(expected[key], rel=1e-9, nan_ok=True), key


def test_rows_are_of_what_is_rounded_and_of_what_updates_are_added_to():
    _, found = trained("mlp", "master", format="fp8_e4m3", full_precision="0")
    assert {role for _, role in found} == {
        "weights",
        "activations",
        "errors",
        "gradients",
        "momentum",
        "master",
    }
    layers = {tensor.partition(".")[0] for tensor, role in found if role == "weights"}
    assert "0" not in layers  # left alone
    assert ("0.weight", "master") in found  # and may stall all the same
    assert not np.isnan(found["0.weight", "master"]["stall_rate"])


def updates(kind, steps, **options):
    """What `kind` takes from weights in the last of some steps, and of it each cause: by leaving it out, one at a time.

    All of torch's own: with the state before the step, the step is made of gradient, decay and momentum alone.
    """
    random = np.random.default_rng(3)
    start = random.standard_normal(6)
    gradients = [torch.tensor(random.standard_normal(6)) for _ in range(steps)]
    w = torch.nn.Parameter(torch.tensor(start))
    optimizer = kind([w], **options)
    for gradient in gradients[:-1]:
        w.grad = gradient.clone()
        optimizer.step()
    before, state = w.detach().clone(), optimizer.state.get(w, {})
    held = state.get("momentum_buffer", state.get("exp_avg"))
    held = None if held is None else held.clone()
    w.grad = gradients[-1].clone()
    optimizer.step()
    found = by_cause(
        kind,
        optimizer.param_groups[0],
        before,
        before - w.detach(),
        gradients[-1],
        held,
        optimizer.state.get(w, {}),
    )
    return before, before - w.detach(), gradients[-1], held, found


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (torch.optim.SGD, {"lr": 0.1}),
        (torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.3}),
        (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.3}),
        (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.3}),
        (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "maximize": True, "weight_decay": 0.3}),
        (torch.optim.Adam, {"lr": 0.1, "weight_decay": 0.3}),
        (torch.optim.Adam, {"lr": 0.1, "maximize": True}),
        (torch.optim.AdamW, {"lr": 0.1, "weight_decay": 0.3}),
        (torch.optim.AdamW, {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True}),
    ],
)
def test_an_update_is_the_sum_of_its_causes(kind, options, steps):
    before, taken, gradient, held, parts = updates(kind, steps, **options)
    assert torch.allclose(parts.sum(0), taken, rtol=1e-9)
    decay = options.get("weight_decay", 0.0)
    assert bool(parts[1].any()) == (decay > 0)
    assert bool(parts[2].any()) == (held is not None and bool(held.any()))
    if kind is torch.optim.AdamW:
        assert torch.allclose(parts[1], 0.1 * decay * before)
    sign = -1.0 if options.get("maximize") else 1.0
    assert bool(((parts[0] * gradient * sign) >= 0).all())  # the gradient's part goes its way


def test_of_other_optimizers_no_cause_is_claimed():
    _, found = trained(
        "mlp", "weights", kind=torch.optim.RMSprop, options={"lr": 0.01}, format="fixed", precision=6
    )
    rows = [row for (_, role), row in found.items() if role == "weights"]
    assert rows
    assert all(not np.isnan(row["stall_rate"]) and np.isnan(row["stall_gradient"]) for row in rows)
