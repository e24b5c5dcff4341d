"""SVRG and HALP about a centre on modules; `lpbench.networks.centres` has them compiled.

Running statistics of batch normalisation are those of the iterate: passes at the centre leave them as they were.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from lpbench.networks.modules.layers import trained
from lpbench.networks.modules.quantizing import Quantized
from lpbench.networks.modules.rounding import Vectors
from lpbench.networks.net import MOMENTUM, WEIGHTS
from lpbench.networks.updates import AUDIT_EVERY

# The mean loss of a batch: of a step, and of which part of the pass over all samples, 0 of the step itself. What it
# draws is a function of these two.
Loss = Callable[[int, torch.Tensor, int], Any]


class Centre:
    """w~, a point that the weights were at, and g~, the gradient of all samples there: vectors (n,) of what trains.

    loss      of a batch.     samples, batch   how many there are, and are taken at a time.     every   T of a loop.
    parts     all samples, as g~ goes over them.     offsets   HALP's step, which begins anew with each loop.
    Gradients have the loss scale in them.
    """

    def __init__(self, model: nn.Module, loss: Loss, samples: int, batch: int, every: int):
        self.model, self.loss, self.samples, self.batch, self.every = model, loss, samples, batch, every
        self.parameters = trained(model)
        self.sizes = [p.numel() for p in self.parameters]
        self.anchor = self.weights()
        self.full = torch.zeros_like(self.anchor)
        self.parts = whole_batches(samples, batch)
        self.offsets: Offsets | None = None

    def gradient(self, step: int, chosen: torch.Tensor) -> float:
        """The mean loss of a step's batch; the parameters receive g_i(w) - g_i(w~) + g~."""
        if step % self.every == 0:
            self.begin_loop(step)
        with self.around():
            _, before = self.pass_over(step, chosen)
        loss, g = self.pass_over(step, chosen)
        self.give(g - before + self.full)
        return loss

    def begin_loop(self, step: int) -> None:
        """w~ = w, and g~; z = 0."""
        self.anchor = self.weights()
        self.full = torch.zeros_like(self.anchor)
        with statistics_kept(self.model):
            for i, part in enumerate(self.parts):
                g = self.at_centre(step, torch.from_numpy(part), i + 1)
                self.full += (part.size / self.samples) * g
        if self.offsets is not None:
            self.offsets.begin_loop()

    def at_centre(self, step: int, chosen: torch.Tensor, part: int) -> torch.Tensor:
        """The gradient of a part of all samples, where the weights are the centre."""
        return self.pass_over(step, chosen, part)[1]

    def pass_over(self, step: int, chosen: torch.Tensor, part: int = 0) -> tuple[float, torch.Tensor]:
        """The mean loss of a batch, and its derivatives."""
        for p in self.parameters:
            p.grad = None
        loss = self.loss(step, chosen, part)
        loss.backward()
        return float(loss.detach()), self.joined([p.grad for p in self.parameters])

    def weights(self) -> torch.Tensor:
        """A copy of the parameters."""
        return self.joined([p.detach() for p in self.parameters])

    def joined(self, parts: Sequence[torch.Tensor | None]) -> torch.Tensor:
        """One tensor for each parameter as a vector; None stands for 0."""
        there = (torch.zeros_like(p) if x is None else x for p, x in zip(self.parameters, parts, strict=True))
        return torch.cat([x.detach().reshape(-1) for x in there])

    def parted(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The inverse of `joined`; the parts share the memory of x."""
        parts = x.split(self.sizes)
        return [part.view(p.shape) for part, p in zip(parts, self.parameters, strict=True)]

    def give(self, g: torch.Tensor) -> None:
        """Let g be the gradients of the parameters."""
        for p, part in zip(self.parameters, self.parted(g), strict=True):
            p.grad = part

    @contextmanager
    def around(self) -> Iterator[None]:
        """Within, the weights are those of the centre; behind it they and the statistics are as before."""
        own = self.weights()
        with statistics_kept(self.model):
            try:
                put(self.parameters, self.parted(self.anchor))
                yield
            finally:
                put(self.parameters, self.parted(own))


def put(parameters: Sequence[nn.Parameter], weights: Sequence[torch.Tensor]) -> None:
    """Into the storage of the parameters, past what an optimizer takes for another's change."""
    for p, w in zip(parameters, weights, strict=True):
        p.data.copy_(w)


@contextmanager
def statistics_kept(model: nn.Module) -> Iterator[None]:
    """Within, buffers of the module may change, or be others; behind it they are as before."""
    kept = [
        (module, name, buffer, buffer.clone())
        for module in model.modules() for name, buffer in module._buffers.items() if buffer is not None
    ]  # fmt: skip
    try:
        yield
    finally:
        with torch.no_grad():
            for module, name, buffer, before in kept:
                module._buffers[name] = buffer.copy_(before)


def whole_batches(samples: int, batch: int) -> list[np.ndarray]:
    """All samples in their order, in batches; one that is left over alone goes with those before it."""
    ends = [*range(batch, samples, batch), samples]
    if len(ends) > 1 and ends[-1] - ends[-2] == 1:
        del ends[-2]
    return [np.arange(first, last) for first, last in itertools.pairwise([0, *ends])]


class Offsets(torch.optim.Optimizer):
    """z <- Q(z - alpha v / s), w = w~ + s z: v the momentum of the gradients, z native numbers of the weights' format.

    s is a number for each tensor, by which the largest number of the format is ||g~|| / mu away; one for all where it
    is `shared`, and where a tensor's own g~ is 0. Where all is 0 nothing is left to do. Weight decay is that of w.
    `counts` are those of `optimizer.Optimizer`.
    Source: De Sa et al. 2018, "High-Accuracy Low-Precision Training", section 4, and its code for networks.
    """

    def __init__(
        self, made: Quantized, centre: Centre, momentum: float, weight_decay: float, mu: float, shared: bool
    ):
        super().__init__(centre.parameters, {"lr": 0.0})
        centre.offsets = self
        self.made, self.centre, self.mu, self.shared = made, centre, mu, shared
        self.momentum, self.weight_decay = momentum, weight_decay
        places = {id(tensor.parameter): i for i, tensor in enumerate(made.tensors)}
        shapes = [tuple(p.shape) for p in centre.parameters]
        self.vectors = Vectors(made.rounding, [places[id(p)] for p in centre.parameters], shapes)
        rounder = made.rounding.recipe.rounder("weights", None)
        self.reach = 1.0 if rounder is None else float(rounder.form.reach)
        self.z, self.v, self.scale = (torch.zeros_like(centre.anchor) for _ in range(3))  # s of each number
        self.counts, self.taken = np.zeros(3, np.int64), 0

    @torch.no_grad()
    def begin_loop(self) -> None:
        """About a new centre."""
        norms = torch.stack([part.double().norm() for part in self.centre.parted(self.centre.full)])
        norms = torch.where((norms > 0) & (not self.shared), norms, norms.norm())
        each = norms / (self.made.loss_scale * self.mu * self.reach)
        sizes = torch.tensor(self.centre.sizes, device=each.device)
        self.scale = each.repeat_interleave(sizes).to(self.z.dtype)
        self.z = torch.zeros_like(self.z)

    @property
    def offset(self) -> torch.Tensor:
        """s z, (n,)."""
        return self.scale * self.z

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One step along the gradients that the parameters have."""
        centre, vectors = self.centre, self.vectors
        g = centre.joined([p.grad for p in centre.parameters]) * (1.0 / self.made.loss_scale)
        v = self.momentum * self.v + (g + self.weight_decay * centre.weights())
        self.v = vectors.round(MOMENTUM, 0, v) if self.momentum and MOMENTUM in vectors.roles else v
        alive = self.scale > 0
        inverse = torch.where(alive, self.param_groups[0]["lr"] / torch.where(alive, self.scale, 1.0), 0.0)
        moved = self.z - inverse * self.v
        z = vectors.round(WEIGHTS, 0, moved) if WEIGHTS in vectors.roles else moved
        if self.taken % AUDIT_EVERY == 0:
            vectors.audit(self.z, moved, z, self.counts)
        self.z = z
        for p, part in zip(centre.parameters, centre.parted(centre.anchor + self.offset), strict=True):
            p.copy_(part)
        self.made.rounding.step += 1
        self.taken += 1
