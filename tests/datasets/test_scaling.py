import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lpbench.datasets.scaling import in_levels, pixel_levels, standardise

PIXELS = arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(1, 3)))


@settings(deadline=None, max_examples=50)
@given(PIXELS)
def test_pixels_are_standardised_as_numbers_are(pixels: np.ndarray) -> None:
    flat = pixels.reshape(-1, pixels.shape[-1]).astype(np.float64)
    standardise(flat, flat)
    found = in_levels(pixels, pixel_levels(pixels))
    assert (found.shape, found.dtype) == (pixels.shape, np.float32)
    np.testing.assert_allclose(found.reshape(flat.shape), flat, rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(PIXELS, st.randoms(use_true_random=False))
def test_the_order_of_pixels_changes_no_bit(pixels: np.ndarray, random) -> None:
    rows = list(range(len(pixels)))
    random.shuffle(rows)
    np.testing.assert_array_equal(pixel_levels(pixels), pixel_levels(pixels[rows]))


def test_other_rows_are_moved_as_those_were() -> None:
    ordinary = np.random.default_rng(0).standard_normal((20, 4)) * [1.0, 1.0, 1.0, 0.0] + [5.0, 0.0, 0.0, 3.0]
    size = np.array([1.0, 1e200, 1e-200, 1.0])
    X = ordinary * size
    out, again = np.empty_like(X), np.empty_like(X)
    columns = standardise(X, out)
    columns.apply(X, again)
    np.testing.assert_array_equal(again, out)
    mean, spread = ordinary.mean(axis=0), np.where(ordinary.std(axis=0) > 0, ordinary.std(axis=0), 1.0)
    np.testing.assert_allclose(out, (ordinary - mean) / spread, rtol=1e-12, atol=1e-14)
    row = np.array([[1.0, 2.0, 3.0, 4.0]])
    expected = (row - mean) / spread
    expected[0, 3] = 0.0  # a column that is constant in training says nothing of others
    row *= size
    columns.apply(row, row)
    np.testing.assert_allclose(row, expected)
