import pandas
import pytest
from fake_results import fake_cell, fake_result
from lpbench.dashboard.charts.files import write_figure
from lpbench.dashboard.charts.noise_floor import figure

from lpbench.errors import ConfigError, LpbenchError
from lpbench.store import schema

PRECISIONS, SEEDS = (4, 6, 8), range(3)


def frame(level=1e-3, **changes):
    """Cells of two dimensions, two formats, three precisions and three seeds, and one level in full precision."""
    rows = []
    for d in (16, 64):
        for name in ("fixed", "float"):
            for bits in PRECISIONS:
                for seed in SEEDS:
                    cell = fake_cell(seed=seed, precision=bits, format=name, dimension=d)
                    rows.append({**fake_result(cell, value=1 / bits + seed).row, **changes})
        cell = fake_cell(algorithm="sgd", format="none", precision=64, dimension=d)
        rows.append({**fake_result(cell, value=level).row, **changes})
    return schema.cells_table(rows).to_pandas()


def curves(drawn):
    return {trace.name: trace for trace in drawn.data}


def test_a_panel_for_each_algorithm_and_a_curve_for_each_format_and_dimension():
    drawn = figure(frame())
    titles = {note.text for note in drawn.layout.annotations}
    assert {"lp_sgd", "least_squares", "precision (bits)", "noise floor"} <= titles
    assert set(curves(drawn)) == {
        "full precision, 16", "full precision, 64", "fixed, 16", "fixed, 64", "float, 16", "float, 64",
    }  # fmt: skip
    assert drawn.layout.yaxis.type == "log"


def test_points_are_medians_with_the_range_of_the_seeds():
    curve = curves(figure(frame()))["fixed, 16"]
    assert list(curve.x) == [4, 6, 8]
    assert list(curve.y) == pytest.approx([(1 / bits + 1) / 100 for bits in PRECISIONS])
    assert list(curve.error_y.array) == pytest.approx([0.01] * 3)
    assert list(curve.error_y.arrayminus) == pytest.approx([0.01] * 3)
    assert list(curve.customdata) == [3, 3, 3]


def test_full_precision_is_a_level_across_the_panel():
    level = curves(figure(frame()))["full precision, 16"]
    assert list(level.x) == [4, 8]
    assert level.y[0] == level.y[1] == pytest.approx(1e-5)


def test_a_level_far_below_is_written_not_drawn():
    drawn = figure(frame(level=1e-18))
    assert "full precision, 16" not in curves(drawn)
    assert any(note.text.startswith("full precision: 1e-20") for note in drawn.layout.annotations)


def test_colour_is_not_the_only_code():
    drawn = curves(figure(frame()))
    assert drawn["fixed, 16"].line.color != drawn["float, 16"].line.color
    assert drawn["fixed, 16"].marker.symbol != drawn["float, 16"].marker.symbol
    assert drawn["fixed, 16"].line.dash != drawn["fixed, 64"].line.dash


def test_another_axis_that_varies_names_curves_of_its_own():
    both = pandas.concat([frame(rounding="stochastic"), frame(rounding="nearest_even")])
    assert {"fixed, 16, stochastic", "fixed, 16, nearest_even"} <= set(curves(figure(both)))


def test_problems_are_rows():
    two = pandas.concat([frame(problem="least_squares"), frame(problem="squared_hinge")])
    drawn = figure(two)
    assert {"least_squares", "squared_hinge"} <= {note.text for note in drawn.layout.annotations}
    assert drawn.layout.height > figure(frame()).layout.height


def test_full_precision_alone_is_drawn_as_points():
    cells = frame()
    drawn = figure(cells[cells["format"] == "none"])
    assert [list(trace.x) for trace in drawn.data] == [[64], [64]]


def test_nothing_to_draw_is_said():
    with pytest.raises(ConfigError, match="nothing to draw"):
        figure(frame(status="failed"))


def test_a_figure_is_written_by_its_ending(tmp_path):
    write_figure(figure(frame()), tmp_path / "floor.html")
    assert "plotly" in (tmp_path / "floor.html").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="ending"):
        write_figure(figure(frame()), tmp_path / "floor.jpeg2000")
    with pytest.raises(LpbenchError, match="cannot write"):
        write_figure(figure(frame()), tmp_path / "missing" / "floor.html")
