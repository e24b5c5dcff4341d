"""Bit-centred layers: what HALP's deltas make of a batch, in a pass of offset + delta through any module.

bc_svrg takes Q(g_i(W + w) - g_i(W)) + g~, bc_sgd the batch's own gradient g_i(W) in place of g~. What a layer with
weights multiplies and what comes back to it are rounded as deltas (`quantizing.attach`).
Source: De Sa et al. 2018, "High-Accuracy Low-Precision Training", and its code for deep networks.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from lpbench.formats.base import Format
from lpbench.formats.quantize import quantize_array
from lpbench.networks.modules.centres import Centre, Loss, statistics_kept
from lpbench.networks.modules.operations import Kept, Tape
from lpbench.networks.modules.pairs import Pair
from lpbench.networks.net import GRADIENTS
from lpbench.networks.roles import OFFSET_ROUNDING


class Remembered(NamedTuple):
    """Of a batch at the centre: its operations, and its gradient (n,)."""

    operations: list[Kept]
    gradient: torch.Tensor


class BitCentre(Centre):
    """A centre about which each tensor of a pass is offset + delta.

    own       whether a batch's own gradient at the centre stands for g~ (bc_sgd).
    stores    whether the offsets of all batches are kept for a loop; batches are then the samples in their order.
    form      of offsets as the pass with deltas reads them, each to the nearest; None: full precision.
    """

    def __init__(
        self, model: nn.Module, loss: Loss, samples: int, batch: int, every: int, own: bool, stores: bool,
        form: Format | None,
    ):  # fmt: skip
        super().__init__(model, loss, samples, batch, every)
        self.own, self.stores = own, stores
        self.rounds = None if form is None else functools.partial(_read, form)
        self.remembered: list[Remembered] = []

    def gradient(self, step: int, chosen: torch.Tensor) -> float:
        assert self.offsets is not None
        if step % self.every == 0:
            self.begin_loop(step)
        held = self.remembered[step % len(self.remembered)] if self.stores else None
        W = self._leaves(self.anchor, asking=self.own and held is None)
        w = self._leaves(self.offsets.offset, asking=True)
        tape = Tape(None if held is None else held.operations, self.rounds)
        with paired(self.model, self.parameters, W, w, tape):
            loss = self.loss(step, chosen, 0)
            found = back(loss, [*w, *W] if W[0].requires_grad else w, self.loss_scale)
        base = self.full
        if self.own:
            base = self.joined(found[len(w) :]) if held is None else held.gradient
        self.give(self._rounded(self.joined(found[: len(w)])) + base)
        return float(loss.whole.detach())

    def begin_loop(self, step: int) -> None:
        self.remembered = []
        super().begin_loop(step)
        if self.stores and len(self.parts[-1]) > self.batch:  # with one that would be left over alone
            first = int(self.parts[-1][0])
            with statistics_kept(self.model):
                self.at_centre(step, torch.arange(first, first + self.batch), 0)

    def at_centre(self, step: int, chosen: torch.Tensor, part: int) -> torch.Tensor:
        kept: list[Kept] | None = [] if self.stores and len(chosen) == self.batch else None
        W = self._leaves(self.anchor, asking=True)
        with paired(self.model, self.parameters, W, [None] * len(W), Tape(kept)):
            g = self.joined(back(self.loss(step, chosen, part), W, self.loss_scale))
        if kept is not None:
            self.remembered.append(Remembered(kept, g))
        return g

    @property
    def loss_scale(self) -> float:
        """By which the derivatives are multiplied that come back to the loss."""
        assert self.offsets is not None
        return self.offsets.made.loss_scale

    def _rounded(self, g: torch.Tensor) -> torch.Tensor:
        assert self.offsets is not None
        vectors = self.offsets.vectors
        return vectors.round(GRADIENTS, 0, g) if GRADIENTS in vectors.roles else g

    def _leaves(self, x: torch.Tensor, asking: bool) -> list[torch.Tensor]:
        return [part.detach().clone().requires_grad_(asking) for part in self.parted(x)]


def _read(form: Format, x: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = quantize_array(x.detach(), form, OFFSET_ROUNDING) if x.numel() else x
    return found


@contextmanager
def paired(
    model: nn.Module,
    parameters: Sequence[nn.Parameter],
    offsets: Sequence[torch.Tensor],
    deltas: Sequence[torch.Tensor | None],
    tape: Tape,
) -> Iterator[None]:
    """Within, the parameters are these pairs to whoever computes with them."""
    pairs = {id(p): Pair(W, w, tape) for p, W, w in zip(parameters, offsets, deltas, strict=True)}
    own = [
        (module, name, p)
        for module in model.modules() for name, p in module._parameters.items() if p is not None and id(p) in pairs
    ]  # fmt: skip
    # Recurrent layers hold theirs a second time.
    flat = [(m, m._flat_weights, m._flat_weight_refs) for m in model.modules() if isinstance(m, nn.RNNBase)]
    for module, name, p in own:
        module._parameters[name] = pairs[id(p)]
    try:
        yield
    finally:
        for module, name, p in own:
            module._parameters[name] = p
        for recurrent, weights, references in flat:
            recurrent._flat_weights, recurrent._flat_weight_refs = weights, references


def back(y: Pair, leaves: Sequence[torch.Tensor], G: Any) -> Sequence[torch.Tensor | None]:
    """What comes back to the leaves where G, a number or numbers, comes back to y at the centre, and g = 0 more."""
    roots = [(y.offset, torch.ones_like(y.offset) * G)] if y.offset.requires_grad else []
    if y.delta is not None:
        roots.append((y.delta, torch.zeros_like(y.delta)))
    return torch.autograd.grad(
        [root for root, _ in roots], leaves, [comes for _, comes in roots], allow_unused=True
    )
