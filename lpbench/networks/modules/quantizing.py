"""`quantize_`: a module whose tensors are rounded while it trains, wherever its training loop stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from lpbench.arithmetic.generator import ROUNDING, stream
from lpbench.errors import ConfigError
from lpbench.formats.quantize import quantize_array
from lpbench.networks.modules import layers, products
from lpbench.networks.modules.nested import leaves, mapped
from lpbench.networks.modules.pairs import Pair
from lpbench.networks.modules.rounding import Rounding
from lpbench.networks.modules.settings import settings
from lpbench.networks.modules.sizes import PRODUCT, check_product
from lpbench.networks.modules.uses import Uses
from lpbench.networks.modules.watching import Watching, dtype_of
from lpbench.networks.net import ACTIVATIONS, ERRORS, MASTER
from lpbench.networks.roles import Recipe
from lpbench.networks.roles import recipe as recipe_of

ATTRIBUTE = "_lpbench"  # of a module, what rounds it


class Quantized:
    """What `quantize_` has made of a module.

    model          the module.            tensors   its parameters.
    rounding       of its tensors.
    choices        what `quantize_` was told, defaults filled in; empty of cells.
    compensation   `none` or `kahan`.     loss_scale   by which the derivatives of all outputs are multiplied.
    scaled         whether any output has been: a loss scale that no derivative carries is not to be divided out.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, key: Any, compensation: str, loss_scale: float):
        self.model, self.tensors = model, layers.tensors(model)
        self.products = layers.products(model)
        names = [layer.name for layer in self.products]
        self.rounding = Rounding(recipe, key, names, [tensor.layer for tensor in self.tensors])
        self.compensation, self.loss_scale = compensation, loss_scale
        self.scaled = False
        self.choices: dict[str, Any] = {}
        # Weights before they were rounded, until a copy begins with them.
        self._originals: dict[int, torch.Tensor] = {}

    def round_weights(self) -> None:
        """Weights on their grid, each the nearest."""
        for place, (_, _, parameter) in enumerate(self.tensors):
            if self.rounding.has_copy:
                master = self.rounding.rounder(MASTER, place, parameter)
                w = parameter.detach()
                w = w.clone() if master is None else quantize_array(w, master.form, "nearest_even")
                self._originals[place] = w
            with torch.no_grad():
                parameter.copy_(self._on_grid(place, parameter))

    def start(self, place: int) -> torch.Tensor:
        """What a copy of the parameter begins with: the weights before they were rounded, if they are still those."""
        w = self.tensors[place].parameter.detach()
        original = self._originals.pop(place, w).to(w)
        return torch.where(self._on_grid(place, original) == w, original, w)

    @contextmanager
    def watched(self, watching: Watching | None = None) -> Iterator[Watching]:
        """A step in which it is counted what becomes of tensors, by `watching` or one that is made."""
        found = watching or self.new_watching()
        self.rounding.watching = found
        try:
            yield found
        finally:
            self.rounding.watching = None

    def new_watching(self) -> Watching:
        """What counts in steps that are watched."""
        layers = [layer.name for layer in self.products]
        kind = dtype_of(self.tensors[0].parameter.dtype)
        parameters = [(tensor.layer, tensor.name) for tensor in self.tensors]
        return Watching(layers, parameters, kind, self.rounding.recipe.at_products)

    def check_there(self, places: Sequence[int]) -> None:
        """Raise ConfigError where a parameter is none of the model's by now, and would never have a gradient again."""
        now = {id(parameter) for parameter in self.model.parameters()}
        gone = [self.tensors[place].name for place in places if id(self.tensors[place].parameter) not in now]
        if gone:
            raise ConfigError(
                f"{gone[0]} is another parameter since the model was quantized (load_state_dict with assign, a new "
                "layer): load without assign, or quantize a model that has its layers"
            )

    def _on_grid(self, place: int, w: torch.Tensor) -> torch.Tensor:
        ours = self.rounding.rounder(self.rounding.stored, place, w)
        return w if ours is None else quantize_array(w.detach(), ours.form, "nearest_even")


def quantize_(model: nn.Module, recipe: str = "weights", *, seed: int = 0, **choices: Any) -> nn.Module:
    """Let the tensors of `model` be rounded to number formats while it trains; changes the model, and returns it.

    model     any module, on any device, its parameters float32 or float64.
    recipe    which tensors, and to what: `weights`, `master`, `all`, `swalp`, `bf16`, `bf16_kahan`, `fp8`; or which
              operands of products: `mxfp8`, `mxfp6`, `mxfp4`, `nvfp4`, `nvfp4_2d`, `quartet`, `int8_mixed`.
    seed      of stochastic rounding. The random numbers are a function of it, of the tensor and of the step, and of
              nothing else: no other generator, no order, no thread.
    choices   as on the command line, and before what the recipe says: `format="block"`, `precision=8`,
              `rounding="nearest_even"`, `activation_format="fp8_e4m3"`, `full_precision="first+last"`,
              `loss_scale=256`.

    What a layer with weights multiplies (its input) is an activation, what comes back to its output an error; both are
    rounded as they pass, in training and in evaluation. Weights are rounded at once, and by the optimizer that
    `lpbench.networks.optimizer` makes, in its step; so are gradients and the optimizer's state. Normalisation layers
    have weights, and leave what they are given alone. Blocks lie along the last axis of a tensor as torch has it.
    With `round_at="products"`, as the second recipes have it, linear and convolving layers round the two operands of
    each of their products instead, along what is summed; embeddings are left alone.
    Raises ConfigError for an unknown recipe, choice or layer, parameters that are no float32 or float64, and a model
    that has been quantized already.
    """
    if not isinstance(model, nn.Module):
        raise ConfigError(f"quantize_ takes a torch.nn.Module, got {type(model).__name__}")
    if hasattr(model, ATTRIBUTE):
        raise ConfigError(f"{type(model).__name__} has been quantized already; build it anew")
    tensors = layers.tensors(model)
    dtypes = sorted({str(tensor.parameter.dtype).removeprefix("torch.") for tensor in tensors})
    if len(dtypes) > 1 or dtypes[0] not in ("float32", "float64"):
        raise ConfigError(
            f"the parameters are {' and '.join(dtypes)}: formats are simulated in float32 or float64; call "
            "model.float() first"
        )
    chosen = settings(recipe, choices, dtypes[0])
    recipe_ = recipe_of(chosen, layers.names(model), True)
    if recipe_.delays:
        raise ConfigError(
            "scale_rule=delayed: tensors of a module are scaled by their own numbers; leave scale_rule out, or take "
            "problem=mlp, cnn or lenet"
        )
    made = attach(model, recipe_, stream(seed, ROUNDING), chosen["compensation"], chosen["loss_scale"])
    made.choices = {**chosen, "seed": seed}
    return model


def attach(model: nn.Module, recipe: Recipe, key: Any, compensation: str, loss_scale: float) -> Quantized:
    """Hooks for activations and errors, and weights on their grid; or products whose operands are rounded.

    Raises ConfigError where a layer's operands are to be rounded that is neither linear nor a convolution.
    """
    found = Quantized(model, recipe, key, compensation, loss_scale)
    if recipe.at_products:
        for layer in found.products:
            check_product(layer.name, layers.kind(layer.module), recipe)
    setattr(model, ATTRIBUTE, found)
    for place, layer in enumerate(found.products):
        if layer.name in recipe.exempt:
            continue
        if recipe.at_products:
            if layers.kind(layer.module) == PRODUCT:
                products.install(layer.module, Uses(found.rounding, place))
            continue
        uses = Uses(found.rounding, place)
        enter, leave = (_EnterPair, _LeavePair) if recipe.centred else (_Enter, _Leave)
        if recipe.specs["activations"].name != "none":
            layer.module.register_forward_pre_hook(enter(uses), with_kwargs=True)
        if recipe.specs["errors"].name != "none":
            layer.module.register_forward_hook(leave(uses))
    if loss_scale != 1.0:
        model.register_forward_hook(_Scale(found))
    if not recipe.centred:
        found.round_weights()
    return found


def quantized(model: nn.Module) -> Quantized:
    """What `quantize_` has made of `model`; raises ConfigError where it has not."""
    found = getattr(model, ATTRIBUTE, None)
    if found is None:
        raise ConfigError(
            f"{type(model).__name__} is not quantized: call lpbench.networks.quantize_(model, ...) first"
        )
    assert isinstance(found, Quantized)
    return found


# Hooks are none of torch.compile's: it compiles what lies between them.
class _Enter:
    """Before a layer: what it multiplies is rounded; a tensor that it is given twice, once."""

    def __init__(self, uses: Uses):
        self.uses = uses

    @torch.compiler.disable
    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        if len(args) == 1 and not kwargs and isinstance(args[0], torch.Tensor):  # as most are called
            return (self._rounded(module, args[0]),), kwargs
        done: dict[int, torch.Tensor] = {}

        def rounded(x: torch.Tensor) -> torch.Tensor:
            if id(x) not in done:
                done[id(x)] = self._rounded(module, x)
            return done[id(x)]

        # Of attention masks come behind query, key and value.
        some = 3 if isinstance(module, nn.MultiheadAttention) else len(args)
        return (
            tuple(_mapped(rounded, x) if i < some else x for i, x in enumerate(args)),
            {name: x if "mask" in name else _mapped(rounded, x) for name, x in kwargs.items()},
        )

    def _rounded(self, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
        if not x.is_floating_point():
            return x
        return self.uses.rounded(x, ACTIVATIONS, self.uses.next(module.training))


class _Leave:
    """Behind a layer: the derivative by its output is rounded. Of several outputs the first is meant."""

    def __init__(self, uses: Uses):
        self.uses = uses

    @torch.compiler.disable
    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        x = _first(output)
        if x is not None and x.requires_grad and not x.is_leaf:
            use = self.uses.next(module.training)
            # On the tensor, not a node behind it: what it is from there on may be written in its place (ReLU).
            x.register_hook(lambda derivative: self.uses.rounded(derivative, ERRORS, use))


class _EnterPair(_Enter):
    """The same of offset + delta: deltas are rounded, and nothing else is."""

    @torch.compiler.disable
    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        done: dict[int, Pair] = {}

        def rounded(one: Any) -> Any:
            if not isinstance(one, Pair):
                return one
            if id(one) not in done:
                done[id(one)] = one.with_delta(lambda x: self._rounded(module, x))
            return done[id(one)]

        found: tuple[Any, Any] = mapped(rounded, (args, kwargs))
        return found


class _LeavePair(_Leave):
    """The same of offset + delta."""

    @torch.compiler.disable
    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        first = next((one for one in leaves(output) if isinstance(one, Pair)), None)
        super().__call__(module, args, None if first is None else first.delta)


class _Scale:
    """Behind the whole: the derivatives by its outputs, multiplied."""

    def __init__(self, made: Quantized):
        self.made = made

    @torch.compiler.disable
    def __call__(self, module: nn.Module, args: Any, output: Any) -> Any:
        return _mapped(self._scaled, output)

    def _scaled(self, x: torch.Tensor) -> torch.Tensor:
        if not x.requires_grad:
            return x
        self.made.scaled = True
        found: torch.Tensor = _ScaledBack.apply(x, self.made.loss_scale)
        return found


def _mapped(function: Callable[[torch.Tensor], torch.Tensor], x: Any) -> Any:
    """x, and each tensor in it, however deep, as the function gives it."""
    return mapped(lambda one: function(one) if isinstance(one, torch.Tensor) else one, x)


def _first(x: Any) -> torch.Tensor | None:
    """The first tensor of an output."""
    if isinstance(x, torch.Tensor):
        return x
    parts = x.values() if isinstance(x, Mapping) else x if isinstance(x, tuple | list) else ()
    return next((found for found in map(_first, parts) if found is not None), None)


class _ScaledBack(torch.autograd.Function):
    """x; the derivative is multiplied."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, factor: float) -> torch.Tensor:
        ctx.factor = factor
        return x.clone()  # what is given out may be written in its place

    @staticmethod
    def backward(ctx: Any, *derivatives: torch.Tensor) -> Any:
        return derivatives[0] * ctx.factor, None
