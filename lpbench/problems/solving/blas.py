"""BLAS on one thread while an optimum over a box is sought, so that its sums do not depend on the number of cores."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_users = 0
_limit: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit the process's BLAS to one thread; calls may nest and overlap, the last one to leave restores."""
    global _users, _limit
    import scipy.linalg  # noqa: F401  # loads its own BLAS, so that the limit reaches it too
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with _lock:
        if _users == 0:
            _limit = _in_a_thread_of_its_own(threadpool_limits, 1, "blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _in_a_thread_of_its_own(_limit.restore_original_limits)


def _in_a_thread_of_its_own(action: Callable[..., Any], *arguments: Any) -> Any:
    """`action(*arguments)` in a thread that then ends.

    threadpoolctl lets one living thread at a time change the pool and ignores the others; the first to build
    a problem need not be the last to finish one.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(action, *arguments).result()
