"""The bits that one step of training stores and moves, counted tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lpbench.declared.costs import FULL
from lpbench.networks.architecture import Layer
from lpbench.networks.roles import Recipe, has_centre, states

# How often a number of a tensor is written or read in a step. Weights: forward, backward, update (read and written).
# Activations: written, read by the next layer, read by the weights' gradient. Errors: written, read by both products.
# Gradient and state: written and read. A copy of the weights: read and written.
MOVES = {"weights": 4, "activations": 3, "errors": 3, "gradients": 2, "momentum": 2, "master": 2}


class Tensor(NamedTuple):
    """Of a role: its layer (None: the input), how many numbers a step has of it, and whether products multiply it."""

    role: str
    layer: str | None
    numbers: float
    multiplied: bool = True


def tensors(net: Sequence[Layer], batch: int) -> list[Tensor]:
    """Of the compiled engine's layers; the input counts once: it is written rounded, or read as it came."""
    found = [Tensor("activations", None, batch * float(np.prod(net[0].inputs)) / MOVES["activations"])]
    for i, layer in enumerate(net):
        found.append(Tensor("weights", layer.name, layer.weights))
        errors = batch * float(np.prod(layer.positions)) * layer.outputs
        found.append(Tensor("errors", layer.name, errors))
        if i + 1 < len(net):
            found.append(Tensor("activations", layer.name, batch * float(np.prod(layer.image))))
    return found


def bits_per_step(tensors: Sequence[Tensor], recipe: Recipe, choices: Mapping[str, Any]) -> float:
    """All bits of one step's tensors, each as often as it is written or read (MOVES).

    What is not rounded counts in full. With the weights count their gradient, the optimizer's state and their copy.
    """
    full = FULL[choices["compute_dtype"]]
    beside = {"gradients": 1, "momentum": states(choices), "master": int(recipe.has_master)}
    total = 0.0
    for role, layer, numbers, multiplied in tensors:
        for one, times in {role: 1, **(beside if role == "weights" else {})}.items():
            is_rounded = (
                multiplied or not recipe.at_products or one not in ("weights", "activations", "errors")
            )
            rounder = recipe.rounder(one, layer) if is_rounded else None
            total += MOVES[one] * times * numbers * (full if rounder is None else rounder.form.bits_per_value)
    if has_centre(choices):  # the centre read twice, both gradients about it written and read
        total += 6 * full * sum(one.numbers for one in tensors if one.role == "weights")
    return total
