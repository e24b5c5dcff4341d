"""The page Compare: several sweeps as one, the verdicts of `lpbench compare`, and the choices in which they differ."""

import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.data.union import union
from lpbench.dashboard.page import state_of
from lpbench.dashboard.pages.compare import PAGE, comparisons, differences, verdicts

from lpbench.analysis.compare import compare


def cells(factor, precisions=(4, 6, 8), **choices):
    """Floors that fall with the precision, `factor` times those of factor 1, with noise of some per cent."""
    found = []
    for precision in precisions:
        for seed in range(5):
            noise = 1 + 0.01 * ((7 * seed + precision) % 5)
            cell = fake_cell(seed, precision, **{"rounding": "stochastic", **choices})
            found.append(fake_result(cell, value=factor * noise * 2.0**-precision))
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory, writing):
    runs = tmp_path_factory.mktemp("compare") / "runs"
    writing(runs, "before", cells(1.0))
    writing(runs, "after", cells(2.0))
    writing(runs, "other", cells(0.5, algorithm="halp"))
    writing(runs, "apart", cells(1.0, (5, 7), dimension=7))
    return Store(runs)


def drawn(sweep, **query):
    return PAGE.draw(sweep, state_of(PAGE.controls(sweep), query), False)


def test_it_says_what_to_choose(store):
    together, ratios = drawn(store.sweep("before"))
    assert len(together.figure["data"]) == 1
    assert (ratios.figure, ratios.notes) == (None, ("Choose under “With” the sweeps to set beside before.",))
    (asked,) = [control for control in PAGE.controls(store.sweep("before")) if control.key == "with"]
    assert {value for value, _ in asked.options} == {"after", "apart", "other"}


def test_each_sweep_is_a_line_of_its_colour(store):
    together, _ = drawn(store.sweep("before"), **{"with": "after,other"})
    lines = {trace["name"]: trace for trace in together.figure["data"] if "xaxis" in trace}
    assert lines.keys() == {"before", "after", "other"}
    assert len({trace["line"]["color"] for trace in lines.values()}) == 3
    ratios = lines["after"]["y"] / lines["before"]["y"]
    assert ratios.tolist() == pytest.approx([2, 2, 2], rel=0.05)


def test_verdicts_are_those_of_the_command(store):
    sweep = store.sweep("before")
    _, panel = drawn(sweep, **{"with": "after,other"})
    rows = [dict(zip(panel.data.columns, row, strict=True)) for row in panel.data.rows]
    for name in ("after", "other"):
        frame = compare("before", name, runs_dir=store.runs_dir)
        mine = [row for row in rows if row["sweep"] == name]
        for column in ("ratio", "low", "high"):
            assert [row[column] for row in mine] == frame[column].tolist()
    found, _ = comparisons(sweep, ["after", "other"], "-")
    assert [verdicts(one) for one in found] == [
        "noise floor, after / before: 3 rows, 3 worse",
        "noise floor, other / before: 3 rows, 3 better",
    ]
    assert "other: compared: algorithm lp_sgd -> halp" in panel.notes


def test_sweeps_without_a_common_cell_are_drawn_and_not_compared(store):
    together, panel = drawn(store.sweep("before"), **{"with": "apart"})
    assert together.figure is not None
    assert panel.figure is None
    (said,) = panel.notes
    assert said.startswith("apart: ")


def test_the_choices_in_which_they_differ(store):
    names, rows = differences(union(store.sweep("before"), ["apart", "other"]))
    assert names == ["before", "apart", "other"]
    assert ["algorithm", "lp_sgd", "lp_sgd", "halp"] in rows
    assert ["dimension", "16", "7", "16"] in rows
    assert ["precision", "4, 6, 8", "5, 7", "4, 6, 8"] in rows
    assert not any(row[0] in ("seed", "format") for row in rows)


def test_cells_of_two_sweeps_are_never_one(store):
    """The same cells, in two sweeps: groups, curves and traces stay apart."""
    both = union(store.sweep("before"), ["after"])
    assert both.varying == ["precision", "sweep"]
    assert len(both.groups) == 6
    ids = [row["group_id"] for row in both.groups]
    curves = both.curves(ids)
    assert curves.keys() == set(ids)
    one = both.groups[0]
    own = store.sweep("before").curves([one["group_id"].partition(":")[2]])
    assert curves[one["group_id"]]["q50"].tolist() == next(iter(own.values()))["q50"].tolist()
    picked = [both.cells["cell_id"].iloc[0], both.cells["cell_id"].iloc[-1]]
    assert set(both.traces(picked)["cell_id"]) == set(picked)


def test_a_sweep_alone_is_itself(store):
    sweep = store.sweep("before")
    assert union(sweep, ["before"]) is sweep
