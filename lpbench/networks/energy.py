"""What the arithmetic of one step of training costs, product by product, by the prices of lpbench.declared.energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lpbench.declared.energy import FULL, Operand, addition, multiply_add, wider
from lpbench.networks.architecture import Layer
from lpbench.networks.bits import loop_batches
from lpbench.networks.roles import Recipe, has_centre, of_offsets
from lpbench.registry import algorithms

# Multiply-adds of a weight's update: w - alpha m; of momentum also mu m + g; of Adam's moments two each, and the root
# and the quotient as one each.
PLAIN, MOMENTUM, ADAM = 1, 2, 7
_COMPENSATED = 3  # additions of Kahan's compensation


class Product(NamedTuple):
    """A layer with its three products: outputs = inputs weights, and both of the backward pass.

    layer, before   its name, and that of the layer whose outputs it takes (None: the input).
    multiply_adds   of each of them, for one sample.      weights   how many are updated.
    goes_back       whether derivatives by its inputs are taken.
    """

    layer: str
    before: str | None
    multiply_adds: float
    weights: float
    goes_back: bool


def products(net: Sequence[Layer]) -> list[Product]:
    """Of the compiled engine's layers."""
    return [
        Product(
            layer.name,
            net[i - 1].name if i else None,
            float(np.prod(layer.positions) * layer.fan_in * layer.outputs),
            layer.weights,
            i > 0,
        )
        for i, layer in enumerate(net)
    ]


def arithmetic_per_step(products: Sequence[Product], recipe: Recipe, choices: Mapping[str, Any]) -> float:
    """pJ of a step: all products of all layers, forward and backward, and the update of the weights.

    The update is in the widest format of what it reads: gradient, state, weights or their copy. About a centre (SVRG,
    LP-SVRG, HALP) every product is taken once more in full, unless what it gives is stored, and for all samples once a
    loop. Bit-centred layers take two products in place of one, of a delta and of an offset + delta. Not counted:
    biases, nonlinearities, pooling, normalisation, the loss, rounding itself, scales of blocks, rotations, averages.
    """
    batch, full = choices["batch_size"], FULL[choices["compute_dtype"]]
    once = 0.0 if choices.get("centre_cache") == "stored" else 1.0
    again = (once + loop_batches(choices)) * multiply_add(full, full) if has_centre(choices) else 0.0
    twice = algorithms.get(choices["algorithm"]).bit_centred
    form = of_offsets(choices) if twice else None
    offset = full if form is None else form.operand
    total = 0.0
    for one in products:
        before = one.layer if recipe.at_products else one.before
        x, w = _operand(recipe, "activations", before, full), _operand(recipe, "weights", one.layer, full)
        e, sums = _operand(recipe, "errors", one.layer, full), recipe.rounder("sums", one.layer)
        kept = None if sums is None else sums.form.operand
        each = 0.0
        for a, b in ((x, w), (x, e), (e, w))[: 2 + one.goes_back]:
            if twice and (a is not x or before is not None):  # a B + (A + a) b
                each += multiply_add(a, offset, kept) + multiply_add(wider(offset, a), b, kept)
            else:
                each += multiply_add(full if twice else a, b, kept)  # the network's input has no delta
        total += batch * one.multiply_adds * (each + (2 + one.goes_back) * again)
        total += one.weights * _update(one.layer, recipe, choices, full)
    return total


def _update(layer: str, recipe: Recipe, choices: Mapping[str, Any], full: Operand) -> float:
    """pJ of the update of one weight."""
    adam, momentum = algorithms.get(choices["algorithm"]).adam, choices["momentum"] > 0
    roles = ["gradients", "master" if recipe.has_master else "weights"]
    if adam or momentum:
        roles.append("momentum")
    widest = wider(*(_operand(recipe, role, layer, full) for role in roles))
    count = (ADAM if adam else MOMENTUM if momentum else PLAIN) + (choices["weight_decay"] > 0)
    kahan = _COMPENSATED * addition(widest) if choices.get("compensation") == "kahan" else 0.0
    return count * multiply_add(widest, widest) + kahan


def _operand(recipe: Recipe, role: str, layer: str | None, full: Operand) -> Operand:
    rounder = recipe.rounder(role, layer)
    return full if rounder is None else rounder.form.operand
