"""Step sizes: constant, or decreasing like 1/t."""

from typing import Any, NamedTuple

from lpbench.arithmetic.jit import generic


class Constant(NamedTuple):
    """alpha at every step."""

    alpha: Any


class Decreasing(NamedTuple):
    """alpha_t = numerator / (t + shift)."""

    numerator: Any
    shift: Any


@generic
def step_size(schedule, t):
    """alpha_t, float64."""


@step_size.case(Constant)
def _constant(schedule, t):
    return schedule.alpha


@step_size.case(Decreasing)
def _decreasing(schedule, t):
    return schedule.numerator / (t + schedule.shift)


def decreasing(mu: float, L: float) -> Decreasing:
    """alpha_t = 2 / (mu a phi (t + s)) with a = phi = 1/2 and s = 16 L / mu: the noise ball is then that of the
    rounding alone, without the term alpha sigma^2 of a constant step."""
    return Decreasing(8.0 / mu, 16.0 * L / mu)


def weights(schedule: Any, steps: Any) -> Any:
    """The weights omega_t = t + s - 1 of the average that the bound for decreasing steps is about; else ones."""
    return steps + (schedule.shift - 1.0) if isinstance(schedule, Decreasing) else steps * 0 + 1.0


def mean_weight(schedule: Any, steps: int) -> float:
    """The mean of `weights` over the steps 0 .. steps - 1."""
    return float(weights(schedule, (steps - 1) / 2))
