"""The headline numbers of a sweep, against numbers worked out by hand."""

import itertools

import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.charts.files import standalone
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import opened, pages, state_of
from lpbench.dashboard.pages import overview, precision

from lpbench.errors import ConfigError


@pytest.fixture(scope="module")
def made(runs):
    return Store(runs).sweep("made")


def test_headlines_of_known_cells(made):
    found = {said: value for value, said in overview.headlines(made)}
    assert found["cells ok, 1 diverged, 1 failed"] == "94 of 96"
    # halp at 8 bits, the median of four seeds: 1e-3 * 2**-8 * 1.15 / 100
    assert found["the lowest noise floor of what rounds: halp, fixed, 8 bits, dimension 16"] == "4.5e-08"
    # lp_sgd in fixed point, three seeds at 4 bits and four at 8: (2**-4 * 1.1 / (2**-8 * 1.15)) ** (1 / 4)
    assert (
        found["LP-SGD in fixed point from 4 to 8 bits, at dimension 16; SGD's own floor was not swept"]
        == "÷ 2.0 a bit"
    )
    assert found["measured over proven, 24 of 24 groups have a bound"] == "0.2"
    assert found["groups of cells, 4 seeds each, 3 precisions"] == "24"
    assert len(found) == 5


@pytest.mark.parametrize(("state", "said"), [("running", "to come"), ("interrupted", "not run")])
def test_cells_that_are_not_there_yet_count(made, monkeypatch, state, said):
    monkeypatch.setattr(made, "manifest", {**made.manifest, "state": state, "total": 400})
    assert overview.headlines(made)[0] == ("94 of 400", f"cells ok, 1 diverged, 1 failed, 304 {said}")


def test_no_headline_without_its_data(tmp_path, writing):
    failed = [fake_result(fake_cell(seed), "failed") for seed in range(3)]
    writing(tmp_path, "bad", failed)
    sweep = Store(tmp_path).sweep("bad")
    assert overview.headlines(sweep) == [
        ("0 of 3", "cells ok, 3 failed"),
        ("1", "groups of cells, 3 seeds each, 1 precision"),
    ]
    panel, _ = overview.draw(sweep, {}, False)
    assert panel.figure is None
    assert panel.notes == ("No cell that rounds has a noise floor above 0 yet.",)


def test_the_final_gap_depends_on_what_was_swept(tmp_path, writing):
    found = []
    for bits, dimension, seed in itertools.product((4, 8), (16, 64), range(3)):
        result = fake_result(fake_cell(seed, bits, dimension=dimension))
        result.row |= {"final_gap": 2.0**-bits * (1 + 0.01 * seed)}
        found.append(result)
    zero, bad = (
        fake_result(fake_cell(seed, 4, dimension=16), status) for seed, status in ((3, "ok"), (4, "diverged"))
    )
    zero.row |= {"final_gap": 0.0}
    writing(tmp_path, "keys", [*found, zero, bad])
    _, panel = overview.draw(Store(tmp_path).sweep("keys"), {}, False)
    shares = {row["key"]: row["share"] for row in panel.data.records()}
    assert shares["precision"] > 0.99
    assert shares["dimension"] == pytest.approx(0, abs=1e-12)
    assert shares["seeds"] == pytest.approx(1 - shares["precision"], abs=1e-9)
    assert panel.figure["data"][0]["y"] == [row["key"] for row in panel.data.records()]
    assert "over 12 cells" in panel.notes[0]
    assert "add up to 1" in panel.notes[1]
    assert "1 cell diverged: not in this figure." in panel.notes
    assert any(note.startswith("1 cell with a final gap of 0") for note in panel.notes)


def test_without_final_gaps_nothing_is_explained(made):
    _, panel = overview.draw(made, {}, False)
    assert panel.figure is None
    assert "94 cells without a final gap: not in this figure." in panel.notes


def test_full_precision_is_no_lowest_floor(tmp_path, writing):
    plain = fake_result(fake_cell(precision=64, format="none", algorithm="sgd"), value=1e-9)
    writing(tmp_path, "two", [plain, fake_result(fake_cell(precision=8), value=1.0)])
    found = {said: value for value, said in overview.headlines(Store(tmp_path).sweep("two"))}
    assert found["the lowest noise floor of what rounds: lp_sgd, fixed, 8 bits"] == "1.0e-02"


def test_each_algorithm_has_its_best_format(made):
    panel, _ = overview.draw(made, {}, False)
    records = panel.data.records()
    assert [(row["algorithm"], row["precision"]) for row in records] == [
        (algorithm, bits) for algorithm in ("lp_sgd", "halp") for bits in (4, 6, 8)
    ]
    for row in records:
        floors = [
            group["floor"]
            for group in made.groups
            if group["algorithm"] == row["algorithm"] and group["precision"] == row["precision"]
        ]
        assert row["noise floor"] == min(floors)
    assert {trace["name"] for trace in panel.figure["data"]} == {"lp_sgd", "halp"}


def test_the_body_lists_axes_and_sweeps(made, runs):
    said = repr([part.to_plotly_json() for part in overview.body(Store(runs), made, {}, "/lp/")])
    for word in ("lp_sgd, halp", "fixed, float", "4, 6, 8", "/lp/?sweep=made", "1 diverged"):
        assert word in said


def zeros(writing, tmp_path, *gaps):
    """A sweep whose bounds are all 0, with a group of cells for each gap."""
    cells = []
    for bits, gap in zip((4, 6, 8), gaps, strict=False):
        result = fake_result(fake_cell(precision=bits), value=gap)
        ratio = 0.0 if gap == 0 else float("inf")
        result.row |= {
            "mean_gap": gap,
            "noise_floor": gap,
            "bound": 0.0,
            "bound_kind": "1b",
            "bound_ratio": ratio,
        }
        cells.append(result)
    writing(tmp_path, "zero", cells)
    return Store(tmp_path).sweep("zero")


def test_a_bound_of_zero_divides_nothing(tmp_path, writing):
    found = {said: value for value, said in overview.headlines(zeros(writing, tmp_path, 0.0, 0.0))}
    assert found["measured over proven, 2 of 2 groups have a bound"] == "0"


def test_a_gap_above_a_bound_of_zero_is_infinitely_far_above(tmp_path, writing):
    found = {said: value for value, said in overview.headlines(zeros(writing, tmp_path, 0.0, 1e-3))}
    assert found["measured over proven, 2 of 2 groups have a bound"] == "0 … inf"


def test_every_page_draws_a_sweep_of_zeros(tmp_path, writing):
    sweep = zeros(writing, tmp_path, 0.0, 0.0, 0.0)
    for page in pages():
        for panel in page.draw(sweep, state_of(page.controls(sweep), {}), False):
            assert panel.figure is not None or panel.notes


def test_charts_show_points_of_zero_or_say_that_they_do_not(tmp_path, writing):
    sweep = zeros(writing, tmp_path, 0.0, 1e-3, 0.0)
    drawn = {
        page.path: page.draw(sweep, state_of(page.controls(sweep), {}), False)[0]
        for page in pages()
        if page.path in ("/", "/precision", "/convergence")
    }
    assert "2 points of 0: not drawn on a logarithmic axis." in drawn["/"].notes
    for path in ("/precision", "/convergence"):
        assert drawn[path].figure["layout"]["yaxis"]["ticktext"][0] == "0"
    assert "2 points of 0: at the foot of the logarithmic axis." in drawn["/precision"].notes
    assert "3 proven bounds of 0: not drawn on a logarithmic axis." in drawn["/convergence"].notes


def test_the_figure_of_show_says_it_too(tmp_path, writing):
    sweep = zeros(writing, tmp_path, 0.0, 1e-3, 0.0)
    said = standalone(opened(precision.PAGE, sweep)[0]).layout.title.text
    assert "2 points of 0: at the foot of the logarithmic axis." in said
    nothing = zeros(writing, tmp_path / "nothing", 0.0, 0.0, 0.0)
    with pytest.raises(
        ConfigError, match=r"nothing to draw: .* 3 points of 0: not drawn on a logarithmic axis"
    ):
        standalone(opened(precision.PAGE, nothing)[0])


def swept(writing, tmp_path, values):
    """Cells {(precision, dimension, step_size, algorithm): floor}; full precision where the precision is 64."""
    found = []
    for (bits, dimension, step_size, algorithm), floor in values.items():
        form = {"format": "none"} if bits == 64 else {}
        cell = fake_cell(
            precision=bits, dimension=dimension, step_size=step_size, algorithm=algorithm, **form
        )
        found.append(fake_result(cell, value=100 * floor))
    writing(tmp_path, "swept", found)
    return Store(tmp_path).sweep("swept")


def test_headlines_compare_what_differs_in_bits_alone_and_say_where(tmp_path, writing):
    floors = {(bits, d, 0.1, "lp_sgd"): d * 2.0**-bits for bits in (4, 6) for d in (8, 64)}
    floors |= {(8, 8, 0.1, "lp_sgd"): 8 * 2.0**-8, (4, 8, 0.5, "lp_sgd"): 1e-9}
    sweep = swept(writing, tmp_path, floors)
    found = {said: value for value, said in overview.headlines(sweep)}
    assert (
        found[
            "LP-SGD in fixed point from 4 to 8 bits, at dimension 8, step size 0.1; SGD's own floor was not swept"
        ]
        == "÷ 2.0 a bit"
    )
    panel, _ = overview.draw(sweep, {}, False)
    assert [row["noise floor"] for row in panel.data.records()] == pytest.approx([0.5, 0.125, 0.03125])
    assert "At dimension 8, step size 0.1: 3 of 6 groups." in panel.notes


def test_a_bit_is_worth_nothing_where_the_floor_is_that_of_sgd(tmp_path, writing):
    floors = {(bits, 8, 0.1, "lp_sgd"): 2.0**-bits + 2.0**-8 for bits in (4, 5, 12, 16)}
    sweep = swept(writing, tmp_path, floors | {(64, 8, 0.1, "sgd"): 2.0**-8})
    said = [said for _, said in overview.headlines(sweep)]
    assert "LP-SGD in fixed point from 4 to 5 bits, above the floor of SGD" in said


def test_what_varies_most_is_on_an_axis_where_the_precision_does_not_vary(tmp_path, writing):
    floors = {(8, 8, 2.0**-i, "lp_sgd"): 2.0**-i for i in range(1, 14)}
    sweep = swept(writing, tmp_path, floors)
    for page in pages():
        if page.name in ("Overview", "Precision"):
            figure = opened(page, sweep)[0].figure
            (trace,) = [trace for trace in figure["data"] if len(trace["x"]) == 13]
            assert sorted(trace["x"]) == sorted(2.0**-i for i in range(1, 14))
            assert not [note for note in opened(page, sweep)[0].notes if note.startswith("Also varied")]


def test_every_page_names_what_varied_and_is_not_told_apart(made):
    for page in pages():
        if page.name in ("Convergence", "Precision", "Dimension"):
            (said,) = [note for note in opened(page, made)[0].notes if note.startswith("Also varied")]
            state = state_of(page.controls(made), {})
            seen = {*page.axes(made, state), state["facet"], state["color"]}
            for axis in made.varying:
                assert (axis.replace("_", " ") in said) == (axis not in seen)
