"""The spacings of every grid against all numbers of its format, counted out."""

import numpy as np
import pytest

from lpbench import formats
from lpbench.formats import Fixed, Float, Log, Scaled
from lpbench.theory import spacings
from lpbench.theory.spacings import Spacing

LIMITS = (1.0, 3.7)
ROUNDOFF = 1 + 1e-12
FLOATS = [
    (precision, exponent, subnormals)
    for precision in range(4, 11)
    for exponent in range(min(precision - 1, 9))
    for subnormals in (True, False)
    if subnormals or exponent > 0
]
LOGS = [(precision, exponent) for precision in range(4, 11) for exponent in range(1, precision - 1)]


def check(grid: Spacing, values: np.ndarray) -> None:
    """The ends, the largest gap, and both kinds of gap: never exceeded, and each attained."""
    low, high = values[:-1], values[1:]
    gaps, smaller = high - low, np.minimum(np.abs(low), np.abs(high))
    assert (grid.low, grid.high) == (
        pytest.approx(values[0], rel=1e-12),
        pytest.approx(values[-1], rel=1e-12),
    )
    assert grid.gap == pytest.approx(gaps.max(), rel=1e-12)
    assert np.all(gaps <= np.maximum(grid.delta, grid.zeta * smaller) * ROUNDOFF)
    next_to_zero = values[values > 0].min()
    assert grid.delta == pytest.approx(next_to_zero, rel=1e-12)
    assert np.any(np.isclose(gaps, grid.delta, rtol=1e-12))
    if grid.zeta > 0:
        relative = np.divide(gaps, smaller, out=np.zeros_like(gaps), where=smaller > 0)
        normal = smaller >= (grid.delta / grid.zeta if grid.delta / grid.zeta <= values[-1] else next_to_zero)
        assert np.any(np.isclose(relative[normal], grid.zeta, rtol=1e-9))
    else:
        assert grid.linear
        assert np.allclose(gaps, grid.delta, rtol=1e-9)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("bits", range(2, 11))
def test_fixed(bits: int, limit: float) -> None:
    grid = spacings.linear(bits, limit)
    check(grid, Fixed.for_range(bits, limit).values())
    assert grid == spacings.of_choices({"format": "fixed", "precision": bits}, limit)
    assert grid.high / grid.delta == pytest.approx(2 ** (bits - 1) - 1, rel=1e-12)  # what HALP counts with


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize(("precision", "exponent", "subnormals"), FLOATS)
def test_float(precision: int, exponent: int, subnormals: bool, limit: float) -> None:
    mantissa = precision - 1 - exponent
    grid = spacings.floating(exponent, mantissa, limit, subnormals)
    check(grid, Float(exponent, mantissa, limit, subnormals=subnormals).values())
    linear = exponent == 0 or (exponent == 1 and subnormals)
    assert grid.linear == linear
    choices = {"format": "float", "precision": precision, "exponent_bits": exponent, "subnormals": subnormals}
    assert grid == spacings.of_choices(choices, limit)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize(("precision", "exponent"), LOGS)
def test_log(precision: int, exponent: int, limit: float) -> None:
    grid = spacings.logarithmic(precision, precision - 1 - exponent, limit)
    check(grid, Log(precision, exponent, limit).values())
    assert grid == spacings.of_choices(
        {"format": "log", "precision": precision, "exponent_bits": exponent}, limit
    )
    assert 1 + grid.zeta == pytest.approx(2 ** (2.0 ** -(precision - 1 - exponent)), rel=1e-12)


@pytest.mark.parametrize("name", sorted(spacings.PRESETS))
def test_presets(name: str) -> None:
    form, grid = formats.get(name), spacings.preset(name)
    if form.bits <= 16:
        check(grid, form.values())
    else:
        check(grid, form.native_values())
    assert grid == spacings.of_choices({"format": name, "precision": form.bits}, 1.0)
    assert grid.saturates == (name not in ("fp16", "bf16", "tf32"))


def test_all_named_floats_have_a_grid_and_blocks_have_none() -> None:
    for name in formats.names():
        choices = {"format": name, "precision": 8, "exponent_bits": 3, "subnormals": True}
        if formats.get(name).adapts or name.startswith(
            "posit"
        ):  # what shares scales, and what has no even spacing
            assert spacings.of_choices(choices, 1.0) is None
        else:
            assert spacings.of_choices(choices, 1.0) is not None
    assert spacings.of_choices({"format": "none", "precision": 32}, 1.0) == spacings.FULL
    assert (spacings.FULL.delta, spacings.FULL.gap, spacings.FULL.zeta) == (0.0, 0.0, 0.0)
    assert spacings.FULL.high == -spacings.FULL.low == np.inf


@pytest.mark.parametrize("name", [name for name in formats.names() if isinstance(formats.get(name), Scaled)])
@pytest.mark.parametrize("limit", LIMITS)
def test_elements_of_scaled_formats_under_one_scale(name: str, limit: float) -> None:
    form = formats.get(name)
    values = form.element.values()
    check(spacings.elements(name, limit), values * (limit / values[-1]))
    _, bits, shared = spacings.SCALED[name]
    assert bits + shared == form.bits_per_value


def test_the_bits_formulas_count_with_a_symmetric_grid() -> None:
    for bits in range(2, 20):
        grid = spacings.symmetric_linear(bits, 1.5)
        assert bits == 1 + np.log2(1 + 1.5 / grid.delta)  # b = 1 + log2(1 + R / delta)
        assert (grid.low, grid.high, grid.gap, grid.zeta) == (-1.5, 1.5, grid.delta, 0.0)


def test_a_grid_by_hand() -> None:
    """1 + 2 + 1 bits up to 3: 0, 1/4, 1/2, 3/4, 1, 3/2, 2, 3."""
    assert spacings.floating(2, 1, 3.0) == Spacing(0.25, 0.5, 1.0, -3.0, 3.0)
    magnitudes = np.array([0.25, 0.5, 0.75, 1, 1.5, 2, 3])
    check(Spacing(0.25, 0.5, 1.0, -3.0, 3.0), np.concatenate([-magnitudes[::-1], [0.0], magnitudes]))
    assert spacings.floating(2, 1, 3.0, subnormals=False) == Spacing(0.5, 0.5, 1.0, -3.0, 3.0)
    assert spacings.linear(3, 2.0) == Spacing(0.5, 0.0, 0.5, -2.0, 1.5)


def rounding_variance(values: np.ndarray, c: np.ndarray) -> np.ndarray:
    """(hi - c)(c - lo) for the neighbours of c in values."""
    above = np.clip(np.searchsorted(values, c, side="left"), 1, len(values) - 1)
    low, high = values[above - 1], values[above]
    return np.where(c == high, 0.0, (high - c) * (c - low))


def steps_from(
    values: np.ndarray, rng: np.random.Generator, size: int = 4000
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the grid, and where a step of any length takes them once clipped."""
    w = rng.choice(values, size)
    reach = 10.0 ** rng.uniform(-4, 0.5, size) * values[-1]
    return w, np.clip(w + reach * rng.choice([-1.0, 1.0], size), values[0], values[-1])


@pytest.mark.parametrize("bits", [2, 3, 5, 8])
def test_variance_of_rounding_on_a_linear_grid(bits: int) -> None:
    """At most min(delta h, delta^2/4), h the step; with h^2 together at most delta h where h <= delta: equal inside."""
    values = Fixed.for_range(bits, 1.0).values()
    delta = spacings.linear(bits, 1.0).delta
    w, c = steps_from(values, np.random.default_rng(bits))
    h, variance = np.abs(c - w), rounding_variance(values, c)
    assert np.all(variance <= np.minimum(delta * h, delta**2 / 4) + 1e-15)
    short = h <= delta
    assert np.allclose((h**2 + variance)[short], (delta * h)[short], atol=1e-15)
    assert variance.max() > 0.24 * delta**2


NONLINEAR = [
    Float(3, 2, 1.0),
    Float(4, 3, 1.0),
    Float(3, 2, 1.0, subnormals=False),
    Float(2, 1, 1.0),
    Log(6, 3),
    Log(8, 4),
]


@pytest.mark.parametrize("form", NONLINEAR, ids=str)
def test_variance_of_rounding_on_a_nonlinear_grid(form: Float | Log) -> None:
    """At most h max(delta, zeta |w|) + zeta h^2/4: attained, and false with zeta/8."""
    if isinstance(form, Log):
        grid = spacings.logarithmic(form.bits, form.mantissa_bits, 1.0)
    else:
        grid = spacings.floating(form.exponent_bits, form.mantissa_bits, 1.0, form.subnormals)
    values = form.values()
    w, c = steps_from(values, np.random.default_rng(form.bits), 40_000)
    h, variance = np.abs(c - w), rounding_variance(values, c)
    near = h * np.maximum(grid.delta, grid.zeta * np.abs(w))
    assert np.all(variance <= near + grid.zeta / 4 * h**2 + 1e-15)
    moved = h > 0
    assert np.max(variance[moved] / near[moved]) > 0.97
    assert np.all(variance <= h * grid.gap + 1e-15)  # the linear theorems, with the largest gap
    assert np.all(variance <= grid.gap**2 / 4 + 1e-15)
