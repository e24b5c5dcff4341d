"""Tiny networks and cells on them, made by hand: what the tests of the engine of networks run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from lpbench.cells.networks import Training
from lpbench.cells.points import Points, stops
from lpbench.declared.choices import CHOICES
from lpbench.networks.architecture import Layer, cnn, dense, lenet, mlp
from lpbench.problems.network import TrainingSet

CLASSES = 3
NETS: dict[str, tuple[tuple[int, ...], list[Layer]]] = {
    "mlp": ((5,), mlp((5,), CLASSES, 4, 2)),
    "wide": ((5,), mlp((5,), CLASSES, 17, 1)),  # more than one group of columns
    "cnn 1-d": ((8, 1), cnn((8, 1), CLASSES, 2)),
    "cnn 2-d": ((6, 6, 2), cnn((6, 6, 2), CLASSES, 2)),
}


def pooled() -> tuple[tuple[int, ...], list[Layer]]:
    """LeNet in small: windows that overlap, a border, pooling that leaves a remainder, channels that fill no group."""
    first = Layer("conv1", (7, 7, 1), 3, (3, 3), padding=(1, 1), pool=2)
    second = Layer("conv2", first.image, 2, (2, 2), pool=2)
    third = dense("hidden1", second.image, 4)
    return (7, 7, 1), [first, second, third, dense("output", third.image, CLASSES)]


NETS["pooled"] = pooled()
# Where networks are compiled, which takes 20 s for each type of numbers: all tests that do share one.
COMPILED = ["float32", pytest.param("float64", marks=pytest.mark.slow)]
LENET = (28, 28, 1), lenet((28, 28, 1), 10)

SET = {
    "problem": "mlp", "algorithm": "lp_sgd", "format": "block", "precision": 6, "block_size": 4, "subnormals": True,
    "rounding": "stochastic", "limit": None, "compute_dtype": "float64", "seed": 3, "batch_size": 2, "steps": 3,
    "schedule": "constant", "step_size": 0.2, "warmup": 0, "momentum": 0.9, "second_momentum": None,
    "weight_decay": 0.0, "loss_scale": 1.0, "compensation": "none", "sampling": "shuffled",
    "activation_format": "none", "error_format": "none", "gradient_format": "none", "momentum_format": "none",
    "master_format": "same",
}  # fmt: skip
PLAIN = {"algorithm": "sgd", "format": "none", "rounding": None}
ALL = dict.fromkeys(("activation_format", "error_format", "gradient_format", "momentum_format"), "same")


def data(name: str, samples: int = 5, test: int = 3, scale: float = 1.0) -> TrainingSet:
    """Random samples, of no meaning."""
    shape, net = NETS[name]
    random = np.random.default_rng(7)
    X, test_X = (
        (scale * random.standard_normal((n, *shape))).astype(np.float32).astype(np.float64)
        for n in (samples, test)
    )
    y, test_y = (random.integers(0, CLASSES, n) for n in (samples, test))
    y.flags.writeable = test_y.flags.writeable = (
        False  # as those of datasets: another type of a compiled kernel
    )
    return TrainingSet("tiny", tuple(net), X, y, test_X, test_y, CLASSES, 1)


def training(problem: TrainingSet, stride: int | None = None, **choices: Any) -> Training:
    """A cell at step 0, recorded every `stride` steps; None: at start and end."""
    chosen = {**dict.fromkeys(CHOICES), **SET, **choices}
    steps = np.arange(0, chosen["steps"] + 1, stride or chosen["steps"])
    return Training(chosen, problem, Points(steps, np.ones_like(steps)))


def run(cell: Any, pauses: int = 2**31) -> Any:
    """The cell, gone to its end, with a pause after every `pauses` steps."""
    where, rows = stops(cell.points.steps, pauses)
    with np.errstate(all="ignore"):
        for i in range(where.size):
            while cell.advance(where, rows, i, i + 1):
                pass  # large sets are judged in several calls
    return cell


def weights(cell: Any, vector: np.ndarray | None = None) -> list[np.ndarray]:
    """Of each layer the matrix (fan_in, outputs) and the biases, whatever engine the cell is of."""
    if hasattr(cell, "model"):
        return [
            part
            for layer in cell.problem.net
            for part in _of_torch(cell.model.get_submodule(layer.name), layer)
        ]
    vector = cell.memory.weights if vector is None else vector
    return [part.copy() for i in range(len(cell.problem.net)) for part in cell.layout.take(i, vector)]


def _of_torch(module: Any, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    w, bias = (one.detach().numpy().copy() for one in (module.weight, module.bias))
    return w.T if layer.is_dense else w.transpose(2, 3, 1, 0).reshape(layer.shape), bias


def by_torch(problem: TrainingSet, **choices: Any) -> Any:
    """A cell at step 0 that torch trains, recorded at every step."""
    from lpbench.cells.modules import ModuleTraining

    chosen = {**dict.fromkeys(CHOICES), **SET, "device": "cpu", **choices}
    steps = np.arange(chosen["steps"] + 1)
    return ModuleTraining(chosen, problem, Points(steps, np.ones_like(steps)))


def outputs(net: Sequence[Layer], parameters: Sequence[Any], x: Any) -> Any:
    """The network by torch's layers; x (N, height, width, channels)."""
    import torch

    for i, layer in enumerate(net):
        matrix, bias = parameters[2 * i : 2 * i + 2]
        if layer.is_dense:
            x = x.reshape(len(x), -1) @ matrix + bias
        else:
            kernel = matrix.reshape(*layer.window, layer.inputs[2], layer.outputs).permute(3, 2, 0, 1)
            x = torch.nn.functional.conv2d(
                x.permute(0, 3, 1, 2), kernel, bias, stride=layer.stride, padding=layer.padding
            ).permute(0, 2, 3, 1)
        if i + 1 < len(net):
            x = torch.relu(x)
            if layer.pool > 1:
                x = torch.nn.functional.max_pool2d(x.permute(0, 3, 1, 2), layer.pool).permute(0, 2, 3, 1)
            assert tuple(x.reshape(len(x), *layer.image).shape[1:]) == layer.image
    return x.reshape(len(x), -1)
