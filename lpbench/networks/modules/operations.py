"""What operations make of offset + delta, forward and backward: products, and all others. `pairs` says which are which.

A rule takes offsets X and deltas x of all tensors that it is given, and makes Y and y; of what comes back to these, G
and g, it makes what goes back to X and x. None stands for the delta of a constant. What deltas are computed with are
offsets as they are read, R of X, and R of G, which may have few bits, too; Y and what goes back to X are of X itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch

from lpbench.errors import LpbenchError

INSTEAD = "algorithm=halp takes such a module"

Tensors = Sequence[torch.Tensor]
Deltas = Sequence[torch.Tensor | None]


class Kept(NamedTuple):
    """Of an operation at the centre: what it gives, and what comes back to that."""

    outputs: list[torch.Tensor]
    derivatives: list[torch.Tensor]


class Tape:
    """The operations of a pass, in their order.

    kept     what is known of each: written in a pass at the centre alone, read in one with deltas. None: a pass with
             deltas computes its own.
    rounds   what offsets are to deltas; None: themselves.
    """

    def __init__(
        self,
        kept: list[Kept] | None = None,
        rounds: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ):
        self.kept, self.place, self.rounds = kept, 0, rounds

    def as_read(self, X: Tensors) -> Tensors:
        """R of offsets, or of what comes back to them."""
        return X if self.rounds is None else [self.rounds(one) for one in X]

    def write(self, outputs: Tensors) -> None:
        """What an operation at the centre gives; what comes back to it is written when it comes."""
        if self.kept is None:
            return
        found = Kept([y.detach() for y in outputs], [torch.zeros_like(y) for y in outputs])
        for y, derivative in zip(outputs, found.derivatives, strict=True):
            if y.requires_grad:
                y.register_hook(_into(derivative))
        self.kept.append(found)

    def read(self) -> Kept | None:
        """What is known of the next operation."""
        if self.kept is None:
            return None
        self.place += 1
        if self.place > len(self.kept):
            raise LpbenchError(
                "the module computes a part of itself again in the backward pass (checkpoint), and what is kept of the "
                "centre is there once: centre_cache=none"
            )
        return self.kept[self.place - 1]


def _into(kept: torch.Tensor) -> Callable[[torch.Tensor], None]:
    def write(derivative: torch.Tensor) -> None:
        kept.copy_(derivative)

    return write


class Function:
    """A function of torch as one of the tensors among its arguments alone, which gives a list of tensors.

    places   where in what it gives they stand; None: it gives one tensor.     whole   what else stands there.
    """

    def __init__(self, of: Callable[[Iterable[Any]], Any], name: str):
        self.of, self.name = of, name
        self.places: list[int] | None = None
        self.whole: tuple[Any, ...] = ()

    def __call__(self, tensors: Tensors) -> list[torch.Tensor]:
        found = self.of(tensors)
        self.places = None
        if isinstance(found, tuple | list):
            self.whole = tuple(found)
            self.places = [i for i, one in enumerate(found) if isinstance(one, torch.Tensor)]
        outputs = [found] if self.places is None else [found[i] for i in self.places]
        if not outputs or not all(isinstance(y, torch.Tensor) and y.is_floating_point() for y in outputs):
            raise looks(self.name)
        return outputs

    def restored(self, outputs: Sequence[Any]) -> Any:
        """What it gives, with these in place of the tensors."""
        if self.places is None:
            return outputs[0]
        found = list(self.whole)
        for i, one in zip(self.places, outputs, strict=True):
            found[i] = one
        return tuple(found)


def looks(name: str) -> LpbenchError:
    """The error of a function whose result is no tensor of numbers."""
    return LpbenchError(
        f"{name} looks at the numbers of a tensor, and bit-centred layers have two of each; {INSTEAD}"
    )


class Rule:
    """One operation of one pass."""

    def __init__(self, function: Function):
        self.function = function

    def forward(self, X: Tensors, R: Tensors, x: Deltas, Y: Tensors | None) -> tuple[Tensors, Tensors]:
        """Y and y; Y is computed unless it is given."""
        raise NotImplementedError

    def backward(self, G: Tensors, R: Tensors, g: Tensors, needed: Sequence[bool]) -> tuple[Deltas, Deltas]:
        """What goes back to offsets, where it is needed, and to deltas."""
        raise NotImplementedError


class Product(Rule):
    """Of two tensors, linear in each; or of one, and constants.

    y = a B + (A + a) b;   da = g (B + b)' + G b',   db = (A + a)' g + a' G.
    """

    def forward(self, X: Tensors, R: Tensors, x: Deltas, Y: Tensors | None) -> tuple[Tensors, Tensors]:
        self.X, self.R, self.x, self.S = X, R, x, _sums(R, x)
        terms = [
            self.function([*self.S[:i], part, *R[i + 1 :]])[0]
            for i, part in reversed(list(enumerate(x))) if part is not None
        ]  # fmt: skip
        return self.function(X) if Y is None else Y, [sum(terms[1:], terms[0])]

    def backward(self, G: Tensors, R: Tensors, g: Tensors, needed: Sequence[bool]) -> tuple[Deltas, Deltas]:
        deltas = self._back(self.S, g, [part is not None for part in self.x])
        for i, other in enumerate(reversed(self.x)):
            if len(self.X) == 2 and self.x[i] is not None and other is not None:
                points = [self.R[0], other] if i == 0 else [other, self.R[1]]
                deltas[i] = deltas[i] + self._back(points, R, [i == 0, i == 1])[i]
        return self._back(self.X, G, needed), deltas

    def _back(self, points: Tensors, v: Tensors, needed: Sequence[bool]) -> list[Any]:
        leaves = _leaves(points, needed)
        with torch.enable_grad():
            outputs = self.function(leaves) if any(needed) else []
        return _back(outputs, leaves, v)


class Other(Rule):
    """Of any tensors: y = f(X + x) - f(X);   dx = f'(X + x)' (G + g) - f'(X)' G.

    centred   the function as it is at the centre: without what it changes beside its results.
    """

    def __init__(self, function: Function, centred: Function):
        super().__init__(function)
        self.centred = centred

    def forward(self, X: Tensors, R: Tensors, x: Deltas, Y: Tensors | None) -> tuple[Tensors, Tensors]:
        self.x, state = x, _drawn(X)
        # At the centre, there with offsets as they are read, and away from it. All draw the same.
        self.at_centre = _Evaluated(self.centred, X)
        self.below = self.at_centre if R is X else _Evaluated(self.centred, R)
        self.away = _Evaluated(self.function, _sums(R, x))
        if Y is None or R is not X:
            given = self.below.outputs()
            _draw_again(state, X)
        else:
            given = list(Y)
        whole = self.away.outputs()
        if Y is None and R is not X:
            _draw_again(state, X)
            Y = self.at_centre.outputs()
        return given if Y is None else Y, [one - y for one, y in zip(whole, given, strict=True)]

    def backward(self, G: Tensors, R: Tensors, g: Tensors, needed: Sequence[bool]) -> tuple[Deltas, Deltas]:
        offsets = self.at_centre.back(G) if any(needed) else [None] * len(needed)
        below = offsets if self.below is self.at_centre and any(needed) else self.below.back(R)
        away = self.away.back([one + part for one, part in zip(R, g, strict=True)])
        deltas = [
            None if part is None else whole - base
            for part, whole, base in zip(self.x, away, below, strict=True)
        ]
        return [one if need else None for one, need in zip(offsets, needed, strict=True)], deltas


def _drawn(X: Tensors) -> Any:
    """Where torch's generator stands, that of the device of X."""
    return torch.cuda.get_rng_state(X[0].device) if X[0].is_cuda else torch.get_rng_state()


def _draw_again(state: Any, X: Tensors) -> None:
    if X[0].is_cuda:
        torch.cuda.set_rng_state(state, X[0].device)
    else:
        torch.set_rng_state(state)


class _Evaluated:
    """A function at some tensors, when it is asked for."""

    def __init__(self, function: Function, points: Tensors):
        self.function, self.leaves = function, _leaves(points, [True] * len(points))
        self.found: list[torch.Tensor] | None = None

    def outputs(self) -> list[torch.Tensor]:
        if self.found is None:
            with torch.enable_grad():
                self.found = self.function(self.leaves)
        return [y.detach() for y in self.found]

    def back(self, v: Tensors) -> list[Any]:
        self.outputs()
        assert self.found is not None
        return _back(self.found, self.leaves, v)


class Operation(torch.autograd.Function):
    """(Y, y) of (X, x); the derivatives that pass are G and g.

    Where the tape knows Y and G, they are those, and nothing goes back to offsets.
    """

    @staticmethod
    def forward(ctx: Any, rule: Rule, tape: Tape, *given: Any) -> Any:
        kept, count = tape.read(), len(given) // 2
        X, x = given[:count], given[count:]
        Y, y = rule.forward(X, tape.as_read(X), x, None if kept is None else kept.outputs)
        ctx.rule, ctx.tape, ctx.kept, ctx.count = rule, tape, kept, len(Y)
        if kept is not None:
            Y = [one.detach() for one in Y]
            ctx.mark_non_differentiable(*Y)
        return (*Y, *y)

    @staticmethod
    def backward(ctx: Any, *derivatives: Any) -> Any:
        needed = ctx.needs_input_grad[2 : 2 + (len(ctx.needs_input_grad) - 2) // 2]
        G, g = derivatives[: ctx.count], derivatives[ctx.count :]
        if ctx.kept is not None:
            G, needed = ctx.kept.derivatives, [False] * len(needed)
        offsets, deltas = ctx.rule.backward(G, ctx.tape.as_read(G), g, needed)
        return None, None, *offsets, *deltas


def _sums(X: Tensors, x: Deltas) -> list[torch.Tensor]:
    return [A if a is None else A + a for A, a in zip(X, x, strict=True)]


def _leaves(points: Tensors, needed: Sequence[bool]) -> list[torch.Tensor]:
    return [one.detach().requires_grad_(need) for one, need in zip(points, needed, strict=True)]


def _back(outputs: Tensors, leaves: Tensors, v: Tensors) -> list[Any]:
    """Of each leaf that asks for it, what comes back to it when v comes back to the outputs; else None."""
    asking = [one for one in leaves if one.requires_grad]
    through = [(y, of) for y, of in zip(outputs, v, strict=False) if y.requires_grad]
    found: Iterable[Any] = [None] * len(asking)
    if asking and through:
        found = torch.autograd.grad(
            [y for y, _ in through], asking, [of for _, of in through], allow_unused=True
        )
    each = iter(found)
    got = [next(each) if one.requires_grad else None for one in leaves]
    return [
        torch.zeros_like(one) if part is None and one.requires_grad else part
        for one, part in zip(leaves, got, strict=True)
    ]
