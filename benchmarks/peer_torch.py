"""The peers of `steps` and `rounding`, for an interpreter with torch, and if they are there qtorch and ml_dtypes.

Stands alone: `python peer_torch.py steps|rounding SETTINGS` prints {name: seconds of each repetition, or null}.
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


def main() -> None:
    """Print the seconds as one line of JSON."""
    what, settings = sys.argv[1], json.loads(sys.argv[2])
    torch.set_num_threads(1)
    actions = {"steps": steps, "rounding": rounding}[what](settings)
    found = {name: action and timed(action, settings["repetitions"]) for name, action in actions.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
