"""The best split of bits into exponent and mantissa, on settings made from closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lpbench.theory import constants, spacings
from lpbench.theory.split import best_log_split, best_split, noise_ball, svrg_split
from lpbench.theory.theorem import Refused, Setting

NAMES = ("L", "mu", "L_f", "L_1", "L_1_avg", "gamma", "sigma", "sigma_1", "sigma_w", "L_w")
LIMIT = 1.25


def isotropic(w_star, alpha=2.0**-6, sigma=0.1):
    """H = I, dense noise: family E."""
    found = constants.quadratic(np.ones(len(w_star)), sigma, "dense", w_star).values
    return Setting(
        n=len(w_star), algorithm="lp_sgd", grid=spacings.FULL, alpha=alpha, steps=math.inf, D_0=1.0, e_0=1.0,
        quadratic=True, **{name: found[name] for name in NAMES},
    )  # fmt: skip


def geometric(**changes):
    w_star = np.zeros(256)
    w_star[:16] = 0.9 * 2.0 ** -np.arange(16)
    return isotropic(w_star, **changes)


def uniform(**changes):
    return isotropic(np.linspace(-0.9, 0.9, 256), **changes)


def test_weights_of_many_scales_want_a_few_exponent_bits():
    """Measured best, with subnormals: 3 at all of these; the bound's choice must be as good to 13 %."""
    assert [best_split(bits, LIMIT, geometric())[0] for bits in (5, 6, 8, 10, 12)] == [3, 3, 3, 3, 4]
    assert [best_split(bits, LIMIT, geometric(), subnormals=False)[0] for bits in (6, 8, 10, 12)] == [
        3,
        4,
        4,
        4,
    ]


def test_weights_of_one_scale_want_fixed_point():
    assert [best_split(bits, LIMIT, uniform())[0] for bits in (5, 6, 8, 10, 12)] == [0] * 5


def test_the_split_is_the_least_of_all():
    exponent, value = best_split(8, LIMIT, geometric())
    balls = [noise_ball(geometric(), spacings.floating(e, 7 - e, LIMIT)) for e in range(7)]
    assert value == min(balls)
    assert balls[exponent] == value
    assert value < balls[0] / 3  # fixed point is far worse


def test_exponent_bits_grow_like_the_logarithm_of_all_bits_without_subnormals():
    """The log log law: bits are log2 of 1/accuracy. The noise of SGD is put out of sight by a tiny step size."""
    s = geometric(alpha=1e-300)
    for bits in (8, 16, 32, 64, 128, 256):
        exponent, _ = best_split(bits, LIMIT, s, subnormals=False, most=bits)
        assert abs(exponent - math.log2(bits)) <= 1.5


def log2_noise(bits, exponent, R_sigma_1, sigma_w):
    """log2 of delta sigma_1 + zeta sigma_w without subnormals, where delta itself underflows."""
    mantissa = bits - 1 - exponent
    zeta = 2.0**-mantissa
    small = math.log2(R_sigma_1 / (2 - zeta)) + 2 - 2**exponent
    large = math.log2(sigma_w) - mantissa
    top = max(small, large)
    return top + math.log2(2.0 ** (small - top) + 2.0 ** (large - top))


@pytest.mark.parametrize("bits", [8, 16, 32, 64, 128, 256, 1024, 4096])
def test_the_same_law_in_logarithms(bits):
    values = {e: log2_noise(bits, e, 2.0, 0.01) for e in range(2, min(bits - 1, 20))}
    assert abs(min(values, key=values.get) - math.log2(bits)) <= 1.5


def test_equal_splits_go_to_fewer_exponent_bits():
    """0 and 1 exponent bits are the same grid with subnormals."""
    assert spacings.floating(0, 6, LIMIT) == spacings.floating(1, 5, LIMIT)
    assert best_split(7, LIMIT, uniform())[0] == 0


def test_log_splits_follow_the_bound_too():
    exponent, value = best_log_split(8, LIMIT, geometric())
    balls = {e: noise_ball(geometric(), spacings.logarithmic(8, 7 - e, LIMIT)) for e in range(1, 7)}
    assert (exponent, value) == min(balls.items(), key=lambda pair: pair[1])


def test_svrg_has_no_noise_of_the_gradient():
    loud, quiet = (svrg_split(8, LIMIT, geometric(sigma=sigma)) for sigma in (10.0, 0.0))
    assert loud == quiet
    exponent, value = quiet
    s = geometric()
    grid = spacings.floating(exponent, 7 - exponent, LIMIT)
    assert value == pytest.approx(grid.delta * s.L_1_avg + grid.zeta * s.L_w)
    assert all(
        value <= other.delta * s.L_1_avg + other.zeta * s.L_w
        for other in (spacings.floating(e, 7 - e, LIMIT) for e in range(7))
    )


def test_the_grid_and_the_length_of_the_setting_do_not_matter():
    other = replace(geometric(), grid=spacings.linear(3, 9.0), steps=5, rounding="nearest_even")
    assert best_split(8, LIMIT, other) == best_split(8, LIMIT, geometric())


def test_where_nothing_is_proven_it_says_why():
    with pytest.raises(Refused, match="alpha L must be below 1"):
        best_split(8, LIMIT, geometric(alpha=2.0))
    with pytest.raises(Refused, match="at least 3 bits"):
        best_split(2, LIMIT, geometric(), subnormals=False)
