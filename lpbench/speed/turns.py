"""Times of several actions, taken in turns: what disturbs the machine for a while meets all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np

Name = TypeVar("Name")


def in_turns(
    actions: Mapping[Name, Callable[[], object]], rounds: int, on_round: Callable[[], None]
) -> dict[Name, np.ndarray]:
    """Seconds (rounds,) of each action; each is called once beforehand, untimed."""
    for action in actions.values():
        action()
    found: dict[Name, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            found[name].append(time.perf_counter() - start)
        on_round()
    return {name: np.array(seconds) for name, seconds in found.items()}


def ratio(slow: np.ndarray, fast: np.ndarray) -> float:
    """How many times longer `slow` takes than `fast`: the median over the rounds, in each of which both took turns."""
    return float(np.median(slow / fast))
