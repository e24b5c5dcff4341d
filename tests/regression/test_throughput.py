"""Interleaved timings with made-up clocks: what is slower is found twice, noise is not found."""

from contextlib import nullcontext

import numpy as np
import pytest

from lpbench.errors import ConfigError, LpbenchError, StoreError
from lpbench.regression import throughput

CELLS = [{"algorithm": "lp_sgd", "precision": i} for i in range(20)]


def clock(seed, factors=None, noise=0.035):
    """Seconds a step: 1e-6 times the factor of the cell, with log-normal noise."""
    generator = np.random.default_rng(seed)
    return lambda cell: (
        1e-6 * (factors or {}).get(cell["precision"], 1.0) * np.exp(noise * generator.standard_normal())
    )


def compare(cells, reference, candidate, **options):
    return throughput.compare(cells, lambda: nullcontext((reference, candidate)), **options)


def verdicts(reference, candidate, **options):
    return [timing.verdict for timing in compare(CELLS, reference, candidate, **options)]


def test_a_cell_twice_slower_is_found_and_confirmed_and_no_other():
    timings = compare(CELLS, clock(1), clock(2, {3: 2.0}))
    assert [timing.choices["precision"] for timing in timings if timing.verdict == "slower"] == [3]
    assert timings[3].low < 2.0 < timings[3].high
    assert timings[3].pairs == 10
    assert {timing.verdict for timing in timings if timing.choices["precision"] != 3} == {"same"}


def test_faster_is_told():
    assert verdicts(clock(1), clock(2, {0: 0.5}))[0] == "faster"


def test_equal_builds_raise_no_alarm():
    alarms = sum("slower" in verdicts(clock(2 * i), clock(2 * i + 1)) for i in range(100))
    assert alarms == 0


def test_power_at_15_per_cent():
    """One cell in four is 15 % slower, timings spread by 3.5 %: most are found and most of these confirmed."""
    slow = dict.fromkeys(range(5), 1.15)
    found = [verdicts(clock(2 * i), clock(2 * i + 1, slow))[:5].count("slower") for i in range(30)]
    assert np.mean(found) / 5 > 0.5


def test_a_disturbance_that_does_not_come_again_is_unconfirmed():
    calls = {"count": 0}
    steady = clock(3)

    def candidate(cell):
        calls["count"] += 1
        return steady(cell) * (1.5 if cell["precision"] == 5 and calls["count"] <= 20 * 11 else 1.0)

    timings = compare(CELLS, clock(4), candidate)
    assert timings[5].verdict == "unconfirmed"


def test_luck_of_a_process_is_not_confirmed_by_another_one():
    lucky = iter((1.4, 1.0))

    def sides():
        factor = next(lucky)
        return nullcontext((clock(6), clock(7, dict.fromkeys(range(20), factor))))

    assert {timing.verdict for timing in throughput.compare(CELLS, sides)} == {"unconfirmed"}


def test_sides_take_turns_in_going_first_and_warm_up_untimed():
    order = []
    one = clock(5, noise=0.01)

    def side(name):
        def seconds(cell):
            order.append(name)
            return one(cell)

        return seconds

    progress = []
    compare(
        CELLS[:1], side("r"), side("c"), pairs=4, on_pair=lambda done, total: progress.append((done, total))
    )
    assert "".join(order)[:10] == "rc" + "rccrrccr"
    assert progress == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_no_cells_and_what_is_refused():
    assert compare([], clock(1), clock(2)) == []
    with pytest.raises(ConfigError, match="at least 2"):
        compare(CELLS, clock(1), clock(2), pairs=1)
    with pytest.raises(LpbenchError, match="candidate: a cell took 0"):
        compare(CELLS, clock(1), lambda cell: 0.0)


def test_an_expression_in_a_stored_cell_is_run_by_nobody():
    with pytest.raises(StoreError, match="holds an expression in place of a value"):
        throughput.compare([{"path": "${oc.env:HOME}"}], lambda: pytest.fail("ran"))
