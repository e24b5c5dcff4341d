"""Peers for an interpreter with torch, and if they are there qtorch and ml_dtypes.

Stands alone: `python peer_torch.py steps|rounding|networks SETTINGS` prints {name: seconds of repetitions, or null}.
qtorch compiles its C++ when it is imported, which needs a compiler, ninja, setuptools and wheel.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Action = Callable[[], Any]


def timed(action: Action, repetitions: int) -> list[float]:
    """Once to warm up, then so many times."""
    action()
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return seconds


def loop(X: torch.Tensor, y: torch.Tensor, quantizer: Callable, steps: int) -> Action:
    """LP-SGD without autograd: the leanest loop that one would write in torch."""
    step_size = 0.25 / float((X**2).sum(1).max())
    w = torch.zeros(X.shape[1])

    def run() -> None:
        nonlocal w
        for i in torch.randint(0, X.shape[0], (steps,)).tolist():
            x = X[i]
            w = quantizer(w - (step_size * (x @ w - y[i])) * x)

    return run


def optimizer(X: torch.Tensor, y: torch.Tensor, steps: int) -> Action:
    """LP-SGD as qtorch documents it: OptimLP around an optimizer, gradients by autograd."""
    from qtorch import FixedPoint
    from qtorch.optim import OptimLP
    from qtorch.quant import quantizer

    w = torch.zeros(X.shape[1], requires_grad=True)
    step_size = 0.25 / float((X**2).sum(1).max())
    number = quantizer(forward_number=FixedPoint(wl=8, fl=7), forward_rounding="stochastic")
    descent = OptimLP(torch.optim.SGD([w], lr=step_size), weight_quant=number)

    def run() -> None:
        for i in torch.randint(0, X.shape[0], (steps,)).tolist():
            descent.zero_grad()
            (0.5 * (X[i] @ w - y[i]) ** 2).backward()
            descent.step()

    return run


def fixed_by_torch(x: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """8-bit fixed point with stochastic rounding by torch operations: floor plus a comparison."""
    s = (x * 128).clamp_(-128, 127)
    low = s.floor()
    return (low + (torch.rand_like(s) < s - low)) * (1 / 128)


def steps(settings: dict[str, int]) -> dict[str, Action | None]:
    """The same data as lpbench's, of `dimension` columns and `rows` rows."""
    random = np.random.default_rng(0)
    dimension, count = settings["dimension"], settings["steps"]
    X = random.standard_normal((settings["rows"], dimension)) / np.sqrt(dimension)
    y = X @ random.uniform(-0.5, 0.5, dimension)
    rows, targets = torch.from_numpy(X).float(), torch.from_numpy(y).float()
    found: dict[str, Action | None] = {
        "torch loop, torch operations": loop(rows, targets, fixed_by_torch, count)
    }
    try:
        from qtorch.quant import fixed_point_quantize
    except ImportError:
        return found | {"torch loop, qtorch quantizer": None, "qtorch OptimLP and autograd": None}
    found["torch loop, qtorch quantizer"] = loop(
        rows, targets, lambda w: fixed_point_quantize(w, wl=8, fl=7, rounding="stochastic"), count
    )
    found["qtorch OptimLP and autograd"] = optimizer(rows, targets, max(1, count))
    return found


def rounding(settings: dict[str, int]) -> dict[str, Action | None]:
    """`size` float32 numbers, one array."""
    x = np.random.default_rng(0).normal(0, 0.4, settings["size"]).astype(np.float32)
    tensor, out = torch.from_numpy(x), torch.empty(settings["size"])
    found: dict[str, Action | None] = {
        "fixed8, torch operations": lambda: fixed_by_torch(tensor),
        "bf16 nearest, torch cast there and back": lambda: out.copy_(tensor.bfloat16()),
    }
    try:
        import ml_dtypes

        half = np.empty(x.size, np.float32)
        found["bf16 nearest, ml_dtypes there and back"] = lambda: np.copyto(
            half, x.astype(ml_dtypes.bfloat16)
        )
        found["e4m3 nearest, ml_dtypes there and back"] = lambda: np.copyto(
            half, x.astype(ml_dtypes.float8_e4m3fn)
        )
    except ImportError:
        found["ml_dtypes"] = None
    found |= _torchao(tensor)
    try:
        from qtorch.quant import block_quantize, fixed_point_quantize, float_quantize
    except ImportError:
        return found | {"qtorch": None}
    mode = {"rounding": "stochastic"}
    found["fixed8, qtorch"] = lambda: fixed_point_quantize(tensor, wl=8, fl=7, **mode)
    found["e4m3, qtorch"] = lambda: float_quantize(tensor, exp=4, man=3, **mode)
    found["bf16, qtorch"] = lambda: float_quantize(tensor, exp=8, man=7, **mode)
    found["block, qtorch (one exponent for all)"] = lambda: block_quantize(tensor, wl=8, **mode)
    return found


def _torchao(x: torch.Tensor) -> dict[str, Action | None]:
    """Its emulation of MX and NVFP4, nearest, there and back."""
    try:
        from torchao.prototype.mx_formats.mx_tensor import MXTensor
        from torchao.prototype.mx_formats.nvfp4_tensor import NVFP4Tensor
    except ImportError:
        return {"torchao": None}
    rows = x[: len(x) // 256 * 256].view(-1, 256)  # whole blocks
    return {
        "mxfp8_e4m3 nearest, torchao": lambda: MXTensor.to_mx(rows, torch.float8_e4m3fn, 32).dequantize(
            x.dtype
        ),
        "mxfp4 nearest, torchao": lambda: MXTensor.to_mx(rows, torch.float4_e2m1fn_x2, 32).dequantize(
            x.dtype
        ),
        "nvfp4 nearest, torchao": lambda: NVFP4Tensor.to_nvfp4(rows).dequantize(x.dtype),
    }


def network(name: str, rounded: Callable[[], torch.nn.Module]) -> tuple[torch.nn.Module, tuple[int, ...]]:
    """The networks that lpbench trains, with a module that rounds behind each nonlinearity, and a sample's shape."""
    nn = torch.nn
    if name == "mlp":
        layers = [nn.Linear(40, 100), nn.ReLU(), rounded(), nn.Linear(100, 100), nn.ReLU(), rounded()]
        return nn.Sequential(rounded(), *layers, nn.Linear(100, 10)), (40,)
    if name == "cnn":
        layers = []
        for channels, side in ((1, 5), (25, 3), (25, 3)):
            layers += [nn.Conv1d(channels, 25, side, stride=2, padding=1), nn.ReLU(), rounded()]
        return nn.Sequential(rounded(), *layers, nn.Flatten(), nn.Linear(125, 10)), (1, 40)
    layers = [
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]
    layers += [nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*layers), (1, 28, 28)


def training(name: str, steps: int, number: Any = None) -> Action:
    """So many steps of SGD with momentum, batch 64; number: what qtorch rounds every tensor to."""

    def rounded() -> torch.nn.Module:
        if number is None:
            return torch.nn.Identity()
        from qtorch.quant import Quantizer

        return Quantizer(number, number, "stochastic", "stochastic")

    model, shape = network(name, rounded)
    optimizer: Any = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    if number is not None:
        from qtorch.optim import OptimLP
        from qtorch.quant import quantizer

        each = quantizer(forward_number=number, forward_rounding="stochastic")
        optimizer = OptimLP(optimizer, weight_quant=each, grad_quant=each, momentum_quant=each)
    X, y = torch.randn(4000, *shape), torch.randint(0, 10, (4000,))

    def run() -> None:
        for chosen in torch.randint(0, 4000, (steps, 64)):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(X[chosen]), y[chosen]).backward()
            optimizer.step()

    return run


def networks(settings: dict[str, int]) -> dict[str, Action | None]:
    """Steps of the networks in float32, and with all tensors rounded by qtorch."""
    steps = settings["steps"]
    found: dict[str, Action | None] = {
        f"{name}: torch": training(name, steps) for name in ("mlp", "cnn", "lenet")
    }
    try:
        from qtorch import BlockFloatingPoint, FloatingPoint
    except ImportError:
        return found | {"mlp: qtorch, block8": None}
    few = max(1, steps // 10)
    for name in ("mlp", "cnn"):
        found[f"{name}: qtorch, block8"] = training(name, few, BlockFloatingPoint(wl=8, dim=0))
        found[f"{name}: qtorch, e4m3"] = training(name, few, FloatingPoint(exp=4, man=3))
    return found


def main() -> None:
    """Print the seconds as one line of JSON."""
    what, settings = sys.argv[1], json.loads(sys.argv[2])
    torch.set_num_threads(1)
    actions = {"steps": steps, "rounding": rounding, "networks": networks}[what](settings)
    found = {name: action and timed(action, settings["repetitions"]) for name, action in actions.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
