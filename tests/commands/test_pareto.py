"""`lpbench show --pareto`: the front as a table and as JSON, with what costs rest on."""

import json

import pytest
from fake_results import fake_cell, fake_result, write

from lpbench import cli
from lpbench.commands._completion import costs

# Of LP-SGD and of HALP in 4 and 8 bits: nJ a step, and noise floors; HALP in 4 bits costs more and is worse.
CELLS = {
    ("lp_sgd", 4): (1.0, 40.0),
    ("lp_sgd", 8): (2.0, 8.0),
    ("halp", 4): (3.0, 9.0),
    ("halp", 8): (4.0, 1.0),
}


@pytest.fixture
def runs(tmp_path):
    found = []
    for (algorithm, precision), (energy, value) in CELLS.items():
        for seed in range(2):
            result = fake_result(fake_cell(seed, precision, algorithm=algorithm), value=100 * value)
            result.row |= {"energy_per_step": energy, "bits_per_value": float(precision)}
            found.append(result)
    write(tmp_path / "demo", found)
    return tmp_path


def show(capsys, runs, *arguments, code=0):
    assert cli.run(["show", "demo", "--runs-dir", str(runs), *arguments]) == code
    return capsys.readouterr()


def test_the_front_is_a_table_and_says_what_it_rests_on(capsys, runs):
    out, err = show(capsys, runs, "--pareto", "energy_per_step")
    rows = [line.split() for line in out.splitlines()]
    shown = [row[:4] for row in rows if "fixed" in row]
    assert shown == [
        ["lp_sgd", "fixed", "4", "1"],
        ["lp_sgd", "fixed", "8", "2"],
        ["halp", "fixed", "8", "4"],
    ]
    assert "energy_per_step (nJ)" in out
    assert "3 of 4 groups" in err
    assert "Horowitz" in err
    assert "20.3 pJ" in err


def test_as_json_it_has_what_is_dominated_too(capsys, runs):
    found = json.loads(show(capsys, runs, "--pareto", "energy_per_run", "--json").out)
    assert (found["cost"], found["unit"], found["metric"]) == ("energy_per_run", "J", "noise_floor")
    assert [row["energy_per_run"] for row in found["front"]] == pytest.approx([1e-7, 2e-7, 4e-7])
    assert [(row["algorithm"], row["precision"], row["n"]) for row in found["dominated"]] == [("halp", 4, 2)]
    assert len(found["assumptions"]) == 2


def test_another_metric_and_cost(capsys, runs):
    out, err = show(capsys, runs, "--pareto", "bits_per_value", "--metric", "noise_floor")
    assert [line.split()[0] for line in out.splitlines() if "fixed" in line] == ["halp", "halp"]
    assert "Horowitz" not in err


def test_more_of_a_metric_may_be_better(capsys, tmp_path):
    found = []
    for precision, energy, speed in ((4, 1.0, 50.0), (6, 2.0, 40.0), (8, 3.0, 60.0)):
        result = fake_result(fake_cell(0, precision), value=1.0)
        result.row |= {"energy_per_step": energy, "steps_per_second": speed}
        found.append(result)
    write(tmp_path / "demo", found)
    asked = ["--pareto", "energy_per_step", "--metric", "steps_per_second", "--json"]
    front = json.loads(show(capsys, tmp_path, *asked).out)["front"]
    assert [row["precision"] for row in front] == [4, 8]


def test_where_no_cell_is_ok_it_is_said(capsys, tmp_path):
    found = [fake_result(fake_cell(seed, 4), value=1.0) for seed in range(2)]
    for result in found:
        result.row["status"] = "diverged"
    write(tmp_path / "demo", found)
    assert "(0 of 2 are ok)" in show(capsys, tmp_path, "--pareto", "bits_per_value", code=2).err


def test_what_cannot_be_shown_says_what_there_is(capsys, runs):
    assert "Did you mean 'energy_per_step'" in show(capsys, runs, "--pareto", "energy_per_stp", code=2).err
    assert "noise_floor and bytes_per_step" in show(capsys, runs, "--pareto", "bytes_per_step", code=2).err
    said = show(capsys, runs, "--pareto", "energy_per_step", "--metric", "saturation_rate", code=2).err
    assert "unknown metric 'saturation_rate'" in said
    assert "is of a whole sweep" in show(capsys, runs, "abc", "--pareto", "energy_per_step", code=2).err
    assert "is of a whole sweep" in show(capsys, runs, "--tensors", "--pareto", "energy_per_step", code=2).err
    assert cli.run(["show", "fp8_e4m3", "--pareto", "energy_per_step"]) == 2
    assert "is a format" in capsys.readouterr().err
    assert costs(None, [], "energy") == ["energy_per_step", "energy_per_run"]
