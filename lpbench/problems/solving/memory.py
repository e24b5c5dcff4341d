"""What is computed once for a problem, and forgotten with it."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
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
