"""The markers of figures as plot marks of PGF: the outlines that plotly draws, of the same size."""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = tuple[float, float]


def _star(points: int, inner: float, turn: float = 90.0, outer: float = 1.0) -> list[Point]:
    """A star, or with `inner` on the way between its points a polygon; `turn`: degrees of the first point."""
    angles = (math.radians(turn + 180.0 * i / points) for i in range(2 * points))
    return [
        (outer * inner ** (i % 2) * math.cos(a), outer * inner ** (i % 2) * math.sin(a))
        for i, a in enumerate(angles)
    ]


def _polygon(corners: int, turn: float = 90.0, outer: float = 1.0) -> list[Point]:
    return _star(corners, 1.0, turn, outer)[::2]


def _plus(arm: float, turn: float = 0.0) -> list[Point]:
    half = 0.4 * arm
    corner = [(half, half), (half, arm), (-half, arm), (-half, half)]
    points = [
        (x * c - y * s, x * s + y * c) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1)) for x, y in corner
    ]
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return [(x * c - y * s, x * s + y * c) for x, y in points]


# Outlines of markers of radius 1; without a point: a circle.
OUTLINES: dict[str, Sequence[Point]] = {
    "circle": [],
    "square": _polygon(4, 45, math.sqrt(2)),
    "diamond": _polygon(4, 90, 1.3),
    "triangle-up": _polygon(3, 90, 1.15),
    "triangle-down": _polygon(3, 270, 1.15),
    "triangle-left": _polygon(3, 180, 1.15),
    "triangle-right": _polygon(3, 0, 1.15),
    "cross": _plus(1.15),
    "x": _plus(1.15, 45),
    "star": _star(5, 0.45, outer=1.4),
    "star-diamond": _star(4, 0.45, outer=1.4),
    "star-square": _star(4, 0.55, 45, 1.4),
    "pentagon": _polygon(5),
    "hexagon": _polygon(6, 0),
    "hourglass": [(-1, 1), (1, 1), (-1, -1), (1, -1)],
    "bowtie": [(-1, 1), (1, -1), (1, 1), (-1, -1)],
    "line-ew": [(-1.4, 0), (1.4, 0)],
}


def name(symbol: str) -> str:
    """What a file calls the mark of a symbol of plotly."""
    return f"lp-{symbol}"


def declared(symbol: str) -> list[str]:
    """The lines that make a mark of a symbol, or none where there is no such symbol."""
    outline = OUTLINES[symbol.removesuffix("-open")]
    size = r"\pgfplotmarksize"
    path = [
        rf"\pgfpath{'lineto' if i else 'moveto'}{{\pgfpoint{{{x:.3f}{size}}}{{{y:.3f}{size}}}}}"
        for i, (x, y) in enumerate(outline)
    ]
    whole = [*path, r"\pgfpathclose"] if outline else [rf"\pgfpathcircle{{\pgfpointorigin}}{{{size}}}"]
    use = r"\pgfusepathqstroke" if symbol.endswith("-open") else r"\pgfusepathqfillstroke"
    return [rf"\pgfdeclareplotmark{{{name(symbol)}}}{{%", *(f"  {line}%" for line in whole), f"  {use}}}"]


def is_known(symbol: str) -> bool:
    """Whether there is a mark of it."""
    return symbol.removesuffix("-open") in OUTLINES
