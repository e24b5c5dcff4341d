"""Code of the user's own: what it draws is a function of a key, and what it changes of the process is changed back."""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# Generators and defaults are everybody's: those who run such code take turns in a process.
_turn = threading.RLock()


@contextmanager
def drawn_from(key: int) -> Iterator[None]:
    """Within, Python's, numpy's and torch's generators give what `key` says, and torch has one thread.

    Behind it they go on as before, and the folder, the places of imports and torch's defaults are those of before: what
    one module sets, the next one does not see.
    """
    import torch

    with _turn:
        folder, places = os.getcwd(), list(sys.path)
        states = random.getstate(), np.random.get_state(), torch.get_rng_state()
        defaults = [(read(), write, read) for read, write in _defaults()]
        seed(key)
        torch.set_num_threads(1)  # sums in one order
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
            torch.set_rng_state(states[2])
            for before, write, read in defaults:
                if read() != before:
                    write(before)
            sys.path[:] = places
            if os.getcwd() != folder:
                os.chdir(folder)


def seed(key: int) -> None:
    """Let the generators give what `key` says: a whole number below 2^32."""
    import torch

    random.seed(key)
    np.random.seed(key)
    torch.default_generator.manual_seed(key)  # without the search for devices that torch.manual_seed makes
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed(key)


def _defaults() -> tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...]:
    """Of torch: what reads each, and what sets it."""
    import torch

    return (
        (torch.get_default_dtype, torch.set_default_dtype),
        (torch.get_default_device, torch.set_default_device),
        (torch.is_grad_enabled, torch.set_grad_enabled),
        (torch.get_num_threads, torch.set_num_threads),
        (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
        (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    )
