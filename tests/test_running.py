"""How a cell is cut into kernel calls, so that time-outs and Ctrl-C are answered."""

import pytest

from lpbench import running
from lpbench.choices import make_cell
from lpbench.errors import Interrupted
from lpbench.grid import single


def strides(monkeypatch, **choices):
    """The longest stretch of steps between two looks at the clock that a cell would be run with."""

    class Asked(Exception):
        pass

    def stops(points, stride):
        raise Asked(stride)

    monkeypatch.setattr(running, "stops", stops)
    row = running.run_cell(
        make_cell(single({"problem": "least_squares", "dimension": 16, **choices}, None))
    ).row
    assert row["error"].startswith("Asked: "), row["error"]
    return int(row["error"].split()[1])


def test_a_stretch_counts_the_samples_of_a_step(monkeypatch):
    one, many = (strides(monkeypatch, algorithm="sgd", batch_size=size, steps=10**6) for size in (1, 1000))
    assert one > 100 * many


def test_a_stretch_counts_full_gradients(monkeypatch):
    rare, often = (
        strides(monkeypatch, algorithm="svrg", inner_steps=inner, n_samples=10_000, steps=10**6)
        for inner in (10_000, 1)
    )
    seconds = often * 10_000 * 16 * running._COORDINATE_SECONDS
    assert seconds <= running.CALL_SECONDS
    assert rare > 1000 * often


def test_the_pauses_of_a_long_run_fit_into_memory(monkeypatch):
    assert strides(monkeypatch, algorithm="sgd", batch_size=10**6, steps=4 * 10**9) >= 4000


@pytest.mark.parametrize("algorithm", ["lp_svrg", "halp"])
def test_pauses_change_no_bit(monkeypatch, algorithm):
    digests = []
    for seconds in (1e-6, 1e-4, running.CALL_SECONDS):
        monkeypatch.setattr(running, "CALL_SECONDS", seconds)
        choices = {"problem": "least_squares", "dimension": 4, "n_samples": 20, "epochs": 9}
        row = running.run_cell(make_cell(single({**choices, "algorithm": algorithm}, None))).row
        assert row["status"] == "ok", row["error"]
        digests.append(row["digest"])
    assert len(set(digests)) == 1


def test_a_watch_is_told_how_far_the_cell_is():
    watch, moved = running.Watch(), []
    watch.move_on = lambda: moved.append(watch.built) or running.Watch.move_on(watch)
    cell = make_cell(single({"problem": "family_q", "dimension": 4, "algorithm": "sgd", "steps": 20}, None))
    assert not watch.built
    assert running.run_cell(cell, stop=watch).row["status"] == "ok"
    assert moved == [False, True]
    watch.set()
    with pytest.raises(Interrupted):
        running.run_cell(cell, stop=watch)
