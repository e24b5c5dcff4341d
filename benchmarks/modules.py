"""Steps of torch modules, all tensors rounded stochastically to 8 bits, beside plain torch; one thread, or a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.report import Figure
from benchmarks.timing import in_turns

STEPS, REPETITIONS = 100, 9
WAYS: dict[str, dict[str, Any]] = {
    "nothing rounded": {"recipe": "weights", "format": "none"},
    "block8, all tensors": {"recipe": "all", "format": "block"},
    "e4m3, all tensors": {"recipe": "all", "format": "fp8_e4m3"},
}
# Of a step of plain torch with SGD as it comes.
TARGETS = {
    "mlp": 1.2,
    "cnn": 1.2,
    "lenet": 1.3,
    "lstm": 1.3,
    "transformer": 1.3,
    "resnet": None,
    "10 M weights": 1.3,
}


def measure(python: str, smoke: bool) -> list[Figure]:
    """A step of each module in each way, in turns; on a GPU a network of 10 million weights, too."""
    import torch

    torch.set_num_threads(1)
    steps, repetitions = (2, 1) if smoke else (STEPS, REPETITIONS)
    figures: list[Figure] = []
    for name, (make, sample) in _modules().items():
        figures += _figures(name, make, sample, "cpu", steps, repetitions)
    if torch.cuda.is_available():
        figures += _figures("10 M weights", _large, _numbers(1024), "cuda", steps, repetitions)
    else:
        note = "no GPU here"
        figures.append(
            Figure(
                "modules",
                "10 M weights on a GPU",
                None,
                "us a step",
                target=TARGETS["10 M weights"],
                note=note,
            )
        )
    return figures


def _figures(
    name: str,
    make: Callable[[], Any],
    sample: Callable[[str], tuple[Any, Any]],
    device: str,
    steps: int,
    times: int,
) -> list[Figure]:
    x, y = sample(device)
    actions = {"plain": _going(make, None, x, y, steps)}
    actions |= {way: _going(make, choices, x, y, steps) for way, choices in WAYS.items()}
    found, per = in_turns(actions, times), 1e6 / steps
    plain = found["plain"].median
    figures = [
        Figure("modules", f"{name}: torch, float32", plain * per, "us a step", found["plain"].best * per)
    ]
    for way in WAYS:
        label, one = f"{name}: {way}", found[way]
        target = None if way == "nothing rounded" else TARGETS[name]
        figures.append(Figure("modules", label, one.median * per, "us a step", one.best * per))
        figures.append(Figure("modules", f"{label}, of torch", one.median / plain, "", target=target))
    return figures


def _going(
    make: Callable[[], Any], choices: dict[str, Any] | None, x: Any, y: Any, steps: int
) -> Callable[[], None]:
    """A function that trains by so many steps."""
    import torch

    import lpbench

    torch.manual_seed(0)
    model = make().to(x.device)
    if choices is None:
        optimizer: Any = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    else:
        lpbench.networks.quantize_(model, **choices)
        optimizer = lpbench.networks.optimizer(model, torch.optim.SGD, lr=0.01, momentum=0.9)

    def run() -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            logits = model(x)
            torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1)).backward()
            optimizer.step()
        if x.is_cuda:
            torch.cuda.synchronize()

    return run


def _modules() -> dict[str, tuple[Callable[[], Any], Callable[[str], tuple[Any, Any]]]]:
    from lpbench.networks.architecture import cnn, lenet, mlp
    from lpbench.networks.modules.networks import Built, ResNet, Tagger, Transformer

    return {
        "mlp": (lambda: Built(mlp((40,), 10, 100, 2)), _numbers(40)),
        "cnn": (lambda: Built(cnn((40, 1), 10, 25)), _numbers(40, 1)),
        "lenet": (lambda: Built(lenet((28, 28, 1), 10)), _numbers(28, 28, 1)),
        "resnet": (lambda: ResNet((1, 40), 10, 16, 1), _numbers(1, 40)),
        "lstm": (lambda: Tagger(24, 10, 64, 1), _tokens(16, 24)),
        "transformer": (lambda: Transformer(24, 64, 10, 64, 2), _tokens(64, 24)),
    }


def _large() -> Any:
    from torch import nn

    layers: list[Any] = []
    for _ in range(9):
        layers += [nn.Linear(1024, 1024), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(1024, 10))


def _numbers(*shape: int) -> Callable[[str], tuple[Any, Any]]:
    def make(device: str) -> tuple[Any, Any]:
        import torch

        return torch.randn(64, *shape, device=device), torch.randint(0, 10, (64,), device=device)

    return make


def _tokens(length: int, tokens: int) -> Callable[[str], tuple[Any, Any]]:
    def make(device: str) -> tuple[Any, Any]:
        import torch

        x = torch.randint(0, tokens, (64, length), device=device)
        return x, x % 10

    return make
