"""The bits that one step of training stores and moves, counted tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lpbench.declared.costs import FULL, averaged
from lpbench.networks.architecture import Layer
from lpbench.networks.roles import Recipe, has_centre, of_offsets, states
from lpbench.registry import algorithms

# How often a number of a tensor is written or read in a step. Weights: forward, backward, update (read and written).
# Activations: written, read by the next layer, read by the weights' gradient. Errors: written, read by both products.
# Gradient and state: written and read. A copy of the weights, and what Kahan's compensation keeps: read and written.
MOVES = {"weights": 4, "activations": 3, "errors": 3, "gradients": 2, "momentum": 2, "master": 2}
_REST = 2  # what Kahan's compensation keeps, in the format of what updates are added to
_AVERAGE = 2  # of SWALP, when it is taken, beside the weights: read and written
# About a centre, numbers for each weight. A step: the centre read twice, both gradients about it written and read. The
# gradient of all samples, a batch of it: the centre read twice, the sum read and written.
_ABOUT, _WHOLE = 6, 4
_READ = 2  # an offset of a bit-centred layer: by both products that take its delta


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

    What is not rounded counts in full. With the weights count their gradient, the optimizer's state, their copy, what
    Kahan's compensation keeps, and SWALP's average in float64, spread over the steps between two that are averaged.
    About a centre (SVRG, LP-SVRG, HALP) everything passes once more in full, and all samples once a loop. Bit-centred
    layers read each offset beside its delta, in `offset_format`; where they are stored, no batch passes once more.
    """
    full = FULL[choices["compute_dtype"]]
    beside = {"gradients": 1, "momentum": states(choices), "master": int(recipe.has_master)}
    kahan, averages = choices.get("compensation") == "kahan", averaged(choices)
    total = 0.0
    for role, layer, numbers, multiplied in tensors:
        for one, times in {role: 1, **(beside if role == "weights" else {})}.items():
            is_rounded = (
                multiplied or not recipe.at_products or one not in ("weights", "activations", "errors")
            )
            is_rounded &= not (recipe.bit_centred and layer is None)  # the input has no delta
            total += MOVES[one] * times * numbers * (_bits(recipe, one, layer, full) if is_rounded else full)
        if role == "weights":
            kept = _bits(recipe, "master" if recipe.has_master else "weights", layer, full)
            average = _bits(recipe, "weights", layer, full) + _AVERAGE * FULL["float64"]
            total += numbers * (kahan * _REST * kept + averages * average)
    if has_centre(choices):
        weights = sum(one.numbers for one in tensors if one.role == "weights")
        passing = sum(MOVES[one.role] * one.numbers for one in tensors if one.role != "weights")
        again = 0 if choices.get("centre_cache") == "stored" else passing
        total += full * (_ABOUT * weights + again + loop_batches(choices) * (_WHOLE * weights + passing))
    if algorithms.get(choices["algorithm"]).bit_centred:
        form = of_offsets(choices)
        offsets = sum(_READ * one.numbers for one in tensors)
        total += offsets * (full if form is None else form.bits_per_value)
    return total


def loop_batches(choices: Mapping[str, Any]) -> float:
    """Of a step about a centre, its share of the pass over all samples that begins a loop, in batches."""
    return float(choices["n_samples"] / (choices["batch_size"] * choices["inner_steps"]))


def _bits(recipe: Recipe, role: str, layer: str | None, full: int) -> float:
    rounder = recipe.rounder(role, layer)
    return full if rounder is None else rounder.form.bits_per_value
