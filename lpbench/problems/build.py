"""Problems by choices: built once in a process, however many threads ask, and known by their content."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from lpbench.errors import ConfigError
from lpbench.problems.base import Problem
from lpbench.problems.identity import files_of, problem_key
from lpbench.registry import problems

MAX_BYTES = 2**30  # of built problems kept in memory; the newest one always is

_lock = threading.Lock()
_building: dict[str, threading.Lock] = {}
_built: OrderedDict[str, Problem] = OrderedDict()


def build(choices: Mapping[str, Any], planned: str | None = None) -> Problem:
    """The problem of these choices. Threads that ask for the same one wait for the first and share it.

    choices: the keys of a cell; those that the problem does not read are ignored, missing ones are null.
    planned: the key that the problem had when the cell was planned, and must have still.
    Raises ConfigError for choices or data that cannot be used, and for data files that have been changed.
    """
    key = problem_key(choices)
    if planned is not None and key != planned:
        raise ConfigError(_changed(choices, "since the sweep was planned"))
    with _lock:
        own = _building.setdefault(key, threading.Lock())
    with own:
        with _lock:
            if key in _built:
                _built.move_to_end(key)
                return _built[key]
        # Extreme choices may have constants that are no numbers: bounds that need those are refused, and nothing else.
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            problem = problems.get(choices["problem"]).build(choices)
        if files_of(choices) and problem.key != key:
            raise ConfigError(_changed(choices, "while they were read"))
        with _lock:
            _built[key] = problem
            while len(_built) > 1 and sum(getattr(kept, "nbytes", 0) for kept in _built.values()) > MAX_BYTES:
                _building.pop(_built.popitem(last=False)[0], None)
        return problem


def _changed(choices: Mapping[str, Any], when: str) -> str:
    """Why a result would stand under the identity of other data."""
    files = ", ".join(map(str, files_of(choices)))
    if not files:
        return f"the problem {choices['problem']} is another one than was planned: its code differs here"
    return f"{files}: changed {when}; the same command again plans with what is there now"
