"""Sizes of a module's tensors, as one batch that passes through it shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from lpbench.errors import ConfigError, last_line
from lpbench.isolation import drawn_from
from lpbench.networks.modules import layers
from lpbench.networks.modules.sizes import Sizes

SAMPLES = 2  # in the batch that passes


def probe(
    make: Callable[[], nn.Module], sample: np.ndarray, targets: tuple[int, ...], classes: int
) -> list[Sizes]:
    """Of each layer of the module that `make` makes.

    sample    (*shape) as the module takes one.     targets   the shape of what it is to say of one: () or (length,).
    Raises ConfigError where it cannot be made, does not take such samples, or gives something else than logits.
    """
    try:
        with drawn_from(0):
            model = make()
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(f"the module cannot be made: {last_line(error)}") from error
    if not isinstance(model, nn.Module):
        raise ConfigError(f"a torch.nn.Module is needed, got {type(model).__name__}")
    tensors = layers.tensors(model)
    found = {name: Sizes(name, (), 0, 0, 0) for name in layers.names(model)}
    for tensor in tensors:
        one, shape = found[tensor.layer], tuple(tensor.parameter.shape)
        largest = max(one.shape, shape, key=lambda sides: int(np.prod(sides)) if sides else 0)
        found[tensor.layer] = one._replace(shape=largest, weights=one.weights + tensor.parameter.numel())

    for layer in layers.products(model):
        found[layer.name] = found[layer.name]._replace(kind=layers.kind(layer.module))

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            first = next((x for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor)), None)
            out = output[0] if isinstance(output, tuple) else output
            one = found[name]
            found[name] = one._replace(
                inputs=one.inputs
                + (_numbers(first) if first is not None and first.is_floating_point() else 0),
                outputs=one.outputs + (_numbers(out) if isinstance(out, torch.Tensor) else 0),
            )

        return hook

    hooks = [
        layer.module.register_forward_hook(keep(layer.name), with_kwargs=True)
        for layer in layers.products(model)
    ]
    x = torch.from_numpy(np.stack([sample] * SAMPLES))
    model.eval()
    kind = next(model.parameters()).dtype
    try:
        with drawn_from(0), torch.no_grad():
            logits = logits_of(model(x.to(kind) if x.is_floating_point() else x))
    except (Exception, SystemExit) as error:
        where = failing(model, error)
        sides = " x ".join(map(str, sample.shape)) or "1"
        kind_of = "numbers" if sample.dtype.kind == "f" else "tokens"
        said = f"{last_line(error)}{f', layer {where}' if where else ''}"
        raise ConfigError(f"the module does not take samples of {sides} {kind_of}: {said}") from error
    finally:
        for hook in hooks:
            hook.remove()
    check_logits(logits, (SAMPLES, *targets), classes)
    return list(found.values())


def logits_of(output: Any) -> Any:
    """The first of several outputs, and what is called `logits`."""
    if isinstance(output, dict) and "logits" in output:
        return output["logits"]
    return output[0] if isinstance(output, tuple | list) and output else output


def check_logits(logits: Any, targets: Sequence[int], classes: int) -> None:
    """Raise ConfigError where a module's output is no number for each class of each target."""
    wanted = (*targets, classes)
    if not isinstance(logits, torch.Tensor):
        raise ConfigError(
            f"the module gives {type(logits).__name__}, and is to give logits: a tensor {_text(wanted)}"
        )
    if tuple(logits.shape) != tuple(wanted):
        raise ConfigError(
            f"the module gives {_text(logits.shape)} for a batch, and is to give logits: {_text(wanted)}"
        )


def failing(model: nn.Module, error: BaseException) -> str | None:
    """The name of the innermost part of the model that was at work when `error` was raised."""
    names, found = {id(module): name for name, module in model.named_modules()}, None
    trace = error.__traceback__
    while trace is not None:
        found = names.get(id(trace.tb_frame.f_locals.get("self"))) or found
        trace = trace.tb_next
    return found


def _numbers(x: torch.Tensor) -> int:
    return x.numel() // SAMPLES


def _text(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))})"
