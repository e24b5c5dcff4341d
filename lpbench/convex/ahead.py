"""The samples of the steps to come: known long before they are used, and fetched from memory meanwhile."""

from typing import Any, NamedTuple

import numpy as np

from lpbench.arithmetic.arrays import Matrix, Vector
from lpbench.arithmetic.generator import random_index, step_words
from lpbench.arithmetic.jit import inner

RING = 64  # steps whose samples are known: more than are fetched ahead, a power of two
AHEAD, FEWEST, MOST = (
    2**14,
    4,
    16,
)  # bytes that are fetched ahead of their use, in whole rows, within these limits
LONG, WITHIN = 2**16, 2**13  # a row of more bytes than LONG is fetched as it is used, WITHIN bytes ahead


class Ahead(NamedTuple):
    """Which rows come, and how far ahead they are fetched.

    ring    (RING,) int64, the rows of the steps to come.
    rows    so many steps ahead a row is fetched; 0: rows are long, and fetched `within` numbers ahead.
    """

    ring: Vector
    rows: Any
    within: Any


def new_ahead(X: Matrix, key: Any) -> Ahead:
    """Before step 0; X (N, n) the samples, key that of sampling."""
    row = X.shape[1] * X.itemsize
    rows = 0 if row > LONG else min(max(AHEAD // row, FEWEST), MOST)
    ring = np.zeros(RING, np.int64)
    for t in range(_known(rows)):
        ring[t] = random_index(step_words(key, t), 0, len(X))
    return Ahead(ring, np.int64(rows), np.int64(WITHIN // X.itemsize))


@inner
def row_of(ahead, t):
    """The sample of step t."""
    return ahead.ring[t & (RING - 1)]


@inner
def latest(ahead, t):
    """The last of the samples that are known before step t: the one whose label and margin are to be fetched."""
    return row_of(ahead, t + _known(ahead.rows) - 1)


@inner
def look_ahead(ahead, X, key, t):
    """The samples of steps t and t + 1, and the place in X from which on a row is to be fetched."""
    n_rows, n = X.shape
    step = t + _known(ahead.rows)
    row = random_index(step_words(key, step), 0, n_rows)
    ahead.ring[step & (RING - 1)] = row
    following = row_of(ahead, t + 1)
    return row_of(ahead, t), following, row * n if ahead.rows > 0 else following * n + ahead.within


@inner
def _known(rows):
    """How many steps ahead a sample is drawn: 2 at least, the one at hand and the next."""
    return max(rows, 2)
