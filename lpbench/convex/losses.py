"""Losses of a margin z = x . w and a label y, by their slopes."""

from typing import NamedTuple

from lpbench.arithmetic.elementary import exp
from lpbench.arithmetic.jit import generic, inner


class Squared(NamedTuple):
    """l(z) = (z - y)^2 / 2."""


class Logistic(NamedTuple):
    """l(z) = log(1 + exp(-y z)), y = -1 or 1."""


class SquaredHinge(NamedTuple):
    """l(z) = max(0, 1 - y z)^2 / 2, y = -1 or 1."""


@generic
def slope(loss, z, y):
    """dl/dz; all float64."""


@slope.case(Squared)
def _slope_squared(loss, z, y):
    return z - y


@slope.case(Logistic)
def _slope_logistic(loss, z, y):
    margin = y * z
    if margin > 0:
        e = exp(-margin)
        return -y * e / (1.0 + e)
    return -y / (1.0 + exp(margin))


@slope.case(SquaredHinge)
def _slope_squared_hinge(loss, z, y):
    return -y * max(0.0, 1.0 - y * z)


@generic
def slope_change(loss, before, z, y):
    """l'(before + z) - l'(before) for a label y; all float64."""


@slope_change.case(object)
def _slope_change(loss, before, z, y):
    return slope(loss, before + z, y) - slope(loss, before, y)


@slope_change.case(Squared)
def _slope_change_squared(loss, before, z, y):
    return z


@inner
def softmax(p):
    """Margins to probabilities, in place."""
    largest = p[0]
    for k in range(1, p.size):
        largest = max(largest, p[k])
    total = 0.0
    for k in range(p.size):
        p[k] = exp(p[k] - largest)
        total += p[k]
    for k in range(p.size):
        p[k] /= total
