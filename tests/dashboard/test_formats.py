"""The page Formats on made-up cells: what is drawn is what was measured and what the theorems say."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sweep_kinds
from fake_results import fake_cell, fake_result
from lpbench.dashboard.charts import heatmap, style
from lpbench.dashboard.data.sweeps import Store, Sweep
from lpbench.dashboard.page import Panel, state_of
from lpbench.dashboard.pages.formats import ENDED, LEAST, PAGE, THEORY
from lpbench.dashboard.panels import splits, what_if

from lpbench.theory import spacings
from lpbench.theory.rows import setting_of_row
from lpbench.theory.split import best_split, noise_ball, svrg_split

LIMIT = 1.0
WIDE = {0: 3.0, 2: 1.0, 4: 2.0}  # the floors of the splits, of the middle seed; 0 exponent bits: fixed
# Theory then wants 3 exponent bits for LP-SGD and 4 for LP-SVRG, of 6 bits and of 8.
CONSTANTS = {
    "L": 1.0, "mu": 0.5, "L_f": 0.5, "L_1": 2.0, "L_1_avg": 1.0, "gamma": 2.0, "sigma": 1e-3, "sigma_1": 1.0,
    "s_1": 1.5, "sigma_w": 0.02, "L_w": 0.004, "weights": 16, "quadratic": True,
}  # fmt: skip


def cells(
    floors: dict[int, float], precision: int = 8, diverged: Iterable[int] = (), **choices: Any
) -> list[Any]:
    """Three seeds of each split; those of the splits in `diverged` have no floor."""
    found = []
    for exponent, floor in floors.items():
        for seed in range(3):
            kind = {"format": "float", "exponent_bits": exponent} if exponent else {"format": "fixed"}
            fixed: dict[str, Any] = {
                "rounding": "stochastic",
                "limit": LIMIT,
                "step_size": 0.01,
                "schedule": "constant",
            }
            cell = fake_cell(seed, precision, **(kind | fixed | {"subnormals": True} | choices))
            result = fake_result(cell)
            result.row |= CONSTANTS | {"noise_floor": floor * (0.5, 1.0, 4.0)[seed]}
            if exponent in diverged:
                result.row |= {"status": "diverged", "noise_floor": float("nan")}
            found.append(result)
    return found


@pytest.fixture
def swept(tmp_path: Path, writing: Callable[..., Path]) -> Callable[..., Sweep]:
    """A sweep of these cells."""

    def make(results: list[Any]) -> Sweep:
        writing(tmp_path / "runs", "splits", results)
        return Store(tmp_path / "runs").sweep("splits")

    return make


def drawn(sweep: Sweep, dark: bool = False, **query: str) -> list[Panel]:
    return PAGE.draw(sweep, state_of(PAGE.controls(sweep), query), dark)


def trace(panel: Panel, name: str) -> dict[str, Any]:
    assert panel.figure is not None
    (found,) = [one for one in panel.figure["data"] if one.get("name") == name]
    return dict(found)


def squares(panel: Panel) -> dict[tuple[str, str], float | None]:
    """log10 by (column, row), of the squares that have a number."""
    assert panel.figure is not None
    layout, z = panel.figure["layout"], panel.figure["data"][0]["z"]
    x, y = layout["xaxis"]["ticktext"], layout["yaxis"]["ticktext"]
    return {(a, b): z[j][i] for j, b in enumerate(y) for i, a in enumerate(x) if z[j][i] is not None}


def starred(panel: Panel) -> list[tuple[int, int]]:
    """Columns and rows with a star."""
    stars = trace(panel, THEORY)
    return [(round(i), round(j)) for i, j in zip(stars["x"], stars["y"], strict=True)]


def framed(panel: Panel) -> list[tuple[float, float]]:
    """Middles of the frames."""
    assert panel.figure is not None
    shapes: Sequence[dict[str, Any]] = panel.figure["layout"]["shapes"]
    middles = [((one["x0"] + one["x1"]) / 2, (one["y0"] + one["y1"]) / 2) for one in shapes]
    return list(dict.fromkeys((round(x, 9), round(y, 9)) for x, y in middles))


def test_the_map_holds_the_medians_and_fixed_point_stands_first(swept):
    results = cells(WIDE)
    panel = drawn(swept(results))[0]
    measured = {
        (str(e) if e else "fixed<br>(no exponent)", "8"): math.log10(
            statistics.median(
                one.row["noise_floor"] for one in results if (one.row["exponent_bits"] or 0) == e
            )
        )
        for e in WIDE
    }
    assert squares(panel) == pytest.approx(measured)
    assert panel.figure["layout"]["xaxis"]["ticktext"][0].startswith("fixed")
    assert [row[4] for row in panel.data.rows] == [3.0, 1.0, 2.0]


def test_marks_stand_where_the_floor_is_least_and_where_theory_says(swept):
    sweep = swept(cells({**WIDE, 3: 1.5}) + cells({0: 0.5, 2: 1.0, 3: 2.0}, precision=6))
    panel = drawn(sweep)[0]
    setting = setting_of_row(sweep.groups[0], spacings.linear(8, LIMIT))
    advised = {bits: best_split(bits, LIMIT, setting)[0] for bits in (6, 8)}
    assert advised == {6: 3, 8: 3}
    assert framed(panel) == [(0, 0), (1, 1)]  # fixed of 6 bits; 2 exponent bits of 8
    assert starred(panel) == [(2, 0), (2, 1)]
    assert trace(panel, LEAST)["showlegend"]
    assert trace(panel, THEORY)["showlegend"]


def test_the_split_of_lp_svrg_is_judged_without_the_noise_of_the_gradient(swept):
    sweep = swept(cells({**WIDE, 3: 1.5}, algorithm="lp_svrg", snapshot="random", inner_steps=4000))
    setting = setting_of_row(sweep.groups[0], spacings.linear(8, LIMIT))
    wanted, sgd = svrg_split(8, LIMIT, setting)[0], best_split(8, LIMIT, setting)[0]
    assert wanted != sgd
    panels = drawn(sweep)
    assert panels[0].figure is not None
    column = panels[0].figure["layout"]["xaxis"]["ticktext"].index(str(wanted))
    assert starred(panels[0]) == [(column, 0)]
    values = {row[1]: row[3] for row in panels[1].data.rows}
    assert (
        values["4"] == spacings.floating(4, 3, LIMIT).delta * CONSTANTS["L_1_avg"] + 2**-3 * CONSTANTS["L_w"]
    )
    assert all(row[4] is None for row in panels[1].data.rows)  # no gap, so no floor beside it


def test_a_recommended_split_that_nobody_swept_is_said_with_its_command(swept):
    panel = drawn(swept(cells(WIDE)))[0]
    assert squares(panel).keys() == {("fixed<br>(no exponent)", "8"), ("2", "8"), ("4", "8")}
    assert starred(panel) == [(2, 0)]  # a column of its own, between 2 and 4
    assert (
        "At 8 bits theory recommends e = 3, which was not swept: "
        "lpbench sweep precision=8 format=float exponent_bits=3 --name splits"
    ) in panel.notes


def test_one_exponent_bit_stands_for_fixed_point_where_that_was_not_swept(swept):
    flat = {"sigma_w": 10.0, "L_w": 10.0}  # any relative gap is dear: theory wants none
    results = cells({1: 1.0, 2: 2.0, 3: 3.0})
    for one in results:
        one.row |= flat
    panel = drawn(swept(results))[0]
    assert starred(panel) == [(0, 0)]
    assert panel.figure["layout"]["xaxis"]["ticktext"] == ["1", "2", "3"]
    assert not [note for note in panel.notes if "not swept" in note]


def test_few_splits_are_said_with_a_command_that_fills_the_map(swept):
    few = swept(cells({0: 1.0, 3: 2.0}) + cells({0: 1.0, 2: 3.0, 3: 2.0}, precision=6))
    notes = [note for note in drawn(few)[0].notes if note.startswith("Fewer")]
    assert notes == [
        "Fewer than 3 splits were swept at 8 bits. To fill the map: lpbench sweep format=fixed,float precision=8 "
        "exponent_bits=1,2,3,4,5 --skip-invalid --name splits"
    ]
    assert not [note for note in drawn(few, bits="6")[0].notes if note.startswith("Fewer")]


def test_the_commands_are_the_sweeps_own_with_other_formats(tmp_path, writing, monkeypatch):
    folder = writing(tmp_path / "runs", "splits", cells({0: 1.0, 3: 2.0}))
    sweep = Store(tmp_path / "runs").sweep(folder.name)
    call = {
        "overrides": ["problem=family_s", "precision=8", "exponent_bits=3", "seed=range(3)"],
        "config_dir": "my conf",
    }
    monkeypatch.setitem(sweep.manifest, "calls", [call])
    (note,) = [note for note in drawn(sweep)[0].notes if note.startswith("Fewer")]
    assert note.endswith(
        "lpbench sweep problem=family_s 'seed=range(3)' format=fixed,float precision=8 exponent_bits=1,2,3,4,5 "
        "--config-dir 'my conf' --skip-invalid --name splits"
    )


def test_what_diverged_is_a_cross_and_not_an_empty_square(swept):
    panel = drawn(swept(cells({**WIDE, 3: 1.0}, diverged=[4])))[0]
    crosses = trace(panel, f"no floor {ENDED}")
    assert list(zip(crosses["x"], crosses["y"], strict=True)) == [(3, 0)]
    assert ("4", "8") not in squares(panel)
    assert [row[4] for row in panel.data.rows if row[2] == 4] == [None]
    assert "3 cells diverged: not in the medians." in panel.notes


def test_a_sweep_that_diverged_everywhere_is_drawn_as_crosses(swept):
    panel = drawn(swept(cells(WIDE, diverged=WIDE)))[0]
    assert len(trace(panel, f"no floor {ENDED}")["x"]) == 3
    assert framed(panel) == []


def test_every_split_has_the_limit_that_theory_gives_it_and_swept_ones_are_marked(swept):
    sweep = swept(cells({0: 1.0, 4: 2.0}))
    panel = drawn(sweep)[1]
    setting = setting_of_row(sweep.groups[0], spacings.linear(8, LIMIT))
    limits = [noise_ball(setting, spacings.floating(e, 7 - e, LIMIT)) for e in range(7)]
    assert [row[3] for row in panel.data.rows] == limits
    assert trace(panel, f"8 bits, {what_if.THEORY}")["y"] == pytest.approx(limits)
    assert [row[5] for row in panel.data.rows] == ["yes", "no", "no", "no", "yes", "no", "no"]
    swept_ones = trace(panel, f"8 bits, {what_if.SWEPT}")
    assert list(swept_ones["x"]) == [0, 4]
    assert swept_ones["y"] == pytest.approx([limits[0], limits[4]])
    assert list(trace(panel, f"8 bits, {what_if.BEST}")["x"]) == [limits.index(min(limits))]
    assert list(trace(panel, f"8 bits, {what_if.MEASURED}")["y"]) == [1.0, 2.0]


def test_a_format_that_nobody_ran_stands_beside_the_limits_of_those_that_were(swept):
    sweep = swept(cells({0: 1.0, 2: 2.0, 4: 3.0}))
    panel = drawn(sweep, split="3", alpha="0.5", range="2")[2]
    setting = setting_of_row(sweep.groups[0], spacings.linear(8, LIMIT), alpha=0.005)
    values = {(*row[:3], row[4]): row[3] for row in panel.data.rows}
    assert values["float", 11, "3", what_if.LIMIT] == noise_ball(setting, spacings.floating(3, 7, 2 * LIMIT))
    assert values["log", 11, "3", what_if.LIMIT] == noise_ball(
        setting, spacings.logarithmic(11, 7, 2 * LIMIT)
    )
    assert values["fixed", 11, splits.FIXED, what_if.LIMIT] == noise_ball(
        setting, spacings.linear(11, 2 * LIMIT)
    )
    there = trace(panel, f"floating point, {what_if.LIMIT_SWEPT}")
    wanted = [noise_ball(setting, spacings.floating(e, 7 - e, 2 * LIMIT)) for e in (2, 4)]
    assert list(there["x"]) == [8, 8]
    assert there["y"] == pytest.approx(wanted)
    assert there["mode"] == "markers"  # no line joins splits of one width


def test_scaled_formats_stand_at_their_bits_with_the_limit_of_their_elements(swept):
    results = cells({0: 1.0, 4: 2.0})
    for one in cells({0: 0.5}):
        one.row |= {"cell_id": "mx" + one.row["cell_id"][2:], "group_id": "mx" + one.row["group_id"][2:],
                    "format": "mxfp4", "precision": 4, "bits_per_value": 4.25, "limit": None}  # fmt: skip
        results.append(one)
    sweep = swept(results)
    panel = drawn(sweep, range="2")[2]
    setting = setting_of_row(sweep.groups[0], spacings.linear(8, LIMIT))
    rows = {(row[0], row[4]): row for row in panel.data.rows if row[2] == "elements"}
    assert {name for name, part in rows if part == what_if.LIMIT} == set(spacings.SCALED)
    for name in spacings.SCALED:
        assert rows[name, what_if.LIMIT][3] == noise_ball(setting, spacings.elements(name, 2 * LIMIT))
    assert rows["nvfp4", what_if.LIMIT][1] == 4.5
    assert rows["mxfp4", what_if.MEASURED] == ["mxfp4", 4.25, "elements", 0.5, what_if.MEASURED]
    assert what_if.STAND_IN in panel.notes


def test_a_sweep_of_scaled_formats_alone_has_the_range_that_auto_gives(swept):
    results = cells({0: 0.5})
    for one in results:
        one.row |= {"format": "nvfp4", "precision": 4, "bits_per_value": 4.5, "limit": None, "w_max": 1.4}
    panel = drawn(swept(results))[2]
    assert "range ±4" in panel.notes[0]


def test_what_if_of_lp_svrg_is_the_theorem_about_it(swept):
    many = {"snapshot": "random", "inner_steps": 40_000, "algorithm": "lp_svrg"}
    sweep = swept(cells(WIDE, **many))
    values = {(row[0], row[1], row[4]): row[3] for row in drawn(sweep)[2].data.rows}
    delta, slack = LIMIT * 2.0**-9, 1 - 2 * 0.01 * CONSTANTS["L"]
    rho = (1 / (0.01 * CONSTANTS["mu"] * 40_000) + 1 - slack) / slack
    ball = 4.5 * (delta * CONSTANTS["gamma"]) ** 2 / (slack * (1 - rho)) ** 2
    quarter = CONSTANTS["weights"] * delta**2 / (8 * 0.01 * slack) / (1 - rho)
    assert values["fixed", 10, what_if.LIMIT] == pytest.approx(min(ball, quarter))


def test_a_snapshot_without_a_proof_is_said(swept):
    panel = drawn(swept(cells(WIDE, algorithm="lp_svrg", snapshot="last", inner_steps=4000)))[2]
    assert panel.figure is None
    assert "the last iterate as the snapshot has no proof" in panel.notes[0]
    assert "lp_sgd" not in panel.notes[0].partition(":")[2]  # theorems of other algorithms are no reason


def test_nothing_is_proven_of_an_algorithm_that_no_theorem_is_about(swept):
    panels = drawn(swept(cells(WIDE, algorithm="momentum")))
    assert panels[0].figure is not None
    said = "no theorem is about the algorithm momentum"
    assert f"Theory recommends no split here: {said}." in panels[0].notes
    assert [panel.figure for panel in panels[1:]] == [None, None]
    assert all(said in panel.notes[0] for panel in panels[1:])


def test_without_constants_the_map_is_drawn_and_the_rest_says_why(swept):
    results = cells(WIDE)
    for one in results:
        one.row["sigma_1"] = None
    panels = drawn(swept(results))
    assert len(squares(panels[0])) == 3
    assert "Theory recommends no split here: the row has no constants." in panels[0].notes
    assert [panel.figure for panel in panels[1:]] == [None, None]
    assert all("the row has no constants" in panel.notes[0] for panel in panels[1:])


@pytest.mark.parametrize("dark", [False, True])
def test_each_palette_has_its_own_colours(swept, dark):
    panels = drawn(swept(cells(WIDE, diverged=[4])), dark)
    assert panels[0].figure is not None
    assert panels[0].figure["data"][0]["colorscale"] == style.scale(dark)
    assert trace(panels[0], THEORY)["marker"]["color"] == style.colors(dark)[1]
    lines = [shape["line"]["color"] for shape in panels[0].figure["layout"]["shapes"]]
    assert lines == [
        style.layout(dark)["paper_bgcolor"],
        style.ink(dark),
    ]  # seen on dark squares and on light ones
    for panel in panels:
        assert panel.figure is not None
        assert panel.figure["layout"]["paper_bgcolor"] == style.layout(dark)["paper_bgcolor"]


def test_texts_of_many_columns_are_short_and_zero_is_the_least():
    x = [str(e) for e in range(heatmap.FITTING + 1)]
    values = {(e, "8"): 1.5e-3 for e in x} | {("0", "8"): 0.0}
    found = heatmap.figure(x, ["8"], values, {}, ("e", "bits", "floor"), False)["data"][0]
    assert found["text"][0] == ["0", *["2e-3"] * heatmap.FITTING]
    assert found["z"][0][0] == found["z"][0][1]
    assert found["hovertext"][0][1] == "1, 8: 1.500e-3"


def test_the_page_opens_where_formats_differ_and_frames_all_that_are_equal(tmp_path, writing):
    made = []
    for algorithm, scales in (("lp_sgd", (1.0, 1.01)), ("halp", (1.0, 8.0))):
        for number_format, scale in zip(("fixed", "float"), scales, strict=True):
            for seed in range(2):
                made.append(sweep_kinds.made(seed, algorithm=algorithm, format=number_format))
                made[-1].row["noise_floor"] = scale
    writing(tmp_path, "both", made)
    sweep = Store(tmp_path).sweep("both")
    controls = PAGE.controls(sweep)
    panel = PAGE.draw(sweep, state_of(controls, {}), False)[0]
    assert "halp" in panel.notes[0]
    assert len(panel.figure["layout"]["shapes"]) == 2  # a frame is two lines
    panel = PAGE.draw(sweep, state_of(controls, {"algorithm": "lp_sgd"}), False)[0]
    assert len(panel.figure["layout"]["shapes"]) == 4
    assert any("equal within 2 %" in note for note in panel.notes)
    assert any("over 2 seeds" in text for line in panel.figure["data"][0]["hovertext"] for text in line)


def test_one_split_alone_is_no_map(tmp_path, writing):
    writing(tmp_path, "one", [fake_result(fake_cell(seed, precision=8)) for seed in range(3)])
    sweep = Store(tmp_path).sweep("one")
    panel = PAGE.draw(sweep, state_of(PAGE.controls(sweep), {}), False)[0]
    assert panel.figure is None
    (note,) = panel.notes
    assert note.startswith(
        "Only one split was swept: fixed (no exponent), at 8 bits. To fill the map: lpbench sweep "
    )
