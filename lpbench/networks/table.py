"""What is rounded when, tensor by tensor: the question that a recipe answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lpbench.declared.costs import FULL
from lpbench.networks.architecture import Layer
from lpbench.networks.roles import NONE, OFFSET_ROUNDING, SAME, Recipe, of_offsets, settled_offsets
from lpbench.registry import formats

COLUMNS = ["layer", "tensor", "shape", "when", "format", "rounding", "bits"]
_DECIDING = ("precision", "exponent_bits", "block_size", "scale_rule")  # a format's numbers
ONCE = "once a step"  # when the input is rounded
# Of each role, when its tensors are rounded.
WHEN = {
    "activations": "behind the nonlinearity",
    "errors": "before the layer's backward products",
    "gradients": "before the optimizer",
    "momentum": "with its update",
    "master": "with the update",
    "weights": "with the update",
}


def rows(net: Sequence[Layer], recipe: Recipe, momentum: bool) -> list[list[str | float]]:
    """A row a tensor, forward, backward, then the update; tensors that nothing rounds say so."""
    return [
        *at_centre(recipe),
        *_of_passes(net, recipe),
        *_sums(net, recipe),
        *_of_updates(net, recipe, momentum),
    ]


def at_centre(recipe: Recipe) -> list[list[str | float]]:
    """Of bit-centred layers the row of all tensors at the centre, as deltas are computed with them; else none."""
    if not recipe.bit_centred:
        return []
    form, full = of_offsets(recipe.choices), recipe.choices["compute_dtype"]
    if form is None:
        return [["", "all: at the centre", "", "never", full, "", FULL[full]]]
    text = str(settled_offsets(recipe.choices))
    return [["", "all: at the centre", "", "as deltas read them", text, OFFSET_ROUNDING, form.bits_per_value]]


def _of_passes(net: Sequence[Layer], recipe: Recipe) -> list[list[str | float]]:
    if recipe.at_products:
        return operands(
            recipe,
            [
                Multiplied(
                    layer.name,
                    layer.inputs,
                    layer.shape,
                    (*layer.positions, layer.outputs),
                    layer is not net[0],
                )
                for layer in net
            ],
        )
    found = [row(recipe, "activations", None, "input", net[0].inputs, ONCE)]
    for i, layer in enumerate(net):
        if i + 1 < len(net):
            when = f"{WHEN['activations']}{' and the pooling' if layer.pool > 1 else ''}"
            found.append(row(recipe, "activations", layer.name, "activations", layer.image, when))
    for layer in reversed(net):
        shape = (*layer.positions, layer.outputs)
        found.append(row(recipe, "errors", layer.name, "errors", shape, WHEN["errors"]))
    return found


def _sums(net: Sequence[Layer], recipe: Recipe) -> list[list[str | float]]:
    """A row an accumulator, forward, then backward; none where there are none."""
    if recipe.specs["sums"].name == NONE:
        return []
    terms = "each term" if recipe.chunk == 1 else f"every {recipe.chunk} terms"
    found = []
    for layer in net:
        shape = (*layer.positions, layer.outputs)
        found.append(row(recipe, "sums", layer.name, "sums", shape, f"forward, behind {terms}"))
    for layer in reversed(net):
        found.append(row(recipe, "sums", layer.name, "sums", layer.shape, f"gradient, behind {terms}"))
        if layer is not net[0]:
            found.append(row(recipe, "sums", layer.name, "sums", layer.inputs, f"backward, behind {terms}"))
    return found


class Multiplied(NamedTuple):
    """A layer with three products: the shapes of what they multiply, and whether derivatives go back beyond it."""

    name: str
    inputs: Sequence[int]
    weights: Sequence[int]
    errors: Sequence[int]
    goes_back: bool


def operands(recipe: Recipe, layers: Sequence[Multiplied]) -> list[list[str | float]]:
    """A row an operand of a product, forward, then backward."""
    found = []
    for layer in layers:
        for role, tensor, shape in (
            ("activations", "input", layer.inputs),
            ("weights", "weights", layer.weights),
        ):
            when = _along(recipe, layer.name, "forward", "along inputs")
            found.append(row(recipe, role, layer.name, tensor, shape, when))
    for layer in reversed(layers):
        when = _along(recipe, layer.name, "gradient", "along samples")
        found.append(row(recipe, "activations", layer.name, "input", layer.inputs, when, backward=True))
        found.append(row(recipe, "errors", layer.name, "errors", layer.errors, when, backward=True))
        if layer.goes_back:
            when = _along(recipe, layer.name, "back", "along outputs")
            found.append(row(recipe, "errors", layer.name, "errors", layer.errors, when, backward=True))
            found.append(row(recipe, "weights", layer.name, "weights", layer.weights, when, backward=True))
    return found


# Of each product, the roles of its operands, and what it is called.
_PRODUCTS = {
    "forward": (("activations", "weights"), "forward"),
    "back": (("errors", "weights"), "backward"),
    "gradient": (("activations", "errors"), "gradient"),
}


def _along(recipe: Recipe, layer: str, product: str, axis: str) -> str:
    """When an operand of a product is rounded, and whether it is rotated before."""
    roles, name = _PRODUCTS[product]
    both = all(recipe.rounder(role, layer) is not None for role in roles)
    turned = f", rotated by {recipe.choices['hadamard']}" if both and recipe.rotates(product) else ""
    return f"{name}, {axis}{turned}"


def _of_updates(net: Sequence[Layer], recipe: Recipe, momentum: bool) -> list[list[str | float]]:
    return [one for layer in net for one in of_update(recipe, layer.name, layer.shape, momentum)]


def of_update(recipe: Recipe, layer: str, shape: Sequence[int], momentum: bool) -> list[list[str | float]]:
    """The rows of what the optimizer's step rounds of a layer."""
    found = []
    for role, tensor in (("gradients", "gradient"), ("momentum", "momentum"), ("master", "master copy")):
        if (role != "momentum" or momentum) and (role != "master" or recipe.has_master):
            found.append(row(recipe, role, layer, tensor, shape, WHEN[role]))
    if recipe.at_products:
        return found
    when = "from the master copy" if recipe.has_master else WHEN["weights"]
    return [*found, row(recipe, "weights", layer, "weights, biases", shape, when)]


def row(
    recipe: Recipe, role: str, layer: str | None, tensor: str, shape: Sequence[int], when: str,
    backward: bool = False,
) -> list[str | float]:  # fmt: skip
    """Of one tensor; with a centre what is rounded of it, which of the network's input is nothing."""
    rounder = recipe.rounder(role, layer, backward=backward)
    if recipe.bit_centred and when == ONCE:
        rounder = None
    if rounder is not None and recipe.centred and role == "weights":
        tensor = f"{tensor}: offsets from the centre"
    elif rounder is not None and recipe.bit_centred and role != "momentum":
        tensor = f"{tensor}: deltas"
    sides = [side for side in shape if side > 1] or [1]
    start: list[str | float] = [layer or "", tensor, " x ".join(map(str, sides))]
    if rounder is None:
        full = recipe.choices["compute_dtype"]
        return [*start, "never", full, "", FULL[full]]
    return [*start, when, _format(recipe, role), rounder.rounding, rounder.form.bits_per_value]


def _format(recipe: Recipe, role: str) -> str:
    """Its name, and the choices that decide it."""
    spec = recipe.specs[role]
    if spec.name not in (SAME, NONE):
        return spec.text
    name = str(recipe.choices["format"])
    read = [
        key for key in _DECIDING if key in formats.get(name).reads and recipe.choices.get(key) is not None
    ]
    given = ",".join(f"{key}={recipe.choices[key]}" for key in read)
    return f"{name}({given})" if given else name
