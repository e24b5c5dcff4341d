"""The ticks of logarithmic axes: few, round, in order, and as a person writes them."""

import pytest
from lpbench.dashboard.charts import ticks


def inside(low, high):
    found = ticks.logarithmic(low, high)
    return [
        text for value, text in zip(found["tickvals"], found["ticktext"], strict=True) if low <= value <= high
    ]


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (1e-6, 1e-1, ["10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹"]),
        (1e-30, 1.0, ["10⁻³⁰", "10⁻²⁵", "10⁻²⁰", "10⁻¹⁵", "10⁻¹⁰", "10⁻⁵", "1"]),
        (0.9, 25, ["1", "2", "5", "10", "20"]),
        (1e-10, 9e-10, ["10⁻¹⁰", "2·10⁻¹⁰", "5·10⁻¹⁰"]),
        (0.7, 1.7, ["0.8", "1", "1.2", "1.4", "1.6"]),
    ],
)
def test_ticks_are_few_and_round(low, high, texts):
    assert inside(low, high) == texts


@pytest.mark.parametrize("low", [1e-300, 3e-7, 0.4, 7.0, 2e250])
@pytest.mark.parametrize("factor", [1.0, 1.0000001, 1.3, 4.0, 30.0, 99.0, 101.0, 1e9, 1e40])
def test_every_span_has_a_handful_of_ticks_without_one_text_for_two(low, factor):
    found = ticks.logarithmic(low, low * factor)
    assert len(set(found["ticktext"])) == len(found["tickvals"])
    assert found["tickvals"] == sorted(found["tickvals"])
    if factor > 1.3:
        assert 2 <= len(inside(low, low * factor)) <= 8
    assert len(found["tickvals"]) <= 24


@pytest.mark.parametrize("low", [5e-324, 3e-7, 7.0, 2e250])
@pytest.mark.parametrize("factor", [1.0, 1.0000001, 1.3])
def test_a_short_span_is_an_axis_of_a_factor_of_two_with_ticks(low, factor):
    found = ticks.logarithmic(low, low * factor)
    start, end = (10.0**end for end in found["range"])
    assert start <= low
    assert low * factor <= end
    if low > 1e-300:
        assert 2.0 < end / start < 2.5
        assert 3 <= sum(start <= value <= end for value in found["tickvals"]) <= 8
    assert "range" not in ticks.logarithmic(low, max(low, 1e-300) * 4)


def test_points_of_zero_of_a_short_span_are_on_the_axis():
    foot = ticks.foot(1.0, 1.2)
    start, _ = ticks.logarithmic(1.0, 1.2, foot)["range"]
    assert 10.0**start < foot


def test_points_of_zero_stand_below_all_others():
    foot = ticks.foot(1e-6, 1.0)
    assert 1e-8 < foot < 1e-6
    found = ticks.logarithmic(1e-6, 1.0, foot)
    assert (found["tickvals"][0], found["ticktext"][0]) == (foot, "0")
    assert found["tickvals"][1] > foot


def test_a_range_in_logarithms_has_the_same_ticks():
    assert ticks.ranged([-6.0, -1.0])["ticktext"] == ticks.logarithmic(1e-6, 1e-1)["ticktext"]
