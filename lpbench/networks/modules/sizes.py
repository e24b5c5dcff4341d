"""What follows from the sizes of a module's tensors: what is rounded when, the bits of a step, what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lpbench.errors import ConfigError
from lpbench.formats.none import Full
from lpbench.networks import bits, table
from lpbench.networks.cost import CLASS, NUMBER, ROUNDING, Work
from lpbench.networks.cost import PRODUCT as MULTIPLY
from lpbench.networks.energy import Product
from lpbench.networks.operands import OF_ROLE, is_backward
from lpbench.networks.roles import Recipe, has_centre, loop_steps, states
from lpbench.registry import algorithms

CALL = 6e-5  # seconds of a layer, forward and backward, however small it is
STEP = 2e-4  # seconds of a step beside
PAIR = 4.0  # passes of a batch that one of offset + delta is worth
PRODUCT, LOOKUP = "product", "lookup"  # kinds of layers
# Of layers that are no plain product, rows of their largest weight for each output.
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4, "MultiheadAttention": 3}


class Sizes(NamedTuple):
    """A layer with weights.

    name      as `layers.names` calls it.
    shape     of its largest parameter.       weights    numbers in its parameters, those of another layer not counted.
    inputs    numbers of a sample that it multiplies and that are no tokens; 0 of normalisations.
    outputs   numbers of a sample whose derivatives come back to it; 0 of normalisations.
    kind      PRODUCT of linear layers and convolutions, LOOKUP of embeddings, nothing of normalisations; else the
              class's name.
    """

    name: str
    shape: tuple[int, ...]
    weights: int
    inputs: int
    outputs: int
    kind: str = ""


def passes(choices: Mapping[str, Any], samples: int) -> float:
    """Passes of a batch, forward and backward, that a step takes: 1; about a centre two, and one of all samples a loop.

    One of offset + delta counts as PAIR.
    """
    if not has_centre(choices):
        return 1.0
    each = PAIR if algorithms.get(choices["algorithm"]).bit_centred else 2.0
    return each + samples / (choices["batch_size"] * loop_steps(choices, samples))


def by_torch(found: Work, layers: int, choices: Mapping[str, Any], samples: int) -> Work:
    """What a network of the compiled engine costs on torch, where each layer is a call, and pairs are many."""
    over = passes(choices, samples)
    return found._replace(step=STEP + over * layers * CALL + found.step * max(1.0, over / 2))


def _calls(net: Sequence[Sizes], choices: Mapping[str, Any]) -> float:
    """Layers; an LSTM that is taken apart into products and nonlinearities is three at each position."""
    found = float(len(net))
    if algorithms.get(choices["algorithm"]).bit_centred:
        found += sum(3 * layer.outputs / (layer.shape[0] / 4) for layer in net if layer.kind == "LSTM")
    return found


def rounds_operands(recipe: Recipe, layer: str) -> tuple[bool, ...]:
    """Of each of the six operands of a layer, whether anything rounds it."""
    found = []
    for which, role in enumerate(OF_ROLE):
        rounder = recipe.rounder(role, layer, backward=is_backward(which))
        found.append(rounder is not None and not isinstance(rounder.form, Full))
    return tuple(found)


def check_product(name: str, kind: str, recipe: Recipe) -> None:
    """Raise ConfigError where a layer's operands are to be rounded that is neither linear nor a convolution."""
    if kind in ("", PRODUCT, LOOKUP) or not any(rounds_operands(recipe, name)):
        return
    exempt = "+".join(filter(None, (recipe.choices.get("full_precision"), name)))
    raise ConfigError(
        f"round_at=products rounds what torch's linear layers and convolutions multiply, and {name} is of the class "
        f"{kind}: full_precision={exempt} leaves it alone; recipe=all rounds tensors"
    )


def check_products(net: Sequence[Sizes], recipe: Recipe) -> None:
    """Raise ConfigError where operands are to be rounded of a layer that has none."""
    if recipe.at_products:
        for layer in net:
            check_product(layer.name, layer.kind, recipe)


def tensors(net: Sequence[Sizes], batch: int) -> list[bits.Tensor]:
    """Of the layers: what they multiply and what comes back to them, and their weights."""
    found: list[bits.Tensor] = []
    for layer in net:
        found += [
            bits.Tensor("activations", layer.name, batch * float(layer.inputs), layer.kind == PRODUCT),
            bits.Tensor("errors", layer.name, batch * float(layer.outputs), layer.kind == PRODUCT),
            bits.Tensor("weights", layer.name, float(layer.weights), layer.kind == PRODUCT),
        ]
    return found


def products(net: Sequence[Sizes]) -> list[Product]:
    """Of the layers; each takes its inputs as they are rounded before it."""
    return [
        Product(layer.name, layer.name, _multiply_adds(layer), float(layer.weights), layer is not net[0])
        for layer in net
    ]


def _multiply_adds(layer: Sizes) -> float:
    """Of a product for one sample: each weight once at each position or token; none of lookups and normalisations.

    Products of two activations, as attention has them, are not known from sizes, and not counted.
    """
    if layer.kind == LOOKUP or not layer.outputs:
        return 0.0
    positions = layer.outputs * GATES.get(layer.kind, 1) / (layer.shape or (1,))[0]
    return positions * float(np.prod(layer.shape) if layer.kind == PRODUCT else layer.weights)


def rows(net: Sequence[Sizes], recipe: Recipe, momentum: bool) -> list[list[str | float]]:
    """A row a tensor, forward, backward, then the update, as `table.rows` has them of the compiled engine."""
    if recipe.at_products:
        found = table.operands(
            recipe,
            [
                table.Multiplied(
                    layer.name, (layer.inputs,), layer.shape, (layer.outputs,), layer is not net[0]
                )
                for layer in net
                if layer.kind == PRODUCT
            ],
        )
        return found + [
            one for layer in net for one in table.of_update(recipe, layer.name, layer.shape, momentum)
        ]
    multiplied = [layer for layer in net if layer.outputs]
    found = table.at_centre(recipe) + [
        table.row(recipe, "activations", layer.name, "input", (layer.inputs,), "before the layer")
        for layer in multiplied
        if layer.inputs
    ]
    found += [
        table.row(recipe, "errors", layer.name, "errors", (layer.outputs,), table.WHEN["errors"])
        for layer in reversed(multiplied)
    ]
    for layer in net:
        found += table.of_update(recipe, layer.name, layer.shape, momentum)
    return found


def work(
    net: Sequence[Sizes], choices: Mapping[str, Any], samples: int, steps: int, numbers: float, targets: int
) -> Work:
    """The cost of a cell.

    samples   that a look judges.     numbers   of a sample.     targets   of a sample: classes that it is given.
    """
    batch, kept = choices["batch_size"], states(choices)
    weights = float(sum(layer.weights for layer in net))
    passing = numbers + sum(layer.inputs + layer.outputs for layer in net)
    products = sum(layer.weights * max(1.0, layer.outputs / (layer.shape or (1,))[0]) for layer in net)
    times = 2 if choices.get("round_at") == "products" else 1  # that a tensor is rounded
    sample = products * MULTIPLY + passing * (NUMBER + times * ROUNDING) + targets * CLASS
    over = passes(choices, samples)
    step = (
        STEP + over * (len(net) * CALL + batch * 3 * sample) + weights * ((4 + kept) * NUMBER + 3 * ROUNDING)
    )
    size = np.dtype(choices["compute_dtype"]).itemsize
    around = has_centre(choices)
    held = size * ((8 + kept + 6 * around) * weights + 6 * (1 + 3 * (over > PAIR)) * batch * passing)
    looks = samples * sample + (samples / batch) * len(net) * CALL / 2
    return Work(step, looks, held + 32.0 * steps)
