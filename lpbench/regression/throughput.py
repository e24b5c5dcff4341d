"""Is the candidate slower than a reference build? Interleaved pairs on one machine, in one job.

Seconds of two machines, or of one machine on two days, say nothing of the code. So two long-living processes, one for
each build, take turns at the same cells, and what is tested is the logarithm of the ratio within each pair.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from lpbench.analysis.statistics import (
    LEVEL,
    Prior,
    benjamini_hochberg,
    fit_prior,
    moderated_t,
    moments,
    winsorised,
)
from lpbench.analysis.verdicts import LEAST_CHANGE
from lpbench.choices.hydra_session import refers
from lpbench.errors import ConfigError, LpbenchError, StoreError

PAIRS = 10
_LEAST_VARIANCE = 1e-12  # of a log ratio: no clock is better than one part in a million

Side = Callable[[Mapping[str, Any]], float]  # runs a cell, given as choices; returns seconds per step
Sides = Callable[[], AbstractContextManager[tuple[Side, Side]]]  # opens the reference and the candidate


@dataclass(frozen=True)
class Timing:
    """How the candidate's time for one cell compares with the reference's.

    ratio      candidate / reference, median over the pairs;  low, high: 98 % interval of the (geometric) mean ratio
    q          of the one-sided test in the ratio's direction, over all cells tested with this one
    verdict    "slower": twice found (the numbers are the second run's);  "unconfirmed": found once, and not again
    """

    choices: Mapping[str, Any]
    ratio: float
    low: float
    high: float
    q: float
    pairs: int
    verdict: Literal["slower", "faster", "same", "unconfirmed"]


def compare(
    cells: Sequence[Mapping[str, Any]],
    sides: Sides,
    pairs: int = PAIRS,
    on_pair: Callable[[int, int], None] | None = None,
) -> list[Timing]:
    """Time every cell on both sides, `pairs` times each, in turns; cells found slower run once more, alone.

    sides     opens (reference, candidate). What is found slower is timed again on sides that are opened anew: where
              the loader happens to put the code costs one process up to a half, for as long as it lives.
    on_pair   is called with the number of pairs done and their total, which grows when cells run once more.

    Each side is called once for each cell beforehand, untimed. Raises ConfigError for fewer than 2 pairs,
    LpbenchError for a side that gives no positive time.
    """
    if pairs < 2:
        raise ConfigError(f"pairs must be at least 2, got {pairs}")
    if not cells:
        return []
    for choices in cells:  # of a file, perhaps: an expression there would be resolved by whoever runs it
        if any(map(refers, choices.values())):
            raise StoreError(f"a stored cell holds an expression in place of a value: {dict(choices)!r:.200}")
    done = 0

    def measure(chosen: list[int]) -> np.ndarray:
        nonlocal done
        ratios = np.zeros((len(chosen), pairs))
        total = done + ratios.size
        with sides() as (reference, candidate):
            for i in chosen:
                reference(cells[i])
                candidate(cells[i])
            # Outermost: what disturbs the machine for a while meets one pair of a cell.
            for pair in range(pairs):
                for row, i in enumerate(chosen):
                    ratios[row, pair] = _log_ratio(cells[i], reference, candidate, pair % 2 == 1)
                    done += 1
                    if on_pair is not None:
                        on_pair(done, total)
        return ratios

    first = measure(list(range(len(cells))))
    prior = _prior(first)
    timings = _judge(cells, first, prior)
    alarmed = [i for i, timing in enumerate(timings) if timing.verdict == "slower"]
    if alarmed:
        again = _judge([cells[i] for i in alarmed], measure(alarmed), prior)
        for i, timing in zip(alarmed, again, strict=True):
            timings[i] = timing if timing.verdict == "slower" else replace(timing, verdict="unconfirmed")
    return timings


def _log_ratio(choices: Mapping[str, Any], reference: Side, candidate: Side, swapped: bool) -> float:
    if swapped:
        after, before = candidate(choices), reference(choices)
    else:
        before, after = reference(choices), candidate(choices)
    for seconds, side in ((before, "reference"), (after, "candidate")):
        if not 0 < seconds < math.inf:
            raise LpbenchError(f"{side}: a cell took {seconds!r} seconds per step, which is no time")
    return math.log(after / before)


def _moments(ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mean, s2, n = moments([winsorised(row) for row in ratios])
    return mean, np.maximum(s2, _LEAST_VARIANCE), n


def _prior(ratios: np.ndarray) -> Prior:
    """What the cells say of a variance; a cell alone says nothing beyond its own (a plain t test)."""
    _, s2, n = _moments(ratios)
    return fit_prior(s2, n - 1) if s2.size > 1 else Prior(0.0, 0.0)


def _judge(cells: Sequence[Mapping[str, Any]], ratios: np.ndarray, prior: Prior) -> list[Timing]:
    """Test the log ratios (C, pairs) of one run."""
    test = moderated_t(*_moments(ratios), prior)
    above, below = benjamini_hochberg(test.p_above), benjamini_hochberg(test.p_below)
    low, high = test.interval()
    timings = []
    for i, choices in enumerate(cells):
        ratio = math.exp(np.median(ratios[i]))
        q = float(above[i] if ratio >= 1 else below[i])
        sure: Literal["slower", "faster", "same"] = "same"
        if q < LEVEL and max(ratio, 1 / ratio) > LEAST_CHANGE:
            sure = "slower" if ratio > 1 else "faster"
        bounds = math.exp(low[i]), math.exp(high[i])
        timings.append(Timing(choices, ratio, *bounds, q, ratios.shape[1], sure))
    return timings
