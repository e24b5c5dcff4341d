"""What operations make of offset + delta, forward and backward: products, and all others. `pairs` says which are which.

A rule takes offsets X and deltas x of all tensors that it is given, and makes Y and y; of what comes back to these, G
and g, it makes what goes back to X and x. None stands for the delta of a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch

from lpbench.errors import LpbenchError

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
    """

    def __init__(self, kept: list[Kept] | None = None):
        self.kept, self.place = kept, 0

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
            raise LpbenchError(
                f"{self.name} looks at the numbers of a tensor, and bit-centred layers have two of each: "
                "algorithm=halp takes such a module"
            )
        return outputs

    def restored(self, outputs: Sequence[Any]) -> Any:
        """What it gives, with these in place of the tensors."""
        if self.places is None:
            return outputs[0]
        found = list(self.whole)
        for i, one in zip(self.places, outputs, strict=True):
            found[i] = one
        return tuple(found)


class Rule:
    """One operation of one pass."""

    def __init__(self, function: Function):
        self.function = function

    def forward(self, X: Tensors, x: Deltas, Y: Tensors | None) -> tuple[Tensors, Tensors]:
        """Y and y; Y is computed unless it is given."""
        raise NotImplementedError

    def backward(self, G: Tensors, g: Tensors, needed: Sequence[bool]) -> tuple[Deltas, Deltas]:
        """What goes back to offsets, where it is needed, and to deltas."""
        raise NotImplementedError


class Product(Rule):
    """Of two tensors, linear in each; or of one, and constants.

    y = a B + (A + a) b;   da = g (B + b)' + G b',   db = (A + a)' g + a' G.
    """

    def forward(self, X: Tensors, x: Deltas, Y: Tensors | None) -> tuple[Tensors, Tensors]:
        self.X, self.x, self.S = X, x, _sums(X, x)
        terms = [
            self.function([*self.S[:i], part, *X[i + 1 :]])[0]
            for i, part in reversed(list(enumerate(x))) if part is not None
        ]  # fmt: skip
        return self.function(X) if Y is None else Y, [sum(terms[1:], terms[0])]

    def backward(self, G: Tensors, g: Tensors, needed: Sequence[bool]) -> tuple[Deltas, Deltas]:
        deltas = self._back(self.S, g, [part is not None for part in self.x])
        for i, other in enumerate(reversed(self.x)):
            if len(self.X) == 2 and self.x[i] is not None and other is not None:
                points = [self.X[0], other] if i == 0 else [other, self.X[1]]
                deltas[i] = deltas[i] + self._back(points, G, [i == 0, i == 1])[i]
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

    def forward(self, X: Tensors, x: Deltas, Y: Tensors | None) -> tuple[Tensors, Tensors]:
        every = [True] * len(X)
        self.x, self.X, self.S = x, _leaves(X, every), _leaves(_sums(X, x), every)
        state = torch.get_rng_state()
        with torch.enable_grad():
            self.at_centre = None if Y is not None else self.centred(self.X)
            torch.set_rng_state(state)  # both draw the same
            self.whole = self.function(self.S)
        given = [y.detach() for y in self.at_centre] if self.at_centre is not None else Y
        assert given is not None
        return given, [one.detach() - y for one, y in zip(self.whole, given, strict=True)]

    def backward(self, G: Tensors, g: Tensors, needed: Sequence[bool]) -> tuple[Deltas, Deltas]:
        if self.at_centre is None:
            with torch.enable_grad():
                self.at_centre = self.centred(self.X)
        offsets = _back(self.at_centre, self.X, G)
        wholes = _back(self.whole, self.S, [one + part for one, part in zip(G, g, strict=True)])
        deltas = [
            None if part is None else whole - offset
            for part, whole, offset in zip(self.x, wholes, offsets, strict=True)
        ]
        return [one if need else None for one, need in zip(offsets, needed, strict=True)], deltas


class Operation(torch.autograd.Function):
    """(Y, y) of (X, x); the derivatives that pass are G and g.

    With `kept` Y and G are those, and nothing goes back to offsets.
    """

    @staticmethod
    def forward(ctx: Any, rule: Rule, kept: Kept | None, *given: Any) -> Any:
        count = len(given) // 2
        Y, y = rule.forward(given[:count], given[count:], None if kept is None else kept.outputs)
        ctx.rule, ctx.kept, ctx.count = rule, kept, len(Y)
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
        offsets, deltas = ctx.rule.backward(G, g, needed)
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
