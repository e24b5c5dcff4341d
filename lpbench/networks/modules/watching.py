"""What rounding does to the tensors of a module, counted in steps that are watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from lpbench.arithmetic.arrays import Matrix
from lpbench.arithmetic.bound import Bound
from lpbench.formats.quantize import clipped_tensor
from lpbench.networks import flat
from lpbench.networks.net import (
    ACTIVATIONS,
    ERRORS,
    GRADIENTS,
    MASTER,
    MOMENTUM,
    OPERANDS,
    PLACES_OF_ROLE,
    ROLES,
    SECOND,
    WEIGHTS,
)
from lpbench.networks.operands import EACH, NAMES
from lpbench.networks.rounding import Rounder
from lpbench.networks.watching import (
    CLIPPED,
    GRADIENT,
    LARGEST,
    LEAST,
    MOVED,
    NOISE,
    NUMBERS,
    RATES,
    SAMPLE,
    SIGNAL,
    STALLED,
    UNDERFLOWED,
    Tensor,
    new_watch,
    settle,
)


def dtype_of(kind: torch.dtype) -> np.dtype:
    """numpy's dtype."""
    return np.dtype(str(kind).removeprefix("torch."))


class Watching:
    """The counts of one module.

    layers   names of those whose inputs are activations.     parameters   the layer and the name of each.
    at_products   whether operands of products are rounded in place of activations and errors.
    tensors  all that may occur, in the module's order.
    """

    def __init__(
        self,
        layers: Sequence[str],
        parameters: Sequence[tuple[str, str]],
        dtype: Any,
        at_products: bool = False,
    ):
        self.tensors: list[Tensor] = []
        places = {name: place for place, name in enumerate(layers)}
        for name in dict.fromkeys([*(layer for layer, _ in parameters), *layers]):
            if name in places and at_products:
                self.tensors += [
                    Tensor(name, f"{name}.{operand}", OPERANDS, EACH * places[name] + which)
                    for which, operand in enumerate(NAMES)
                ]
            elif name in places:
                self.tensors += [Tensor(name, name, role, places[name]) for role in (ACTIVATIONS, ERRORS)]
            for role in (GRADIENTS, MOMENTUM, SECOND, MASTER, WEIGHTS):
                self.tensors += [
                    Tensor(name, own, role, place)
                    for place, (layer, own) in enumerate(parameters)
                    if layer == name
                ]
        shape = ROLES, max([PLACES_OF_ROLE, EACH * len(layers), len(parameters)])
        self.watch = new_watch(self.tensors, shape, dtype)

    def count(
        self, role: int, place: int, x: torch.Tensor, out: torch.Tensor, columns: int, bound: Bound
    ) -> None:
        """A tensor that a kernel rounded in rows of `columns` numbers; both (n,)."""
        i = int(self.watch.index[role, place])
        if x.numel():
            flat.count_one(self.watch, i, x.numpy(), out.numpy(), columns, bound.address, bound.state)

    def count_elsewhere(
        self, role: int, place: int, x: torch.Tensor, out: torch.Tensor, rounder: Rounder | None
    ) -> None:
        """The same by tensor operations, on any device."""
        if not x.numel():
            return
        i, whole, out = int(self.watch.index[role, place]), x.detach(), out.detach().reshape(-1)
        x = whole.reshape(-1)
        counts, there = self.watch.counts[i], x != 0
        clipped = there.new_zeros(())
        if rounder is not None:
            clipped = (clipped_tensor(whole, rounder.form).reshape(-1) & there).sum()
        wide = x.double()
        found = [there.sum(), clipped, (there & (out == 0)).sum(), (wide**2).sum(), ((wide - out) ** 2).sum()]
        for place_of, one in zip((NUMBERS, CLIPPED, UNDERFLOWED, SIGNAL, NOISE), found, strict=True):
            counts[place_of] += float(one)
        fields = exponent_fields(x)
        counts[LEAST] = min(
            counts[LEAST], float(torch.where(there, fields, fields.new_tensor(TOP[x.dtype])).min())
        )
        counts[LARGEST] = max(counts[LARGEST], float(fields.max()))
        chosen = slice(0, None, x.numel() // SAMPLE | 1)
        some = fields[chosen][there[chosen]]
        self.watch.exponents[i] += np.bincount(some.cpu().numpy(), minlength=self.watch.exponents.shape[1])

    def count_updates_elsewhere(
        self, role: int, place: int, parts: Sequence[torch.Tensor], updates: torch.Tensor, before: torch.Tensor,
        after: torch.Tensor,
    ) -> None:  # fmt: skip
        """What updates did to a parameter, all (n,), by tensor operations."""
        counts = self.watch.counts[int(self.watch.index[role, place])]
        moved = updates != 0
        lost = moved & (before == after)
        counts[MOVED] += int(moved.sum())
        counts[STALLED] += int(lost.sum())
        for cause, part in enumerate(parts):
            sizes = part.abs().double()
            counts[GRADIENT + 2 * cause] += float(sizes.sum())
            counts[GRADIENT + 2 * cause + 1] += float((sizes * lost).sum())

    def rates(self) -> Matrix:
        """(tensors, RATES), and nothing is counted any more."""
        found = np.zeros((len(self.tensors), len(RATES)))
        settle(self.watch, found)
        return found


TOP = {torch.float32: 255, torch.float64: 2047}  # the exponent field of infinity


def exponent_fields(x: torch.Tensor) -> torch.Tensor:
    """(n,) int64: the exponents with their bias."""
    if x.dtype == torch.float32:
        return (x.contiguous().view(torch.int32).long() >> 23) & TOP[x.dtype]
    return (x.contiguous().view(torch.int64) >> 52) & TOP[x.dtype]


def by_cause(
    kind: type[torch.optim.Optimizer],
    group: Mapping[str, Any],
    before: torch.Tensor,
    updates: torch.Tensor,
    gradient: torch.Tensor,
    momentum: torch.Tensor | None,
    state: Mapping[str, Any],
) -> torch.Tensor | None:
    """(3, n): what of `updates` is the gradient's, weight decay's and momentum's; None of optimizers not looked into.

    before, gradient   (n,) of a step.     momentum   (n,) before it; None: there was none.     state   after it.
    """
    decay = group.get("weight_decay", 0.0) * before
    held = torch.zeros_like(before) if momentum is None else momentum
    if kind is torch.optim.SGD:
        mu, kept = group["momentum"], 1.0 if momentum is None else 1.0 - group["dampening"]
        fresh, past = (1.0 + mu * kept, mu * mu) if group["nesterov"] else (kept, mu)
        sign = -1.0 if group["maximize"] else 1.0
        return group["lr"] * torch.stack([fresh * sign * gradient, fresh * decay, past * held])
    if kind in (torch.optim.Adam, torch.optim.AdamW):
        decoupled = kind is torch.optim.AdamW or group.get("decoupled_weight_decay", False)
        share = group["betas"][0]
        mean = state["exp_avg"].view(-1)
        own = group["lr"] * decay if decoupled else torch.zeros_like(before)
        scale = torch.where(mean == 0, mean, (updates - own) / mean)
        coupled = own if decoupled else scale * (1.0 - share) * decay
        sign = -1.0 if group["maximize"] else 1.0
        return torch.stack([scale * (1.0 - share) * sign * gradient, coupled, scale * share * held])
    return None
