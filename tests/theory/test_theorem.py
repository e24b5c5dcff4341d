"""What all theorems share: the numbers of a run, the coarse regime, the checks, and what SWALP's average keeps."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from theorems import INF, linear_grid, make

from lpbench import registry
from lpbench.errors import ConfigError
from lpbench.theory.spacings import Spacing
from lpbench.theory.theorem import (
    EARLIER,
    FINAL_GAP,
    MEAN_GAP,
    OTHER,
    Bound,
    Refused,
    Setting,
    Theorem,
    coarse,
    need,
    root,
    theorem,
)


@pytest.fixture
def bounds() -> Iterator[None]:
    """What a test registers is gone after it."""
    registry.bounds.names()
    before = dict(registry.bounds._things)
    yield
    registry.bounds._things.clear()
    registry.bounds._things.update(before)


def test_the_derived_numbers_of_a_run() -> None:
    s = make(0, alpha=0.25, L=2.0, grid=Spacing(0.01, 0.5, 0.2, -1.0, 1.0))
    assert s.A == 0.5
    assert s.delta == 0.2  # the largest spacing
    both = [replace(s, quadratic=q, inside=i).m for q in (True, False) for i in (True, False)]
    assert both == [4, 2, 2, 2]


def test_coarse_regime() -> None:
    s = make(0, alpha=0.5, grid=linear_grid(0.25))
    assert coarse(s) is None
    assert coarse(replace(s, largest_gradient=0.5)) is True
    assert coarse(replace(s, largest_gradient=0.51)) is None
    assert coarse(replace(s, largest_gradient=0.51, max_update=0.25)) is False
    assert coarse(replace(s, max_update=0.26)) is None
    assert coarse(replace(s, largest_gradient=0.5), 3.0) is None
    assert coarse(replace(s, largest_gradient=0.25 / 1.5), 3.0) is True
    assert coarse(replace(s, largest_gradient=0.5, max_update=0.25), 3.0) is False
    uneven = Spacing(0.25, 0.1, 0.25, -1.0, 1.0)
    assert coarse(replace(s, largest_gradient=0.0, max_update=0.0, grid=uneven)) is None


@pytest.mark.parametrize(
    ("a", "b", "c"), [(1.0, 0.5, 2.0), (4.0, 3.0, 0.0), (0.3, 0.0, 1.5), (2.0, 0.1, 1e-9)]
)
def test_root_is_the_largest_solution(a: float, b: float, c: float) -> None:
    F = root(a, b, c)
    assert a * F == pytest.approx(b * np.sqrt(2 * F) + c, rel=1e-12)
    above = 1.001 * F
    assert a * above > b * np.sqrt(2 * above) + c


def test_need() -> None:
    need(True, "never said")
    with pytest.raises(Refused, match="said at once"):
        need(False, "said at once")
    assert issubclass(Refused, ConfigError)


def toy(s: Setting) -> float:
    """A toy bound of one line.

    And more.
    """
    return s.alpha


@pytest.mark.usefixtures("bounds")
def test_a_registered_theorem() -> None:
    made = theorem("9-X", OTHER, frozenset({"sgd", "lp_sgd"}), judges=FINAL_GAP)(toy)
    assert isinstance(made, Theorem)
    assert registry.bounds.get("9-X") is made
    assert (made.name, made.title, made.column) == ("9-X", "A toy bound of one line.", "bound_9_x")
    assert (made.form, made.judges) == (OTHER, FINAL_GAP)
    assert made(make(0, alpha=0.3)) == Bound(0.3, True)


@pytest.mark.usefixtures("bounds")
def test_values_that_are_no_numbers_are_refused() -> None:
    for value in (INF, float("nan")):
        made = theorem("9-Y", EARLIER, frozenset({"lp_sgd"}))(lambda s, value=value: value)
        assert made.judges == MEAN_GAP
        with pytest.raises(Refused, match="theorem 9-Y: it is not finite here"):
            made(make(0))


@pytest.mark.usefixtures("bounds")
def test_who_is_refused() -> None:
    made = theorem("9-Z", OTHER, frozenset({"lp_sgd", "swalp"}))(toy)
    s = make(0)
    for change, words in (
        ({"algorithm": "halp"}, "it is about lp_sgd and swalp, not halp"),
        ({"rounding": "nearest_even"}, "it is about stochastic rounding, not nearest_even"),
        ({"schedule": "decreasing"}, "it is about a constant step size"),
        ({"random_bits": 3}, "rounding with few random bits is biased"),
        (
            {"grid": s.grid._replace(saturates=False)},
            "overflow must saturate, unless nothing overflowed on the path",
        ),
        ({"grid": s.grid._replace(saturates=False), "saturated": 0.1}, "overflow must saturate"),
    ):
        with pytest.raises(Refused, match=words):
            made(replace(s, **change))
    made(replace(s, grid=s.grid._replace(saturates=False), saturated=0.0))
    made(replace(s, rounding=None, random_bits=3))  # without rounding its bits do not matter


@pytest.mark.usefixtures("bounds")
@pytest.mark.parametrize("steps", [1, 2, 3, 100, 5000])
def test_the_mean_over_a_run_of_an_average(steps: int) -> None:
    """e_0 at t = 0, then the bound of the first t iterates: at most half a per cent above the exact mean of 1/t."""
    made = theorem("9-V", OTHER, frozenset({"swalp"}))(lambda s: 1.0 / s.steps)
    s = make(0, algorithm="swalp", steps=steps, e_0=7.0)
    exact = (7.0 + np.sum(1.0 / np.arange(1, steps))) / steps
    assert exact * (1 - 1e-12) <= made(s).value <= exact * 1.005


@pytest.mark.usefixtures("bounds")
def test_an_average_keeps_what_certifies_a_bound() -> None:
    made = theorem("9-U", OTHER, frozenset({"swalp"}))(lambda s: Bound(1.0 / s.steps, False))
    assert made(make(0, algorithm="swalp", steps=50)).certified is False
    assert made(make(0, algorithm="swalp", steps=INF)) == Bound(0.0, False)
    with pytest.raises(Refused, match="average_start=0 average_every=1"):
        made(make(0, algorithm="swalp", averages_all=False))


@pytest.mark.usefixtures("bounds")
def test_what_does_not_saturate_is_certified_by_no_theorem() -> None:
    """That nothing overflowed is what the run showed."""
    made = theorem("9-T", OTHER, frozenset({"lp_sgd"}))(toy)
    s = make(0, saturated=0.0)
    assert made(s).certified is True
    assert made(replace(s, grid=s.grid._replace(saturates=False))).certified is False
