"""Rounding a million float32 numbers through `lpbench.quantize`, beside peers and a memory copy, one core."""

from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.report import Figure
from benchmarks.timing import Times, in_turns

SIZE = 1 << 20
REPETITIONS = 101
TARGETS = {
    "fixed8": 0.3, "e4m3": 0.45, "mxfp8_e4m3": 0.8, "mxfp4": 0.8, "nvfp4": 0.9, "int8_tensor": 0.4, "posit8": 1.5,
}  # fmt: skip
# Not compiled where it is only seen whether the benchmark runs.
STOCHASTIC_ALONE = ("mxfp8_e4m3", "mxfp4", "nvfp4", "int8_tensor", "posit8")


def formats() -> dict[str, Any]:
    """What is rounded to: 8 bits but for bf16; a scale of 2**-7 for fixed point, as the peers use."""
    from lpbench.formats import Block, Fixed, Log, get

    return {
        "fixed8": Fixed(8, 2.0**-7),
        "e4m3": get("fp8_e4m3"),
        "bf16": get("bf16"),
        "log8": Log.example(),
        "block8 (16 share an exponent)": Block.example(),
        **{name: get(name) for name in STOCHASTIC_ALONE},
    }


def measure(python: str, smoke: bool) -> list[Figure]:
    """Nanoseconds an element, 4 MB in and 4 MB out (in the third-level cache)."""
    from lpbench.formats.quantize import quantize_array

    size, repetitions = (1000, 2) if smoke else (SIZE, REPETITIONS)
    x = np.random.default_rng(0).normal(0, 0.4, size).astype(np.float32)
    out = np.empty_like(x)
    actions: dict[str, Any] = {"memory copy": lambda: np.copyto(out, x)}
    for name, form in formats().items():
        alone = name in STOCHASTIC_ALONE
        for mode in ("stochastic", "nearest_even")[: (0 if smoke else 1) if alone else 2]:
            actions[f"{name}, {mode}"] = lambda form=form, mode=mode: quantize_array(
                x, form, mode, random=1, out=out
            )
    figures = []
    for name, times in in_turns(actions, repetitions).items():
        target = TARGETS.get(name.removesuffix(", stochastic"))
        figures.append(_figure(name, times, size, target))
    found, reason = peers.ask(python, "rounding", {"size": size, "repetitions": 1 if smoke else 21})
    if found is None:
        return [*figures, Figure("rounding", "torch, qtorch, ml_dtypes", None, "ns/element", note=reason)]
    for name, seconds in found.items():
        if seconds is None:
            figures.append(Figure("rounding", name, None, "ns/element", note="not installed"))
        else:
            figures.append(_figure(name, Times(tuple(seconds)), size, None))
    return figures


def _figure(what: str, times: Times, size: int, target: float | None) -> Figure:
    scale = 1e9 / size
    return Figure("rounding", what, times.median * scale, "ns/element", times.best * scale, target)
