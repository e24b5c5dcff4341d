"""What the table `tensors` says of a network that was trained in few bits: which tensors clip, underflow and stall."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas

# From where on it is worth a word: shares, and dB below which rounding says nearly as much as the numbers.
MOST_SATURATED, MOST_UNDERFLOWN, MOST_STALLED, LEAST_SNR = 0.01, 0.1, 0.5, 6.0
CAUSES = {"stall_gradient": "the gradient", "stall_decay": "weight decay", "stall_momentum": "momentum"}
MADE_UP = (
    "Rounding is stochastic: what leaves a weight where it was is made up for by other steps, in the mean."
)
UNBIASED = dict.fromkeys(("stall_rate", *CAUSES), math.nan)
NONE = "cells of networks have some, and none that an older lpbench stored"

Row = Mapping[str, Any]


def at_step(frame: pandas.DataFrame, step: int | None = None) -> tuple[pandas.DataFrame, int]:
    """The rows of the recorded step that is the nearest to `step` (None: the last), and that step.

    frame   rows of one cell, at least one
    """
    steps = np.unique(frame["step"].to_numpy())
    found = steps[-1] if step is None else steps[np.argmin(np.abs(steps - step))]
    return frame[frame["step"] == found], int(found)


def called(rows: Sequence[Row]) -> list[str]:
    """What each row's tensor is called: by its layer, where that has one of its role, else by its own name as well."""
    several = Counter((row["layer"], row["role"]) for row in rows)
    return [
        row["layer"] if several[row["layer"], row["role"]] == 1 else full(row["layer"], row["tensor"])
        for row in rows
    ]


def full(layer: str, tensor: str) -> str:
    """`hidden1.weight`, also of a tensor that is called `weight` alone."""
    return tensor if tensor.startswith(layer) else f"{layer}.{tensor}"


def findings(frame: pandas.DataFrame, rounding: str | None = None) -> list[str]:
    """What is wrong with the tensors at the last step of `frame`, a line each, as `by_kind` has them."""
    return [line for lines in by_kind(frame, rounding).values() for line in lines]


def by_kind(frame: pandas.DataFrame, rounding: str | None = None) -> dict[str, list[str]]:
    """What is wrong with the tensors at the last step of `frame`: lines by kind, of each the worst first.

    frame      rows of `tensors` of one cell: of one step, or several. A kind is empty where all are within its limit.
    rounding   of the weights: where it is stochastic, weights that stay where they were are nothing wrong.
    """
    if frame.empty:
        return {kind: [] for kind in _KINDS}
    rows: Any = at_step(frame)[0].to_dict("records")
    if rounding == "stochastic":
        rows = [{**row, **UNBIASED} if row["role"] == "weights" else row for row in rows]
    named = [(f"{row['role']} of {name}", row) for name, row in zip(called(rows), rows, strict=True)]
    return {kind: [f"{name}: {words}" for name, words in find(named)] for kind, find in _KINDS.items()}


Named = Sequence[tuple[str, Row]]
Found = Iterator[tuple[str, str]]


def _beyond(named: Named, column: str, limit: float) -> list[tuple[float, str, Row]]:
    """The rows whose share in `column` is at least `limit`, the largest first; null is none."""
    found = [(row[column], name, row) for name, row in named if row[column] >= limit]
    return sorted(found, key=lambda one: -one[0])


def _saturated(named: Named) -> Found:
    for share, name, _ in _beyond(named, "saturation_rate", MOST_SATURATED):
        yield (
            name,
            f"{percent(share)} of the numbers were clipped: outside the format's range, or its scale's",
        )


def _underflown(named: Named) -> Found:
    for share, name, _ in _beyond(named, "underflow_rate", MOST_UNDERFLOWN):
        yield name, f"{percent(share)} of the numbers became 0"


def _stalled(named: Named) -> Found:
    """Those that stall, with what it took from each cause; then those of which one cause alone is lost."""
    stalled = _beyond(named, "stall_rate", MOST_STALLED)
    for share, name, row in stalled:
        words = f"{percent(share)} of updates left the weight where it was"
        yield name, "; ".join(filter(None, [words, _lost(row)]))
    for name, row in named:
        if not row["stall_rate"] >= MOST_STALLED and (words := _lost(row)):
            yield name, words


def _lost(row: Row) -> str:
    """Of the causes that lose much: `the gradient lost 93 % and momentum 70 % of what they moved`; "" if none does."""
    much = {cause: row[column] for column, cause in CAUSES.items() if row[column] >= MOST_STALLED}
    if not much:
        return ""
    shares = [f"{cause}{'' if i else ' lost'} {percent(much[cause])}" for i, cause in enumerate(much)]
    listed = " and ".join(filter(None, [", ".join(shares[:-1]), shares[-1]]))
    return f"{listed} of what {'it' if len(shares) == 1 else 'they'} moved"


def _noisy(named: Named) -> Found:
    for snr, name in sorted((row["snr"], name) for name, row in named if row["snr"] < LEAST_SNR):
        yield (
            name,
            f"what rounding added is {percent(10 ** (-snr / 20))} as large as the numbers ({snr:.1f} dB)",
        )


_KINDS: dict[str, Callable[[Named], Found]] = {
    "saturation": _saturated,
    "underflow": _underflown,
    "stall": _stalled,
    "noise": _noisy,
}


def percent(share: float | None) -> str | None:
    """`97 %`, `0.3 %`; 100 % and 0 % only where that is all or nothing; None for null."""
    if share is None or math.isnan(share):
        return None
    if 0 < share < 0.0995:
        return f"{100 * share:.2g} %" if share >= 1e-4 else "< 0.01 %"
    if 0.995 <= share < 1:
        return "> 99 %"
    return f"{100 * share:.0f} %"
