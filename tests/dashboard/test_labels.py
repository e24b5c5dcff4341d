"""Texts beside points: where they hide nothing, and none where they would."""

from hypothesis import given
from hypothesis import strategies as st
from lpbench.dashboard.charts.labels import LETTER, LINE, PLACES, placed

WIDTH = 600.0


def box(point, text, place):
    """What a text covers, told in another way than labels does: from its corner."""
    across = 1 if "right" in place else -1
    x, y = point[0] + 10 * across, point[1] + (5 if "top" in place else -5)
    ends = sorted([x, x + across * LETTER * len(text)])
    heights = sorted([y, y + (LINE if "top" in place else -LINE)])
    return ends[0], heights[0], ends[1], heights[1]


def test_a_text_stands_below_the_front_and_on_its_left_near_the_next_step():
    steps = [(100.0, 200.0), (300.0, 150.0), (320.0, 20.0)]
    assert placed(steps, ["one", "two", "three"], [], WIDTH) == [
        "bottom right",
        "bottom left",
        "bottom right",
    ]


def test_at_the_end_of_the_panel_it_stands_on_the_left():
    assert placed([(590.0, 100.0)], ["wide text"], [], WIDTH) == ["bottom left"]


def test_without_room_there_is_none():
    crowd = [(x, y) for x in range(0, 600, 4) for y in range(0, 240, 4)]
    assert placed([(300.0, 100.0)], ["text"], crowd, WIDTH) == [""]
    assert placed([(3.0, 100.0)], ["x" * 200], [], WIDTH) == [""]
    assert placed([], [], [], WIDTH) == []


@given(
    st.lists(st.tuples(st.floats(0, WIDTH), st.floats(0, 240)), min_size=1, max_size=12),
    st.lists(st.tuples(st.floats(0, WIDTH), st.floats(0, 240)), max_size=12),
    st.integers(1, 20),
)
def test_no_two_texts_meet_and_none_hides_a_point(points, others, letters):
    steps = list(zip(sorted(x for x, _ in points), sorted((y for _, y in points), reverse=True), strict=True))
    text = "m" * letters
    places = placed(steps, [text] * len(steps), others, WIDTH)
    boxes = [box(step, text, place) for step, place in zip(steps, places, strict=True) if place]
    assert set(places) <= {"", *PLACES}
    for i, (left, low, right, high) in enumerate(boxes):
        assert left >= 0
        assert right <= WIDTH
        assert not any(left < x < right and low < y < high for x, y in (*steps, *others))
        for a, b, c, d in boxes[:i]:
            assert not (left < c and a < right and low < d and b < high)
