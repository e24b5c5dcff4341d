"""What pages show where cells are measured by errors and losses: which metrics there are, and each page by them."""

import itertools
import re

import numpy as np
import pytest
import sweep_kinds
from lpbench.dashboard.data.metrics import GAP
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import drawn, pages, state_of
from lpbench.dashboard.pages import cells, overview
from lpbench.dashboard.pages.dimension import LOST, NO_CONSTANTS
from lpbench.dashboard.pages.formats import NO_THEORY
from lpbench.dashboard.panels import brushes
from lpbench.dashboard.panels.needed import BEYOND
from lpbench.dashboard.view import read

from lpbench import registry
from lpbench.declared.declarations import Metric as Declared

PAGES = {page.name: page for page in pages()}
ROUNDINGS = ["stochastic", "nearest_even"]
WIDTHS = [16, 64, 256]


@pytest.fixture(scope="module")
def swept(tmp_path_factory, writing):
    runs, count = tmp_path_factory.mktemp("metrics"), itertools.count()

    def make(results):
        name = f"made{next(count)}"
        writing(runs, name, list(results))
        return Store(runs).sweep(name)

    return make


@pytest.fixture(scope="module")
def width(swept):
    """Errors that grow with the width where rounding is to the nearest, and not where it is stochastic."""
    axes = {"dimension": WIDTHS, "precision": [4, 5, 6, 7, 8], "rounding": ROUNDINGS}
    return swept(sweep_kinds.networks(3, **axes))


@pytest.fixture(scope="module")
def beside(swept):
    """The same with SGD in full precision, and too few bits."""
    axes = {"dimension": WIDTHS, "precision": [4, 6], "rounding": ROUNDINGS}
    plain = sweep_kinds.networks(3, dimension=WIDTHS, algorithm=["sgd"])
    return swept([*sweep_kinds.networks(3, **axes), *plain])


@pytest.fixture(scope="module")
def mixed(swept):
    return swept(sweep_kinds.KINDS["convex and networks"]())


def panels(name, sweep, **query):
    page = PAGES[name]
    return drawn(page, sweep, state_of(page.controls(sweep), query), False)


def keys(name, sweep):
    return [control.key for control in PAGES[name].controls(sweep)]


def lines(panel):
    return [trace for trace in panel.figure["data"] if "xaxis" in trace and trace["mode"] != "none"]


def needed(panel):
    return {(row["rounding"], row["dimension"]): row["bits"] for row in panel.data.records()}


def test_the_result_of_most_cells_comes_first(width, mixed, runs):
    names = ["test_error", "best_test_error", "test_loss", "train_loss"]
    assert [one.name for one in width.metrics] == names
    assert {one.name for one in mixed.metrics} == {"noise_floor", *names}
    assert Store(runs).sweep("made").metrics == [GAP]
    assert Store(runs).no_sweep().metrics == [GAP]


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_networks_of_which_none_ended_well_are_networks_still(swept, status):
    found = list(sweep_kinds.networks(2, precision=[4, 8]))
    for result in found:
        result.row |= {"status": status, **dict.fromkeys(sweep_kinds.LOSSES)}
    sweep = swept(found)
    assert [one.name for one in sweep.metrics] == ["test_error"]
    for name in ("Overview", "Precision", "Formats", "Cells"):
        for panel in panels(name, sweep):
            assert "noise" not in " ".join([panel.title, *panel.notes]), name
    assert (panels("Convergence", sweep)[0].figure is not None) == (status == "diverged")


def test_a_convex_sweep_has_nothing_to_choose(runs):
    made = Store(runs).sweep("made")
    for page in pages():
        if page.of_sweep and page.alone:
            assert not {"metric", "within"} & {control.key for control in page.controls(made)}, page.name


def test_a_sweep_by_another_metric_is_the_same_with_other_floors(width):
    loss = width.of("train_loss")
    assert loss.of(None) is loss.of("test_error") is width.of("no such metric") is width
    assert width.of("train_loss") is loss
    for group, other in zip(width.groups, loss.groups, strict=True):
        assert group["group_id"] == other["group_id"]
        own = width.cells[width.cells["group_id"] == group["group_id"]]
        assert group["floor"] == pytest.approx(own["test_error"].median())
        assert other["floor"] == pytest.approx(own["train_loss"].median())


def test_the_bits_stay_with_stochastic_rounding_and_grow_with_nearest(width):
    first = panels("Dimension", width)[0]
    assert first.title == "Bits to a test error within 1 point of the widest format's, at the same width"
    found = needed(first)
    assert [found["stochastic", d] for d in WIDTHS] == [6, 6, 6]
    assert [found["nearest_even", d] for d in WIDTHS] == [6, 7, 8]
    facets = [note["text"] for note in first.figure["layout"]["annotations"]]
    assert facets == ["<b>nearest_even</b>", "<b>stochastic</b>"]  # side by side, and on one scale
    assert first.figure["layout"]["yaxis2"]["matches"] == "y"
    assert "The widest format: 30.0 % at 16, 15.1 % at 64, 7.7 % at 256 (medians of 6 runs)." in first.notes


def test_how_near_is_near_enough_is_asked_for(width):
    assert needed(panels("Dimension", width, within="0.02")[0])["stochastic", 16] == 5
    assert needed(panels("Dimension", width, target="0.31")[0])["stochastic", 16] == 6
    assert needed(panels("Dimension", width, target="0.31")[0])["nearest_even", 256] == 6
    loss = panels("Dimension", width, metric="train_loss")[0]
    assert loss.title.startswith("Bits to a train loss within 10 % of the widest format's")


def test_full_precision_is_the_yardstick_where_it_was_swept(beside):
    first, errors, constants = panels("Dimension", beside)
    assert "of full precision's, at" in first.title
    found = needed(first)
    assert [found["stochastic", d] for d in WIDTHS] == [6, 6, 6]
    assert [found["nearest_even", d] for d in WIDTHS] == [6, None, None]
    (beyond,) = [one for one in lines(first) if one.get("marker", {}).get("symbol") == BEYOND]
    assert beyond["x"].tolist() == [64, 256]
    axis = first.figure["layout"]["yaxis"]
    assert axis["ticktext"] == ["4", "6", "> 6"]
    assert set(beyond["y"]) == {axis["tickvals"][-1]}
    levels = [one for one in lines(errors) if one["name"] == "full precision"]
    assert len(levels) == 2
    assert levels[0]["y"] == pytest.approx([0.3, 0.15, 0.075])
    assert constants.figure is None
    assert len(constants.notes) == 1


def test_the_line_of_full_precision_stays_with_a_filter_that_it_does_not_read(beside):
    for query in ({}, {"rounding": "stochastic"}, {"dimension": "64"}):
        panel, _ = panels("Precision", beside, **query)
        levels = [one for one in lines(panel) if one["name"] == "full precision"]
        found = {round(float(one["y"][0]), 6) for one in levels}
        assert found == ({0.15} if "dimension" in query else {0.3, 0.15, 0.075}), query
    panel, _ = panels("Precision", beside, color="rounding", facet="-")
    assert min(one["y"][0] for one in lines(panel) if one["name"] == "full precision") == pytest.approx(0.075)


def test_errors_are_in_per_cent_on_a_linear_axis_and_losses_on_a_logarithmic_one(width):
    for name in ("Precision", "Convergence", "Explore"):
        layout = panels(name, width)[0].figure["layout"]
        assert (layout["yaxis"]["type"], layout["yaxis"]["tickformat"]) == ("linear", ".4~%"), name
        key = "y" if name == "Explore" else "metric"
        layout = panels(name, width, **{key: "train_loss"})[0].figure["layout"]
        assert "tickformat" not in layout["yaxis"]
        assert layout["yaxis"]["type"] == "log" or name == "Explore"
    panel, _ = panels("Precision", width)
    assert panel.title == "Test error against precision"
    assert panel.data.records()[0]["test error"] == pytest.approx(0.3625)


def test_traces_whose_seeds_recorded_steps_of_their_own_meet_at_common_ones(width):
    (panel,) = panels("Convergence", width, dimension="16", precision="8", rounding="stochastic", x="step")
    assert panel.title == "Test error against the length of the run"
    (line,) = lines(panel)
    assert panel.figure["layout"]["xaxis"]["type"] == "linear"
    assert (line["x"][0], line["x"][-1], len(line["x"])) == (0, 100, 7)
    exact = 0.3 + 4.0**-6
    np.testing.assert_allclose(line["y"], exact + (0.9 - exact) * np.exp(-line["x"] / 20), atol=0.03)
    assert {row["seeds"] for row in panel.data.records()} == {3}
    assert "best_test_error" not in dict(
        PAGES["Convergence"].controls(width)[0].options
    )  # no trace leads to it


def test_the_best_cells_their_traces_and_ranges_are_those_of_the_metric(width):
    picked = ",".join(width.cells["cell_id"][:2])
    first, second = panels("Cells", width, cells=picked, ranges="test error=:0.2")
    assert [len(one["y"]) for one in first.figure["data"]] == [7, 7]
    inside = [group for group in width.groups if group["floor"] <= 0.2]
    assert len(second.data.rows) == len(inside) > 0
    assert second.data.columns[-2] == "test error"
    assert len(cells._groups(width, "train_loss=:0.1")) == sum(
        group["floor"] <= 0.1 for group in width.of("train_loss").groups
    )
    assert brushes.parse(width, "noise_floor=:1")[1]
    (grid,) = cells.body(None, width, {}, "/")
    shown = {column["field"] for column in grid.columnDefs if not column["hide"]}
    assert {"test_error", "best_test_error", "test_loss", "train_loss"} <= shown
    assert not {"noise_floor", "bound", "mean_gap"} & shown


def test_overview_speaks_of_the_error(width):
    found = {said: value for value, said in overview.headlines(width)}
    best = min(width.groups, key=lambda group: group["floor"])["floor"]
    (said,) = [
        one for one in found if one.startswith("the lowest test error of what rounds: lp_sgd, fixed, 8 bits")
    ]
    assert found[said] == f"{100 * best:.1f} %"
    assert not any("a bit" in value for value in found.values())
    near = "to a test error within 1 point of the widest format's, at the same width"
    assert found[f"{near}: stochastic, dimension 16 to 256"] == "6 bits"
    assert found[f"{near}: nearest_even, dimension 16 to 256"] == "6 → 8 bits"
    first, second = panels("Overview", width)
    assert first.title == "Test error, the best format of each algorithm"
    assert {trace["name"] for trace in lines(first)} == {"lp_sgd, stochastic", "lp_sgd, nearest_even"}
    assert "At dimension 256: 10 of 30 groups." in first.notes
    assert second.title == "What the test error depends on"
    assert {row["key"] for row in second.data.records()} >= {"dimension", "rounding", "precision"}


def test_formats_says_in_one_line_that_theory_has_nothing(width):
    splits, *others = panels("Formats", width)
    assert splits.title == "Test error by the split of the bits"
    assert [panel.notes for panel in others] == [(NO_THEORY,)] * 2
    assert not {"split", "alpha", "range"} & {*keys("Formats", width)}


def test_cells_of_another_kind_are_counted_and_another_metric_shows_them(mixed):
    assert mixed.metric == GAP
    floors = panels("Precision", mixed)[0]
    assert floors.title == "Noise floor against precision"
    assert "4 groups of a kind without a noise floor: another metric shows them." in floors.notes
    assert len(floors.data.rows) == 4
    errors = panels("Precision", mixed, metric="test_error")[0]
    assert "4 groups of a kind without a test error: another metric shows them." in errors.notes
    assert len(errors.data.rows) == 4
    said = [said for _, said in overview.headlines(mixed)]
    assert any(one.startswith("the lowest noise floor") for one in said)
    assert any(one.startswith("the lowest test error") for one in said)
    gaps = panels("Dimension", mixed)
    assert gaps[0].title == "Noise floor against dimension"
    assert gaps[1].figure is not None  # with a target, as of a convex sweep alone
    assert panels("Dimension", mixed, metric="test_error")[0].title.startswith("Bits to a test error")


def test_what_a_plug_in_records_is_a_metric_with_a_better_side(swept, monkeypatch):
    monkeypatch.setitem(registry.metrics, "accuracy", Declared("accuracy", better="higher"))
    found = list(sweep_kinds.cells(2, precision=[4, 6, 8], dimension=[16, 64]))
    for result in found:
        bits, d = result.row["precision"], result.row["dimension"]
        result.row["accuracy"] = 0.9 - d / 16 * 2.0**-bits
        result.trace["accuracy"] = np.linspace(0.5, result.row["accuracy"], len(result.trace["step"]))
    sweep = swept(found)
    assert [one.name for one in sweep.metrics] == ["noise_floor", "accuracy"]
    assert panels("Precision", sweep)[0].title == "Noise floor against precision"
    assert panels("Dimension", sweep)[1].title == "Bits that reach the target"  # as of any convex sweep
    first = panels("Dimension", sweep, metric="accuracy", target="0.88")[0]
    assert [row["bits"] for row in first.data.records()] == [6, 8]
    (curve,) = panels("Convergence", sweep, metric="accuracy", precision="8", dimension="16")
    assert lines(curve)[0]["y"][-1] == pytest.approx(0.9 - 2.0**-8)
    assert panels("Cells", sweep, metric="accuracy", best="50")[1].data.records()[0]["accuracy"] > 0.89
    assert "highest accuracy" in panels("Cells", sweep, metric="accuracy", best="50")[1].notes[0]


def test_a_view_names_the_metric(width):
    view = read(PAGES["Precision"], width, 0, {"metric": "train_loss"})
    assert view.words()[-1] == "metric=train_loss"
    assert view.drawn().title == "Train loss against precision"


# What is true of convex problems alone, and what may be said of it all the same.
CONVEX_WORDS = re.compile(r"floor|\bgaps?\b|bound|optimum|w\*|theor|limit|proven", re.IGNORECASE)
DENIALS = (NO_THEORY, NO_CONSTANTS)
OF_THEORY = ("What if", "What the bounds are made of")  # panels that say so


@pytest.mark.parametrize("page", [name for name, page in PAGES.items() if page.of_sweep])
@pytest.mark.parametrize("kind", ["as swept", "diverged", "failed"])
def test_no_page_shows_words_of_convex_problems_for_networks(swept, page, kind):
    """All texts of a page but the help of its columns: controls, panels, axes, legends, hovers and tables."""
    found = sweep_kinds.networks(2, precision=[4, 8], dimension=[16, 64], rounding=ROUNDINGS)
    if kind == "as swept":
        found = sweep_kinds.KINDS["networks"]()
    elif kind == "diverged":
        found = [sweep_kinds.diverged(result) for result in found]
    else:
        found = [sweep_kinds.unfinished(one, "failed") if i % 3 else one for i, one in enumerate(found)]
    sweep, asked = swept(found), PAGES[page]
    said = [
        text
        for control in asked.controls(sweep)
        for text in (control.label, control.help, str(control.options))
    ]
    for panel in asked.draw(sweep, state_of(asked.controls(sweep), {}), False):
        if panel.title.startswith(OF_THEORY):
            assert panel.notes[0] in (*DENIALS, LOST)
            continue
        said += [panel.title, *panel.notes, *(panel.data.columns if panel.data else ()), *texts(panel.figure)]
    wrong = [text for text in said if CONVEX_WORDS.search(text) and text not in DENIALS]
    assert wrong == []


def texts(node):
    """Every text in a figure."""
    if isinstance(node, str):
        return [node]
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list | tuple) else ()
    return [text for part in parts for text in texts(part)]
