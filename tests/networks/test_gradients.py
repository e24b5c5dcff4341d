"""Training without rounding, against torch and against finite differences."""

import nets
import numpy as np
import pytest
import torch

from lpbench.networks import training
from lpbench.networks.architecture import layout

SGD = {**nets.PLAIN, "steps": 3, "weight_decay": 0.01, "loss_scale": 4.0}
ADAM = {**SGD, "algorithm": "adamw", "step_size": 0.01, "second_momentum": 0.99, "steps": 4}
CASES = [(name, SGD) for name in nets.NETS] + [
    ("mlp", ADAM),
    ("pooled", ADAM),
    ("mlp", {**SGD, "momentum": 0.0}),
    ("mlp", {**SGD, "schedule": "cosine", "warmup": 2, "steps": 5}),
    ("mlp", {**ADAM, "schedule": "steps", "steps": 8, "sampling": "replacement"}),
]


def share(cell, t):
    """What torch's own scheduler makes of the first step size at step t."""
    schedule, steps, warmup = (cell.choices[key] for key in ("schedule", "steps", "warmup"))
    one = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    if schedule == "cosine":
        rule = torch.optim.lr_scheduler.CosineAnnealingLR(one, steps)
    else:
        marks = [steps // 2, 3 * steps // 4] if schedule == "steps" else []
        rule = torch.optim.lr_scheduler.MultiStepLR(one, marks, 0.1)
    for _ in range(t):
        one.step()
        rule.step()
    return rule.get_last_lr()[0] * (min(1.0, (t + 1) / warmup) if warmup else 1.0)


def optimizer(parameters, choices):
    decay = choices["weight_decay"]
    if choices["algorithm"] == "adamw":
        betas = choices["momentum"], choices["second_momentum"]
        return torch.optim.AdamW(parameters, 1.0, betas=betas, eps=1e-8, weight_decay=decay)
    return torch.optim.SGD(parameters, 1.0, momentum=choices["momentum"], weight_decay=decay)


@pytest.mark.parametrize(("name", "choices"), CASES)
def test_as_torch_trains(name, choices, in_python):
    problem = nets.data(name)
    cell = nets.training(problem, stride=1, **choices)
    parameters = [torch.tensor(part, requires_grad=True) for part in nets.weights(cell)]
    steps = optimizer(parameters, cell.choices)
    X = torch.tensor(problem.X.reshape(-1, *problem.net[0].inputs))
    losses, sizes = [], []
    for t, chosen in enumerate(cell.batches.order(0, cell.choices["steps"])):
        steps.param_groups[0]["lr"] = cell.choices["step_size"] * share(cell, t)
        steps.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            nets.outputs(problem.net, parameters, X[chosen]), torch.tensor(problem.y[chosen])
        )
        loss.backward()
        sizes.append(np.sqrt(sum(float((one.grad**2).sum()) for one in parameters)))
        steps.step()
        losses.append(loss.item())
    nets.run(cell)
    assert np.allclose(cell.losses, losses, rtol=1e-13, atol=0)
    for found, expected in zip(nets.weights(cell), parameters, strict=True):
        assert np.allclose(found, expected.detach().numpy(), rtol=1e-12, atol=1e-13)
    trace = cell.observe(cell.points.steps.size)
    assert np.allclose(trace["gradient_norm"][1:], sizes, rtol=1e-12, atol=0)
    z = nets.outputs(
        problem.net, parameters, torch.tensor(problem.test_X.reshape(-1, *problem.net[0].inputs))
    )
    expected = torch.nn.functional.cross_entropy(z, torch.tensor(problem.test_y)).item()
    assert trace["test_loss"][-1] == pytest.approx(expected, rel=1e-12)
    assert trace["test_error"][-1] == float((z.argmax(1).numpy() != problem.test_y).mean())


@pytest.mark.parametrize("name", nets.NETS)
def test_gradients_are_those_of_differences(name, in_python):
    problem = nets.data(name)
    cell = nets.training(problem, **nets.PLAIN, momentum=0.0, step_size=1.0, steps=1)
    vector, line = cell.memory.weights, cell.layout
    chosen = cell.batches.order(0, 1)[0]

    def loss():
        found = np.zeros(2)
        training.judge(cell.net, vector, cell.X, problem.y, chosen, np.int64(0), cell.key, found)
        return found[0] / chosen.size

    places = [
        int(offset + np.random.default_rng(offset).choice(np.flatnonzero(vector[offset : offset + rows * columns])))
        for offset, rows, columns in line.tensors
    ]  # fmt: skip
    slopes, h = [], 1e-6
    for place in places:
        kept = vector[place]
        sides = []
        for vector[place] in (kept + h, kept - h):
            sides.append(loss())
        vector[place] = kept
        slopes.append((sides[0] - sides[1]) / (2 * h))
    before = vector.copy()
    nets.run(cell)
    gradient = before - cell.memory.weights  # of step size 1
    assert np.allclose(gradient[places], slopes, rtol=1e-5, atol=1e-8)
    assert np.abs(slopes).max() > 1e-3


def test_lenet_has_the_shapes_of_torch():
    for side, channels in ((28, 1), (32, 3), (16, 1)):
        shape = (side, side, channels)
        net = nets.lenet(shape, 10)
        parameters = [torch.zeros(size) for layer in net for size in (layer.shape, (layer.outputs,))]
        assert nets.outputs(net, parameters, torch.zeros((2, *shape))).shape == (2, 10)
        assert layout(net, 2).parameters > sum(layer.weights for layer in net)
