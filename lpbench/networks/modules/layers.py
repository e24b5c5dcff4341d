"""What the layers of a module are: whose inputs are activations, and whose outputs' derivatives are errors."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.parametrize import is_parametrized

from lpbench.errors import ConfigError
from lpbench.networks.modules.sizes import LOOKUP, PRODUCT

# They scale and shift number by number: their weights are weights, what they take and give is left alone.
_NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.PReLU)
_LINEAR = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


class Tensor(NamedTuple):
    """A parameter: its own name, and that of the layer that owns it."""

    name: str
    layer: str
    parameter: nn.Parameter


class Layer(NamedTuple):
    """A module with weights: `name` as torch calls it, and the class's name where it is the whole."""

    name: str
    module: nn.Module


def tensors(model: nn.Module) -> list[Tensor]:
    """All parameters, those that are shared once, with the first of their owners; raises ConfigError."""
    found, seen = [], set()
    for path, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            where = f"{path}.{name}" if path else name
            if isinstance(parameter, nn.UninitializedParameter):
                raise ConfigError(
                    f"the shape of {where} is not known yet: pass a batch through the module first"
                )
            if parameter.is_meta:
                raise ConfigError(
                    f"{where} has no numbers yet: call model.to_empty and load its weights first"
                )
            if not parameter.is_floating_point():
                kind = str(parameter.dtype).removeprefix("torch.")
                raise ConfigError(
                    f"{where} is a parameter of {kind}; a number format takes float32 and float64"
                )
            found.append(Tensor(where, _layer(path) or _whole(model), parameter))
    if not found:
        raise ConfigError(f"{_whole(model)} has no parameters: there is nothing to train")
    return found


def trained(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that ask for a gradient; raises ConfigError where none does."""
    found = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not found:
        raise ConfigError(f"no parameter of {_whole(model)} asks for a gradient: there is nothing to train")
    return found


def names(model: nn.Module) -> list[str]:
    """What `full_precision` may name: all modules that have weights, also those that share another's."""
    return [
        path or _whole(model)
        for path, module in model.named_modules()
        if _owns(module) and _layer(path) == path
    ]


def products(model: nn.Module) -> list[Layer]:
    """The layers that multiply their input by weights: what holds weights itself, and not in parts that do.

    Attention counts as one layer, since it multiplies by the weights of its own parts.
    """
    found: list[Layer] = []
    inside: list[nn.Module] = []
    for path, module in model.named_modules():
        if any(module is part for part in inside) or isinstance(module, _NORMS):
            continue
        if is_parametrized(module):  # by what its weights are computed from, which are its own
            assert isinstance(module.parametrizations, nn.Module)
            inside += module.parametrizations.modules()
        if isinstance(module, nn.MultiheadAttention):
            inside += module.modules()
            found.append(Layer(path or _whole(model), module))
        elif _owns(module) and not any(
            _owns(part) for part in module.modules() if not any(part is one for one in (module, *inside))
        ):
            found.append(Layer(path or _whole(model), module))
    return found


def kind(module: nn.Module) -> str:
    """What a layer of `products` does with its weights: PRODUCT, of those of torch, LOOKUP; else its class's name."""
    own = type(module)
    for one in _LINEAR:
        if isinstance(module, one) and all(
            getattr(own, name, None) is getattr(one, name, None) for name in ("forward", "_conv_forward")
        ):
            return own.__name__ if "forward" in vars(module) else PRODUCT
    return LOOKUP if isinstance(module, nn.Embedding | nn.EmbeddingBag) else own.__name__


def spatial(module: nn.Module) -> int:
    """Of a layer that multiplies: the axes that it convolves over, 0 of a linear one."""
    return next(i for i, one in enumerate(_LINEAR) if isinstance(module, one))


def _layer(path: str) -> str:
    """The name of the layer that a module is of: what a weight is computed from belongs to the weight's layer."""
    return f".{path}.".partition(".parametrizations.")[0].strip(".")


def _owns(module: nn.Module) -> bool:
    return is_parametrized(module) or next(iter(module.parameters(recurse=False)), None) is not None


def _whole(model: nn.Module) -> str:
    return type(model).__name__
