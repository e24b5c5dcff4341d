"""The identity of a problem: every choice that decides it, the versions of the code that builds it, and data files.

Files count by content, so a moved file is the same problem and an edited one another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lpbench import registry
from lpbench.datasets.reading.files import content_hash
from lpbench.declared.choices import PROBLEM
from lpbench.registry import datasets, problems

_keys: dict[tuple[Any, ...], tuple[str, list[Path]]] = {}


def problem_key(choices: Mapping[str, Any], content: Sequence[str] = ()) -> str:
    """20 hex digits that stand for everything that decides the problem.

    content: hashes of the data files as they were read (`FileData.content`), where they have been: the key is then
    that of the data in hand, whatever the files hold by now.
    Raises ConfigError for choices that cannot be run and for a data file that cannot be read.
    """
    memory = tuple((key, choices.get(key)) for key in (*PROBLEM, *registry.choices))
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


def files_of(choices: Mapping[str, Any]) -> list[Path]:
    """The data files that the problem of these choices reads; none where it reads none."""
    problem = problems.get(choices["problem"])
    return list(problem.files(choices)) if hasattr(problem, "files") else []


def _described(choices: Mapping[str, Any]) -> tuple[str, list[Path]]:
    """The key and no files; or the text that makes the key together with the content of the files."""
    problem = problems.get(choices["problem"])
    read = keys_read(choices)
    values = problem.values(choices) if hasattr(problem, "values") else choices
    files = files_of(choices)
    versions = problem.versions(choices) if hasattr(problem, "versions") else {"problem": problem.version}
    own = {key: choices.get(key) for key in registry.choices}
    decided = {key: values.get(key, own.get(key)) for key in sorted(read)}
    text = json.dumps([choices["problem"], versions, decided], sort_keys=True, default=str)
    return (text, files) if files else (_digest(text), [])


def _digest(*texts: str) -> str:
    return hashlib.blake2b("\n".join(texts).encode(), digest_size=10).hexdigest()
