"""Tensors as offset + delta, whatever a module computes with them: the bit-centred layers of HALP.

The offset is what a tensor is at the centre, in full precision; the delta is what it is more than that. An operation
takes pairs and gives pairs; what comes back to them is a pair as well, G at the centre and g more:

    linear in its tensors    Y = f(X)      y = f(x)                  dX = f'(G)           dx = f'(g)
    a product                Y = A B       y = a B + (A + a) b       dA = G B'            da = g (B + b)' + G b'
    any other                Y = f(X)      y = f(X + x) - f(X)       dX = f'(X)' G        dx = f'(X + x)' (G + g) - dX

In exact arithmetic offset + delta is what the module computes at W + w, forward and backward. Layers are products with
a bias, and an LSTM is made of products, sums and nonlinearities.
Source: De Sa et al. 2018, "High-Accuracy Low-Precision Training", and its code for deep networks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from lpbench.errors import LpbenchError
from lpbench.networks.modules.nested import leaves, mapped
from lpbench.networks.modules.operations import (
    INSTEAD,
    Function,
    Operation,
    Other,
    Product,
    Rule,
    Tape,
    looks,
)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# By name, whether functions of torch, of torch.nn.functional or of tensors.
FACTS = _names(
    "size dim numel nelement stride is_floating_point is_complex is_contiguous get_device element_size type zeros_like "
    "ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_empty new_full new_tensor"
)
LINEAR = _names(
    "reshape view view_as flatten unflatten permute transpose t swapaxes movedim moveaxis contiguous squeeze unsqueeze "
    "expand expand_as broadcast_to repeat repeat_interleave narrow select getitem chunk split unbind tensor_split "
    "index_select gather flip roll clone to type type_as float double cuda cpu sum mean cumsum neg diagonal tril triu "
    "unfold fold pixel_shuffle avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d "
    "adaptive_avg_pool3d embedding detach"
)
JOINS = _names("cat concat concatenate stack hstack vstack")
# Of these numbers are constants, too; by name, which argument is a mask.
ADDITIVE = _names("add sub subtract radd rsub where masked_fill")
MASK_OF = {"where": 0, "masked_fill": 1}
PRODUCTS = _names("mul multiply rmul matmul rmatmul mm bmm")
# Linear in what is divided.
QUOTIENTS = _names("div divide true_divide truediv")
# Of input, weight and bias.
LAYERS = _names("linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d")
MASKS = _names("dropout dropout1d dropout2d dropout3d feature_dropout")
# They change running statistics.
STATISTICS = _names("batch_norm instance_norm")


class Pair:
    """A tensor as offset + delta, which functions of torch take as one; delta None: a pass at the centre alone."""

    __slots__ = ("__weakref__", "delta", "offset", "tape")

    def __init__(self, offset: torch.Tensor, delta: torch.Tensor | None, tape: Tape):
        self.offset, self.delta, self.tape = offset, delta, tape

    @property
    def whole(self) -> torch.Tensor:
        """offset + delta."""
        return self.offset if self.delta is None else self.offset + self.delta

    def with_delta(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Pair:
        """The same with another delta."""
        return self if self.delta is None else Pair(self.offset, change(self.delta), self.tape)

    @classmethod
    def __torch_function__(
        cls, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return _apply(function, args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        member = getattr(torch.Tensor, name)
        if callable(member):
            return functools.partial(_method, member, self)
        value = getattr(self.offset, name)
        if isinstance(value, torch.Tensor):  # T, mT
            return Pair(value, None if self.delta is None else getattr(self.delta, name), self.tape)
        return value

    def __setitem__(self, place: Any, value: Any) -> None:
        raise LpbenchError(f"x[...] = y writes into a part of a tensor; {INSTEAD}")

    def __len__(self) -> int:
        return len(self.offset)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.unbind(0))


def _method(member: Callable[..., Any], pair: Pair, *args: Any, **kwargs: Any) -> Any:
    return _apply(member, (pair, *args), kwargs)


def _operator(name: str) -> Callable[..., Any]:
    member = getattr(torch.Tensor, name)
    return lambda self, *args: _apply(member, (self, *args), {})


def _looking(name: str) -> Callable[..., Any]:
    def method(self: Pair, *args: Any) -> Any:
        raise looks(name)

    return method


for _name in (
    "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "matmul", "rmatmul", "neg", "pow", "rpow",
    "floordiv", "rfloordiv", "mod", "getitem", "abs", "lt", "le", "gt", "ge", "eq", "ne", "iadd", "isub", "imul",
    "itruediv",
):  # fmt: skip
    setattr(Pair, f"__{_name}__", _operator(f"__{_name}__"))
for _name in ("float", "int", "bool", "index", "contains"):
    setattr(Pair, f"__{_name}__", _looking(_name))
Pair.__hash__ = object.__hash__  # type: ignore[method-assign]


def _apply(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The function of pairs."""
    out_of_place = _out_of_place(function, kwargs)
    if out_of_place is not None:
        return _written(args[0], _apply(out_of_place[0], args, out_of_place[1]))
    name: str = function.__name__.strip("_")
    bound, pairs = _bound(function, args, kwargs)
    offsets = [pair.offset for pair in pairs]
    if name in FACTS and not (name == "type" and len(args) + len(kwargs) > 1):
        return bound(offsets)
    if name in LINEAR or (name == "pad" and not (kwargs.get("value") or any(args[3:]))):
        if name == "embedding" and kwargs.get("max_norm") is not None:
            raise LpbenchError(
                "max_norm of an embedding writes into its weights, which bit-centred layers do not"
            )
        return _each(name, pairs, bound(offsets), bound)
    if name in JOINS or name in ADDITIVE:
        mask, numbers = MASK_OF.get(name), name in ADDITIVE
        return _each(name, pairs, bound(offsets), _constants_off(function, args, kwargs, numbers, mask))
    if name in PRODUCTS and len(pairs) == 2:
        return _made(Product(Function(bound, name)), pairs)
    of_one = len(pairs) == 1 and isinstance(args[0], Pair) and not kwargs.get("rounding_mode")
    if name in PRODUCTS or (name in QUOTIENTS and of_one):
        return _each(name, pairs, bound(offsets), bound)
    if name in LAYERS:
        return _layer(function, *args, **kwargs)
    if name in MASKS:
        return pairs[0] * bound([torch.ones_like(offsets[0])])  # one mask for both
    if name == "lstm" and isinstance(args[2], list | tuple):
        return _lstm(*args)
    centred = _without_statistics(function, args, kwargs) if name in STATISTICS else bound
    return _made(Other(Function(bound, name), Function(centred, name)), pairs)


def _bound(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Callable[..., Any], list[Pair]]:
    """The function of what takes the place of the pairs among its arguments, and these."""
    pairs = [one for one in leaves((args, kwargs)) if isinstance(one, Pair)]

    def bound(given: Any) -> Any:
        each = iter(given)
        own_args, own_kwargs = mapped(
            lambda one: next(each) if isinstance(one, Pair) else one, (args, kwargs)
        )
        return function(*own_args, **own_kwargs)

    return bound, pairs


def _constants_off(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    numbers: bool,
    mask: int | None,
) -> Callable[..., Any]:
    """The function of the deltas: constants, tensors that are no pairs, have none.

    numbers   whether numbers are constants, too.     mask   which argument says where, and is none.
    """

    def off(x: Any) -> Any:
        if isinstance(x, torch.Tensor):
            return torch.zeros_like(x)
        return 0.0 if numbers and isinstance(x, int | float) and not isinstance(x, bool) else x

    own = [x if i == mask else mapped(off, x) for i, x in enumerate(args)]
    named = {key: x if key in ("alpha", "condition", "mask") else mapped(off, x) for key, x in kwargs.items()}
    return _bound(function, own, named)[0]


def _each(name: str, pairs: Sequence[Pair], offsets: Any, of_deltas: Callable[..., Any]) -> Any:
    """Of a function that is linear: what it gives of offsets, and of deltas."""
    tape = pairs[0].tape
    whole = [offsets] if isinstance(offsets, torch.Tensor) else offsets
    if not all(isinstance(Y, torch.Tensor) and Y.is_floating_point() for Y in whole):
        raise looks(name)
    deltas = None
    if any(pair.delta is not None for pair in pairs):
        deltas = of_deltas([torch.zeros_like(p.offset) if p.delta is None else p.delta for p in pairs])
    if isinstance(offsets, torch.Tensor):
        return Pair(offsets, deltas, tape)
    return tuple(Pair(Y, None if deltas is None else deltas[i], tape) for i, Y in enumerate(offsets))


def _out_of_place(
    function: Callable[..., Any], kwargs: Mapping[str, Any]
) -> tuple[Callable[..., Any], Mapping[str, Any]] | None:
    """Of a function that writes into its first argument, the one that makes a new tensor; None: it does not write."""
    name = function.__name__
    if kwargs.get("inplace"):
        return function, {**kwargs, "inplace": False}
    if name.startswith("__i") and name.strip("_")[1:] in ("add", "sub", "mul", "truediv"):
        return getattr(torch.Tensor, f"__{name.strip('_')[1:]}__"), kwargs
    if name.startswith("__") or not name.endswith("_"):
        return None
    found = getattr(torch.Tensor, name[:-1], None)
    if not callable(found):
        raise LpbenchError(f"{name} writes into a tensor, and bit-centred layers have two of each; {INSTEAD}")
    return found, kwargs


def _written(target: Any, found: Pair) -> Pair:
    """The pair that was written into, whoever else holds it; views of it are not."""
    target.offset, target.delta = found.offset, found.delta
    result: Pair = target
    return result


def _made(rule: Rule, pairs: Sequence[Pair]) -> Any:
    """What an operation makes of the pairs."""
    tape, X, x = pairs[0].tape, [pair.offset for pair in pairs], [pair.delta for pair in pairs]
    if all(delta is None for delta in x):
        outputs = rule.function(X)
        tape.write(outputs)
        return rule.function.restored([Pair(Y, None, tape) for Y in outputs])
    parts = Operation.apply(rule, tape, *X, *x)
    count = len(parts) // 2
    made = [Pair(Y, y, tape) for Y, y in zip(parts[:count], parts[count:], strict=True)]
    return rule.function.restored(made)


def _layer(
    function: Callable[..., Any], input: Any, weight: Any, bias: Any = None, *args: Any, **kwargs: Any
) -> Any:
    """A product, and a bias for each channel."""
    bound, pairs = _bound(function, (input, weight, None, *args), kwargs)
    y = _made(Product(Function(bound, function.__name__)), pairs) if pairs else bound(())
    if bias is None:
        return y
    return y + (bias if function.__name__ == "linear" else bias.view(-1, *(1,) * (weight.ndim - 2)))


def _without_statistics(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Callable[..., Any]:
    """A normalisation by a batch's own statistics, without the running ones; by the running ones, as it is."""
    flag = "training" if function.__name__ == "batch_norm" else "use_input_stats"
    names = ("input", "running_mean", "running_var", "weight", "bias", flag, "momentum", "eps")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    if given.get(flag, flag == "use_input_stats"):
        given |= {"running_mean": None, "running_var": None}
    return _bound(function, (), given)[0]


def _lstm(
    input: Any, start: Sequence[Any], weights: Sequence[Any], biased: bool, layers: int, dropout: float,
    training: bool, bidirectional: bool, batch_first: bool,
) -> Any:  # fmt: skip
    """An LSTM of its products: outputs, the last hidden states, and the last cells."""
    each, directions = (4 if biased else 2), (2 if bidirectional else 1)
    if len(weights) != each * layers * directions:
        raise LpbenchError(f"an LSTM with proj_size has no form of offset + delta; {INSTEAD}")
    hidden, cells, x = [], [], input.transpose(0, 1) if batch_first else input
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            i = layer * directions + direction
            own = weights[each * i : each * (i + 1)]
            y, h, c = _recurrent(x, start[0][i], start[1][i], own, backward=direction == 1)
            outputs.append(y)
            hidden.append(h)
            cells.append(c)
        x = outputs[0] if directions == 1 else torch.cat(outputs, -1)
        if dropout and training and layer + 1 < layers:
            x = F.dropout(x, dropout)
    return x.transpose(0, 1) if batch_first else x, torch.stack(hidden), torch.stack(cells)


def _recurrent(x: Any, h: Any, c: Any, weights: Sequence[Any], backward: bool) -> Any:
    """One layer in one direction: i, f, g, o = W x + U h;  c <- f c + i g;  h = o tanh(c)."""
    of_input, of_hidden, *biases = weights
    entering = F.linear(x, of_input, *biases[:1]).unbind(0)
    outputs = []
    for one in reversed(entering) if backward else entering:
        i, f, g, o = (one + F.linear(h, of_hidden, *biases[1:])).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs[::-1] if backward else outputs), h, c
