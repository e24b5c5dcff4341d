"""What training a network costs, counted before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.tiles import padded
from lpbench.networks.architecture import Layer
from lpbench.networks.roles import Recipe, has_centre, loop_steps, states

# Seconds, measured on one core of a shared 2-core x86 machine in float32: within a factor of about 2.
PRODUCT = 5e-11  # a multiply-add
NUMBER = 1.2e-9  # a number that a pass goes over
ROUNDING = 2.5e-9  # a number that is rounded
CLASS = 2e-8  # a sample's class, in the loss


class Work(NamedTuple):
    """Of a cell: seconds of an update and of a look at all samples, and bytes of memory while it runs."""

    step: float
    look: float
    bytes: float


def work(net: Sequence[Layer], recipe: Recipe, choices: Mapping[str, Any], samples: int, steps: int) -> Work:
    """The cost of a cell with `choices`.

    samples   that a look judges, those of the test set among them.
    """
    batch, kept = choices["batch_size"], states(choices)
    forward = rounded_forward = rounded_back = weights = rounded_weights = sums_back = 0.0
    values = float(np.prod(net[0].inputs))
    if _rounds(recipe, "activations", None):
        rounded_forward += values
    for i, layer in enumerate(net):
        rows = layer.window[0] * layer.window[1] * (padded(layer.inputs[2]) if i else layer.inputs[2])
        width, positions = padded(layer.outputs), float(np.prod(layer.positions))
        forward += positions * rows * width
        if _rounds(recipe, "sums", layer.name):
            rounded_forward += positions * width * -(-rows // recipe.chunk)
            rounded_back += positions * rows * -(-layer.outputs // recipe.chunk) * (i > 0)
            sums_back += rows * width * -(-batch * positions // recipe.chunk)
        values += positions * width * (2 if layer.is_dense else 3)
        own = (rows + 1.0) * width
        weights += own
        rounded_forward += positions * width * _rounds(recipe, "activations", layer.name)
        rounded_back += positions * width * _rounds(recipe, "errors", layer.name)
        roles = {"weights": 1, "master": recipe.has_master, "gradients": 1, "momentum": kept}
        rounded_weights += own * sum(n * _rounds(recipe, role, layer.name) for role, n in roles.items())
    sample = forward * PRODUCT + values * NUMBER + rounded_forward * ROUNDING + net[-1].outputs * CLASS
    step = batch * (sample + 2 * forward * PRODUCT + values * NUMBER + rounded_back * ROUNDING)
    step += weights * (4 + kept) * NUMBER + (rounded_weights + sums_back) * ROUNDING
    around = has_centre(choices)
    if around:  # a second gradient of each batch, and one of all samples a loop
        one = sample + 2 * forward * PRODUCT + values * NUMBER
        step += batch * one + one * samples / loop_steps(choices, samples)
    size = np.dtype(choices["compute_dtype"]).itemsize
    copies = (
        8 + kept + 4 * around + recipe.has_master + (choices.get("compensation") == "kahan")
    )  # scratch among them
    # In float64: how weights begin, and their average.
    wide = 1 + 2 * (choices.get("average_every") is not None)
    held = size * (copies * weights + 4 * batch * values) + 8 * wide * weights
    return Work(step, samples * sample, held + 32.0 * steps)


def _rounds(recipe: Recipe, role: str, layer: str | None) -> bool:
    return recipe.rounder(role, layer) is not None
