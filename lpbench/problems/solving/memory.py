"""What is computed once for a problem, and forgotten with it; and once for the cells of a group."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def remembered(function: F) -> F:
    """Decorator: results of function(problem, *args) are kept as long as the problem is.

    A cache of a fixed size would keep the data of a problem in memory that nothing else needs any more.
    """
    known: weakref.WeakKeyDictionary[Any, dict[tuple[Any, ...], Any]] = weakref.WeakKeyDictionary()

    @functools.wraps(function)
    def remembering(problem: Any, *arguments: Any) -> Any:
        mine = known.setdefault(problem, {})
        if arguments not in mine:  # two threads may compute the same once more
            mine[arguments] = function(problem, *arguments)
        return mine[arguments]

    return cast(F, remembering)


def by_group(function: F) -> F:
    """Decorator: function(choices, problem, *args), which does not look at the seed, is computed once for the cells of
    a group that follow each other in a thread. Whoever gets its result leaves it as it is.
    """
    memory = threading.local()

    @functools.wraps(function)
    def remembering(choices: Mapping[str, Any], problem: Any, *arguments: Any) -> Any:
        asked = {**choices, "seed": None}
        if getattr(memory, "asked", None) != (asked, arguments) or memory.problem() is not problem:
            memory.result = function(choices, problem, *arguments)
            memory.asked, memory.problem = (asked, arguments), weakref.ref(problem)
        return memory.result

    return cast(F, remembering)
