"""Colours that can be seen and told apart, in light and dark; the same for the same thing."""

import itertools

import numpy as np
import pytest
from lpbench.dashboard.charts import style
from lpbench.dashboard.charts.look import tints
from lpbench.dashboard.data import choosing

# Machado, Oliveira and Fernandes 2009, severity 1: what those see who lack one kind of cone.
BLIND = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}  # fmt: skip


def linear(name: str) -> np.ndarray:
    parts = np.array([int(name[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    """WCAG 2.2."""
    low, high = sorted(float(linear(name) @ [0.2126, 0.7152, 0.0722]) for name in (first, second))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    x, y, z = (
        np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz / np.array([0.9505, 1.0, 1.089])
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("dark", [False, True])
def test_every_line_can_be_seen_on_its_paper(dark):
    paper = style.layout(dark)["paper_bgcolor"]
    assert style.layout(dark)["plot_bgcolor"] == paper
    for name in (*style.colors(dark), *(c for count in range(1, 9) for c in style.ordered(count, dark))):
        assert contrast(name, paper) >= 3, name
    for name in (style.soft(dark), style.ink(dark), style.layout(dark)["font"]["color"]):
        assert contrast(name, paper) >= 4.5, name  # these are texts as well


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("sight", BLIND)
def test_algorithms_and_formats_are_told_apart_by_all(dark, sight):
    for names in (("lp_sgd", "halp", "lp_svrg", "swalp"), ("fixed", "float", "log", "block")):
        seen = [
            lab(np.clip(np.asarray(BLIND[sight]) @ linear(style.color(name, names, dark)), 0, 1))
            for name in names
        ]
        assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 10


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("count", [2, 4, 8])
def test_an_order_is_one_of_lightness(dark, count):
    lightness = [float(lab(linear(name))[0]) for name in style.ordered(count, dark)]
    assert lightness == sorted(lightness)
    assert min(np.diff(lightness)) > 3


@pytest.mark.parametrize("dark", [False, True])
def test_the_colour_of_an_algorithm_does_not_depend_on_the_others(dark):
    for name in (*choosing.ALGORITHMS, "fixed", "float", "log", "block"):
        alone = style.color(name, [name], dark), style.marker(name, [name])
        assert alone == (
            style.color(name, ["aaa", name, "zzz"], dark),
            style.marker(name, ["aaa", name, "zzz"]),
        )


@pytest.mark.parametrize("known", [["lp_sgd"], ["lp_sgd", "halp", "svrg"]])
def test_what_a_user_adds_looks_like_none_of_ours_beside_it(known):
    values = sorted([*known, "aaa", "mine"])
    looks = {(style.color(name, values, False), style.marker(name, values)) for name in values}
    assert len(looks) == len({color for color, _ in looks}) == len(values)


def test_equal_colours_have_other_dashes_and_all_colours_other_markers():
    assert len(set(style.MARKERS)) == len(style.MARKERS) == len(style.LIGHT) == len(style.DARK)
    known = [name for name in style.FIXED if name in choosing.ALGORITHMS]
    assert len({style.marker(name, known) for name in known}) == len(known)
    assert not {*style.DASHES} & {*style.LIMITS}
    others = [f"mine_{i}" for i in range(len(style.DASHES))]
    assert len({style.dash(name, others) for name in others}) == len(others)
    unknown = style.color("nobody", ["somebody"], False), style.color("nobody", [], False)
    assert len(set(unknown)) == 1  # a place of its own, the same on every page


def test_layouts_are_laid_over():
    assert style.merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}, "d": {"e": 5}}) == {
        "a": {"b": 1, "c": 4},
        "d": {"e": 5},
    }
    found = style.layout(False, xaxis={"type": "log"}, height=10)
    assert found["xaxis"]["type"] == "log"
    assert found["xaxis"]["automargin"]
    assert found["height"] == 10
    assert "type" not in style.layout(False)["xaxis"]


def test_a_scale_goes_from_dark_to_light():
    for dark in (False, True):
        places, names = zip(*style.scale(dark), strict=True)
        assert places[0] == 0
        assert places[-1] == 1
        lightness = [float(lab(linear(name))[0]) for name in names]
        assert lightness == sorted(lightness)
    assert style.transparent("#102030", 0.5) == "rgba(16,32,48,0.5)"


@pytest.mark.parametrize("dark", [False, True])
def test_a_bit_width_has_a_colour_of_its_own_that_its_neighbours_have_not(dark):
    found = {bits: style.width_color(bits, dark) for bits in (*range(1, 17), 24, 32, 64)}
    assert min(contrast(name, style.PAPER[dark]) for name in found.values()) >= 3
    seen = {bits: lab(linear(name)) for bits, name in found.items()}
    assert min(np.linalg.norm(seen[a] - seen[b]) for a, b in itertools.combinations(range(1, 17), 2)) > 15
    for values in (["4", "6"], ["4", "6", "8", "10"], ["2", "4", "-"]):
        assert tints("precision", values, dark)["4"] == found[4]


def test_no_format_looks_like_an_algorithm():
    looks = {
        axis: {
            (style.color(name, list(names), False), style.marker(name, list(names), axis)) for name in names
        }
        for axis, names in (("format", [*style.FORMATS, "mine"]), ("algorithm", [*style.ALGORITHMS, "mine"]))
    }
    assert not looks["format"] & looks["algorithm"]
