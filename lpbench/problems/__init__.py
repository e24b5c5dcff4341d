"""Problems by choices: built once in a process, however many threads ask, and known by their content.

`problem_key` is the identity: it holds every choice that decides the problem, the versions of the code that
builds it, and data files by content, so a moved file is the same problem and an edited one another.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lpbench.datasets.files import content_hash
from lpbench.errors import ConfigError
from lpbench.problems.base import Problem, Shape
from lpbench.registry import datasets, problems

__all__ = ["Problem", "Shape", "build", "keys_read", "problem_key"]

CHOICES = (
    "problem", "dataset", "dimension", "n_samples", "regularization", "scaling", "k", "noise", "noise_kind",
    "solution", "data_seed", "path", "target",
)  # fmt: skip
MAX_BYTES = 2**30  # of built problems kept in memory; the newest one always is

_lock = threading.Lock()
_building: dict[str, threading.Lock] = {}
_built: OrderedDict[str, Problem] = OrderedDict()
_keys: dict[tuple[Any, ...], tuple[str, list[Path]]] = {}


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
        if _files(choices) and problem.key != key:
            raise ConfigError(_changed(choices, "while they were read"))
        with _lock:
            _built[key] = problem
            while len(_built) > 1 and sum(_size(kept) for kept in _built.values()) > MAX_BYTES:
                _building.pop(_built.popitem(last=False)[0], None)
        return problem


def problem_key(choices: Mapping[str, Any], content: Sequence[str] = ()) -> str:
    """20 hex digits that stand for everything that decides the problem.

    content: hashes of the data files as they were read (`FileData.content`), where they have been: the key is then
    that of the data in hand, whatever the files hold by now.
    Raises ConfigError for choices that cannot be run and for a data file that cannot be read.
    """
    memory = tuple(map(choices.get, CHOICES))
    try:
        known = _keys.get(memory)
    except TypeError:  # not hashable: a list
        known = None
        memory = ()
    if known is None:
        known = _described(choices)
        if memory:
            _keys[memory] = known
    text, files = known
    return _digest(text, *(content or map(content_hash, files))) if files else text


def keys_read(choices: Mapping[str, Any]) -> frozenset[str]:
    """The choices that decide the problem, `problem` not counted: what it reads, and what its dataset reads.

    Narrower than the declared `reads` where a choice does not matter: the response noise of Gaussian data in
    classification, the seed of real data that is taken whole and as it is.
    """
    problem = problems.get(choices["problem"])
    if hasattr(problem, "keys"):
        return problem.keys(choices)
    if "dataset" in problem.reads:
        return problem.reads | datasets.get(choices["dataset"]).reads
    return problem.reads


def _described(choices: Mapping[str, Any]) -> tuple[str, list[Path]]:
    """The key and no files; or the text that makes the key together with the content of the files."""
    problem = problems.get(choices["problem"])
    read = keys_read(choices)
    values = problem.values(choices) if hasattr(problem, "values") else choices
    files = _files(choices)
    versions = problem.versions(choices) if hasattr(problem, "versions") else {"problem": problem.version}
    decided = {key: values.get(key) for key in sorted(read)}
    text = json.dumps([choices["problem"], versions, decided], sort_keys=True, default=str)
    return (text, files) if files else (_digest(text), [])


def _files(choices: Mapping[str, Any]) -> list[Path]:
    problem = problems.get(choices["problem"])
    return list(problem.files(choices)) if hasattr(problem, "files") else []


def _changed(choices: Mapping[str, Any], when: str) -> str:
    """Why a result would stand under the identity of other data."""
    files = ", ".join(map(str, _files(choices)))
    if not files:
        return f"the problem {choices['problem']} is another one than was planned: its code differs here"
    return f"{files}: changed {when}; the same command again plans with what is there now"


def _digest(*texts: str) -> str:
    return hashlib.blake2b("\n".join(texts).encode(), digest_size=10).hexdigest()


def _size(problem: Any) -> int:
    return getattr(problem, "nbytes", 0)
