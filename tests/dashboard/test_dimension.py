"""The page Dimension: floors, bits needed and constants against d, from cells whose powers of d are known."""

import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.data.sweeps import Store
from lpbench.dashboard.page import state_of
from lpbench.dashboard.pages.dimension import PAGE

DIMENSIONS = (16, 64, 256)


def cells(bits=(4, 6, 8), dimensions=DIMENSIONS):
    """Floors grow like d^(1/2), the earlier limit like d, the dimension-free one not at all, sigma_1 like d^(1/2)."""
    found = []
    for precision in bits:
        for d in dimensions:
            for seed in range(3):
                cell = fake_cell(
                    seed, precision, algorithm="lp_sgd", format="fixed", dimension=d, limit=1.0, step_size=0.01,
                )  # fmt: skip
                result = fake_result(cell)
                floor = 2.0**-precision * (d / 16) ** 0.5 * (0.5, 1.0, 4.0)[seed]
                result.row |= {
                    "noise_floor": floor, "noise_ball": 2.0 * 2.0**-precision, "sigma_1": d**0.5, "L": 1.0, "mu": 0.5,
                    "noise_ball_dimension_free": 2.0 * 2.0**-precision,
                    "noise_ball_earlier": 2.0 * 2.0**-precision * d / 16,
                }  # fmt: skip
                found.append(result)
    return found


@pytest.fixture
def swept(tmp_path, writing):
    def make(results):
        writing(tmp_path / "runs", "made", results)
        return Store(tmp_path / "runs").sweep("made")

    return make


def drawn(sweep, **query):
    return PAGE.draw(sweep, state_of(PAGE.controls(sweep), query), False)


def records(panel):
    return [dict(zip(panel.data.columns, row, strict=True)) for row in panel.data.rows]


def test_floors_are_medians_and_the_growth_is_the_power_of_d(swept):
    floors = drawn(swept(cells()))[0]
    assert "lp_sgd 0.50 ± 0.00 … 0.50 ± 0.00" in floors.notes[0]
    found = {(row["precision"], row["dimension"]): row for row in records(floors)}
    assert found["4", 64]["noise floor"] == pytest.approx(2.0**-4 * 2)
    assert found["4", 64]["slope"] == pytest.approx(0.5)
    assert found["4", 64]["slope earlier"] == pytest.approx(1.0)
    assert found["4", 256]["dimension-free"] == found["4", 16]["dimension-free"]
    assert floors.figure["layout"]["xaxis"]["type"] == floors.figure["layout"]["yaxis"]["type"] == "log"


def test_bits_needed_are_read_off_measurements_and_both_limits(swept):
    target = 2.0**-5  # the floor of 6 bits is 2^-6 at d = 16, and reaches it up to d = 64
    needed = {
        (row["dimension"], row["by"]): row["bits"]
        for row in records(drawn(swept(cells()), target=str(target))[1])
    }
    measured = {d: needed[d, "measured"] for d in DIMENSIONS}
    assert measured == {16: 6, 64: 6, 256: 8}
    assert {needed[d, "dimension-free limit, T = ∞"] for d in DIMENSIONS} == {6}
    assert [needed[d, "earlier limit, T = ∞"] for d in DIMENSIONS] == [6, 8, None]


def test_the_limits_can_be_left_out_of_the_figures_but_not_of_the_numbers(swept):
    sweep = swept(cells())
    for panel in drawn(sweep, bounds="0")[:2]:
        assert all("limit" not in (trace.get("name") or "") for trace in panel.figure["data"])
    assert all(row["earlier"] for row in records(drawn(sweep, bounds="0")[0]))


def test_the_constants_that_a_cell_has_are_drawn_against_d(swept):
    constants = {
        (row["constant"], row["dimension"]): row["value"] for row in records(drawn(swept(cells()))[2])
    }
    assert [constants["sigma_1", d] for d in DIMENSIONS] == [4, 8, 16]
    assert constants["L", 16] == constants["L", 256] == 1.0
    assert ("gamma", 16) not in constants


def test_one_dimension_says_how_to_sweep_more(swept):
    for panel in drawn(swept(cells(dimensions=[16]))):
        assert panel.figure is None
        assert panel.notes[0].startswith("Only one dimension")


def test_one_dimension_of_a_running_sweep_says_that_others_come(swept):
    sweep = swept(cells(dimensions=[16]))
    sweep.manifest |= {"state": "running", "total": 27}
    assert drawn(sweep)[0].notes == ("Only one dimension has cells yet: 9 of 27 are there.",)


def test_one_precision_still_shows_the_floors(swept):
    floors, needed, _ = drawn(swept(cells(bits=[8])))
    assert floors.figure is not None
    assert needed.figure is None
    assert "Only one precision" in needed.notes[0]


def test_zeros_are_counted_and_a_floor_of_0_reaches_any_target(swept):
    made = cells()
    for result in made:
        if result.row["precision"] == 8:
            result.row |= {"noise_floor": 0.0, "noise_ball_dimension_free": 0.0}
        result.row["sigma_1"] = 0.0
    floors, needed, constants = drawn(swept(made), target=str(2.0**-6))
    assert "3 points of 0: at the foot of the logarithmic axis." in floors.notes
    assert floors.figure["layout"]["yaxis"]["ticktext"][0] == "0"
    found = {(row["dimension"], row["by"]): row["bits"] for row in records(needed)}
    assert found[256, "measured"] == 8
    assert found[256, "dimension-free limit, T = ∞"] == 8
    assert "3 floors of 0 among them: reached." in needed.notes
    assert "Everywhere 0, and not drawn: σ₁." in constants.notes


@pytest.mark.parametrize("floors", [(1.0, 1e-3, 1.0), (1.0, 2.0)])
def test_no_power_of_d_is_told_where_none_fits(swept, floors):
    made = cells(bits=[8], dimensions=DIMENSIONS[: len(floors)])
    for result in made:
        result.row["noise_floor"] = floors[DIMENSIONS.index(result.row["dimension"])]
    panel = drawn(swept(made))[0]
    assert records(panel)[0]["slope"] is None
    assert panel.notes[0].startswith("No power of d is told of lp_sgd 1 line")
