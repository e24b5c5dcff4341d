"""How many bits does this training need? Low-precision training, measured.

    import lpbench
    lpbench.quantize(x, "fp8_e4m3")                    # numpy array or torch tensor, to a number format
    lpbench.run(algorithm="halp", precision=8)         # one cell: its row as a dict, its trace under "trace"
    lpbench.sweep(["precision=4,6,8", "seed=range(3)"], name="demo")   # a grid, as a DataFrame
    lpbench.bits(0.01, ["dimension=16,256"])           # the fewest bits that reach a gap, proven and measured
    lpbench.bounds(["precision=4,6,8"])                # what is proven of a grid, before it runs
    lpbench.compare("before", "after", by=["algorithm"])   # by what factor two stored sweeps differ
    lpbench.compare("before", "after")                 # two stored sweeps: ratios with intervals, by any axes
    lpbench.load_cells("runs/demo"), lpbench.load_traces("runs/demo")

Importing lpbench loads none of numba, torch, pandas or hydra: they come with the first call that needs them.
"""

import importlib
from typing import TYPE_CHECKING, Any

from lpbench import formats

if TYPE_CHECKING:
    from lpbench.bits_needed import bits
    from lpbench.comparing import compare
    from lpbench.planning import plan
    from lpbench.proving import bounds
    from lpbench.quantizing import quantize_array as quantize
    from lpbench.running import run
    from lpbench.store import load_cells, load_traces
    from lpbench.sweeping import sweep

__all__ = [
    "bits",
    "bounds",
    "compare",
    "formats",
    "load_cells",
    "load_traces",
    "plan",
    "quantize",
    "run",
    "sweep",
]

_HOMES = {
    "bits": ("lpbench.bits_needed", "bits"),
    "bounds": ("lpbench.proving", "bounds"),
    "compare": ("lpbench.comparing", "compare"),
    "load_cells": ("lpbench.store", "load_cells"),
    "load_traces": ("lpbench.store", "load_traces"),
    "plan": ("lpbench.planning", "plan"),
    "quantize": ("lpbench.quantizing", "quantize_array"),
    "run": ("lpbench.running", "run"),
    "sweep": ("lpbench.sweeping", "sweep"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from lpbench.provenance import version

        return version()
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(importlib.import_module(module), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
