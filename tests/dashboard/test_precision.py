"""The page Precision: medians, spreads, levels in full precision, limits, and the bits that reach a target."""

import numpy as np
import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import state_of
from lpbench.dashboard.pages.precision import PAGE
from lpbench.dashboard.panels import spreads

FULL = 2.0**-9


def cells(diverged=(), floors=(0.5, 1.0, 4.0)):
    """Floors of 2^-bits for fixed and twice that for float, times `floors` by seed; full precision beside them."""
    found = []
    for name, scale in (("fixed", 1.0), ("float", 2.0)):
        for precision in (4, 6, 8):
            for seed, times in enumerate(floors):
                cell = fake_cell(seed, precision, algorithm="lp_sgd", format=name, dimension=16, limit=1.0)
                result = fake_result(cell)
                floor = scale * 2.0**-precision * times
                result.row |= {"noise_floor": floor, "noise_ball": 3 * scale * 2.0**-precision}
                if (name, precision, seed) in diverged:
                    result.row |= {"status": "diverged", "noise_floor": float("nan")}
                found.append(result)
    for seed in range(3):
        result = fake_result(fake_cell(seed, 64, algorithm="sgd", format="none", dimension=16, limit=None))
        result.row |= {"noise_floor": FULL, "noise_ball": None}
        found.append(result)
    return found


@pytest.fixture
def swept(tmp_path, writing):
    def make(results):
        writing(tmp_path / "runs", "made", results)
        return Store(tmp_path / "runs").sweep("made")

    return make


def drawn(sweep, **query):
    panel, _ = PAGE.draw(sweep, state_of(PAGE.controls(sweep), query), False)
    return panel


def records(panel):
    return [dict(zip(panel.data.columns, row, strict=True)) for row in panel.data.rows]


def curves(panel, text):
    return [trace for trace in panel.figure["data"] if text in (trace.get("name") or "") and "xaxis" in trace]


def test_points_are_medians_and_bars_the_spread_that_was_asked_for(swept):
    sweep = swept(cells())
    (line,) = [one for one in curves(drawn(sweep), "fixed") if "limit" not in one["name"]]
    assert list(line["x"]) == [4, 6, 8]
    assert list(line["y"]) == pytest.approx([2.0**-4, 2.0**-6, 2.0**-8])
    row = records(drawn(sweep))[0]
    assert (row["least"], row["largest"]) == pytest.approx((2.0**-5, 2.0**-2))
    assert row["10 %"] == pytest.approx(2.0**-4 * 0.6)  # a tenth of the way from 0.5 to 1, twice over
    assert all("error_y" not in one for one in curves(drawn(sweep, spread="none"), "fixed"))


SEVEN = (0.5, 0.6, 0.7, 1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    ("spread", "low", "high"),
    [("10-90", 0.56, 3.4), ("quartiles", 0.65, 2.5), ("min-max", 0.5, 4.0), ("interval", 0.5, 4.0)],
)
def test_bars_end_where_their_spread_does(swept, spread, low, high):
    panel = drawn(swept(cells(floors=SEVEN)), spread=spread, bounds="0")
    (line,) = curves(panel, "fixed")
    floors = [2.0**-4, 2.0**-6, 2.0**-8]
    assert list(line["y"] - line["error_y"]["arrayminus"]) == pytest.approx([low * one for one in floors])
    assert list(line["y"] + line["error_y"]["array"]) == pytest.approx([high * one for one in floors])
    assert not any("too few" in note for note in panel.notes)


def test_fewer_than_six_seeds_have_no_interval_and_the_note_counts_them(swept):
    panel = drawn(swept(cells()), spread="interval", bounds="0")
    (line,) = curves(panel, "fixed")
    assert np.isnan(line["error_y"]["array"]).all()
    assert "6 points of fewer than 6 seeds, which allow no such interval." in panel.notes
    assert "95 %" in panel.notes[0]


def test_each_seed_is_a_small_point_in_the_colour_of_its_line(swept, monkeypatch):
    sweep = swept(cells())
    panel = drawn(sweep, spread="seeds", bounds="0")
    points, line = curves(panel, "fixed")
    assert points["mode"] == "markers"
    assert {*zip(points["x"], points["y"], strict=True)} == {
        (bits, 2.0**-bits * times) for bits in (4, 6, 8) for times in (0.5, 1.0, 4.0)
    }
    assert points["marker"]["color"] == line["line"]["color"]
    assert (points["legendgroup"], points["hoverinfo"]) == (line["legendgroup"], "skip")
    assert "error_y" not in line
    monkeypatch.setattr(spreads, "MOST", 12)
    panel = drawn(sweep, spread="seeds", bounds="0")
    assert len(curves(panel, "fixed")[0]["x"]) == 6
    assert "The first 2 seeds of each point: 12 are drawn at most." in panel.notes


def test_full_precision_is_a_level_and_limits_are_dotted(swept):
    sweep = swept(cells())
    (level,) = curves(drawn(sweep), "full precision")
    assert set(level["y"]) == {FULL}
    limits = curves(drawn(sweep), "proven limit")
    assert sorted(min(one["y"]) for one in limits) == pytest.approx([3 * 2.0**-8, 6 * 2.0**-8])
    assert {one["line"]["dash"] for one in limits} == {"dot"}
    assert curves(drawn(sweep, bounds="0"), "proven limit") == []


def test_a_target_is_marked_and_its_bits_are_in_the_numbers(swept):
    panel = drawn(swept(cells()), target=str(2.0**-6))
    needed = {(row["format"], row["bits needed"]) for row in records(panel)}
    assert needed == {("fixed", 6), ("float", 8)}
    assert "bits needed" not in drawn(swept(cells())).data.columns


def test_diverged_seeds_are_counted_and_said(swept):
    panel = drawn(swept(cells(diverged={("fixed", 4, 0)})))
    row = next(row for row in records(panel) if (row["format"], row["precision"]) == ("fixed", 4))
    assert (row["seeds"], row["ok"], row["diverged"]) == (3, 2, 1)
    assert any("diverged" in note for note in panel.notes)


def test_a_choice_without_floors_says_so(swept):
    only = [result for result in cells() if result.row["format"] == "none"]
    panel = drawn(swept(only))
    assert panel.figure is None
    assert "noise floor" in panel.notes[0]
