"""Torch's optimizers over low-precision weights: gradients, state, copy and weights in the formats of their roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from lpbench.errors import ConfigError
from lpbench.networks.modules.quantizing import Quantized, quantized
from lpbench.networks.modules.rounding import Vectors
from lpbench.networks.passes import GRADIENTS, MASTER, MOMENTUM, SECOND, WEIGHTS
from lpbench.networks.updates import AUDIT_EVERY, MOVED, SATURATED, STALLED

# Their step of a vector is the step of its parts, bit for bit: all weights take it in one.
_ELEMENTWISE = {
    torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.NAdam, torch.optim.RAdam, torch.optim.RMSprop,
    torch.optim.Adagrad, torch.optim.Adadelta, torch.optim.Adamax, torch.optim.ASGD, torch.optim.Rprop,
}  # fmt: skip


def optimizer(
    model: nn.Module,
    kind: type[torch.optim.Optimizer],
    params: Iterable[Any] | None = None,
    **options: Any,
) -> Optimizer:
    """An optimizer of the class `kind` whose step keeps every tensor of a quantized model in its format.

    model     what `quantize_` returned, on its device.
    params    parameters or groups of them, as torch takes them; None: all that ask for a gradient.
    options   of `kind`: `lr=0.1, momentum=0.9`.

    A step: gradients are rounded, and the loss scale divided out; `kind` makes its step in full precision; its state is
    rounded, and the copy of the weights, where the recipe has one; the weights are what that is rounded to. Nothing
    rounded, it is the step of `kind`, bit for bit. What is clipped or counted between `backward` and `step` is a
    gradient with the loss scale in it, unless `unscale` was called. Schedulers, `state_dict` and parameter groups are
    as torch has them. Make it when the model is on its device: weights that move later are an error, in one line.
    Raises ConfigError for a model that is not quantized, one that has an optimizer, and for LBFGS, which evaluates the
    loss within a step.
    """
    return Optimizer(model, kind, params, options)


class _Vector:
    """Parameters that take their step as one vector.

    kept       what `kind` updates: the copy of the weights, or the weights themselves.
    weights    (n,) what layers compute with, of which the parameters are parts; where there is no copy, `kept`.
    lost       (n,) what Kahan's sum keeps for the next step, or None.
    """

    def __init__(self, made: Quantized, members: Sequence[tuple[int, nn.Parameter]], flat: bool):
        self.places = [place for place, _ in members]
        self.params = [parameter for _, parameter in members]
        shapes = [(p.shape[-1] if p.ndim else 1) for p in self.params]
        rows = [(p.numel() // max(1, c), c) for p, c in zip(self.params, shapes, strict=True)]
        self.vectors = Vectors(made.rounding, self.places, rows)
        has_copy = made.rounding.recipe.has_master
        starts = [made.originals[i] for i in self.places] if made.originals is not None else self.params
        start = torch.cat([one.detach().reshape(-1) for one in starts])
        self.weights = torch.cat([p.detach().reshape(-1) for p in self.params]) if has_copy else start
        self.kept = nn.Parameter(start if flat else start.view(self.params[0].shape))
        self.lost = torch.zeros_like(start) if made.compensation == "kahan" else None
        self.has_copy = has_copy
        for p, where in zip(self.params, self.vectors.parts, strict=True):
            p.data = self.weights[where].view(p.shape)
        self.remember()

    def remember(self) -> None:
        """The weights are ours: what others write into them from here on is seen."""
        self._versions = [p._version for p in self.params]
        self._addresses = [p.data_ptr() for p in self.params]

    def check(self) -> None:
        """Take over weights that others have written; raises ConfigError where they lie elsewhere by now."""
        if [p.data_ptr() for p in self.params] != self._addresses:
            raise ConfigError(
                "the model's weights have moved since its optimizer was made (.to, .cuda, .half, or load_state_dict "
                "with assign): move the model first, then call lpbench.networks.optimizer"
            )
        versions = [p._version for p in self.params]
        if self.has_copy and versions != self._versions:
            kept = self.kept.detach().view(-1)
            for p, where, version, before in zip(
                self.params, self.vectors.parts, versions, self._versions, strict=True
            ):
                if version != before:
                    kept[where] = p.detach().reshape(-1)
        self._versions = versions

    def gradient(self) -> tuple[torch.Tensor, list[int]]:
        """(n,), and which of the parameters have none."""
        missing = [i for i, p in enumerate(self.params) if p.grad is None]
        if any(p.grad is not None and p.grad.is_sparse for p in self.params):
            raise ConfigError(
                "a gradient is sparse: formats round dense ones; build the embedding with sparse=False"
            )
        parts = [(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1) for p in self.params]
        return torch.cat(parts), missing


class Optimizer(torch.optim.Optimizer):
    """What `lpbench.networks.optimizer` makes: `kind` over the weights of a quantized model.

    Attributes: `counts`, (3,) int64, of every 16th step the updates that were not zero, of them those that left the
    range of the weights' format, and those that changed nothing: `saturation_rate`, `stall_rate`.
    """

    def __init__(
        self,
        model: nn.Module,
        kind: type[torch.optim.Optimizer],
        params: Iterable[Any] | None,
        options: Mapping[str, Any],
    ):
        if not (isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)):
            raise ConfigError(f"the class of an optimizer is needed, such as torch.optim.SGD, got {kind!r}")
        if kind is torch.optim.LBFGS:
            raise ConfigError(
                "LBFGS evaluates the loss within a step; take torch.optim.SGD or torch.optim.AdamW"
            )
        self._made = quantized(model)
        if self._made.optimized:
            raise ConfigError("this model has its optimizer already; quantize a new model for another one")
        self._made.optimized = True
        self._kind, self._options = kind, dict(options)
        self._place = {id(tensor.parameter): i for i, tensor in enumerate(self._made.tensors)}
        self._vectors: list[list[_Vector]] = []
        self._inner: torch.optim.Optimizer | None = None
        self._unscaled = False
        self.counts = np.zeros(3, np.int64)
        chosen = params if params is not None else [p for p in model.parameters() if p.requires_grad]
        defaults = kind([nn.Parameter(torch.zeros(1))], **self._options).defaults
        super().__init__(chosen, defaults)
        self._made.originals = None  # taken

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As torch's; the parameters are those of the quantized model."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        members = []
        for parameter in group["params"]:
            if id(parameter) not in self._place:
                raise ConfigError("a parameter is none of the quantized model")
            members.append((self._place[id(parameter)], parameter))
        alone = self._kind not in _ELEMENTWISE
        parts = [[member] for member in members] if alone else [members]
        vectors = [_Vector(self._made, part, not alone) for part in parts if part]
        self._vectors.append(vectors)
        if self._inner is not None:
            self._inner.add_param_group({**_own(group), "params": [vector.kept for vector in vectors]})

    def unscale(self) -> None:
        """Round the gradients and divide the loss scale out now, so that they can be clipped; `step` then does not."""
        for vector in self._all():
            gradient, _ = vector.gradient()
            found = self._rounded_gradient(vector, gradient)
            for p, where in zip(vector.params, vector.vectors.parts, strict=True):
                if p.grad is not None:
                    p.grad.copy_(found[where].view(p.shape))
        self._unscaled = True

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step of the optimizer; `closure`, which is called first, gives the loss anew."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        inner, audited = self._ready(), self._made.rounding.step % AUDIT_EVERY == 0
        before: dict[int, torch.Tensor] = {}
        untouched = []
        for vector in self._all():
            vector.check()
            gradient, missing = vector.gradient()
            if not self._unscaled:
                gradient = self._rounded_gradient(vector, gradient)
            vector.kept.grad = gradient.view(vector.kept.shape)
            if audited or vector.lost is not None or missing:
                before[id(vector)] = vector.kept.detach().clone().view(-1)
            untouched += [(vector, i, self._state(vector)) for i in missing]
        inner.step()
        for vector, i, state in untouched:
            _restore(vector, i, before[id(vector)], state, inner.state[vector.kept])
        for vector in self._all():
            self._settle(vector, before.get(id(vector)), audited)
        self._made.rounding.step += 1
        self._unscaled = False
        return loss

    @property
    def saturation_rate(self) -> float:
        """Share of the updates that left the range of the weights' format."""
        return float(self.counts[SATURATED] / max(1, self.counts[MOVED]))

    @property
    def stall_rate(self) -> float:
        """Share of the updates that changed no weight."""
        return float(self.counts[STALLED] / max(1, self.counts[MOVED]))

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs, beside the model's own `state_dict`, to go on to the same bits."""
        found = self._ready().state_dict()
        groups = [{**_own(group), "params": inner["params"]}
                  for group, inner in zip(self.param_groups, found["param_groups"], strict=True)]  # fmt: skip
        vectors = self._all()
        ours = {
            "rounding": self._made.rounding.state_dict(),
            "copy": [vector.kept.detach().clone() if vector.has_copy else None for vector in vectors],
            "lost": [None if vector.lost is None else vector.lost.clone() for vector in vectors],
            "counts": self.counts.copy(),
        }
        return {"state": found["state"], "param_groups": groups, "lpbench": ours}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The inverse of `state_dict`; the model's own is loaded by itself. Raises ConfigError for another model's."""
        ours, vectors = state_dict.get("lpbench"), self._all()
        if ours is None:
            raise ConfigError("the state is not of an optimizer that lpbench.networks.optimizer made")
        shapes = [None if one is None else tuple(one.shape) for one in ours["copy"]]
        here = [tuple(vector.kept.shape) if vector.has_copy else None for vector in vectors]
        groups = len(self.param_groups), len(state_dict["param_groups"])
        if shapes != here or groups[0] != groups[1]:
            raise ConfigError(
                "the state is of another model or recipe: its tensors are not those of this optimizer"
            )
        self._ready().load_state_dict({key: state_dict[key] for key in ("state", "param_groups")})
        for mine, theirs in zip(self.param_groups, state_dict["param_groups"], strict=True):
            mine.update(_own(theirs))
        self._made.rounding.load_state_dict(ours["rounding"])
        for vector, copy, lost in zip(vectors, ours["copy"], ours["lost"], strict=True):
            vector.vectors.forget()
            with torch.no_grad():
                if copy is not None:
                    vector.kept.copy_(copy)
                if vector.lost is not None and lost is not None:
                    vector.lost.copy_(lost)
            vector.remember()
        self.counts = np.array(ours["counts"], np.int64)

    def _all(self) -> list[_Vector]:
        return [vector for vectors in self._vectors for vector in vectors]

    def _ready(self) -> torch.optim.Optimizer:
        """`kind` over the vectors, with the options that the groups have by now."""
        if self._inner is None:
            groups = [
                {**_own(group), "params": [vector.kept for vector in vectors]}
                for group, vectors in zip(self.param_groups, self._vectors, strict=True)
            ]
            self._inner = self._kind(groups, **self._options)
        for mine, theirs in zip(self.param_groups, self._inner.param_groups, strict=True):
            theirs.update(_own(mine))
        return self._inner

    def _state(self, vector: _Vector) -> dict[str, torch.Tensor]:
        assert self._inner is not None
        state = self._inner.state[vector.kept]
        return {name: one.clone() for name, one in state.items() if _is_vector(one, vector)}

    def _rounded_gradient(self, vector: _Vector, gradient: torch.Tensor) -> torch.Tensor:
        if GRADIENTS in vector.vectors.roles:
            gradient = vector.vectors.round(GRADIENTS, 0, gradient)
        scale = self._made.loss_scale
        return gradient if scale == 1.0 else gradient * (1.0 / scale)

    def _settle(self, vector: _Vector, before: torch.Tensor | None, audited: bool) -> None:
        """After the step of `kind`: state, copy and weights as their roles round them."""
        assert self._inner is not None
        vectors, kept = vector.vectors, vector.kept.detach().view(-1)
        growth = 1.0 / (1.0 - self._momentum(vector))
        for name, state in self._inner.state[vector.kept].items():
            role = SECOND if "sq" in name else MOMENTUM
            if _is_vector(state, vector) and role in vectors.roles:
                state.view(-1).copy_(
                    vectors.round(role, 0, state.view(-1), growth if role == MOMENTUM else 1.0)
                )
        updated = kept
        role = MASTER if vector.has_copy else WEIGHTS
        if vector.lost is not None:
            assert before is not None
            updated = self._compensated(vector, role, before, kept)
        elif role in vectors.roles:
            updated = kept.clone() if audited else kept
            kept.copy_(vectors.round(role, 0, kept))
        if vector.has_copy:
            vector.weights.copy_(vectors.round(WEIGHTS, 0, kept) if WEIGHTS in vectors.roles else kept)
        if audited:
            assert before is not None
            vectors.audit(before, updated, kept, self.counts)

    def _compensated(
        self, vector: _Vector, role: int, before: torch.Tensor, kept: torch.Tensor
    ) -> torch.Tensor:
        """Kahan's sum: y = Q(-u - c); t = Q(w + y); c = Q(Q(t - w) - y); w = t. Returns w + y."""
        assert vector.lost is not None
        round_, rounds = vector.vectors.round, role in vector.vectors.roles
        y = (kept - before) - vector.lost
        y = round_(role, 1, y) if rounds else y
        whole = before + y
        t = round_(role, 0, whole) if rounds else whole
        moved = t - before
        moved = round_(role, 2, moved) if rounds else moved
        lost = moved - y
        vector.lost.copy_(round_(role, 3, lost) if rounds else lost)
        kept.copy_(t)
        return whole

    def _momentum(self, vector: _Vector) -> float:
        """The share of the last update that SGD keeps: its state may grow to 1 / (1 - share) gradients."""
        group = next(
            group
            for group, vectors in zip(self.param_groups, self._vectors, strict=True)
            if any(vector is one for one in vectors)
        )
        return float(group.get("momentum", 0.0) or 0.0)


def _own(group: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name not in ("params", "param_names")}


def _is_vector(state: Any, vector: _Vector) -> bool:
    return isinstance(state, torch.Tensor) and state.shape == vector.kept.shape and state.is_floating_point()


def _restore(
    vector: _Vector, i: int, before: torch.Tensor, state: Mapping[str, torch.Tensor], now: Mapping[str, Any]
) -> None:
    """A parameter without a gradient makes no step: torch leaves it and its state as they are."""
    where = vector.vectors.parts[i]
    vector.kept.detach().view(-1)[where] = before[where]
    for name, found in now.items():
        if _is_vector(found, vector):
            found.view(-1)[where] = state[name].view(-1)[where] if name in state else 0.0
