"""Torch's optimizers over low-precision weights: gradients, state, copy and weights in the formats of their roles."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from lpbench.errors import ConfigError
from lpbench.networks.modules.layers import trained
from lpbench.networks.modules.quantizing import Quantized, quantized
from lpbench.networks.modules.rounding import Vectors
from lpbench.networks.modules.watching import by_cause
from lpbench.networks.net import GRADIENTS, MOMENTUM, SECOND, WEIGHTS
from lpbench.networks.updates import AUDIT_EVERY, MOVED, SATURATED, STALLED

# Their step of a vector is the step of its parts, bit for bit: all weights take it in one.
_ELEMENTWISE = {
    torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.NAdam, torch.optim.RAdam, torch.optim.RMSprop,
    torch.optim.Adagrad, torch.optim.Adadelta, torch.optim.Adamax, torch.optim.ASGD, torch.optim.Rprop,
}  # fmt: skip
LARGEST_GROWTH = 1024.0  # of momentum that decays not at all


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
    as torch has them. Weights that others write (`load_state_dict`, a clamp) are those of the copy from there on. Make
    it when the model is on its device: weights that move later are an error, in one line.
    Raises ConfigError for a model that is not quantized, and for LBFGS, which evaluates the loss within a step.
    """
    return Optimizer(model, kind, params, options)


class _Vector:
    """Parameters that take their step as one vector.

    kept       what `kind` updates: the copy of the weights, or the weights themselves.
    weights    (n,) what layers compute with, of which the parameters are parts; where there is no copy, `kept`.
    lost       (n,) what Kahan's sum keeps for the next step, or None.
    written    (n,) `weights` as the last step left them, where there is a copy: others are those that others wrote.
    lacking    whether a gradient was missing in the last step.
    """

    def __init__(
        self,
        made: Quantized,
        members: Sequence[tuple[int, nn.Parameter]],
        flat: bool,
        starts: Sequence[torch.Tensor],
        lost: torch.Tensor | None,
    ):
        self.places = [place for place, _ in members]
        self.params = [parameter for _, parameter in members]
        self.vectors = Vectors(made.rounding, self.places, [tuple(p.shape) for p in self.params])
        self.has_copy = made.rounding.has_copy
        start = torch.cat([one.reshape(-1) for one in starts])
        self.weights = torch.cat([p.detach().reshape(-1) for p in self.params]) if self.has_copy else start
        self.kept = nn.Parameter(start if flat else start.view(self.params[0].shape))
        self.lost = torch.zeros_like(start) if lost is None and made.compensation == "kahan" else lost
        self.lacking = False
        self._own()

    def _own(self) -> None:
        """The parameters are parts of `weights`, as they were written."""
        self.written = self.weights.clone() if self.has_copy else None
        for p, where in zip(self.params, self.vectors.parts, strict=True):
            p.data = self.weights[where].view(p.shape)
        self._addresses = [p.data_ptr() for p in self.params]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Of a copy: what shared its memory does again."""
        vars(self).update(state)
        written = self.written
        if not self.has_copy:
            self.weights = self.kept.detach().view(-1)
        self._own()
        self.written = written

    def check(self) -> None:
        """Take over weights that others have written; raises ConfigError where they are of another device or dtype."""
        for i, (p, where) in enumerate(zip(self.params, self.vectors.parts, strict=True)):
            if p.data_ptr() == self._addresses[i]:
                continue
            if (p.device, p.dtype) != (self.weights.device, self.weights.dtype):
                raise ConfigError(
                    "the model's weights have moved since its optimizer was made (.to, .cuda, .half): move the model "
                    "first, then call lpbench.networks.optimizer"
                )
            self.weights[where] = p.detach().reshape(-1)
            p.data = self.weights[where].view(p.shape)
        if self.written is not None and not torch.equal(self.weights, self.written):
            kept = self.kept.detach().view(-1)
            kept.copy_(torch.where(self.weights == self.written, kept, self.weights))

    @property
    def moves(self) -> bool:
        """Whether it makes a step, once those with a gradient are parted from those without."""
        return self.params[0].grad is not None

    def gradient(self) -> torch.Tensor:
        """(n,); all parameters have one."""
        found = [p.grad for p in self.params if p.grad is not None]
        if any(one.is_sparse for one in found):
            raise ConfigError(
                "a gradient is sparse: formats round dense ones; build the embedding with sparse=False"
            )
        return torch.cat([one.detach().reshape(-1) for one in found])

    def part(self, i: int, x: torch.Tensor) -> torch.Tensor:
        """Of a vector x, the part that is the i-th parameter's."""
        return x.detach().view(-1)[self.vectors.parts[i]]


class Optimizer(torch.optim.Optimizer):
    """What `lpbench.networks.optimizer` makes: `kind` over the weights of a quantized model, `made`.

    Attributes: `taken`, the steps so far; `counts`, (3,) int64, of every 16th step the updates that were not zero, of
    them those that left the range of the weights' format, and those that changed nothing: `saturation_rate`,
    `stall_rate`.
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
        self.made = quantized(model)
        self.kind, self._options = kind, dict(options)
        self._place = self._places()
        self._vectors: list[list[_Vector]] = []
        self._inner: torch.optim.Optimizer | None = None
        self._unscaled: dict[int, torch.Tensor] = {}  # by parameter, its gradient
        self.taken = 0  # steps
        self.counts = np.zeros(3, np.int64)
        chosen = params if params is not None else trained(model)
        defaults = kind([nn.Parameter(torch.zeros(1, 1))], **self._options).defaults
        super().__init__(chosen, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As torch's; the parameters are those of the quantized model."""
        super().add_param_group(param_group)
        params = self.param_groups[-1]["params"]
        if any(id(parameter) not in self._place for parameter in params):
            self.param_groups.pop()
            raise ConfigError("a parameter is none of the quantized model")
        members = [(self._place[id(parameter)], parameter) for parameter in params]
        parts = [members] if self.kind in _ELEMENTWISE else [[member] for member in members]
        vectors = [
            _Vector(self.made, part, self._is_flat, [self.made.start(place) for place, _ in part], None)
            for part in parts
            if part
        ]
        self._vectors.append(vectors)
        if self._inner is not None:
            group = {**_own(self.param_groups[-1]), "params": [vector.kept for vector in vectors]}
            self._inner.add_param_group(group)

    def unscale(self) -> None:
        """Round the gradients and divide the loss scale out now, so that they can be clipped; `step` then does not."""
        if self._is_unscaled():
            return
        self._gather()
        for vector in self._all():
            if vector.moves:
                found = self._rounded_gradient(vector, vector.gradient())
                for i, p in enumerate(vector.params):
                    assert p.grad is not None
                    p.grad.detach().copy_(vector.part(i, found).view(p.shape))
                    self._unscaled[id(p)] = p.grad

    def zero_grad(self, set_to_none: bool = True) -> None:
        """As torch's."""
        super().zero_grad(set_to_none)
        self._unscaled.clear()

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One step of the optimizer; `closure`, which is called first, gives the loss anew."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        unscaled, audited = self._is_unscaled(), self.taken % AUDIT_EVERY == 0
        self._gather()
        watching = self.made.rounding.watching is not None
        inner, before, held = self._ready(), {}, {}
        for vector in self._all():
            vector.kept.grad = None
            if vector.moves:
                gradient = (
                    vector.gradient() if unscaled else self._rounded_gradient(vector, vector.gradient())
                )
                vector.kept.grad = gradient.view(vector.kept.shape)
                if audited or watching or vector.lost is not None:
                    before[id(vector)] = vector.kept.detach().clone().view(-1)
                if watching:
                    held[id(vector)] = _momentum(inner.state.get(vector.kept, {}))
        inner.step()
        for group, vectors in zip(self.param_groups, self._vectors, strict=True):
            # Of the last update SGD keeps a share: its state may grow to 1 / (1 - share) gradients.
            left = 1.0 - float(group.get("momentum", 0.0) or 0.0)
            growth = 1.0 / left if left > 0 else LARGEST_GROWTH
            for vector in vectors:
                if vector.kept.grad is None:
                    continue
                old, kept = before.get(id(vector)), vector.kept.detach().view(-1)
                if watching:
                    assert old is not None
                    updates = old - kept
                    parts = self._by_cause(vector, group, old, updates, held[id(vector)])
                self._settle(vector, old, audited, growth)
                if watching:
                    assert old is not None
                    vector.vectors.count_updates(parts, updates, old, kept)
        self.made.rounding.step += 1
        self.taken += 1
        self._unscaled.clear()
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
            "rounding": self.made.rounding.state_dict(),
            "shapes": {
                place: list(p.shape)
                for one in vectors
                for place, p in zip(one.places, one.params, strict=True)
            },
            "parts": [[vector.places for vector in vectors] for vectors in self._vectors],
            "copy": [vector.kept.detach().clone() if vector.has_copy else None for vector in vectors],
            "written": [None if vector.written is None else vector.written.clone() for vector in vectors],
            "lost": [None if vector.lost is None else vector.lost.clone() for vector in vectors],
            "counts": self.counts.tolist(),
            "steps": self.taken,
        }
        return {"state": found["state"], "param_groups": groups, "lpbench": ours}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The inverse of `state_dict`; the model's own is loaded by itself, before or after.

        Raises ConfigError for another model's.
        """
        ours = state_dict.get("lpbench")
        if ours is None:
            raise ConfigError("the state is not of an optimizer that lpbench.networks.optimizer made")
        if _outline(ours) != _outline(self.state_dict()["lpbench"]):
            raise ConfigError(
                "the state is of another model or recipe: its tensors are not those of this optimizer"
            )
        for i, parts in enumerate(ours["parts"]):
            self._partition(i, parts)
        self._ready().load_state_dict({key: state_dict[key] for key in ("state", "param_groups")})
        for mine, theirs in zip(self.param_groups, state_dict["param_groups"], strict=True):
            mine.update(_own(theirs))
        self.made.rounding.load_state_dict(ours["rounding"])
        for vector, kept, written, lost in zip(
            self._all(), ours["copy"], ours["written"], ours["lost"], strict=True
        ):
            vector.vectors.forget()
            with torch.no_grad():
                for mine, theirs in ((vector.kept, kept), (vector.written, written), (vector.lost, lost)):
                    if mine is not None and theirs is not None:
                        mine.copy_(theirs)
        self.counts = np.array(ours["counts"], np.int64)
        self.taken = ours["steps"]

    def __getstate__(self) -> dict[str, Any]:
        """Copied or pickled with the model, it is the optimizer of the copy."""
        own = ("made", "kind", "_options", "_vectors", "_inner", "taken", "counts")
        found: dict[str, Any] = super().__getstate__()
        return found | {name: getattr(self, name) for name in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._place, self._unscaled = self._places(), {}

    @property
    def _is_flat(self) -> bool:
        return self.kind in _ELEMENTWISE

    def _places(self) -> dict[int, int]:
        return {id(tensor.parameter): i for i, tensor in enumerate(self.made.tensors)}

    def _all(self) -> list[_Vector]:
        return [vector for vectors in self._vectors for vector in vectors]

    def _ready(self) -> torch.optim.Optimizer:
        """`kind` over the vectors, with the options that the groups have by now."""
        if self._inner is None:
            groups = [
                {**_own(group), "params": [vector.kept for vector in vectors]}
                for group, vectors in zip(self.param_groups, self._vectors, strict=True)
            ]
            self._inner = self.kind(groups, **self._options)
        for mine, theirs in zip(self.param_groups, self._inner.param_groups, strict=True):
            theirs.update(_own(mine))
        return self._inner

    def _gather(self) -> None:
        """Weights that others have written are ours; parameters with and without a gradient are in different vectors.

        One without makes no step: torch leaves it and its state as they are.
        """
        for i, vectors in enumerate(self._vectors):
            parts: list[list[int]] = []
            for vector in vectors:
                vector.check()
                having: list[int] = []
                missing: list[int] = []
                for place, p in zip(vector.places, vector.params, strict=True):
                    (missing if p.grad is None else having).append(place)
                if missing and not vector.lacking:
                    self.made.check_there(missing)
                vector.lacking = bool(missing)
                parts += filter(None, (having, missing))
            if len(parts) > len(vectors):
                self._partition(i, parts)

    def _partition(self, i: int, parts: Sequence[Sequence[int]]) -> None:
        """Let the vectors of a group be those of the parameters at these places, with what they hold by now."""
        held = {place: (one, j) for one in self._vectors[i] for j, place in enumerate(one.places)}
        found: list[_Vector] = []
        for places in parts:
            whole, _ = held[places[0]]
            if whole.places == places:
                found.append(whole)
                continue
            own = [held[place] for place in places]
            members = [(place, one.params[j]) for place, (one, j) in zip(places, own, strict=True)]
            lost = [one.part(j, one.lost) for one, j in own if one.lost is not None]
            starts = [one.part(j, one.kept) for one, j in own]
            vector = _Vector(self.made, members, self._is_flat, starts, torch.cat(lost) if lost else None)
            if self._inner is not None and whole.kept in self._inner.state:
                self._inner.state[vector.kept] = {
                    name: torch.cat([whole.part(j, state) for one, j in own if one is whole])
                    if _is_vector(name, state, whole)
                    else copy.deepcopy(state)
                    for name, state in self._inner.state[whole.kept].items()
                }
            found.append(vector)
        if self._inner is not None:
            for one in self._vectors[i]:
                if not any(one is vector for vector in found):
                    self._inner.state.pop(one.kept, None)
            self._inner.param_groups[i]["params"] = [vector.kept for vector in found]
        self._vectors[i] = found

    def _is_unscaled(self) -> bool:
        """Whether the gradients are those that `unscale` has left; raises ConfigError where some are, some not."""
        if not self._unscaled:
            return False
        found = {
            self._unscaled.get(id(p)) is p.grad
            for group in self.param_groups for p in group["params"] if p.grad is not None
        }  # fmt: skip
        if len(found) > 1:
            raise ConfigError(
                "there are gradients that came after `unscale`: call it after the last backward pass"
            )
        return found == {True}

    def _rounded_gradient(self, vector: _Vector, gradient: torch.Tensor) -> torch.Tensor:
        scale = self.made.loss_scale
        if scale != 1.0 and not self.made.scaled:
            raise ConfigError(
                f"loss_scale={scale:g} has reached no output: call the model itself, model(x), and let it give "
                "tensors, or tuples, dicts and dataclasses of them"
            )
        if GRADIENTS in vector.vectors.roles:
            gradient = vector.vectors.round(GRADIENTS, 0, gradient)
        return gradient if scale == 1.0 else gradient * (1.0 / scale)

    def _settle(self, vector: _Vector, before: torch.Tensor | None, audited: bool, growth: float) -> None:
        """After the step of `kind`: state, copy and weights as their roles round them."""
        assert self._inner is not None
        vectors, kept = vector.vectors, vector.kept.detach().view(-1)
        for name, state in self._inner.state[vector.kept].items():
            role = SECOND if "sq" in name else MOMENTUM
            if _is_vector(name, state, vector) and role in vectors.roles:
                state.view(-1).copy_(
                    vectors.round(role, 0, state.view(-1), growth if role == MOMENTUM else 1.0)
                )
        updated, role = kept, vectors.added
        if vector.lost is not None:
            assert before is not None
            updated = self._compensated(vector, role, before, kept)
        elif role in vectors.roles:
            updated = kept.clone() if audited else kept
            kept.copy_(vectors.round(role, 0, kept))
        if vector.has_copy:
            vector.written = vectors.round(WEIGHTS, 0, kept) if WEIGHTS in vectors.roles else kept.clone()
            vector.weights.copy_(vector.written)
        if audited:
            assert before is not None
            vectors.audit(before, updated, kept, self.counts)

    def _by_cause(
        self, vector: _Vector, group: Mapping[str, Any], before: torch.Tensor, updates: torch.Tensor,
        momentum: torch.Tensor | None,
    ) -> torch.Tensor:  # fmt: skip
        """(3, n): what of the updates has which cause; 0 where nobody knows."""
        assert self._inner is not None
        assert vector.kept.grad is not None
        gradient, state = vector.kept.grad.view(-1), self._inner.state.get(vector.kept, {})
        found = by_cause(self.kind, group, before, updates, gradient, momentum, state)
        return (
            torch.zeros(3, before.numel(), dtype=before.dtype, device=before.device)
            if found is None
            else found
        )

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


def _momentum(state: Mapping[str, Any]) -> torch.Tensor | None:
    """A copy of what an optimizer remembers of the gradients so far; None: nothing."""
    found = state.get("momentum_buffer", state.get("exp_avg"))
    return None if found is None else found.detach().clone().view(-1)


def _own(group: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name not in ("params", "param_names")}


def _is_vector(name: str, state: Any, vector: _Vector) -> bool:
    """Whether it is a number for each weight; the count of steps of a weight that is one number is none."""
    return (
        isinstance(state, torch.Tensor)
        and state.shape == vector.kept.shape
        and state.is_floating_point()
        and name != "step"
    )


def _outline(ours: Mapping[str, Any]) -> tuple[Any, ...]:
    """Of the state of an optimizer, what that of the same model and recipe has too, however its vectors are parted."""
    groups = [sorted(place for places in parts for place in places) for parts in ours["parts"]]
    kinds = [{one is None for one in ours[name]} for name in ("copy", "lost")]
    return ours["shapes"], groups, kinds
