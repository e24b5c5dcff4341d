import pandas
import pytest
from fake_results import fake_cell, fake_result

from lpbench.errors import ConfigError, LpbenchError
from lpbench.figures import figure, write_figure
from lpbench.store import schema


def frame(**changes):
    """Cells of two dimensions, two formats, three precisions and three seeds, and one level in full precision."""
    rows = []
    for d in (16, 64):
        for name in ("fixed", "float"):
            for bits in (4, 6, 8):
                for seed in range(3):
                    cell = fake_cell(seed=seed, precision=bits, format=name, dimension=d)
                    rows.append({**fake_result(cell, value=1 / bits + seed).row, **changes})
        cell = fake_cell(algorithm="sgd", format="none", precision=64, dimension=d)
        rows.append({**fake_result(cell, value=1e-9).row, **changes})
    return schema.cells_table(rows).to_pandas()


def test_a_panel_for_each_dimension_and_a_curve_for_each_format():
    drawn = figure(frame())
    assert [note.text for note in drawn.layout.annotations[:2]] == ["least_squares, d = 16", "least_squares, d = 64"]
    assert len(drawn.data) == 6
    shown = [trace.name for trace in drawn.data if trace.showlegend]
    assert shown == ["lp_sgd fixed", "lp_sgd float", "sgd none"]
    assert drawn.layout.yaxis.type == "log"


def test_points_are_medians_with_the_range_of_the_seeds():
    curve = figure(frame()).data[0]
    assert list(curve.x) == [4, 6, 8]
    assert list(curve.y) == pytest.approx([(1 / bits + 1) / 100 for bits in (4, 6, 8)])
    assert list(curve.error_y.array) == pytest.approx([0.01] * 3)
    assert list(curve.error_y.arrayminus) == pytest.approx([0.01] * 3)
    assert list(curve.customdata) == [3, 3, 3]


def test_full_precision_is_a_level_across_the_panel():
    level = figure(frame()).data[2]
    assert list(level.x) == [4, 8]
    assert level.y[0] == level.y[1] == pytest.approx(1e-11)


def test_colour_is_not_the_only_code():
    curves = figure(frame()).data[:2]
    assert curves[0].line.color == curves[1].line.color
    assert curves[0].line.dash != curves[1].line.dash
    assert curves[0].marker.symbol != curves[1].marker.symbol


def test_another_axis_that_varies_names_curves_of_its_own():
    both = pandas.concat([frame(rounding="stochastic"), frame(rounding="nearest_even")])
    names = {trace.name for trace in figure(both).data}
    assert {"lp_sgd fixed stochastic", "lp_sgd fixed nearest_even"} <= names


def test_algorithms_and_formats_of_the_users_own_are_drawn():
    curve = figure(frame(algorithm="mine", format="ternary")).data[0]
    assert curve.line.color
    assert curve.marker.symbol


def test_cells_that_are_not_ok_are_not_drawn():
    with pytest.raises(ConfigError, match="nothing to draw"):
        figure(frame(status="diverged"))


def test_html_needs_no_network(tmp_path):
    path = tmp_path / "floor.html"
    write_figure(figure(frame()), path)
    text = path.read_text(encoding="utf-8")
    assert "lp_sgd fixed" in text
    assert "<script src=" not in text


def test_an_unknown_ending_and_a_folder_that_is_not_there(tmp_path):
    drawn = figure(frame())
    with pytest.raises(ConfigError, match=r"the ending must be one of \.html"):
        write_figure(drawn, tmp_path / "floor.doc")
    with pytest.raises(LpbenchError, match="cannot write"):
        write_figure(drawn, tmp_path / "none" / "floor.html")


def test_without_a_browser_it_says_what_is_missing(tmp_path, monkeypatch):
    drawn = figure(frame())

    def refuse(*arguments, **options):
        raise RuntimeError("Kaleido requires Google Chrome\nto be installed")

    monkeypatch.setattr(type(drawn), "write_image", refuse)
    with pytest.raises(LpbenchError, match="needs kaleido and a chromium") as error:
        write_figure(drawn, tmp_path / "floor.png")
    assert "\n" not in str(error.value)
