"""The Pareto panel: its front, what is off it, its names, its numbers, and what costs rest on."""

import numpy as np
import pytest
import sweep_kinds
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import state_of
from lpbench.dashboard.pages.precision import PAGE

AXES = {"algorithm": ["lp_sgd", "swalp", "halp"], "precision": [4, 6, 8]}


@pytest.fixture
def swept(tmp_path, writing):
    def make(results):
        writing(tmp_path / "runs", "made", list(results))
        return Store(tmp_path / "runs").sweep("made")

    return make


def drawn(sweep, dark=False, **query):
    return PAGE.draw(sweep, state_of(PAGE.controls(sweep), query), dark)


def records(panel):
    return [dict(zip(panel.data.columns, row, strict=True)) for row in panel.data.rows]


def named(panel, name):
    return [one for one in panel.figure["data"] if one.get("name") == name and "xaxis" in one]


def test_the_front_joins_what_nothing_is_both_cheaper_and_better_than(swept):
    sweep = swept(sweep_kinds.cells(2, **AXES))
    _, panel = drawn(sweep, cost="energy_per_step")
    rows = records(panel)
    on = [row for row in rows if row["on the front"]]
    off = [row for row in rows if not row["on the front"]]
    assert len(rows) == 9
    assert rows == [*on, *off]
    for row in off:
        assert any(
            one["energy_per_step"] <= row["energy_per_step"] and one["noise floor"] <= row["noise floor"]
            for one in on
        )
    (stairs,) = named(panel, "Pareto front")
    assert list(stairs["x"][::2]) == pytest.approx([row["energy_per_step"] for row in on])
    assert list(stairs["y"][::2]) == pytest.approx([row["noise floor"] for row in on])
    # Level from a member to the cost of the next.
    assert list(stairs["y"][1::2]) == pytest.approx(stairs["y"][:-1:2].tolist())
    assert list(stairs["x"][1::2]) == pytest.approx(stairs["x"][2::2].tolist())
    assert any("Horowitz" in note for note in panel.notes)
    assert f"{len(on)} of 9 groups on a front" in panel.notes[0]


def test_each_problem_has_a_front_of_its_own(swept):
    sweep = swept(sweep_kinds.cells(1, dimension=[16, 64], **AXES))
    _, panel = drawn(sweep, cost="bytes_per_run")
    assert panel.figure["layout"]["meta"]["panels"] == 2
    assert len(named(panel, "Pareto front")) == 2
    assert {row["dimension"] for row in records(panel) if row["on the front"]} == {"16", "64"}
    assert not any("Horowitz" in note for note in panel.notes)
    assert panel.title == "Pareto front: noise floor against bytes per run"


def test_names_and_colours_tell_the_members_apart(swept):
    sweep = swept(sweep_kinds.cells(1, **AXES))
    _, panel = drawn(sweep, color="algorithm")
    texts = [text for one in panel.figure["data"] for text in one.get("text") or ()]
    assert texts
    assert set(texts) <= {"4 bits", "6 bits", "8 bits"}  # the algorithm is told by the colour
    dim = [one for one in panel.figure["data"] if str(one.get("name")).endswith(", dominated")]
    assert dim
    assert all(one["marker"]["color"].startswith("rgba") and "text" not in one for one in dim)
    _, dark = drawn(sweep, True, color="algorithm")
    assert named(dark, "Pareto front")[0]["line"] != named(panel, "Pareto front")[0]["line"]


def test_a_colour_that_tells_problems_apart_is_none_here(swept):
    sweep = swept(sweep_kinds.cells(1, dimension=[16, 64], **AXES))
    _, panel = drawn(sweep, color="dimension")
    keys = [one["name"] for one in panel.figure["data"] if one.get("showlegend")]
    assert keys == ["lp_sgd", "swalp", "halp", "Pareto front"]


def test_of_networks_errors_stand_against_costs_with_full_precision_among_them(swept):
    axes = {"precision": [4, 8], "rounding": ["stochastic", "nearest_even"], "dimension": [64]}
    full = sweep_kinds.networks(2, algorithm=["sgd"], dimension=[64])
    sweep = swept([*sweep_kinds.networks(2, **axes), *full])
    _, panel = drawn(sweep)
    rows = records(panel)
    assert len(rows) == 5
    assert panel.title == "Pareto front: test error against energy per run (J)"
    assert any(row["format"] == "none" for row in rows)
    assert {row["rounding"] for row in rows if row["on the front"]} == {"stochastic", "-"}


def test_what_all_members_share_is_said_once(swept):
    axes = {"precision": [4, 8], "rounding": ["stochastic", "nearest_even"], "dimension": [64]}
    results = sweep_kinds.networks(2, format=["fixed", "block"], **axes)
    _, panel = drawn(swept(results), color="format")
    assert "All of them: rounding stochastic." in panel.notes
    texts = {text for one in panel.figure["data"] for text in one.get("text") or ()}
    assert texts
    assert texts <= {"4 bits", "8 bits"}


def test_cells_of_before_have_no_costs(swept, tmp_path):
    results = list(sweep_kinds.cells(1, **AXES))
    for result in results:
        for name in ("bits_per_value", "bytes_per_step", "energy_per_step", "arithmetic_energy_per_step"):
            del result.row[name]
    sweep = swept(results)
    first, panel = drawn(sweep)
    assert panel.figure is None
    assert "older lpbench" in panel.notes[0]
    assert first.figure is not None
    assert not {"cost", "x"} & {control.key for control in PAGE.controls(sweep)}


def test_results_over_a_cost_have_its_unit_and_its_notes(swept):
    results = list(sweep_kinds.cells(1, **AXES))
    for result in results:
        if result.row["algorithm"] == "swalp":
            result.row["energy_per_step"] = None
    sweep = swept(results)
    panel, _ = drawn(sweep, x="energy_per_step")
    assert panel.title == "Noise floor against energy per step"
    layout = panel.figure["layout"]
    assert layout["meta"]["x"] == "energy per step (nJ)"
    assert layout["xaxis"]["type"] == "log"
    lines = [one for one in panel.figure["data"] if "xaxis" in one and "lines+markers" in one["mode"]]
    assert len(lines) == 2  # of LP-SGD and HALP, each over its three precisions
    for line in lines:
        assert len(line["x"]) == 3
        assert np.all(np.diff(line["x"]) > 0)
    assert any("3 points without this cost" in note for note in panel.notes)
    assert any("20.3 pJ" in note for note in panel.notes)
    row = records(panel)[0]
    assert {"precision", "energy_per_step", "noise floor"} <= row.keys()


def test_costs_are_offered_beside_the_axis_that_opens(swept):
    sweep = swept(sweep_kinds.cells(1, **AXES))
    controls = {control.key: control for control in PAGE.controls(sweep)}
    assert controls["x"].default == "precision"
    assert ("energy_per_step", "energy per step (nJ)") in controls["x"].options
    assert ("bytes_per_run", "bytes per run") in controls["cost"].options
    assert controls["cost"].default == "energy_per_run"
