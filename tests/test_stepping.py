"""The rounded step and what is counted, by hand, in pure Python."""

import numpy as np
import pytest

from lpbench import rounding
from lpbench.formats import Block, Fixed, Float, get
from lpbench.generator import random_bits, random_index, step_words
from lpbench.models import Dense, Linear, Sparse, Squared
from lpbench.stepping import AUDIT_EVERY, new_tally, round_step, sparse_step

NEAREST = rounding.make("nearest_even")
SCALE, ALPHA = 0.5, 0.125
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered")


def step(w, v, a, b=0.0, h=None, at=0, fmt=None, mode=NEAREST):
    """One step of native numbers -8 .. 7, in place; the tally."""
    tally = new_tally(w.size, w.dtype)
    grid = (fmt or Fixed(4, 1.0)).kernel(w.dtype)
    first, second = step_words(np.uint32(1), at)
    a, b = w.dtype.type(a), w.dtype.type(b)
    round_step(grid, mode, w, v, a, b, h, first, second, at, SCALE, ALPHA, tally)
    return tally


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moves_by_the_gradient_and_counts(dtype):
    w = np.array([0, 1, 7, -8, 3, 2], dtype)
    v = np.array([1.0, 0.25, -4.0, 4.0, 0.0, -1.2], dtype)
    tally = step(w, v, 1.0)
    assert w.tolist() == [-1, 1, 7, -8, 3, 3]
    # saturated: 11 and -12. Moving: all but the zero; of them the second and the two at the ends stayed.
    assert tally.counts.tolist() == [2, 1, 5, 3]
    assert tally.sums[0] == 4.0 * SCALE
    assert tally.sums[1] == pytest.approx((1 + 0.25 + 4 + 4 + 1.2) * SCALE / ALPHA, rel=1e-6)


def test_regulariser_and_offset_are_part_of_the_step():
    w, v = np.array([4.0, -4.0]), np.array([1.0, 1.0])
    step(w, v, 0.5, b=0.25, h=np.array([2.0, -2.0]))
    assert w.tolist() == [0.0, -2.0]  # 4 - 3.5 and -4 + 2.5, ties to even


def test_means_are_sampled_every_16th_step_and_extremes_always_counted():
    for at in (0, 1, AUDIT_EVERY - 1, AUDIT_EVERY):
        w = np.array([7.0, 0.0])
        tally = step(w, np.array([-3.0, 1.0]), 1.0, at=at)
        assert tally.counts[0] == 1
        assert tally.sums[0] == 3 * SCALE
        audited = at % AUDIT_EVERY == 0
        assert tally.counts[1] == audited
        assert tally.counts[2] == 2 * audited


@pytest.mark.parametrize(
    "form", [Fixed(4, 1.0), Float(3, 2), get("log"), Block(4, 2)], ids=lambda form: type(form).__name__
)
def test_zero_gradients_leave_the_grid_alone(form):
    values = form.native_values() if not isinstance(form, Block) else np.array([1.0, -1.0, 0.5, 0.25])
    for seed in range(3):
        w = values.copy()
        tally = step(w, np.zeros(w.size), 1.0, fmt=form, mode=rounding.make("stochastic"), at=16 * seed)
        assert np.array_equal(w, values)
        assert tally.counts.tolist() == [0, 1, 0, 0]


def test_blocks_share_a_unit_and_draw_as_one_vector():
    w, mode = np.zeros(5), rounding.make("stochastic")
    v = -np.array([0.9, 0.3, 6.4, 0.3, 5.5]) / 7
    step(w, v, 1.0, fmt=Block(4, 2), mode=mode)
    for start, largest in ((0, 0.9), (2, 6.4), (4, 5.5)):
        unit = 2.0 ** np.ceil(np.log2(largest / 7 / 7))
        for j in range(start, min(start + 2, 5)):
            # up if and only if this coordinate's own number, counted through the vector, is below the fraction
            r = random_bits(*step_words(np.uint32(1), 0), j) / 2**32
            assert w[j] == unit * (np.floor(-v[j] / unit) + (r < -v[j] / unit % 1))


def rows():
    X = np.array([[0.0, 2.0, 0.0, -1.0], [1.0, 0.0, 0.0, 0.0]])
    starts, columns = np.array([0, 2, 3]), np.array([1, 3, 0])
    y = np.array([3.0, -2.0])
    return Dense(X, y), Sparse(starts, columns, np.array([2.0, -1.0, 1.0]), y)


def test_sparse_step_is_the_dense_one_and_touches_only_its_columns():
    dense, sparse = rows()
    grid, mode = Fixed(4, 1.0).kernel(), rounding.make("stochastic")
    for t in range(6):
        samples, words = step_words(np.uint32(3), t), step_words(np.uint32(4), t)
        w, other = np.array([1.0, -2.0, 3.0, 7.0]), np.array([1.0, -2.0, 3.0, 7.0])
        tally, same = new_tally(4, np.float64), new_tally(4, np.float64)
        model = Linear(sparse, Squared(), np.float64(0))
        assert sparse_step(model, grid, mode, w, SCALE, ALPHA, samples, words, tally)
        i = random_index(*samples, 0, 2)
        c = SCALE * dense.X[i] @ other - dense.y[i]
        round_step(
            grid,
            mode,
            other,
            dense.X[i],
            ALPHA * c / SCALE,
            0.0,
            None,
            words[0],
            words[1],
            0,
            SCALE,
            ALPHA,
            same,
        )
        assert np.array_equal(w, other)
        assert tally.counts.tolist() == same.counts.tolist()
        assert np.allclose(tally.sums, same.sums, rtol=1e-14)


def test_sparse_step_declines_where_it_would_not_be_exact():
    dense, sparse = rows()
    grid, words = Fixed(4, 1.0).kernel(), step_words(np.uint32(4), 0)
    for model, fmt in (
        (Linear(sparse, Squared(), np.float64(0.1)), grid),
        (Linear(dense, Squared(), np.float64(0)), grid),
        (Linear(sparse, Squared(), np.float64(0)), Block(4, 2).kernel()),
    ):
        w = np.array([1.0, -2.0, 3.0, 7.0])
        assert not sparse_step(model, fmt, NEAREST, w, SCALE, ALPHA, words, words, new_tally(4, np.float64))
        assert w.tolist() == [1.0, -2.0, 3.0, 7.0]
