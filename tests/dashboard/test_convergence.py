"""Convergence: what is drawn over which axis, with which band, and what the notes say is not."""

import itertools

import numpy as np
import pytest
import sweep_kinds
from fake_results import fake_cell, fake_result
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import state_of
from lpbench.dashboard.pages import convergence

STEPS = [0, 1, 2, 5, 10, 20, 50, 100]


@pytest.fixture(scope="module")
def made(runs):
    return Store(runs).sweep("made")


def panel(sweep, **query):
    (found,) = convergence.draw(sweep, state_of(convergence.controls(sweep), query), False)
    return found


def lines(found, group=None):
    """The curves themselves: neither bands nor keys; of one group where it is named."""
    data = [
        trace
        for trace in found.figure["data"]
        if trace["mode"] in ("lines", "lines+text") and "xaxis" in trace
    ]
    return [trace for trace in data if group is None or (trace["legendgroup"] == group)]


ONE = {"algorithm": "halp", "format": "fixed", "dimension": "16", "precision": "8", "color": "precision"}


@pytest.mark.parametrize(
    ("x", "scale", "title"),
    [("step", 1, "steps"), ("epoch", 0.1, "epochs"), ("gradient_evaluations", 1, "gradient")],
)
def test_the_x_axis_is_what_was_asked_for(made, x, scale, title):
    found = panel(made, x=x, bounds="0", **ONE)
    (line,) = lines(found)
    np.testing.assert_allclose(
        line["x"], np.array(STEPS[1:]) * scale, rtol=1e-6
    )  # 0 has no place on a log axis
    assert found.figure["layout"]["xaxis"]["type"] == "log"
    assert title in found.figure["layout"]["xaxis"]["title"]["text"]


@pytest.mark.parametrize(
    ("band", "ends"),
    [("10-90", (1.03, 1.27)), ("quartiles", (1.075, 1.225)), ("min-max", (1.0, 1.3)), ("none", None)],
)
def test_the_band_is_over_the_seeds(made, band, ends):
    found = panel(made, band=band, bounds="0", **ONE)
    (line,) = lines(found)
    value = 1e-3 * 2.0**-8 * 10 ** (-np.array(STEPS[1:]) / 50)
    np.testing.assert_allclose(line["y"], 1.15 * value, rtol=1e-5)  # the median of 1, 1.1, 1.2 and 1.3
    bands = [trace for trace in found.figure["data"] if trace["mode"] == "none"]
    assert len(bands) == (ends is not None)
    if ends is not None:
        low, high = (end * value for end in ends)
        np.testing.assert_allclose(bands[0]["y"], [*high, *low[::-1]], rtol=1e-5)


def test_four_seeds_have_no_interval_of_their_median(made):
    found = panel(made, band="interval", bounds="0", **ONE)
    assert all(len(trace["x"]) == 0 for trace in found.figure["data"] if trace["mode"] == "none")
    assert "1 line of fewer than 6 seeds, which allow no such interval." in found.notes


@pytest.fixture(scope="module")
def costly(tmp_path_factory, writing):
    """Two precisions of which one knows its bits, and seeds that take 1 to 3 ms a step."""
    found = []
    for precision, seed in itertools.product((4, 8), range(3)):
        result = fake_result(fake_cell(seed, precision, compute_dtype="float64"), steps=STEPS)
        result.trace["seconds"] = result.trace["step"] * 1e-3 * (1 + seed)
        result.row |= {"seconds": 0.1 * (1 + seed), "weights": 16, "n_samples": 50}
        result.row |= {"bits_per_value": 4.0} if precision == 4 else {}
        found.append(result)
    folder = tmp_path_factory.mktemp("costly")
    writing(folder, "costly", found)
    return Store(folder).sweep("costly")


@pytest.mark.parametrize("band", ["10-90", "all"])
def test_the_x_axis_is_a_cost_where_cells_know_it(costly, band):
    found = panel(costly, x="bits_moved", band=band)
    told = [line["x"].tolist() for line in lines(found) if len(line["x"])]
    assert told == [[step * 16 * 4 for step in STEPS[1:]]] * (3 if band == "all" else 1)
    assert "1 line without bits moved: not drawn." in found.notes
    assert [row["bits_moved"] for row in found.data.records()][: len(STEPS)] == [step * 64 for step in STEPS]


def test_whole_cells_have_their_costs(costly):
    bits = costly.cells[["precision", "bits_moved"]].drop_duplicates().to_numpy().tolist()
    assert bits[0] == [4, 100 * 16 * 4]
    assert np.isnan(bits[1][1])


def test_seconds_are_the_median_over_the_seeds_at_each_step(costly):
    found = panel(costly, x="seconds", precision="4", band="interval")
    np.testing.assert_allclose(lines(found)[0]["x"], np.array(STEPS[1:]) * 2e-3, rtol=1e-6)


def test_a_cost_that_no_cell_knows_is_not_offered(made, costly):
    def offered(sweep):
        return [key for key, _ in convergence.controls(sweep)[0].options]

    assert offered(made) == ["step", "epoch", "gradient_evaluations"]
    assert offered(costly) == [*offered(made), "bits_moved", "seconds"]
    assert panel(made, x="seconds").figure["layout"]["xaxis"]["title"]["text"].startswith("steps")


def test_all_traces_are_capped_and_the_note_says_so(made):
    found = panel(made, band="all", bounds="0", format="fixed", dimension="16")
    assert len(lines(found)) == 6 * 4
    assert not any("traces: the first" in note for note in found.notes)
    found = panel(made, band="all", bounds="0")
    assert len(lines(found)) == 24 * 2  # no median among them
    assert "48 of 95 traces: the first 2 seeds of each curve." in found.notes  # the failed cell has none


def test_a_panel_for_each_value_of_the_facet(made):
    found = panel(made, facet="format")
    assert found.figure["layout"]["meta"]["panels"] == 2
    said = [note["text"] for note in found.figure["layout"]["annotations"]]
    assert said[::2] == ["<b>fixed</b>", "<b>float</b>"]
    assert [text.split(" (")[0] for text in said[1::2]] == [
        "equal within 2 %: dimension 16 = dimension 64"
    ] * 2
    assert panel(made, facet="-").figure["layout"]["meta"]["panels"] == 1


def test_one_scale_or_one_each(made):
    assert "matches" not in panel(made).figure["layout"]["yaxis2"]
    assert panel(made, shared="1").figure["layout"]["yaxis2"]["matches"] == "y"


def test_proven_bounds_are_drawn_where_they_are_known(made):
    found = panel(made, **ONE)
    (bound,) = lines(found, convergence.PROVEN)
    proven = np.mean([1e-3 * 2.0**-8 * (1 + 0.1 * seed) / 10 for seed in range(4)])
    np.testing.assert_allclose(bound["y"], [proven] * 2, rtol=1e-6)
    assert bound["x"].tolist() == [1, 100]
    assert "theorem 1c" in bound["hovertemplate"]
    assert lines(panel(made, bounds="0", **ONE), convergence.PROVEN) == []


def test_diverged_cells_are_counted(made):
    found = panel(made, algorithm="lp_sgd", format="fixed", precision="4", dimension="16")
    assert "1 cell diverged; they count up to where they ended." in found.notes
    assert any("1 diverged" in trace.get("hovertemplate", "") for trace in found.figure["data"])
    assert not any("diverged" in note for note in panel(made, algorithm="halp").notes)


def test_left_out_curves_are_counted_with_the_rule(made, monkeypatch):
    assert not any("curves" in note for note in panel(made).notes)
    monkeypatch.setattr(convergence, "MOST_CURVES", 12)
    assert "12 of 24 curves (dimension 16): the filters of the page choose others." in panel(made).notes
    monkeypatch.setattr(convergence, "MOST_CURVES", 4)
    found = panel(made)
    assert (
        "4 of 24 curves (dimension 16, format fixed; evenly spread): the filters of the page choose others."
        in found.notes
    )
    bits = {row["precision"] for row in found.data.records()}
    assert bits == {"4", "8"}  # the ends of each panel


def test_an_empty_choice_says_so(tmp_path, writing):
    writing(tmp_path, "bad", [fake_result(fake_cell(0, bits), "failed") for bits in (4, 8)])
    sweep = Store(tmp_path).sweep("bad")
    found = panel(sweep)
    assert found.figure is None
    assert found.notes == ("No cell of this choice has run.",)


def test_traces_that_are_not_there_yet_say_so(made, monkeypatch):
    monkeypatch.setattr(type(made), "curves", lambda *_: {})
    assert panel(made).notes == ("The traces of this choice are not there (yet).",)


def test_one_seed_makes_no_median(tmp_path, writing):
    writing(tmp_path, "one", [fake_result(fake_cell(0, bits)) for bits in (4, 8)])
    assert panel(Store(tmp_path).sweep("one")).notes == ("One seed each.",)


def test_the_numbers_are_those_of_the_curves(made):
    found = panel(made, bounds="0", **ONE)
    (line,) = lines(found)
    rows = [row for row in found.data.records() if row["step"] > 0]
    np.testing.assert_allclose([row["median"] for row in rows], line["y"], rtol=1e-6)
    assert {row["seeds"] for row in rows} == {4}


def test_what_diverges_is_cut_and_the_band_steps_where_seeds_end(tmp_path, writing):
    writing(tmp_path, "rising", sweep_kinds.KINDS["partly diverging"]())
    found = panel(Store(tmp_path).sweep("rising"), bounds="0")
    drawn = [np.asarray(trace["y"], float) for trace in found.figure["data"] if "xaxis" in trace]
    assert max(np.nanmax(y) for y in drawn) < 1e3
    assert any(note.endswith("cut.") for note in found.notes)
    bands = [trace for trace in found.figure["data"] if trace["mode"] == "none"]
    edges = [trace["x"][: len(trace["x"]) // 2].tolist() for trace in bands]
    assert any(5 in x and x.count(5) == 2 for x in edges)  # vertical where three seeds end
