"""Products of a module whose operands are rounded, each along the axis that is summed: of linear and convolving layers.

Three products of two operands, as `lpbench.networks.operands` has them of the compiled engine; a linear layer is a
convolution without positions, its samples all leading axes of what it is given. Positions are those of the input with
its borders. Each operand is laid out as a matrix
(rows, what is summed together), rotated where the recipe says so, and rounded:

forward.input     (samples x positions, channels of a group)     forward.weight   (outputs, window x channels)
back.error        (samples x positions, outputs of a group)      back.weight      (window x channels, outputs)
gradient.input    (channels, samples x positions)                gradient.error   (outputs, samples x positions)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from lpbench.formats.quantize import random_signs
from lpbench.networks import flat
from lpbench.networks.modules.layers import spatial
from lpbench.networks.modules.sizes import rounds_operands
from lpbench.networks.modules.uses import Use, Uses, rounded
from lpbench.networks.net import OPERANDS
from lpbench.networks.operands import (
    BACK_ERROR,
    BACK_WEIGHT,
    EACH,
    FORWARD_INPUT,
    FORWARD_WEIGHT,
    GRADIENT_ERROR,
    GRADIENT_INPUT,
    PRODUCTS,
)
from lpbench.networks.rounding import tensor_words

# Signs of rotations have numbers that are no operand's.
SIGNS = 1 << (flat.PLACE_BITS - 1)


class _Shape(NamedTuple):
    """Of a product: axes of positions, 0 of a linear layer; and, of a convolution, what torch calls so."""

    spatial: int
    groups: int = 1
    stride: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()


class _Layout(NamedTuple):
    """How an operand becomes a matrix: the axis that is parted into groups, the order of axes, how many are summed."""

    grouped: int
    order: tuple[int, ...]
    summed: int
    rotated: int  # the axis, in that order


class Product:
    """The forward of a linear or convolving layer, in place of its own.

    module   the layer.     uses   of it.     rounds   by operand, whether anything rounds it.
    """

    def __init__(self, module: nn.Module, uses: Uses, rounds: tuple[bool, ...]):
        self.module, self.uses, self.rounds = module, uses, rounds
        recipe = uses.rounding.recipe
        self.order = int(recipe.choices.get("hadamard") or 0)
        self.rotates = tuple(
            recipe.rotates(name) and rounds[2 * i] and rounds[2 * i + 1] for i, name in enumerate(PRODUCTS)
        )

    @torch.compiler.disable
    def __call__(self, input: torch.Tensor) -> torch.Tensor:
        """As the layer's own: input (..., n), or (N, channels, *positions) with or without its first axis."""
        module: Any = self.module
        use, dims = self.uses.next(module.training), spatial(module)
        if dims == 0:
            rows = input.reshape(-1, input.shape[-1])
            y = _Multiplied.apply(rows, module.weight, self, _Shape(0), use)
            y = y.reshape(*input.shape[:-1], y.shape[1])
            return y if module.bias is None else y + module.bias
        x = _padded(module, input)
        shape = _Shape(dims, module.groups, module.stride, module.dilation)
        single = x.ndim == dims + 1
        y = _Multiplied.apply(x[None] if single else x, module.weight, self, shape, use)
        y = y if module.bias is None else y + module.bias.view(-1, *(1,) * dims)
        return y[0] if single else y

    def operand(self, which: int, x: torch.Tensor, shape: _Shape, use: Use) -> torch.Tensor:
        """x as the product takes it."""
        if not self.rounds[which]:
            return x
        layout, product = _layout(which, shape.spatial), which // 2
        laid = x.unflatten(layout.grouped, (shape.groups, -1)).permute(layout.order)
        turned = self._rotated(laid, layout.rotated, product, use) if self.rotates[product] else laid
        columns = math.prod(laid.shape[-layout.summed :])
        place = EACH * self.uses.place + which
        found = rounded(turned.reshape(-1, columns), self.uses.rounding, OPERANDS, place, use)
        back = tuple(int(i) for i in np.argsort(layout.order))
        found = found.reshape(laid.shape).permute(back).flatten(layout.grouped, layout.grouped + 1)
        return found.contiguous() if shape.spatial else found

    def _rotated(self, x: torch.Tensor, axis: int, product: int, use: Use) -> torch.Tensor:
        """The numbers of an operand along an axis, `order` at a time: as `lpbench.arithmetic.hadamard`, bit for bit."""
        order, x = self.order, x.movedim(axis, -1)
        length = x.shape[-1] - x.shape[-1] % order
        if length == 0 or x.numel() == 0:
            return x.movedim(-1, axis)
        place = SIGNS + EACH * self.uses.place + 2 * product
        with np.errstate(over="ignore"):
            words = tensor_words(self.uses.rounding.key, flat.number(OPERANDS, place, use.part), use.step)
        signs = random_signs(words, length, x.device).to(x.dtype) * (1.0 / math.sqrt(order))
        parts, side = (x[..., :length] * signs).unflatten(-1, (-1, order)), 1
        while side < order:
            pairs = parts.unflatten(-1, (-1, 2, side))
            one, other = pairs[..., 0, :], pairs[..., 1, :]
            parts = torch.stack([one + other, one - other], -2).flatten(-3)
            side *= 2
        return torch.cat([parts.flatten(-2), x[..., length:]], -1).movedim(-1, axis)


def _padded(module: Any, x: torch.Tensor) -> torch.Tensor:
    """The input of a convolution with its borders, which are rounded with it, as the compiled engine has it."""
    sides = module.padding
    if isinstance(sides, str):
        sides = module._reversed_padding_repeated_twice
    else:
        sides = [side for side in reversed(sides) for _ in range(2)]
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    return F.pad(x, sides, mode) if any(sides) else x


def _layout(which: int, dims: int) -> _Layout:
    places = tuple(range(3, 3 + dims))
    if which == FORWARD_WEIGHT:  # (groups, outputs, channels, *window)
        return _Layout(0, (0, 1, *places, 2), dims + 1, -1)
    if which == BACK_WEIGHT:
        return _Layout(0, (0, *places, 2, 1), 1, -1)
    if which in (FORWARD_INPUT, BACK_ERROR):  # (samples, groups, channels, *positions)
        return _Layout(1, (0, *places, 1, 2), 1, -1)
    return _Layout(1, (1, 2, 0, *places), dims + 1, 2)


class _Multiplied(torch.autograd.Function):
    """outputs = inputs weights, without the bias; each of the three products rounds its operands."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, w: torch.Tensor, product: Product, shape: _Shape, use: Use
    ) -> torch.Tensor:
        ctx.save_for_backward(x, w)
        ctx.product, ctx.shape, ctx.use = product, shape, use
        one = product.operand(FORWARD_INPUT, x, shape, use)
        other = product.operand(FORWARD_WEIGHT, w, shape, use)
        if shape.spatial == 0:
            return one @ other.T
        convolve = (F.conv1d, F.conv2d, F.conv3d)[shape.spatial - 1]
        return convolve(one, other, None, shape.stride, 0, shape.dilation, shape.groups)

    @staticmethod
    def backward(ctx: Any, *derivatives: torch.Tensor) -> Any:
        x, w = ctx.saved_tensors
        product, shape, use, dims = ctx.product, ctx.shape, ctx.use, ctx.shape.spatial
        more = shape.stride, 0, shape.dilation, shape.groups
        (e,) = derivatives
        dx = dw = None
        if ctx.needs_input_grad[0]:
            one = product.operand(BACK_ERROR, e, shape, use)
            other = product.operand(BACK_WEIGHT, w, shape, use)
            if dims == 0:
                dx = one @ other
            else:
                by = (nn.grad.conv1d_input, nn.grad.conv2d_input, nn.grad.conv3d_input)[dims - 1]
                dx = by(x.shape, other, one, *more)
        if ctx.needs_input_grad[1]:
            other = product.operand(GRADIENT_INPUT, x, shape, use)
            one = product.operand(GRADIENT_ERROR, e, shape, use)
            if dims == 0:
                dw = one.T @ other
            else:
                by = (nn.grad.conv1d_weight, nn.grad.conv2d_weight, nn.grad.conv3d_weight)[dims - 1]
                dw = by(other, w.shape, one, *more)
        return dx, dw, None, None, None


def install(module: nn.Module, uses: Uses) -> None:
    """Let the layer multiply so, where anything rounds its operands."""
    rounds = rounds_operands(uses.rounding.recipe, uses.rounding.layers[uses.place])
    if any(rounds):
        module.forward = Product(module, uses, rounds)
        module.register_forward_pre_hook(_keep)


def _keep(module: nn.Module, args: Any) -> None:
    """Layers with hooks are called in evaluation, too, by those that would multiply by their weights past them."""
