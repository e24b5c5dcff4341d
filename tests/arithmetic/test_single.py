"""A step in float32 against one of single numbers, and compiled as its Python is."""

import numpy as np

from lpbench.arithmetic.jit import kernel
from lpbench.arithmetic.single import LANES, single_dot, single_step


@kernel
def compiled(w, h, X, i, j, ahead, c):
    return single_step(w, h, X, i, j, ahead, c)


def drawn(n: int):
    random = np.random.default_rng(n)
    X = random.standard_normal((3, n)).astype(np.float32)
    return X, random.standard_normal(n).astype(np.float32), random.standard_normal(n).astype(np.float32)


def test_compiled_is_the_definition_bit_for_bit():
    for n in (LANES, 3 * LANES, 17 * LANES):
        X, w, h = drawn(n)
        for constant in (h, None):
            mine, python = w.copy(), w.copy()
            found = compiled(mine, constant, X, 1, 2, 0, np.float32(0.3))
            assert found == compiled.py_func(python, constant, X, 1, 2, 0, np.float32(0.3))
            assert mine.tobytes() == python.tobytes()


def test_products_are_added_in_one_order():
    n = 2 * LANES
    X, w, h = drawn(n)
    moved = np.array([w[j] - np.float32(0.3) * X[1, j] - h[j] for j in range(n)], np.float32)
    sums = np.zeros(LANES, np.float32)
    for j in range(n):
        sums[j % LANES] += moved[j] * X[2, j]
    while sums.size > 1:
        sums = sums[: sums.size // 2] + sums[sums.size // 2 :]
    assert compiled(w, h, X, 1, 2, 0, np.float32(0.3)) == sums[0]
    assert w.tobytes() == moved.tobytes()
    assert single_dot(w, X, 2) == sums[0]
