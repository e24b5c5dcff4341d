"""Arrays by their shapes, for annotations: docstrings say of what dtype they are. Compiled code reads none of it."""

from typing import TYPE_CHECKING, TypeAlias

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
