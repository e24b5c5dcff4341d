"""What holds for every format; the list comes from the registry, so that a new one is tested from its first day."""

import dataclasses

import grids
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpbench import formats, quantize
from lpbench.formats import Block, Fixed, Float, Format, Log, Posit, Scaled

pytestmark = pytest.mark.usefixtures("by_tensors")

NAMES = [name for name in formats.names() if not name.startswith("toy")]
FORMS = {name: formats.get(name) for name in NAMES}
# What has one grid whatever stands beside a number, and clips nothing within its range; of others, test_scaled.py.
GRIDS = [name for name in NAMES if not isinstance(FORMS[name], Scaled)]
MODES = ("stochastic", "nearest_even", "toward_zero")
LAST = 1 - 2.0**-53


def numbers(form: Format, dtype: type, count: int = 3000) -> np.ndarray:
    """Ascending numbers in the range of form, of all magnitudes; each is a row, so that no block is shared."""
    generator = np.random.default_rng(0)
    largest = min(form.max, 1e30)
    even = generator.uniform(-largest, largest, count)
    spread = largest * np.exp(generator.uniform(-12, 0, count)) * generator.choice([-1, 1], count)
    return np.sort(np.concatenate([even, spread, [0.0, largest, -largest]]).astype(dtype))[:, None]


def neighbours(x: np.ndarray, form: Format) -> tuple[np.ndarray, np.ndarray]:
    return tuple(quantize(x, form, random=np.full(x.shape, u)) for u in (LAST, 0.0))


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounds_to_a_neighbour_in_every_mode(name, dtype):
    form = FORMS[name]
    x = numbers(form, dtype)
    low, high = neighbours(x, form)
    assert np.all((low <= x) & (x <= high))
    nearest, truncated, drawn = (
        quantize(x, form, mode, 1) for mode in ("nearest_even", "toward_zero", "stochastic")
    )
    for result in (nearest, truncated, drawn):
        assert result.dtype == dtype
        assert np.all((result == low) | (result == high))
        assert np.all(np.abs(result.astype(np.longdouble) - x) < np.maximum(high - low, np.finfo(dtype).tiny))
    gap = (high - low).astype(np.float64)
    if not isinstance(form, Posit):  # whose middles are those of the codes
        assert np.all(np.abs(nearest.astype(np.float64) - x) <= gap / 2 * (1 + 1e-5))
    assert np.array_equal(np.abs(truncated), np.minimum(np.abs(low), np.abs(high)))


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_idempotent_and_monotone(name, mode, dtype):
    form = FORMS[name]
    x = numbers(form, dtype)
    once = quantize(x, form, mode, np.full(x.shape, 0.4, dtype) if mode == "stochastic" else None)
    assert np.array_equal(quantize(once, form, mode, 9), once)
    if not (
        isinstance(form, Block) and mode == "stochastic"
    ):  # with one u, a coarser unit may turn up into down
        assert np.all(np.diff(once[:, 0]) >= 0)


@pytest.mark.parametrize("name", NAMES)
def test_saturates_or_overflows_but_never_wraps(name):
    form = FORMS[name]
    if form.max > 1e38:
        return  # nothing that float32 holds lies clearly beyond
    x = form.max * np.array([[1.3], [2.0], [1e3], [1e7]])
    for mode in MODES:
        for sign in (1, -1):
            ends = {form.max, np.inf} if sign > 0 else {-form.max, -np.inf, form.values()[0]}
            assert set(quantize(sign * x, form, mode, 0)[:, 0]) <= ends


@pytest.mark.parametrize("name", GRIDS)
def test_values_are_sorted_closed_and_complete(name):
    form = FORMS[name]
    if form.bits > 16:
        with pytest.raises(ValueError, match="16 bits"):
            form.values()
        return
    values = form.values()
    assert np.all(np.diff(values) > 0)
    assert values.size <= 2**form.bits
    assert (values[-1], values[values > 0][0]) == (form.max, values[values > 0].min())
    for dtype in (np.float32, np.float64):
        own = values.astype(dtype)[:, None]
        for mode in MODES:
            assert np.array_equal(quantize(own, form, mode, 2), own)
    if not isinstance(form, Block):  # alone in its block a number has a finer grid
        middle = (values[:-1] + values[1:])[:, None] / 2
        assert np.isin(quantize(middle, form, "stochastic", 3), values).all()


@pytest.mark.parametrize("name", [name for name in GRIDS if name != "none"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stochastic_rounding_has_the_right_mean_and_variance(name, dtype):
    form, n = FORMS[name], 40_000
    top = min(form.max, 1e30)
    x = (top * np.array([0.93, -0.61, 0.37, -0.022, 0.0071, 1e-4, 0.0])).astype(dtype)
    rows = np.broadcast_to(x, (n, x.size))
    low, high = (v[0].astype(np.float64) for v in neighbours(rows[:1], form))
    drawn = quantize(rows, form, random=5).astype(np.float64)
    width = np.where(high > low, high - low, 1)
    p = (x - low) / width
    ups = np.mean((drawn - low) / width, axis=0)
    sigma = np.sqrt(p * (1 - p) / n)
    assert np.all(np.abs(ups - p) <= 4 * sigma + 1e-7)
    spread = np.sqrt(np.maximum(p * (1 - p) * (1 - 3 * p * (1 - p)) - (p * (1 - p)) ** 2, 0) / n)
    assert np.all(np.abs(np.mean(((drawn - x) / width) ** 2, axis=0) - p * (1 - p)) <= 4 * spread + 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_repr_and_policy_say_everything(name):
    form = FORMS[name]
    for field in dataclasses.fields(form):
        assert f"{field.name}={getattr(form, field.name)!r}" in repr(form)
    assert form.policy in repr(form)
    assert "\n" not in form.policy
    assert form.bits_per_value >= form.bits


EXACT = [Fixed(5, 0.25), Float(3, 2), Float(4, 3, limit=60.0), Float(0, 4), Float(2, 1, subnormals=False)]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(data=st.data(), width=st.sampled_from([32, 64]), u_width=st.sampled_from([32, 64]))
@pytest.mark.parametrize("form", EXACT, ids=str)
def test_up_if_and_only_if_u_is_below_the_exact_fraction(form, data, width, u_width):
    values = form.values()
    x = data.draw(st.floats(values[0], values[-1], width=width, allow_subnormal=False))
    u = data.draw(st.floats(0, 1, exclude_max=True, width=u_width))
    low, high = grids.brackets(values, np.array([x]))
    if data.draw(st.booleans()) and high[0] > low[0]:
        # at and next to the threshold itself
        u = (x - values[low[0]]) / (values[high[0]] - values[low[0]])
        u = min(max(np.nextafter(u, data.draw(st.sampled_from([0.0, u, 1.0]))), 0.0), LAST)
    dtype, u_dtype = (np.float32 if w == 32 else np.float64 for w in (width, u_width))
    if u_dtype(u) == 1:
        u = np.nextafter(u_dtype(1), u_dtype(0))
    x, u = np.array([x], dtype), np.array([u], u_dtype)
    assert quantize(x, form, random=u)[0] == grids.stochastic(values, float(x[0]), float(u[0]))


def test_formats_are_named_types():
    assert {type(form) for form in FORMS.values()} >= {Fixed, Float, Log, Block}
