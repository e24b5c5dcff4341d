"""How many bits does this training need? Low-precision training, measured.

    import lpbench
    lpbench.quantize(x, "fp8_e4m3")                    # numpy array or torch tensor, to a number format
    lpbench.accumulate(x, "bf16", chunk=64)            # sums as an accumulator of few bits makes them
    lpbench.run(algorithm="halp", precision=8)         # one cell: its row as a dict, its trace under "trace"
    lpbench.sweep(["precision=4,6,8", "seed=range(3)"], name="demo")   # a grid, as a DataFrame
    lpbench.bits(0.01, ["dimension=16,256"])           # the fewest bits that reach a gap, proven and measured
    lpbench.bounds(["precision=4,6,8"])                # what is proven of a grid, before it runs
    lpbench.compare("before", "after", by=["algorithm"])   # by what factor two stored sweeps differ
    lpbench.compare("before", "after")                 # two stored sweeps: ratios with intervals, by any axes
    lpbench.load_cells("runs/demo"), lpbench.load_traces("runs/demo")
    lpbench.load_tensors("runs/demo")                  # of networks: how each tensor fared in its format

Importing lpbench loads none of numba, torch, pandas or hydra: they come with the first call that needs them.
"""

import importlib
from typing import TYPE_CHECKING, Any

from lpbench import lazy

if TYPE_CHECKING:
    from lpbench import formats
    from lpbench.analysis.compare import compare
    from lpbench.cells.run import run
    from lpbench.formats.accumulate import accumulate
    from lpbench.formats.quantize import quantize_array as quantize
    from lpbench.proofs.bits import bits
    from lpbench.proofs.bounds import bounds
    from lpbench.store.read import load_cells, load_tensors, load_traces
    from lpbench.sweeps.plan import plan
    from lpbench.sweeps.sweep import sweep

__all__ = [
    "accumulate",
    "bits",
    "bounds",
    "compare",
    "formats",
    "load_cells",
    "load_tensors",
    "load_traces",
    "networks",
    "plan",
    "quantize",
    "run",
    "sweep",
]

_load = lazy.attributes(
    __name__,
    {
        "accumulate": "lpbench.formats.accumulate.accumulate",
        "bits": "lpbench.proofs.bits.bits",
        "bounds": "lpbench.proofs.bounds.bounds",
        "compare": "lpbench.analysis.compare.compare",
        "load_cells": "lpbench.store.read.load_cells",
        "load_tensors": "lpbench.store.read.load_tensors",
        "load_traces": "lpbench.store.read.load_traces",
        "plan": "lpbench.sweeps.plan.plan",
        "quantize": "lpbench.formats.quantize.quantize_array",
        "run": "lpbench.cells.run.run",
        "sweep": "lpbench.sweeps.sweep.sweep",
    },
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from lpbench.provenance import version

        return version()
    if name in ("formats", "networks"):  # packages, which cost as much as all else
        return importlib.import_module(f"lpbench.{name}")
    return _load(name)
