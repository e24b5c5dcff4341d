"""The bits that one step of training stores and moves, counted tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lpbench.declared.costs import FULL
from lpbench.networks.architecture import Layer
from lpbench.networks.roles import Recipe, states

# How often a number of a tensor is written or read in a step. Weights: forward, backward, update (read and written).
# Activations: written, read by the next layer, read by the weights' gradient. Errors: written, read by both products.
# Gradient and state: written and read. A copy of the weights: read and written.
MOVES = {"weights": 4, "activations": 3, "errors": 3, "gradients": 2, "momentum": 2, "master": 2}


def bits_per_step(net: Sequence[Layer], recipe: Recipe, choices: Mapping[str, Any]) -> float:
    """All bits of one step's tensors, each as often as it is written or read (MOVES).

    What is not rounded counts in full. The input counts once: it is written rounded, or read as it came.
    """
    full, batch = FULL[choices["compute_dtype"]], choices["batch_size"]

    def bits(role: str, layer: str | None) -> float:
        rounder = recipe.rounder(role, layer)
        return full if rounder is None else rounder.form.bits_per_value

    total = batch * float(np.prod(net[0].inputs)) * bits("activations", None)
    for i, layer in enumerate(net):
        weights, outputs = layer.weights, batch * float(np.prod(layer.positions)) * layer.outputs
        total += MOVES["weights"] * weights * bits("weights", layer.name)
        total += MOVES["gradients"] * weights * bits("gradients", layer.name)
        total += MOVES["momentum"] * states(choices) * weights * bits("momentum", layer.name)
        if recipe.has_master:
            total += MOVES["master"] * weights * bits("master", layer.name)
        total += MOVES["errors"] * outputs * bits("errors", layer.name)
        if i + 1 < len(net):
            total += (
                MOVES["activations"] * batch * float(np.prod(layer.image)) * bits("activations", layer.name)
            )
    return total
