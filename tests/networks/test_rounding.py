"""Tensors rounded by address are rounded as `lpbench.quantize` rounds them, bit for bit."""

import numpy as np
import pytest
import torch

import lpbench
from lpbench.arithmetic import rounding as roundings
from lpbench.arithmetic.bound import call
from lpbench.arithmetic.generator import ROUNDING, random_bits, stream
from lpbench.arithmetic.jit import kernel
from lpbench.declared.choices import CHOICES
from lpbench.formats import Fixed, Scaled
from lpbench.formats.quantize import clipped_tensor
from lpbench.networks.rounding import AFTER, JUDGE, OUTSIDE, ROUND, Rounder, bind, tensor_words
from lpbench.registry import formats

COLUMNS = 16
CELL = {**dict.fromkeys(CHOICES), "precision": 6, "subnormals": True, "compute_dtype": "float32"}
NAMES = [name for name in formats.names() if name != "none"]


@kernel
def ask(address, state, x, out, columns, first, second, task):
    return call(address, state, x, out, columns, first, second, task)


def form_of(name, dtype="float32"):
    choices, kind = {**CELL, "compute_dtype": dtype}, formats.get(name)
    return kind.from_choices({**choices, **kind.defaults(choices)}, 1.0 if "limit" in kind.reads else None)


def numbers(dtype):
    """Rows of every size, with what is special in the last ones."""
    x = np.random.default_rng(5).standard_normal((6, COLUMNS)) * np.ldexp(1.0, np.arange(-4, 2))[:, None]
    x[4, :4] = 0.0, -0.0, 1e-30, -1e30
    x[5, :3] = np.nan, np.inf, -np.inf
    return x.astype(dtype)


def words_of(seed, tensor, step):
    with np.errstate(over="ignore"):
        return tensor_words(stream(seed, ROUNDING), tensor, step)


def rounded(rounder, x, words, columns=COLUMNS, task=ROUND, out=None):
    one, out = bind(rounder, columns, x.dtype), np.empty_like(x) if out is None else out
    count = ask(
        np.int64(one.address), np.int64(one.state), x.ravel(), out.reshape(-1),
        np.int64(columns), np.uint32(words.first), np.uint32(words.second), np.int64(task),
    )  # fmt: skip
    return out, count


def uniforms(words, shape, dtype, bits=None):
    """What stochastic rounding draws: 24 bits in float32, 32 in float64, or `bits` and a half."""
    with np.errstate(over="ignore"):
        drawn = np.array([int(random_bits(*words, j)) for j in range(int(np.prod(shape)))], np.uint64)
    half = 0.0 if bits is None else 0.5
    bits = bits or (24 if dtype == np.float32 else 32)
    return ((drawn >> np.uint64(32 - bits)).astype(np.float64) + half).reshape(shape) / 2.0**bits


def same(one, other):
    return np.array_equal(one, other, equal_nan=True) and np.array_equal(np.signbit(one), np.signbit(other))


def check(name, rounding, dtype, bits=None):
    form, x = form_of(name, np.dtype(dtype).name), numbers(dtype)
    with np.errstate(all="ignore"):
        words = words_of(3, 5, 7)
        found, count = rounded(Rounder(form, rounding, bits), x, words)
        work = np.float32 if dtype == np.float32 and name != "log" else np.float64
        given = uniforms(words, x.shape, work, bits) if rounding == "stochastic" else None
        assert same(found, lpbench.quantize(x, form, rounding, given))
    assert count == 0, "of ROUND"


@pytest.mark.parametrize("rounding", roundings.MODES)
@pytest.mark.parametrize("name", NAMES)
def test_as_quantize(name, rounding, in_python):
    check(name, rounding, np.float32)
    check(name, rounding, np.float64)


def test_few_random_bits(in_python):
    for bits in (1, 3):
        check("fixed", "stochastic", np.float32, bits)


@pytest.mark.parametrize(
    ("name", "dtype"), [("fixed", np.float32), ("block", np.float32), ("fp8_e4m3", np.float64)]
)
def test_compiled(name, dtype):
    check(name, "stochastic", dtype)


def test_blocks_do_not_reach_over_rows(in_python):
    x = np.ones((2, 16), np.float32)
    x[0] *= 100
    with np.errstate(over="ignore"):
        found, _ = rounded(
            Rounder(formats.get("block").unbounded({**CELL, "block_size": 32}), "nearest_even"),
            x,
            words_of(0, 0, 0),
        )
    assert np.array_equal(found[1], x[1])


@pytest.mark.parametrize("name", NAMES)
def test_outside_counts_what_moved_and_is_clipped(name, in_python):
    form, x = form_of(name), numbers(np.float32)
    beyond, counts = clipped(x, form), []
    for updates in (np.ones_like(x), np.zeros_like(x), np.where(x > 0, x, 0.0)):
        counts.append(
            rounded(Rounder(form, "nearest_even"), x, words_of(0, 0, 0), task=OUTSIDE, out=updates)[1]
        )
    extra = counts[0] - beyond.sum()
    assert extra in (0, 1), "a NaN is outside, or is not"
    assert counts[1] == 0
    assert counts[2] == (beyond & (x > 0)).sum()


def clipped(x, form):
    """Numbers beyond the range, and those that rounding away from zero leaves nearer to zero than they were.

    What the arithmetic itself does not hold beside the scale becomes 0, whatever the rounding.
    """
    least = float(form.values()[0]) if isinstance(form, Fixed) else -form.max
    wide, away = x.astype(np.float64), lpbench.quantize(x, form, "away_from_zero").astype(np.float64)
    # Beside scales of float32 numbers so near to those of the format are taken for them.
    with np.errstate(invalid="ignore"):
        nearer = (np.abs(away) < np.abs(wide) * (1 - 2.0**-20)) & (away != 0)
    return (wide > form.max) | (wide < least) | nearer


@pytest.mark.parametrize("columns", [16, 40, 1100])
@pytest.mark.parametrize("name", ["mxfp4", "nvfp4", "nvfp4_16x16", "fp8_row", "block"])
def test_clipped_numbers_are_counted_by_their_own_block(name, columns, in_python):
    check_clipped(name, columns)


def test_clipped_numbers_are_counted_when_compiled():
    check_clipped("mxfp4", 40)


def check_clipped(name, columns):
    x = np.random.default_rng(9).standard_normal((6, columns)).astype(np.float32)
    form = form_of(name)
    _, count = rounded(Rounder(form, "nearest_even"), x, words_of(0, 0, 0), columns, OUTSIDE, np.ones_like(x))
    wanted = clipped(x, form)
    assert count == wanted.sum()
    if name != "fp8_row" and not (
        name == "nvfp4_16x16" and columns == 16
    ):  # the square of the largest number
        assert count > 0
    assert np.array_equal(clipped_tensor(torch.from_numpy(x), form).numpy(), wanted)


def test_words_are_of_key_tensor_and_step_alone(in_python):
    seen = {
        tuple(map(int, words_of(seed, tensor, step)))
        for seed in range(3) for tensor in range(40) for step in (0, 1, 2, 2**31, 2**31 + 1)
    }  # fmt: skip
    assert len(seen) == 3 * 40 * 5


def test_a_delayed_scale_is_that_of_the_sixteen_times_before(in_python):
    form = Scaled("int8", "tensor", "float32", "delayed")
    bound, sizes = bind(Rounder(form, "nearest_even"), 4, np.float32), [1.0, 8.0, *[2.0] * 20, 16.0, 2.0]
    ones = np.ones(4, np.float32)

    def ask_of(x, out, task):
        return ask(bound.address, bound.state, x, out, 4, np.uint32(0), np.uint32(0), task)

    seen = []
    for size in sizes:
        x, out = size * np.array([1, 0.5, -0.25, 0.013], np.float32), np.empty(4, np.float32)
        most = max(seen[-16:], default=size)
        beyond = int(sum(np.abs(x) > most))
        judged = np.empty_like(out)
        ask_of(x, judged, JUDGE)
        assert ask_of(x, ones, OUTSIDE) == beyond
        ask_of(x, out, ROUND)
        assert ask_of(x, ones, AFTER) == beyond  # of the scale that it was rounded by, and not of the next
        unit = np.float32(most) / np.float32(127)
        assert np.allclose(out, np.clip(np.rint(x / unit), -127, 127) * unit, rtol=1e-6)
        assert np.array_equal(out, judged)
        seen.append(size)
    ask_of(np.full(4, np.inf, np.float32), out, ROUND)
    ask_of(ones, out, ROUND)
    assert np.isfinite(out).all()  # an infinity is not kept
