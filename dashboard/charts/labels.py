"""Texts beside the points of a staircase that goes down: where they hide nothing, else none."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

Box = tuple[float, float, float, float]  # left, lower, right, upper end
LETTER, LINE = 7.0, 16.0  # pixels of a letter, and of a line
GAP, POINT = 5.0, 5.0  # between a point and its text, and half of its own size
NEAR = 28.0  # below a step: a text there is taken for its own
PLACES = ("bottom right", "bottom left", "top right")  # below the staircase nothing lies
_NOT_BELOW = -10.0


def placed(
    steps: Sequence[tuple[float, float]],
    texts: Sequence[str],
    others: Iterable[tuple[float, float]],
    width: float,
) -> list[str]:
    """Of each step where its text goes, in plotly's words; "" where it would hide something wherever it went.

    steps    (x, y) in pixels from the lower left corner of the panel, x going up and y down.
    others   points that are no steps.      width   of the panel.
    The last step comes first, then the first one, then the others from the last on.
    """
    taken = [_around(point) for point in others]
    taken += [(x - POINT, y - NEAR, x + POINT, y + POINT) for x, y in steps]
    for (x, y), (after, below) in itertools.pairwise(steps):
        taken += [(x, y - 1, after, y + 1), (after - 1, below, after + 1, y)]
    found = [""] * len(steps)
    for i in sorted(range(len(steps)), key=lambda i: (i != len(steps) - 1, i != 0, -i)):
        for place in PLACES:
            box = _box(steps[i], texts[i], place)
            inside = box[0] >= 0 and box[2] <= width and box[1] >= _NOT_BELOW
            if inside and not any(_meet(box, one) for one in taken):
                found[i] = place
                taken.append(box)
                break
    return found


def _box(point: tuple[float, float], text: str, place: str) -> Box:
    (x, y), size = point, LETTER * len(text)
    left = x + GAP + POINT if "right" in place else x - GAP - POINT - size
    low = y + GAP if "top" in place else y - GAP - LINE
    return left, low, left + size, low + LINE


def _around(point: tuple[float, float]) -> Box:
    x, y = point
    return x - POINT, y - POINT, x + POINT, y + POINT


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
