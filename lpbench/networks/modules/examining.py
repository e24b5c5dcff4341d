"""Whether a module can be taken as offset + delta: asked of two samples, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from lpbench.errors import LpbenchError, last_line
from lpbench.isolation import seed
from lpbench.networks.modules.bit_centres import back, paired
from lpbench.networks.modules.centres import put, statistics_kept
from lpbench.networks.modules.layers import trained
from lpbench.networks.modules.nested import leaves
from lpbench.networks.modules.operations import INSTEAD, Kept, Tape
from lpbench.networks.modules.pairs import Pair
from lpbench.networks.modules.probing import failing, logits_of

AWAY = 0.05  # how far from the centre, of the largest weight of a parameter
CLOSE = {torch.float64: 1e-7, torch.float32: 1e-3}  # of the largest number
UNLIKE = (
    "what comes of offset + delta is not what comes of their sum: it may ask for the type of a tensor, write into a "
    f"view, hold weights outside of its parameters, or have a derivative of its own; {INSTEAD}"
)


def examine(model: nn.Module, X: torch.Tensor, stored: bool) -> float:
    """Numbers that are kept of a sample where the offsets of all batches are `stored`: values and derivatives.

    model   one that is not needed any more.     X   (N, ...) some samples, of which it gives logits.
    Raises LpbenchError, which names the layer, where what the module makes of offset + delta is not what it makes of
    their sum, forward or backward, or where what it keeps of the centre would be of other draws.
    """
    try:
        try:
            X = _as(torch.float64, model, X)
            _run(model, X)
        except Exception:  # it may be made for float32 alone
            X = _as(torch.float32, model, X)
        return _compare(model, X, stored)
    except LpbenchError as error:
        raise _named(model, error, str(error)) from error
    except Exception as error:
        raise _named(
            model, error, f"{last_line(error)}, where tensors are offset + delta; {INSTEAD}"
        ) from error


def _as(kind: torch.dtype, model: nn.Module, X: torch.Tensor) -> torch.Tensor:
    model.to(kind)
    return X.to(kind) if X.is_floating_point() else X


def _named(model: nn.Module, error: BaseException, said: str) -> LpbenchError:
    where = failing(model, error)
    return LpbenchError(f"layer {where}: {said}" if where else said)


def _compare(model: nn.Module, X: torch.Tensor, stored: bool) -> float:
    """Raise LpbenchError where what pairs give, or what comes back, is not that of the module away from the centre."""
    parameters, random = trained(model), torch.Generator().manual_seed(0)
    W = [p.detach().clone().requires_grad_() for p in parameters]
    w = [_delta(p, random).requires_grad_() for p in parameters]
    with _moved(parameters, w), statistics_kept(model):
        plain, expected_parts = _run(model, X)
        towards = torch.randn(plain.shape, generator=random).to(plain)
        expected = torch.autograd.grad(plain, parameters, towards, allow_unused=True)
    with statistics_kept(model), paired(model, parameters, W, w, Tape()):
        y, parts = _run(model, X)
        if not isinstance(y, Pair):
            raise LpbenchError(f"what the module gives does not depend on its weights; {INSTEAD}")
        found = back(y, [*W, *w], towards)
    _check_nothing_stays(model)
    unlike = [
        name for (name, one), (_, other) in zip(expected_parts, parts, strict=False) if not _close(one, other)
    ]
    if unlike or not _close(plain, y.whole):
        raise LpbenchError(f"layer {unlike[0]}: {UNLIKE}" if unlike and unlike[0] else UNLIKE)
    names = {id(p): name for name, p in model.named_parameters()}
    for p, g, *halves in zip(parameters, expected, found[: len(W)], found[len(W) :], strict=True):
        G, more, g = (torch.zeros_like(p) if one is None else one for one in (*halves, g))
        if not _close(g, G + more):
            raise LpbenchError(f"the derivative by {names[id(p)]}: {UNLIKE}")
    return _kept(model, X, W, w, towards, found[len(W) :]) if stored else 0.0


def _kept(
    model: nn.Module,
    X: torch.Tensor,
    W: list[torch.Tensor],
    w: list[torch.Tensor],
    towards: torch.Tensor,
    deltas: Any,
) -> float:
    """Numbers that are kept of a sample; raises LpbenchError where with them other deltas come back."""
    kept: list[Kept] = []
    parameters = trained(model)
    with statistics_kept(model), paired(model, parameters, W, [None] * len(W), Tape(kept)):
        seed(0)
        drawn = torch.get_rng_state()
        y = logits_of(model(X))
        if not torch.equal(drawn, torch.get_rng_state()):
            raise LpbenchError(
                "the module draws numbers (dropout, noise) at each step, and what is kept of the centre is of one "
                "draw: centre_cache=none"
            )
        back(y, W, towards)
    with statistics_kept(model), paired(model, parameters, [one.detach() for one in W], w, Tape(kept)):
        again = back(_run(model, X)[0], w, towards)
    for g, same, p in zip(deltas, again, parameters, strict=True):
        if not _close(*(torch.zeros_like(p) if one is None else one for one in (g, same))):
            raise LpbenchError("what is kept of the centre gives other derivatives: centre_cache=none")
    return 2.0 * sum(y.numel() for one in kept for y in one.outputs) / len(X)


def _delta(p: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    largest = float(p.detach().abs().max()) if p.numel() else 0.0
    return AWAY * (largest or 1.0) * torch.randn(p.shape, generator=random).to(p)


@contextmanager
def _moved(parameters: list[nn.Parameter], w: list[torch.Tensor]) -> Iterator[None]:
    """Within, the parameters are so far away."""
    own = [p.detach().clone() for p in parameters]
    put(parameters, [before + delta.detach() for before, delta in zip(own, w, strict=True)])
    try:
        yield
    finally:
        put(parameters, own)


def _run(model: nn.Module, X: torch.Tensor) -> tuple[Any, list[tuple[str, torch.Tensor | None]]]:
    """Its logits, and the name of each of its parts with what that gives, the innermost first."""
    given: list[tuple[str, torch.Tensor | None]] = []

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            whole = output.whole if isinstance(output, Pair) else output
            given.append((name, whole.detach().clone() if isinstance(whole, torch.Tensor) else None))

        return hook

    hooks = [module.register_forward_hook(keep(name)) for name, module in model.named_modules()]
    seed(0)
    try:
        return logits_of(model(X)), given
    finally:
        for hook in hooks:
            hook.remove()


def _check_nothing_stays(model: nn.Module) -> None:
    """Raise LpbenchError where a module holds on to what has passed through it."""
    for name, module in model.named_modules():
        if any(isinstance(one, Pair) for one in leaves(vars(module))):
            raise LpbenchError(
                f"layer {name or type(module).__name__} keeps a tensor that passes through it, which is offset + delta "
                f"no longer than that; {INSTEAD}"
            )


def _close(expected: torch.Tensor | None, found: torch.Tensor | None) -> bool:
    if expected is None or found is None or not expected.is_floating_point():
        return True
    if expected.shape != found.shape:
        return False
    expected, found = expected.detach(), found.detach()
    finite = expected[expected.isfinite()].abs()
    largest = max(float(finite.max()), 1e-6) if finite.numel() else 1.0
    within = CLOSE.get(expected.dtype, 1e-2) * largest
    return torch.allclose(found.to(expected), expected, rtol=0.0, atol=within, equal_nan=True)
