"""How many steps a cell takes, and at which of them it is evaluated."""

import functools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from lpbench.algorithms.base import uses_snapshots
from lpbench.arithmetic.generator import POINTS
from lpbench.errors import ConfigError
from lpbench.registry import algorithms


class Points(NamedTuple):
    """Ascending steps from 0 to T, and how often each was drawn as an even point, of which floor and means are made."""

    steps: np.ndarray
    even: np.ndarray


def run_length(choices: Mapping[str, Any], n_samples: int) -> int:
    """Parameter updates of a run whose `steps` are a number, or null: as `epochs` say; in whole loops."""
    steps = choices["steps"]
    if steps is None:
        steps = math.ceil(choices["epochs"] * n_samples / choices["batch_size"])
    if not uses_snapshots(algorithms.get(choices["algorithm"])):
        return int(steps)
    inner = choices["inner_steps"] or 2 * n_samples
    return int(-(-steps // inner) * inner)


def check_length(steps: int) -> None:
    """Raise ConfigError for a run of more steps than the generator can tell apart."""
    if steps >= 2**32:
        raise ConfigError(
            f"steps must be below 2**32, the period of the generator's steps, got {steps:.3g}: give fewer"
            " epochs, steps or inner_steps"
        )


@functools.lru_cache(maxsize=64)
def points(
    steps: int, log_points: int, even_points: int, seed: int, inner_steps: int | None = None
) -> Points:
    """Log-spaced and evenly spaced evaluation steps of a run of `steps` updates.

    The even points of SGD are drawn one from each of `even_points` equal parts of [0, steps), so every step is drawn
    as often as any other, even_points / steps times on average: their mean is an unbiased estimate of the mean over
    all steps, which the theorems bound. A step that two parts share may be drawn twice, and then counts twice. Where
    there are no more steps than even points, all of them are, each once. With `inner_steps` (SVRG, HALP) they are the
    ends of outer loops, where the snapshots are, at most `even_points` of them, spread evenly, each once; networks may
    end before their first loop does, and then have those of SGD.
    """
    if inner_steps is None or steps < inner_steps:
        starts = np.arange(even_points) * steps / even_points
        offsets = np.random.default_rng([seed, POINTS]).random(even_points)
        even = np.floor(starts + offsets * (steps / even_points)).astype(np.int64)
        even = np.minimum(even, steps - 1) if even_points < steps else np.arange(steps)
    else:
        loops = steps // inner_steps
        count = min(loops, even_points)
        even = np.rint(np.linspace(loops / count, loops, count)).astype(np.int64) * inner_steps
    every = np.sort(np.concatenate([_log_points(int(steps), log_points), even]))
    every = every[np.append(True, every[1:] > every[:-1])]  # for so few, in half the time of np.unique
    return Points(every, np.bincount(np.searchsorted(every, even), minlength=every.size))


def points_of(choices: Mapping[str, Any]) -> Points:
    """The points of a cell with resolved choices."""
    keys = ("steps", "record_points", "even_points", "seed", "inner_steps")
    return points(*(choices[key] for key in keys))


@functools.lru_cache(maxsize=64)
def _log_points(steps: int, count: int) -> np.ndarray:
    return np.array([0, steps, *(_power(steps, i, max(1, count - 1)) for i in range(count))], np.int64)


def _power(base: int, i: int, n: int) -> int:
    """base**(i / n) to the nearest whole number, on every machine: near a half, where powers differ, whole numbers
    decide."""
    power = base ** (i / n)
    low = math.floor(power)
    if abs(power - low - 0.5) > 1e-12 * power:
        return round(power)
    return low + ((2 * low + 1) ** n < 2**n * base**i)


def stops(points: np.ndarray, steps_a_pause: int) -> tuple[np.ndarray, np.ndarray]:
    """The points with pauses between distant ones, so that no stretch is longer than `steps_a_pause`.

    Returns the stops, and for each the row of its point, or -1 for a pause.
    """
    gaps = np.diff(points, prepend=points[:1])
    parts = np.maximum(1, -(-gaps // steps_a_pause))
    if parts.max() == 1:
        return points, np.arange(points.size)
    where: list[Any] = []
    rows: list[Any] = []
    for row, (point, gap, count) in enumerate(zip(points, gaps, parts, strict=True)):
        where.append(point - gap + np.arange(1, count + 1) * gap // count if count > 1 else np.array([point]))
        rows.append(np.where(np.arange(1, where[-1].size + 1) == where[-1].size, row, -1))
    return np.concatenate(where), np.concatenate(rows)
