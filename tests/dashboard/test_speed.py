"""The page Speed: the newest measurement of this machine, earlier ones beside it, what it says of none."""

import math

import pytest
from lpbench.dashboard.charts import speed as charts
from lpbench.dashboard.data import speeds
from lpbench.dashboard.data.sweeps import NoSweep
from lpbench.dashboard.page import state_of
from lpbench.dashboard.pages import speed
from measured_speed import measured
from test_shell import of, text, tree

from lpbench.provenance import provenance
from lpbench.store import measurements

HERE = provenance()["host"]


@pytest.fixture
def folder(tmp_path):
    """Two measurements of this machine, and a newer one of another, in 8 bits, which reached nothing."""
    where = measurements.prepare(tmp_path)
    other = measured("2026-12-03T00:00:00.000+00:00", "other", precision=8)
    for row in other["gaps"]:
        if row["numbers"] != "float32":
            row |= {"loops": None, "ms": None, "ratio": None}
    other["courses"]["int8"] = [[0.0, 1.0], [0.1, 40.0], [0.2, None]]
    other["machine"] |= {"instructions": "AVX2, SSE4.2"}
    for record in (
        measured("2026-12-01T00:00:00.000+00:00", HERE), measured("2026-12-02T00:00:00.000+00:00", HERE, 0.8), other,
    ):  # fmt: skip
        measurements.keep(record, where)
    return tmp_path


def drawn(folder, **query):
    sweep = NoSweep(folder)
    return speed.draw(sweep, state_of(speed.controls(sweep), query), False)


def lines(panel):
    """y by the name of the line, of the first small multiple."""
    return {
        one["name"]: [float(y) for y in one["y"]]
        for one in panel.figure["data"]
        if one.get("xaxis", "x") == "x" and one["y"][0] is not None and one["name"] not in charts.NUMBERS
    }


def test_the_newest_of_this_machine_is_shown(folder):
    (control,) = speed.controls(NoSweep(folder))
    assert control.default == f"20261202T000000.000-{HERE}"
    assert control.options[0][1] == "2026-12-03 00:00, other, AVX2, 8 bits"
    step, ratios, gap, past = drawn(folder)
    for panel in (step, ratios, gap, past):
        (said,) = [note for note in panel.notes if note.startswith("a chip")]
        assert said == (
            f"a chip, 2 cores, AVX-512 VNNI, AVX-512, AVX2, SSE4.2; {HERE}, 2026-12-02 00:00 UTC; lpbench 0.2.0, "
            "fffffff."
        )
    for panel, cores in ((step, ""), (ratios, ""), (gap, "1 core, ")):  # the others have a panel for each
        texts = [one["text"] for one in panel.figure["layout"]["annotations"]]
        assert f"a chip, {cores}AVX-512, 2026-12-02" in texts
    found = lines(step)
    assert found["HALP, int8"] == pytest.approx([0.05, 0.05])
    assert found["SGD, float32"] == pytest.approx([0.2, 0.2])
    assert found["as fast as memory is read, float32"] == pytest.approx([4 / 22] * 2)
    assert found["as fast as memory is read, int8"] == pytest.approx([1 / 22] * 2)
    assert (
        len({one.get("yaxis") for one in step.figure["data"] if "xaxis" in one}) == 2
    )  # one core, all cores
    found = lines(ratios)
    assert found["HALP, int8"] == pytest.approx([2.4, 3.2])
    assert found["outer loop, int16"] == pytest.approx([1.2, 1.2])
    assert found["ratio of bytes, int8"] == [4, 4]
    assert not [name for name in found if "float32" in name]
    assert ratios.notes[0].endswith(
        "a step of HALP in int8 is 2.4 to 3.2 times as fast as one of SVRG in float32."
    )
    assert lines(gap)["HALP, int8"] == pytest.approx([10.0**-k for k in range(7)])
    assert len(gap.data.rows) == 21


def test_earlier_ones_of_this_machine_stand_beside_it(folder):
    past = drawn(folder)[3]
    assert lines(past)["HALP, a step"] == pytest.approx([3.5, 2.8])
    assert lines(past)["time to a gap"] == pytest.approx([3.0, 2.4])
    (left,) = [note for note in past.notes if note.startswith("1 measurement not beside it: in host, ")]
    assert "data or dimensions" in left
    assert [row[0] for row in past.data.rows] == ["2026-12-01 00:00", "2026-12-02 00:00"]
    assert past.figure["layout"]["xaxis"]["ticktext"] == ["12-01", "12-02"]
    measurements.keep(measured("2026-12-02T09:30:00.000+00:00", HERE), folder / "speed")
    ticks = drawn(folder)[3].figure["layout"]["xaxis"]["ticktext"]
    assert ticks == ["12-01 00:00", "12-02 00:00", "12-02 09:30"]


def test_only_what_is_alike_stands_beside_another(folder):
    def beside(**machine):
        record = measured("2026-12-04T00:00:00.000+00:00", HERE)
        record["machine"] |= machine
        other = measurements.of_record("x", record)
        return len(speeds.alike(other, [*speeds.read(folder)[0], other]))

    assert beside() == 3
    assert beside(cpu="another") == beside(instructions="AVX2") == beside(numbers=2**20) == 1
    found, _ = speeds.read(folder)
    fewer = measured(host=HERE)
    fewer["steps"] = [row for row in fewer["steps"] if row["dimension"] == 1024]
    one = measurements.of_record("x", fewer)
    assert speeds.alike(one, [*found, one]) == [one]


def test_another_one_is_chosen_and_says_what_was_not_reached(folder):
    step, _, gap, past = drawn(folder, measurement="20261203T000000.000-other")
    assert "2 cores, AVX2, SSE4.2 (no AVX-512); other," in step.notes[0]
    assert "no AVX-512" in str(step.figure["layout"]["annotations"])
    assert any(note.startswith("Not reached: rounding HALP's offset to 8 bits") for note in gap.notes)
    assert any(math.isnan(y) for y in lines(gap)["HALP, int8"])
    assert past.figure is None
    assert "One measurement of other" in past.notes[0]
    assert f"`lpbench speed --precision 8 --runs-dir {folder}`" in past.notes[0]


def test_instructions_are_those_that_are_known():
    def said(instructions):
        record = measured()
        record["machine"]["instructions"] = instructions
        one = measurements.of_record("x", record)
        return speeds.machine(one), speeds.briefly(one, 2)

    assert said("AVX2, SSE4.2") == (
        "a chip, 2 cores, AVX2, SSE4.2 (no AVX-512)", "a chip, 2 cores, no AVX-512, 2026-11-30",
    )  # fmt: skip
    assert said("those of haswell") == (
        "a chip, 2 cores, instructions of haswell", "a chip, 2 cores, instructions of haswell, 2026-11-30",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cpu", "short"),
    [
        ("Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", "Intel Xeon Platinum 8375C"),
        ("AMD EPYC 9B45 128-Core Processor", "AMD EPYC 9B45"),
        ("Processor", "Processor"),
        ("x" * 100, "x" * 32),
    ],
)
def test_a_figure_has_room_for_the_processor(cpu, short):
    record = measured()
    record["machine"]["cpu"] = cpu
    assert speeds.briefly(measurements.of_record("x", record), None) == f"{short}, AVX-512, 2026-11-30"


class Store:
    def __init__(self, folder):
        self.runs_dir = folder


def test_the_headline_and_the_tables(folder):
    shown = tree(speed.body(Store(folder), NoSweep(folder), {}, "/lab/"))
    said = text(shown)
    assert "2.8×" in said
    assert "2.4 at d = 1,024, 3.2 at d = 4,096" in said
    assert "time to a gap of 1e-6" in said
    first, *_ = of(shown, "A")
    assert first["href"] == "/lab/speed?measurement=20261203T000000.000-other"
    shown = tree(
        speed.body(Store(folder), NoSweep(folder), {"measurement": "20261203T000000.000-other"}, "/")
    )
    assert text(shown).count("not reached") >= 7  # a card, and the rows of the table


def test_without_measurements_it_says_what_to_type(tmp_path):
    assert speed.controls(NoSweep(tmp_path)) == []
    panels = drawn(tmp_path)
    assert len(panels) == speed.PAGE.panels
    assert f"`lpbench speed --runs-dir {tmp_path}`" in panels[0].notes[0]
    assert not any(panel.figure for panel in panels)
    said = text(tree(speed.body(Store(tmp_path), NoSweep(tmp_path), {}, "/")))
    assert f"lpbench speed --runs-dir {tmp_path}" in said


def test_damaged_files_are_said_and_new_ones_are_seen(folder):
    assert len(speeds.read(folder)[0]) == 3
    (folder / "speed" / "20270101T000000.000-x.json").write_text("{")
    assert any("20270101T000000.000-x.json is damaged" in note for note in drawn(folder)[0].notes)


def test_what_a_file_lacks_is_not_drawn(tmp_path):
    measurements.keep(
        measured(host=HERE, steps=[], loops=[], gaps=[], courses={}), measurements.prepare(tmp_path)
    )
    panels = drawn(tmp_path)
    assert not any(panel.figure for panel in panels)
    assert "No steps were measured." in panels[0].notes
    speed.body(Store(tmp_path), NoSweep(tmp_path), {}, "/")


def test_types_and_algorithms_of_a_later_lpbench_are_drawn(tmp_path):
    record = measured(host=HERE)
    for row in (*record["steps"], *record["loops"], *record["gaps"]):
        row["numbers"] = row["numbers"].replace("int8", "int4")
    for row in record["steps"]:
        row["algorithm"] = row["algorithm"].replace("SGD, LP-SGD", "toy")
    record["courses"]["int4"] = record["courses"].pop("int8")
    measurements.keep(record, measurements.prepare(tmp_path))
    assert all(panel.figure for panel in drawn(tmp_path)[:3])
    speed.body(Store(tmp_path), NoSweep(tmp_path), {}, "/")
