"""From a problem's constants to numbers of a cell."""

import math

import pytest

from lpbench.cells.binding import automatic_limit


@pytest.mark.parametrize("k", [-30, -1, 0, 2, 40])
def test_the_automatic_limit_is_the_least_power_of_two_at_or_above(k):
    """Exactly: a logarithm rounds the number just above a power of two down to it."""
    power = 2.0**k
    for w_max in (power / 1.5, power / 1.5 * (1 + 2**-51), math.nextafter(power / 1.5, 0), power):
        limit = automatic_limit(w_max)
        assert limit / 2 < 1.5 * w_max <= limit
        assert math.frexp(limit)[0] == 0.5
    assert automatic_limit(0.0) == 1.0
