"""Step sizes against their formulas."""

import numpy as np
import pytest

from lpbench.convex.step_sizes import Constant, decreasing, mean_weight, step_size, weights


def test_constant():
    schedule = Constant(0.3)
    assert [step_size(schedule, t) for t in (0, 1, 10**9)] == [0.3] * 3
    assert np.array_equal(weights(schedule, np.arange(4.0)), np.ones(4))
    assert mean_weight(schedule, 10) == 1.0


@pytest.mark.parametrize(("mu", "L"), [(0.5, 4.0), (1.0, 1.0), (1e-3, 2.0)])
def test_decreasing_is_two_over_mu_a_phi_t_plus_s(mu, L):
    schedule, a, phi = decreasing(mu, L), 0.5, 0.5
    s = 2 * (L / mu) / (a * phi * (1 - a))
    for t in (0, 1, 17, 10**6):
        assert step_size(schedule, t) == pytest.approx(2 / (mu * a * phi * (t + s)), rel=1e-14)
    # The theorem asks for alpha_t L <= 1 - a from the first step on.
    assert step_size(schedule, 0) * L <= (1 - a) * (1 + 1e-12)
    assert np.allclose(weights(schedule, np.arange(5.0)), np.arange(5) + s - 1, rtol=1e-14)
    assert mean_weight(schedule, 5) == pytest.approx((5 + 2 * s - 3) / 2, rel=1e-14)


def test_the_weights_telescope():
    # omega_t (1/alpha_t - mu a phi) = omega_(t-1) / alpha_(t-1): what the proof for decreasing steps needs.
    mu, L = 0.25, 3.0
    schedule, t = decreasing(mu, L), np.arange(1.0, 50.0)
    before, now = weights(schedule, t - 1), weights(schedule, t)
    left = now * (1 / np.array([step_size(schedule, x) for x in t]) - mu / 4)
    assert np.allclose(left, before / np.array([step_size(schedule, x - 1) for x in t]), rtol=1e-12)
