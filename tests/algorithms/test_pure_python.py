"""Every kernel, compiled and in pure Python: the same bits in every recorded number."""

import numpy as np
import pytest
import tiny

from lpbench.arithmetic.jit import in_python

STEPS = 24
CASES = [*tiny.KERNELS, *(pytest.param(name, marks=pytest.mark.slow) for name in tiny.SLOW)]


@pytest.mark.parametrize("name", CASES)
def test_compiled_run_is_the_python_run(name):
    on, choices, variants = (tiny.KERNELS | tiny.SLOW)[name]
    problem = tiny.problem(**on)
    for variant in variants:
        compiled = tiny.walk(tiny.ready(problem, **choices | variant), STEPS)
        with in_python():
            python = tiny.walk(tiny.ready(problem, **choices | variant), STEPS)
        for one, other in zip(compiled, python, strict=True):
            assert one.tobytes() == other.tobytes(), variant
        assert np.isfinite(compiled[0]).all()
        assert np.abs(compiled[0]).max() > 0


def test_stops_and_pauses_do_not_change_the_run():
    on, choices, _ = tiny.KERNELS["halp squared fixed"]
    problem = tiny.problem(**on)
    every = tiny.walk(tiny.ready(problem, **choices), STEPS)
    fifth = tiny.walk(tiny.ready(problem, **choices), STEPS, stride=4)
    for one, other in zip(every, fifth, strict=True):
        assert np.array_equal(one[::4], other)
