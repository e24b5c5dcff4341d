"""Costs beside a count that goes through a run gradient by gradient."""

import itertools

import numpy as np
import pytest

from lpbench.declared.costs import bits_moved, gradient_evaluations

N, WEIGHTS, STEPS = 7, 5, 12


def counted(batch, inner, bits, full):
    """(gradients, bits) after each of STEPS steps."""
    gradients = moved = 0
    yield gradients, moved
    for t in range(STEPS):
        if inner and t % inner == 0:  # the full gradient, at the snapshot
            for _ in range(N):
                gradients, moved = gradients + 1, moved + WEIGHTS * full
        for _ in range(batch):
            gradients, moved = gradients + 1, moved + WEIGHTS * bits
            if inner:  # the same sample at the snapshot
                gradients, moved = gradients + 1, moved + WEIGHTS * full
        yield gradients, moved


@pytest.mark.parametrize(("batch", "inner"), [*itertools.product([1, 3], [None, 1, 4, 12])])
@pytest.mark.parametrize(("bits", "dtype", "full"), [(8.5, "float32", 32), (64.0, "float64", 64)])
def test_costs_are_those_counted_gradient_by_gradient(batch, inner, bits, dtype, full):
    row = {"weights": WEIGHTS, "bits_per_value": bits, "batch_size": batch, "compute_dtype": dtype}
    steps = np.arange(STEPS + 1)
    gradients, moved = map(np.array, zip(*counted(batch, inner, bits, full), strict=True))
    found = gradient_evaluations(steps, batch, N, inner)
    assert found.tolist() == gradients.tolist()
    assert bits_moved(row, steps, found).tolist() == moved.tolist()


@pytest.mark.parametrize(
    "missing", [{"weights": None}, {"bits_per_value": float("nan")}, {"compute_dtype": None}]
)
def test_what_is_not_known_is_no_guess(missing):
    row = {"weights": 5, "bits_per_value": 8.0, "batch_size": 1, "compute_dtype": "float64"}
    assert bits_moved(row, 10, 10) == 400
    assert bits_moved(row | missing, 10, 10) is None
