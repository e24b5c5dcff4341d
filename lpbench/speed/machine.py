"""What the machine moves: its caches, and how fast it reads and copies memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lpbench.arithmetic.arrays import Vector
from lpbench.arithmetic.jit import kernel

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_UNKNOWN = 32 * 2**20  # bytes of a last-level cache that does not say its size


def last_level_cache() -> int:
    """Bytes of the largest cache; 32 MiB where the system does not say."""
    found = [_bytes(file.read_text(encoding="ascii").strip()) for file in _CACHES.glob("index*/size")]
    return max(found, default=0) or _UNKNOWN


def _bytes(text: str) -> int:
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    return int(text[:-1]) * units[text[-1]] if text[-1:] in units else int(text or 0)


@kernel
def _total(x: Vector, out: Vector) -> None:
    total = np.int64(0)
    for j in range(x.size):
        total += x[j]
    out[0] = total


@kernel
def _copied(x: Vector, out: Vector) -> None:
    for j in range(x.size):
        out[j] = x[j]


def read(x: Vector, scratch: Vector) -> None:
    """Read x, int64."""
    _total(x, scratch)


def copy(x: Vector, scratch: Vector) -> None:
    """Copy x, int64, to scratch of its size."""
    _copied(x, scratch)
