"""Kernels called by address: a caller that is compiled once, whatever it calls."""

import gc
import threading
from typing import NamedTuple

import numpy as np
import pytest

from lpbench.arithmetic import bound
from lpbench.arithmetic.bound import Bound, call, recall
from lpbench.arithmetic.jit import in_python, kernel


class Line(NamedTuple):
    """y = slope x + height."""

    slope: float
    height: float


@kernel
def line(knowledge, state, x, out, columns, first, second, task):
    known, table = recall(knowledge, state)
    for j in range(x.size):
        out[j] = known.slope * x[j] + known.height + table[j % columns]
    return np.int64(task + 1)


@kernel
def through(address, state, x, out):
    return call(address, state, x, out, 2, 0, 0, 41)


def bound_lines(n):
    return [Bound(line, (Line(float(i), 0.5), np.array([i, 10.0 * i])), np.float64) for i in range(n)]


def ask(one, x):
    out = np.zeros_like(x)
    assert through(np.int64(one.address), np.int64(one.state), x, out) == 42
    return out


@pytest.mark.parametrize("plain", [False, True])
def test_each_knows_its_own(plain):
    x = np.arange(4.0)

    def check():
        lines = bound_lines(5)
        gc.collect()  # what they know is kept by them alone
        for i, one in enumerate(lines):
            assert np.array_equal(ask(one, x), i * x + 0.5 + np.array([i, 10.0 * i] * 2))

    if plain:
        with in_python():
            check()
    else:
        check()
        assert len({one.address for one in bound_lines(3)}) == 1  # compiled once for all


def test_states_die_with_their_objects():
    with in_python():
        before = len(bound._known)
        lines = bound_lines(3)
        assert len(bound._known) == before + 3
        del lines
        gc.collect()
        assert len(bound._known) == before


def test_two_threads_do_not_mix():
    lines, x, wrong = bound_lines(2), np.arange(1000.0), []

    def work(i):
        expected = i * x + 0.5 + np.array([i, 10.0 * i] * 500)
        for _ in range(300):
            if not np.array_equal(ask(lines[i], x), expected):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
