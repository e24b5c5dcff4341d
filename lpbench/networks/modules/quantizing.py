"""`quantize_`: a module whose tensors are rounded while it trains, wherever its training loop stands."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from lpbench.arithmetic.generator import ROUNDING, stream
from lpbench.errors import ConfigError
from lpbench.formats.quantize import quantize_array
from lpbench.networks.modules import layers
from lpbench.networks.modules.rounding import Rounding
from lpbench.networks.modules.settings import settings
from lpbench.networks.passes import ACTIVATIONS, ERRORS, MASTER, WEIGHTS
from lpbench.networks.roles import Recipe
from lpbench.networks.roles import recipe as recipe_of
from lpbench.networks.training import JUDGED

# Hooks are none of torch.compile's: it compiles what lies between them.
ATTRIBUTE = "_lpbench"  # of a module, what rounds it


class Quantized:
    """What `quantize_` has made of a module.

    rounding       of its tensors.        tensors   its parameters.
    compensation   `none` or `kahan`.     loss_scale   by which the derivatives of all outputs are multiplied.
    originals      the weights before they were rounded, until an optimizer takes them for its copy.
    optimized      whether it has.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, key: Any, compensation: str, loss_scale: float):
        self.tensors = layers.tensors(model)
        self.products = layers.products(model)
        names = [layer.name for layer in self.products]
        self.rounding = Rounding(recipe, key, names, [tensor.layer for tensor in self.tensors])
        self.compensation, self.loss_scale = compensation, loss_scale
        self.originals: list[torch.Tensor] | None = None
        self.optimized = False

    def round_weights(self) -> None:
        """Weights on their grid, each the nearest."""
        self.originals = [] if self.rounding.recipe.has_master else None
        for place, (_, _, parameter) in enumerate(self.tensors):
            ours, master = (self.rounding.rounder(role, place, parameter) for role in (WEIGHTS, MASTER))
            w = parameter.detach()
            if self.originals is not None:
                w = w.clone() if master is None else quantize_array(w, master.form, "nearest_even")
                self.originals.append(w)
            if ours is not None:
                with torch.no_grad():
                    parameter.copy_(quantize_array(w, ours.form, "nearest_even"))


def quantize_(model: nn.Module, recipe: str = "weights", *, seed: int = 0, **choices: Any) -> nn.Module:
    """Let the tensors of `model` be rounded to number formats while it trains; changes the model, and returns it.

    model     any module, on any device, its parameters float32 or float64.
    recipe    which tensors, and to what: `weights`, `master`, `all`, `swalp`, `bf16`, `bf16_kahan`, `fp8`.
    seed      of stochastic rounding. The random numbers are a function of it, of the tensor and of the step, and of
              nothing else: no other generator, no order, no thread.
    choices   as on the command line, and before what the recipe says: `format="block"`, `precision=8`,
              `rounding="nearest_even"`, `activation_format="fp8_e4m3"`, `full_precision="first+last"`,
              `loss_scale=256`.

    What a layer with weights multiplies (its input) is an activation, what comes back to its output an error; both are
    rounded as they pass, in training and in evaluation. Weights are rounded at once, and by the optimizer that
    `lpbench.networks.optimizer` makes, in its step; so are gradients and the optimizer's state. Normalisation layers
    have weights, and leave what they are given alone. Blocks lie along the last axis of a tensor as torch has it.
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
    attach(model, recipe_, stream(seed, ROUNDING), chosen["compensation"], chosen["loss_scale"])
    return model


def attach(model: nn.Module, recipe: Recipe, key: Any, compensation: str, loss_scale: float) -> Quantized:
    """Hooks for activations and errors, and weights on their grid."""
    found = Quantized(model, recipe, key, compensation, loss_scale)
    setattr(model, ATTRIBUTE, found)
    for place, layer in enumerate(found.products):
        if layer.name in recipe.exempt:
            continue
        uses = _Uses(found.rounding, place)
        if recipe.specs["activations"].name != "none":
            layer.module.register_forward_pre_hook(_Enter(uses), with_kwargs=True)
        if recipe.specs["errors"].name != "none":
            layer.module.register_forward_hook(_Leave(uses))
    if loss_scale != 1.0:
        model.register_forward_hook(_Scale(loss_scale))
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


class _Uses:
    """How often a layer was used since the last step: each use has random numbers of its own.

    In evaluation the numbers are others, which no count of training depends on.
    """

    def __init__(self, rounding: Rounding, place: int):
        self.rounding, self.place = rounding, place
        self._step, self._trained, self._judged = -1, 0, 0

    def next(self, training: bool) -> tuple[int, int]:
        """The step and the part of the random numbers of a use."""
        step = self.rounding.step
        if step != self._step:
            self._step, self._trained, self._judged = step, 0, 0
        if training:
            self._trained += 1
            return step, self._trained
        self._judged += 1
        return JUDGED + self._judged, 0


class _Enter:
    """Before a layer: what it multiplies is rounded; a tensor that it is given twice, once."""

    def __init__(self, uses: _Uses):
        self.uses = uses

    @torch.compiler.disable
    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        if (
            len(args) == 1
            and not kwargs
            and isinstance(args[0], torch.Tensor)
            and args[0].is_floating_point()
        ):
            return (_Rounded.apply(args[0], self.uses, *self.uses.next(module.training)),), kwargs
        done: dict[int, torch.Tensor] = {}

        def rounded(x: Any) -> Any:
            if not (isinstance(x, torch.Tensor) and x.is_floating_point()):
                return x
            if id(x) not in done:
                done[id(x)] = _Rounded.apply(x, self.uses, *self.uses.next(module.training))
            return done[id(x)]

        some = (
            3 if isinstance(module, nn.MultiheadAttention) else len(args)
        )  # masks come behind query, key and value
        return (
            tuple(rounded(x) if i < some else x for i, x in enumerate(args)),
            {name: x if "mask" in name else rounded(x) for name, x in kwargs.items()},
        )

    def _rounded(self, x: torch.Tensor, step: int, part: int) -> torch.Tensor:
        if x.requires_grad and torch.is_grad_enabled():
            return _Rounded.apply(x, self.uses, step, part)
        return self.uses.rounding.round(ACTIVATIONS, self.uses.place, part, step, x)


class _Leave:
    """Behind a layer: the derivative by its output is rounded. Of several outputs the first is meant."""

    def __init__(self, uses: _Uses):
        self.uses = uses

    @torch.compiler.disable
    def __call__(self, module: nn.Module, args: Any, output: Any) -> None:
        x = output[0] if isinstance(output, tuple) and output else output
        if isinstance(x, torch.Tensor) and x.requires_grad:
            uses, (step, part) = self.uses, self.uses.next(module.training)
            x.register_hook(lambda e: uses.rounding.round(ERRORS, uses.place, part, step, e))


class _Scale:
    """Behind the whole: the derivatives by its outputs, multiplied."""

    def __init__(self, factor: float):
        self.factor = factor

    @torch.compiler.disable
    def __call__(self, module: nn.Module, args: Any, output: Any) -> Any:
        return self._scaled(output)

    def _scaled(self, x: Any) -> Any:
        if isinstance(x, torch.Tensor):
            if not x.requires_grad:
                return x
            given = x.view_as(x)  # what else the model makes of x is not of its outputs
            given.register_hook(lambda e: e * self.factor)
            return given
        if isinstance(x, Mapping):
            found = copy.copy(x)
            for key, value in x.items():
                found[key] = self._scaled(value)  # type: ignore[index]
            return found
        if isinstance(x, tuple | list):
            parts = [self._scaled(one) for one in x]
            return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
        return x


class _Rounded(torch.autograd.Function):
    """Q(x); the derivative passes as it is."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, uses: _Uses, step: int, part: int) -> torch.Tensor:
        found = uses.rounding.round(ACTIVATIONS, uses.place, part, step, x)
        return x.view_as(x) if found is x else found

    @staticmethod
    def backward(ctx: Any, *derivatives: torch.Tensor) -> Any:
        return derivatives[0], None, None, None
