"""Against 80-bit long doubles, and against the same in pure Python."""

import math

import numpy as np
import pytest

from lpbench.arithmetic import elementary
from lpbench.arithmetic.jit import kernel


@kernel
def to_log(x):
    for j in range(x.size):
        x[j] = elementary.log(x[j])


@kernel
def to_excess(x):
    for j in range(x.size):
        x[j] = elementary.excess(x[j])


RNG = np.random.default_rng(0)
NEAR, WIDE = RNG.uniform(-1, 1, 3000), RNG.uniform(-700, 700, 3000)
POSITIVE = np.exp(RNG.uniform(-600, 600, 3000))
CASES = {
    "exp": (elementary.to_exp, np.exp, [NEAR, WIDE]),
    "log": (to_log, np.log, [POSITIVE, 1.0 + 0.5 * NEAR]),
    "log1p": (elementary.to_log1p, np.log1p, [POSITIVE, 0.9 * NEAR, 1e-9 * NEAR]),
    "cos": (elementary.to_cos, np.cos, [NEAR, WIDE, 1000.0 * WIDE]),
}


@pytest.mark.parametrize("name", CASES)
def test_as_good_as_a_float_can_tell(name):
    function, oracle, inputs = CASES[name]
    for x in inputs:
        found, exact = x.copy(), oracle(x.astype(np.longdouble))
        function(found)
        ulp = np.spacing(np.ones_like(x) if name == "cos" else np.abs(exact).astype(float))
        assert (np.abs(found - exact) <= 3 * ulp).all()


@pytest.mark.parametrize("function", [*(case[0] for case in CASES.values()), to_excess])
def test_compiled_and_python_agree(function):
    x = np.concatenate([NEAR[:200], np.abs(WIDE[:200]), [0.0, -0.0, 1e-300, 5e-324, 745.0, 1e300, math.inf]])
    compiled, python = x.copy(), x.copy()
    function(compiled)
    with np.errstate(all="ignore"):
        function.py_func(python)
    np.testing.assert_array_equal(compiled, python)


def test_the_ends():
    x = np.array([0.0, 709.78, 709.79, math.inf, -745.0, -746.5, -math.inf, math.nan])
    elementary.to_exp(x)
    with np.errstate(over="ignore"):
        expected = np.exp([0.0, 709.78, 709.79, math.inf, -745.0, -746.5, -math.inf, math.nan])
    np.testing.assert_allclose(x, expected, rtol=3e-16)
    x = np.array([0.0, -1.0, math.inf, math.nan, 5e-324, 1.0])
    to_log(x)
    np.testing.assert_array_equal(x, [-math.inf, math.nan, math.inf, math.nan, math.log(5e-324), 0.0])
    x = np.array([0.0, 1e-300, -1.0, math.inf, math.nan])
    elementary.to_log1p(x)
    np.testing.assert_array_equal(x, [0.0, 1e-300, -math.inf, math.inf, math.nan])
    x = np.array([0.0, 2.0**20, 2.0**20 + 1, math.inf, math.nan])
    elementary.to_cos(x)
    np.testing.assert_allclose(x, [1.0, math.cos(2.0**20), math.nan, math.nan, math.nan], rtol=1e-14)
