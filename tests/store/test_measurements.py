"""What `lpbench speed` keeps: whole or not at all, in the order of time, and no file in the way of the others."""

import json
import os

import pytest
from measured_speed import measured

from lpbench.errors import ConfigError, StoreError
from lpbench.store import find_sweep, list_sweeps, measurements, sweep_folder
from lpbench.store.manifest import new_manifest, write_manifest
from lpbench.store.moving import rename


def kept(runs, *records):
    folder = measurements.prepare(runs)
    return [measurements.keep(record, folder) for record in records]


def test_what_is_kept_is_read(tmp_path):
    newer, older = measured("2026-12-01T07:00:00.500+00:00", "a/b c"), measured(factor=0.5)
    paths = kept(tmp_path / "runs", newer, older)
    assert [path.name for path in paths] == [
        "20261201T070000.500-a-b-c.json",
        "20261130T004823.123-here.json",
    ]
    found, problems = measurements.read(tmp_path / "runs")
    assert problems == []
    assert [one.host for one in found] == ["here", "a/b c"]
    assert [one.name for one in found] == [path.stem for path in reversed(paths)]
    first = found[0]
    assert list(first.steps) == older["steps"]
    assert list(first.gaps) == older["gaps"]
    assert first.machine == older["machine"]
    assert first.courses["int8"] == [tuple(point) for point in older["courses"]["int8"]]
    assert (first.precision, first.rounds, first.git_commit) == (16, 9, "f" * 40)
    assert not [path for path in (tmp_path / "runs" / "speed").iterdir() if path.suffix != ".json"]


def test_without_a_folder_there_is_nothing(tmp_path):
    assert measurements.read(tmp_path / "none") == ([], [])


DAMAGES = {
    "is damaged: it is no JSON": "{",
    "is no measurement of lpbench speed": "[]",
    "was written by another lpbench (schema 9)": '{"schema": 9}',
    "is damaged: machine lacks its columns": '{"schema": 1}',
}


@pytest.mark.parametrize("said", DAMAGES)
def test_a_file_that_is_none_is_named_and_the_others_are_read(tmp_path, said):
    kept(tmp_path, measured())
    path = tmp_path / "speed" / "20270101T000000.000-there.json"
    path.write_text(DAMAGES[said])
    found, problems = measurements.read(tmp_path)
    assert len(found) == 1
    assert problems == [f"{path.name} {said}"]
    assert path.read_text() == DAMAGES[said]


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("steps", 0, "ratio"), "fast", "ratio of steps must be a number above 0"),
        (("steps", 0, "ns_coordinate"), 0.0, "ns_coordinate of steps must be a number above 0"),
        (("steps", 1, "dimension"), True, "dimension of steps must be a whole number above 0"),
        (("loops", 2, "numbers"), "x" * 301, "numbers of loops must be a text of at most 300 letters"),
        (("loops", 0), None, "loops lacks its columns"),
        (("gaps",), {}, "gaps must be a list of at most"),
        (("machine", "read_gb_s_2"), None, "read_gb_s_2 of machine must be a number above 0"),
        (("courses", "int8"), [[0.0, -1.0]], "courses must be lists"),
        (("courses",), [1], "courses must be lists"),
        (("host",), 3, "host of it must be a text"),
    ],
)
def test_a_column_of_another_type_is_named(tmp_path, place, value, said):
    record = measured()
    at = record
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    kept(tmp_path, record | {"measured_at": "2026"})
    found, (problem,) = measurements.read(tmp_path)
    assert found == []
    assert "is damaged: " + said in problem


def test_gaps_that_were_not_reached_say_so_and_why():
    record = measured(precision=8)
    record["gaps"][-1] |= {"loops": None, "ms": None, "ratio": None}
    record["courses"]["int8"][-1][1] = None
    one = measurements.of_record("x", record)
    assert measurements.table(one.gaps, measurements.GAPS)[-1] == [1e-6, "int8", "not reached", None, None]
    assert measurements.coarse(8, one.gaps).startswith("not reached: rounding HALP's offset to 8 bits")
    assert measurements.coarse(8, one.gaps[:-1]) == ""
    assert measurements.coarse(16, one.gaps) == ""


def test_large_files_and_too_many_are_left_out(tmp_path, monkeypatch):
    kept(tmp_path, *(measured(f"2026-01-0{day}T00:00:00.000+00:00") for day in (1, 2, 3)))
    monkeypatch.setattr(measurements, "MOST_FILES", 2)
    found, problems = measurements.read(tmp_path)
    assert [one.measured_at[:10] for one in found] == ["2026-01-02", "2026-01-03"]
    assert problems == ["1 measurements older than the newest 2 are left out"]
    monkeypatch.setattr(measurements, "MOST_BYTES", 100)
    found, problems = measurements.read(tmp_path)
    assert found == []
    assert "and 100 are the most that are read" in problems[1]


def test_writing_fails_whole_or_not_at_all(tmp_path, monkeypatch):
    (path,) = kept(tmp_path, measured())
    before = path.read_bytes()

    def full(*names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        measurements.keep(measured(rounds=3), tmp_path / "speed")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_the_folder_is_no_sweep_and_no_sweep_takes_its_name(tmp_path):
    with pytest.raises(ConfigError, match="reserved"):
        sweep_folder("speed", tmp_path)
    kept(tmp_path, measured())
    (tmp_path / "speed" / "manifest.json").write_text(json.dumps({}))  # as if it were one
    assert list_sweeps(tmp_path) == []


def test_a_sweep_of_before_is_not_written_into(tmp_path):
    (tmp_path / "speed").mkdir()
    write_manifest(tmp_path / "speed", new_manifest("speed"))
    with pytest.raises(ConfigError, match=r"is a sweep, of before .* lpbench rename speed NEW --runs-dir"):
        measurements.prepare(tmp_path)
    assert measurements.read(tmp_path) == ([], [])
    assert list_sweeps(tmp_path) == []
    rename(find_sweep("speed", tmp_path), "speed-1")
    assert list_sweeps(tmp_path) == ["speed-1"]
    assert kept(tmp_path, measured())


def test_a_folder_that_cannot_be_made_is_said_beforehand(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        measurements.prepare(tmp_path / "runs")
