"""What `lpbench speed` measures, on a clock of the test's own: no verdict hangs on the machine."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from interpreted import interpreted

from lpbench import cli
from lpbench.claims.base import claims
from lpbench.claims.cells import Cells
from lpbench.claims.papers.integer_speed import LEAST
from lpbench.errors import ConfigError, StoreError, TooLarge
from lpbench.speed import machine, measure, turns
from lpbench.speed.measure import Speed
from lpbench.speed.runs import NUMBERS
from lpbench.store import measurements


@pytest.fixture(scope="module")
def tiny():
    """A whole measurement of a few numbers, in Python, and what it said of its progress."""
    said = []
    with pytest.MonkeyPatch.context() as patch, interpreted():
        patch.setattr(measure, "DIMENSION", 64)
        patch.setattr(measure, "CONDITION", 2.0)
        patch.setattr(measure, "RANGE", 1.0)
        patch.setattr(measure, "MOST_LOOPS", 3)
        patch.setattr(measure, "every_core", lambda: 2)
        patch.setattr(measure, "_bandwidth", lambda rounds, cores, pool: {"read_gb_s_1": 9.0, "copy_gb_s_1": 8.0,
                      "read_gb_s_2": 10.0, "copy_gb_s_2": 9.5})  # fmt: skip
        return measure.measure((64, 128), 2, 2, 64 * 96, lambda *what: said.append(what)), said


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    """Whatever this machine has."""
    monkeypatch.setattr(measure, "every_core", lambda: 2)


def test_every_number_has_its_rows(tiny):
    found, said = tiny
    keys = {(row["dimension"], row["algorithm"], row["numbers"], row["cores"]) for row in found.steps}
    assert keys == set(itertools.product((64, 128), ("SVRG, HALP", "SGD, LP-SGD"), NUMBERS, (1, 2)))
    assert {(row["dimension"], row["numbers"]) for row in found.loops} == set(
        itertools.product((64, 128), NUMBERS)
    )
    assert {(row["gap"], row["numbers"]) for row in found.gaps} == set(
        itertools.product(measure.GAPS, NUMBERS)
    )
    for row in (*found.steps, *found.loops, *found.gaps):
        assert row["numbers"] != "float32" or row["ratio"] in (1.0, None)
    for row in found.steps:
        assert row["gb_s"] == pytest.approx(row["bytes_coordinate"] / row["ns_coordinate"])
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert shares[-1] <= 1
    assert set(found.courses) == set(NUMBERS)
    for course in found.courses.values():
        assert course[0] == (0.0, 1.0)
        assert [seconds for seconds, _ in course] == sorted(seconds for seconds, _ in course)
        assert course[-1][1] < 1


def test_bandwidth_counts_what_is_moved(monkeypatch):
    monkeypatch.setattr(
        measure, "in_turns", lambda actions, rounds, tell: dict.fromkeys(actions, np.full(rounds, 0.5))
    )
    monkeypatch.setattr(machine, "last_level_cache", lambda: 2**20)
    found = measure._bandwidth(3, 2, None)
    assert found["read_gb_s_1"] == found["read_gb_s_2"] == pytest.approx(8 * 2**24 / 0.5 / 1e9)
    assert found["copy_gb_s_1"] == pytest.approx(2 * found["read_gb_s_1"])
    x, out = np.arange(5), np.zeros(5, np.int64)
    with interpreted():
        machine.copy(x, out)
        assert np.array_equal(out, x)
        machine.read(x, out)
    assert out[0] == 10


def test_a_ratio_is_the_median_of_those_of_the_rounds():
    assert turns.ratio(np.array([2.0, 9.0, 6.0]), np.array([1.0, 3.0, 1.0])) == 3.0
    called = []
    actions = {name: lambda name=name: called.append(name) for name in "ab"}
    found = turns.in_turns(actions, 2, lambda: called.append("|"))
    assert "".join(called) == "abab|ab|"
    assert [len(found[name]) for name in "ab"] == [2, 2]


def test_data_is_larger_than_caches(monkeypatch):
    assert measure.data_entries() >= 2 * machine.last_level_cache()
    monkeypatch.setattr(machine, "last_level_cache", lambda: 3 * 2**26)
    assert measure.data_entries() == 2**29


def test_refused_in_one_line(monkeypatch):
    with pytest.raises(ConfigError, match="dimension must be a multiple of 64, got 100: choose 128"):
        measure.measure((100,))
    with pytest.raises(
        ConfigError, match="dimension must be at most 65536, as the data has 65536 numbers, got 1310"
    ):
        measure.check([131072], entries=65536)
    with pytest.raises(ConfigError, match="cores must be at most 2, which this process may use, got 4096"):
        measure.check([1024], cores=4096)
    with pytest.raises(ConfigError, match="precision must be 8 or 16, got 10: choose 8"):
        measure.measure((64,), precision=10)
    monkeypatch.setattr(measure, "machine_memory", lambda: 1e6)
    with pytest.raises(TooLarge, match="of memory are needed, but this machine has 1 MB"):
        measure.measure((64,))


@pytest.fixture
def measured(tiny, monkeypatch, tmp_path):
    """`lpbench speed` finds the tiny measurement, and has a folder for it."""
    asked = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measure, "measure", lambda *arguments: asked.append(arguments) or tiny[0])
    return asked


def test_the_command_prints_tables_or_json(measured, capsys):
    assert cli.run(["speed", "--dimensions", "64,128", "--rounds", "3", "--cores", "2"]) == 0
    out = capsys.readouterr().out
    for words in (
        "a step",
        "an outer loop",
        "time to a gap",
        "memory read",
        "float32 / it",
        "ns a coordinate",
    ):
        assert words in out
    assert measured[0][:4] == ([64, 128], 3, 2, None)
    assert measured[0][5] == 16
    assert cli.run(["speed", "--json", "--precision", "8"]) == 0
    assert measured[1][5] == 8
    record = json.loads(capsys.readouterr().out)
    assert {"machine", "steps", "loops", "gaps", "courses", "schema", "measured_at", "host"} <= set(record)


def test_the_command_keeps_what_it_measured(measured, tiny, tmp_path, capsys):
    assert cli.run(["speed", "--no-save"]) == 0
    assert not (tmp_path / "runs").exists()
    assert cli.run(["speed", "--json", "--runs-dir", "mine"]) == 0
    said = capsys.readouterr()
    (path,) = (tmp_path / "mine" / "speed").iterdir()
    assert f"kept: mine/speed/{path.name}; beside others: lpbench dashboard mine, page Speed" in said.err
    assert path.read_text() in said.out
    (one,), problems = measurements.read(tmp_path / "mine")
    assert problems == []
    assert list(one.steps) == tiny[0].steps
    assert cli.run(["speed", "--quiet"]) == 0
    assert "kept" not in capsys.readouterr().err
    assert len(measurements.files("runs")) == 1


def test_tables_are_printed_where_nothing_can_be_kept(measured, tmp_path, capsys, monkeypatch):
    def full(*names):
        raise StoreError("cannot write: no space")

    monkeypatch.setattr(measurements, "keep", full)
    assert cli.run(["speed"]) == 1
    said = capsys.readouterr()
    assert "time to a gap" in said.out
    assert "no space" in said.err
    (tmp_path / "file").write_text("")
    assert cli.run(["speed", "--runs-dir", "file"]) != 0
    assert len(measured) == 1  # beforehand, not after a minute


def test_gaps_that_are_not_reached_are_said(measured, tiny, capsys, monkeypatch):
    none, seven = {"loops": None, "ms": None, "ratio": None}, {"loops": 7, "ms": 1.5, "ratio": 1.0}
    lost = [row | (seven if row["numbers"] == "float32" else none) for row in tiny[0].gaps]
    found = dataclasses.replace(tiny[0], gaps=lost, precision=8)
    monkeypatch.setattr(measure, "measure", lambda *asked: found)
    assert cli.run(["speed", "--precision", "8"]) == 0
    said = capsys.readouterr()
    assert said.out.count("not reached") == 6
    assert "HALP's offset in 8" in said.err
    assert "not reached: rounding HALP's offset to 8 bits adds noise" in said.err


def test_eight_bits_are_what_is_measured(monkeypatch):
    """Of the weights: whole quanta of 2**8 each."""
    asked = []
    monkeypatch.setattr(measure, "MOST_LOOPS", 1)
    monkeypatch.setattr(measure, "DIMENSION", 64)
    monkeypatch.setattr(measure, "_bandwidth", lambda rounds, cores, pool: {})
    real = measure.runner

    def watched(*given, **more):
        asked.append(real(*given, **more))
        return asked[-1]

    monkeypatch.setattr(measure, "runner", watched)
    with interpreted():
        found = measure.measure((64,), 1, 1, 64 * 32, precision=8)
    assert found.precision == 8
    integers = [one.state.integers for one in asked if hasattr(one.state, "integers")]
    assert {int(one.low) for one in integers} == {8}
    assert all(np.all(one.z % 256 == 0) for one in integers)


def test_the_command_draws_the_gap(measured, tmp_path, capsys):
    path = tmp_path / "speed.html"
    assert cli.run(["speed", "--figure", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert all(name in text for name in NUMBERS)
    assert cli.run(["speed", "--figure", str(tmp_path / "speed.txt")]) == 2
    assert cli.run(["speed", "--figure", str(tmp_path / "none" / "speed.html")]) == 2
    assert cli.run(["speed", "--dimensions", "a"]) == 2
    assert len(measured) == 1


def planted(ratio: float, instructions: str = "AVX-512, AVX2") -> Speed:
    steps = [
        {"dimension": d, "algorithm": algorithm, "numbers": "int8", "cores": cores, "ratio": ratio}
        for d in (1024, 4096) for algorithm in ("SVRG, HALP", "SGD, LP-SGD") for cores in (1, 2)
    ]  # fmt: skip
    gaps = [{"gap": gap, "numbers": "int8", "ratio": ratio} for gap in (1e-4, 1e-6)]
    facts = {"cores": 2, "cpu": "a processor", "instructions": instructions}
    return Speed(facts, steps, [], gaps, {"int8": [(0.0, 1.0), (0.5, 0.1)]})


@pytest.mark.parametrize(
    ("ratio", "instructions", "failed"),
    [(3.0, "AVX-512", 0), (2.6, "AVX-512", 1), (1.9, "AVX-512", 6), (1.5, "AVX2", 0), (1.3, "AVX2", 6)],
)
def test_the_claim_judges_ratios(ratio, instructions, failed):
    claim = claims.get("integer_speed")()
    claim.__dict__["speed"] = planted(ratio, instructions)
    cells = Cells((), 1, None, lambda cell_id: {}, {})
    found = claim.measure(cells)
    assert len(found) == 6
    assert sum(not one.passed for one in found) == failed
    assert claim.plot(cells).lines[0].x == [0.0, 500.0]
    assert "a processor" in claim.remarks(cells)[0]
    assert all(LEAST[True][key] >= LEAST[False][key] for key in LEAST[True])


@pytest.mark.slow
def test_the_whole_of_it_runs_on_this_machine(capsys):
    """Which ratios it finds is the machine's business."""
    asked = ["--dimensions", "256", "--rounds", "1", "--numbers", str(2**20), "--json", "--no-save"]
    assert cli.run(["speed", *asked]) == 0
    record = json.loads(capsys.readouterr().out)
    assert all(row["ns_coordinate"] > 0 for row in record["steps"])
    assert all(value > 0 for key, value in record["machine"].items() if key.endswith("_gb_s_1"))
