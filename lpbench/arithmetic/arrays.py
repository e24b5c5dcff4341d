"""Arrays by their shapes, for annotations: docstrings say of what dtype they are. And where they begin in memory."""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# (n,)
Vector: TypeAlias = np.ndarray
# (m, n)
Matrix: TypeAlias = np.ndarray
# (N, d), a sample a row: stored sparse, or either way.
SparseRows: TypeAlias = "csr_array"
Rows: TypeAlias = "Matrix | csr_array"

LINE = 64  # bytes of the processor's caches that are moved together


def zeros(n: int, dtype: Any) -> Vector:
    """(n,) zeros that begin where a line of the caches does: no register is then filled from two."""
    size = n * np.dtype(dtype).itemsize
    room = np.zeros(size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + size].view(dtype)
