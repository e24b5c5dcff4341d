"""What a run costs, counted from what is stored: gradient evaluations, and the bits that they move.

Every function takes numbers or arrays of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FULL: Mapping[str, int] = {
    "float64": 64,
    "float32": 32,
}  # bits of a number that nobody rounded, by `compute_dtype`
READS = ("weights", "bits_per_value", "batch_size", "compute_dtype")  # of a row of `cells`


def gradient_evaluations(steps: Any, batch: int, samples: int, inner: int | None) -> Any:
    """Gradients of one sample up to a step: B t; with snapshots N a loop begun, and 2 B t.

    inner   steps of a loop, T; None: the algorithm takes no snapshots.
    """
    return batch * steps if inner is None else -(-steps // inner) * samples + 2 * batch * steps


def bits_moved(row: Mapping[str, Any], steps: Any, evaluations: Any) -> Any:
    """Bits of weights that gradients read up to a step: n (B t b + (G - B t) c); None where the row lacks one of READS.

    n weights; b bits a value of the format, c of `compute_dtype`; G gradient evaluations. The B t gradients at the
    iterate read it in its format. All others, those of snapshots (SVRG, LP-SVRG, HALP), read the snapshot in full
    precision. Not counted: samples, what updates write, running averages; of sparse rows every weight counts.
    """
    weights, bits, batch = (row.get(name) for name in READS[:-1])
    full = FULL.get(row.get("compute_dtype", ""))
    if full is None or any(value is None or value != value for value in (weights, bits, batch)):
        return None
    at_iterate = batch * steps
    return weights * (at_iterate * bits + (evaluations - at_iterate) * full)


def averaged(choices: Mapping[str, Any]) -> float:
    """Of resolved choices, the share of the steps after which the weights are averaged; 0 but for SWALP."""
    every = choices.get("average_every")
    if every is None:
        return 0.0
    return max(0, choices["steps"] - (choices.get("average_start") or 0)) / (every * choices["steps"])
