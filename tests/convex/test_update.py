"""The rounded step and what is counted, by hand, in pure Python."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from lpbench.arithmetic import rounding
from lpbench.arithmetic.generator import random_bits, random_index, step_words
from lpbench.convex.gradients import Linear
from lpbench.convex.losses import Squared
from lpbench.convex.rows import Dense, Sparse
from lpbench.convex.update import AUDIT_EVERY, new_tally, round_step, round_vector, sparse_step
from lpbench.formats import Block, Fixed, Float, Log, get
from lpbench.formats.base import move
from lpbench.formats.quantize import to_native

NEAREST = rounding.make("nearest_even")
SCALE, ALPHA = 0.5, 0.125
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered")


def run_of(grid, mode, tally, model=None, samples=3, rounding=1):
    """What a step needs of a Run."""
    keys = SimpleNamespace(samples=np.uint32(samples), rounding=np.uint32(rounding))
    return SimpleNamespace(model=model, fmt=grid, rounding=mode, keys=keys, tally=tally, sums=None)


def step(w, v, a, b=0.0, h=None, at=0, fmt=None, mode=NEAREST):
    """One step of native numbers -8 .. 7, in place; the tally."""
    tally = new_tally(w.size, w.dtype)
    grid = (fmt or Fixed(4, 1.0)).step_kernel(w.dtype)
    a, b = w.dtype.type(a), w.dtype.type(b)
    round_step(run_of(grid, mode, tally), w, v, a, b, h, at, SCALE, ALPHA)
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
        w, other = np.array([1.0, -2.0, 3.0, 7.0]), np.array([1.0, -2.0, 3.0, 7.0])
        tally, same = new_tally(4, np.float64), new_tally(4, np.float64)
        model = Linear(sparse, Squared(), np.float64(0))
        assert sparse_step(model, run_of(grid, mode, tally, model), w, SCALE, ALPHA, 16 * t)
        i = random_index(step_words(np.uint32(3), 16 * t), 0, 2)
        c = SCALE * dense.X[i] @ other - dense.y[i]
        round_step(
            run_of(grid, mode, same), other, dense.X[i], ALPHA * c / SCALE, 0.0, None, 16 * t, SCALE, ALPHA
        )
        assert np.array_equal(w, other)
        assert tally.counts.tolist() == same.counts.tolist()
        assert np.allclose(tally.sums, same.sums, rtol=1e-14)


def test_sparse_step_declines_where_it_would_not_be_exact():
    dense, sparse = rows()
    grid = Fixed(4, 1.0).kernel()
    for model, fmt in (
        (Linear(sparse, Squared(), np.float64(0.1)), grid),
        (Linear(dense, Squared(), np.float64(0)), grid),
        (Linear(sparse, Squared(), np.float64(0)), Block(4, 2).kernel()),
    ):
        w = np.array([1.0, -2.0, 3.0, 7.0])
        run = run_of(fmt, NEAREST, new_tally(4, np.float64), model)
        assert not sparse_step(model, run, w, SCALE, ALPHA, 0)
        assert w.tolist() == [1.0, -2.0, 3.0, 7.0]


STEPPED = [
    Fixed(8, 1.0), Fixed(16, 1.0), Fixed(20, 1.0), Fixed(24, 1.0), Float(4, 3), Float(2, 12), Float(3, 20), Log(8, 3),
    Block(8, 4), Block(24, 4), get("bf16"),
]  # fmt: skip


def on_grid(form, dtype, count=400):
    """Numbers of the format near its ends and around zero; of a block one that shares the unit of its largest."""
    if isinstance(form, Block):
        levels = form.native_max
        w = np.concatenate([[levels], np.random.default_rng(1).integers(-levels, levels, 3)]) * 2.0**-4
        return np.tile(w, count // 4).astype(dtype)
    if form.bits <= 16:
        values = form.native_values()
    elif isinstance(form, Fixed):
        values = np.arange(2.0 ** (form.bits - 1) - 999, 2.0 ** (form.bits - 1) - 1)
    else:
        values = 1 + np.arange(2**form.mantissa_bits - 999, 2**form.mantissa_bits) / 2**form.mantissa_bits
    values = values[(np.abs(values) < form.native_max) & (np.abs(values) > 2.0**-100)]
    return np.random.default_rng(0).choice(values, count).astype(dtype)


def exact_step(form, mode, w, t, r, unit):
    """Q(w + t) in exact arithmetic, by the neighbours of the sum among the numbers of the format."""
    u = Fraction(float(w)) + Fraction(float(t))
    a, sign = abs(u), 1 if u >= 0 else -1
    if isinstance(form, Log):
        ends = [Fraction(float(v)) for v in form.step_kernel(w.dtype).knots]
        octave = Fraction(2.0 ** np.floor(np.log2(float(a))))
        octave = octave / 2 if octave > a else octave
        k = max(i for i, end in enumerate(ends) if end * octave <= a)
        lo, hi = ends[k] * octave, ends[k + 1] * octave
    else:
        if isinstance(form, Fixed):
            gap = Fraction(1)
        elif isinstance(form, Block):
            gap = Fraction(float(unit))
        else:
            binade = Fraction(2.0 ** np.floor(np.log2(float(a)))) if a else Fraction(0)
            binade = binade / 2 if binade > a else binade
            gap = max(binade * Fraction(2.0**-form.mantissa_bits), Fraction(form.native_min))
        lo = (a // gap) * gap
        hi = lo + gap
    if a == lo:
        return float(sign * lo)
    if mode in ("toward_zero", "away_from_zero"):
        return float(sign * (lo if mode == "toward_zero" else hi))
    if mode in ("up", "down"):
        return float(sign * (hi if (sign > 0) == (mode == "up") else lo))
    if mode == "to_odd":
        return None
    place = (a - lo) / (hi - lo)
    if mode == "nearest_even":
        if place == Fraction(1, 2):
            return None
        return float(sign * (hi if place > Fraction(1, 2) else lo))
    if sign > 0:
        return float(hi if Fraction(float(r)) < place else lo)
    return float(-lo if Fraction(float(r)) < 1 - place else -hi)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", rounding.MODES)
@pytest.mark.parametrize("form", STEPPED, ids=lambda form: repr(form).split(", policy")[0])
def test_a_step_is_rounded_once(form, mode, dtype):
    # A sum rounded to float32 first would lose all that lies below 2**(p-26) quanta: nearly every case at p = 24.
    grid, rule = form.step_kernel(dtype), rounding.make(mode, dtype)
    w = on_grid(form, dtype)
    generator = np.random.default_rng(2)
    gap = 2.0**-4 if isinstance(form, Block) else np.abs(w) * 2.0 ** -(form.mantissa_bits or 0)
    gap = 1.0 if isinstance(form, Fixed) else gap
    t = (gap * generator.choice([0.0, 0.3, -0.25, 0.01, -1e-3, 0.5 + 1e-4, 0.5 - 1e-4], w.size)).astype(dtype)
    words, unit = generator.integers(0, 2**24, w.size), dtype(2.0**-4)
    for old, move_by, word in zip(w, t, words, strict=True):
        r = dtype(word * 2.0**-24)
        if isinstance(form, Block) and abs(float(old) + float(move_by)) > form.native_max * float(unit):
            continue  # the block would have taken a larger unit
        with np.errstate(all="ignore"):
            got, _ = move(grid, rule, old, move_by, r, unit)
        expected = exact_step(form, mode, old, move_by, r, unit)
        if expected is not None:
            assert got == expected, (old, move_by, r)


def test_fixed_steps_in_float32_keep_ties_saturation_and_what_is_no_number():
    grid = Fixed(24, 1.0).step_kernel(np.float32)
    top, one = 2.0**23 - 1, np.float32
    nearest = [
        (3, 0.5, 4), (4, 0.5, 4), (-3, 0.5, -2), (-3, -0.5, -4), (7_000_001, 0.5, 7_000_002),
        (7_000_000, 0.5, 7_000_000), (7_000_001, 0.49999997, 7_000_001), (7_000_000, 1.5, 7_000_002),
        (top, 0.25, top), (top, 1e30, top), (0, -np.inf, -top - 1),
    ]  # fmt: skip
    for w, t, expected in nearest:
        moved, outside = move(grid, NEAREST, one(w), one(t), one(0), one(1))
        assert moved == expected
        assert outside == (not -top - 1 <= w + t <= top)
    toward = rounding.make("toward_zero", np.float32)
    for w, t, expected in (
        (5, -1e-20, 4),
        (-5, 1e-20, -4),
        (5, 1e-20, 5),
        (1, -1.5, 0),
        (0, -0.7, 0),
        (1, -3.5, -2),
    ):
        assert move(grid, toward, one(w), one(t), one(0), one(1))[0] == expected
    moved, outside = move(grid, rounding.make("stochastic", np.float32), one(1), one(np.nan), one(0), one(1))
    assert np.isnan(moved)
    assert outside


@pytest.mark.parametrize("bits", [8, 16, 20, 24])
def test_stochastic_steps_in_float32_are_unbiased(bits):
    # The mean move of many roundings of w - u is -u to its own standard error, which at 24 bits the sum in float32,
    # a multiple of 1/2 there, would miss by a quarter of a quantum.
    n, u = 4000, 0.3
    w = np.full(n, 2.0 ** (bits - 1) - 3, np.float32)
    step(w, np.ones(n, np.float32), u, fmt=Fixed(bits, 1.0), mode=rounding.make("stochastic", np.float32))
    moved = w.astype(np.float64) - (2.0 ** (bits - 1) - 3)
    assert set(np.unique(moved)) == {-1.0, 0.0}
    assert abs(moved.mean() + u) < 4.5 * np.sqrt(u * (1 - u) / n)


@pytest.mark.parametrize(
    "form", [Fixed(24, 1.0), Float(3, 20), Log(16, 2)], ids=lambda form: type(form).__name__
)
def test_averages_and_starts_are_rounded_from_float64(form):
    kernel, rule = form.step_kernel(np.float32), rounding.make("nearest_even", np.float32)
    w = on_grid(form, np.float32, 60)
    share = 0.4 if isinstance(form, Fixed) else 0.24 * np.abs(w.astype(np.float64)) * 2.0**-form.mantissa_bits
    x, out = w.astype(np.float64) + share, np.empty_like(w)  # float32 would make a half of it, or more
    with np.errstate(over="ignore"):
        round_vector(kernel, rule, x, np.uint32(1), np.uint32(2), out)
    assert np.array_equal(out, w)
    assert np.array_equal(to_native(form, x * form.scale, np.float32), w)
