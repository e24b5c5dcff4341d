"""Kernels in pure Python, in every thread: the same bits, in milliseconds where a run has a few hundred steps.

A kernel costs seconds to compile, and each algorithm with each loss, format, rounding and dtype is one of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest


@contextmanager
def interpreted() -> Iterator[None]:
    """Until it ends, kernels that this process calls run in pure Python (`jit.in_python` is for one thread)."""
    import numpy as np

    from lpbench.arithmetic import jit
    from lpbench.arithmetic.jit import Kernel

    def call(kernel: Kernel, *arguments: Any) -> Any:
        with np.errstate(all="ignore"):  # as compiled kernels do
            return kernel.py_func(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kernel, "__call__", call)
        patch.setattr(jit, "_plain", ContextVar("plain", default=True))
        yield
