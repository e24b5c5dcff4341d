"""Colours, dashes and markers: the same for the same thing on every page, and readable without colours.

Categories have the colours of Okabe and Ito, which colour-blind readers tell apart, and a dash and a marker as a second
code; what has an order goes from blue to yellow, as Cividis does. A bit width has a colour of its own, whatever was
swept beside it. Limits have dashes that no measured line has. Light and dark have a palette each, darkened or
lightened until every line has a contrast of 3 to 1 to its paper (WCAG 2.2, 1.4.11).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

LIGHT = ("#0067A6", "#C04F00", "#009E73", "#CC79A7", "#BF8700", "#3C9BD6", "#5F5A00", "#000000")
DARK = ("#4DA6E0", "#FF8A47", "#2FC79A", "#E39AC4", "#F5B83D", "#8ACBF2", "#F0E442", "#E6E6E6")
MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hourglass", "triangle-right")
FORMAT_MARKERS = (
    "triangle-down",
    "hexagon",
    "pentagon",
    "x",
    "bowtie",
    "star-diamond",
    "triangle-left",
    "star-square",
)
DASHES = ("solid", "dash", "dashdot", "longdash", "longdashdot")  # of measured lines
LIMITS = ("dot", "1px,5px")  # of proven ones, which have no markers
FORMATS = {"fixed": 0, "float": 1, "log": 2, "block": 3, "none": 7}
ALGORITHMS = {"lp_sgd": 0, "halp": 1, "lp_svrg": 2, "swalp": 3, "svrg": 4, "sgd": 5}
FIXED = ALGORITHMS | FORMATS
ALARM = ("#D1001F", "#FF5C5C")  # light, dark: of what may not be, and of nothing else that is lit or ringed
SIZE, FAMILY = 13, "system-ui, -apple-system, Segoe UI, Roboto, sans-serif"  # of all texts in figures; pixels
PAPER = ("#FFFFFF", "#1A1B1E")  # light, dark
ORDER = (
    ("#00224E", "#2F4A80", "#5F6A7E", "#827B55", "#A08C00"),
    ("#5B77B5", "#8490AE", "#A8A58F", "#D3C25A", "#FEE838"),
)
# From 1 bit to 16, and on to 64: no two of 1 to 16 look alike, and each is far from the next two.
WIDTHS = (
    ("#1A1A1A", "#3A2A9A", "#0067C6", "#008A8A", "#2E8B20", "#8A7A00", "#C46A00", "#C62828", "#C2187A", "#8A3FC0",
     "#6A5560"),
    ("#F2F2F2", "#8A7BFF", "#3F9BFF", "#2CD0D0", "#5FD84A", "#E6D640", "#FFA63A", "#FF6B5E", "#FF6FC0", "#C79BFF",
     "#B8A6B0"),
)  # fmt: skip
# Cividis at eleven places, from the tables of its authors (Nunez, Anderton, Renslow 2018).
CIVIDIS = (
    "#00224E", "#123570", "#3B496C", "#575D6D", "#707173", "#8A8678", "#A59C74", "#C3B369", "#E1CC55", "#F1DB46",
    "#FEE838", )  # fmt: skip


def colors(dark: bool) -> tuple[str, ...]:
    """The palette for categories."""
    return DARK if dark else LIGHT


PER_CENT = ".4~%"  # the ticks of what is a share


def ink(dark: bool) -> str:
    """The colour of what stands out of all categories."""
    return colors(dark)[-1]


def soft(dark: bool) -> str:
    """The colour of what explains: keys of dashes, reference lines."""
    return "#9AA4AE" if dark else "#59636E"


def place(value: str, among: Sequence[str]) -> int:
    """Which colour and marker a category has: its own where it is known, else one that no known one of `among` has."""
    if value in FIXED or value not in among:
        return FIXED.get(value, sum(value.encode()) % len(MARKERS))
    taken = {FIXED.get(one) for one in among}
    free = [i for i in range(len(MARKERS)) if i not in taken] or [*range(len(MARKERS))]
    cycle, at = divmod([one for one in among if one not in FIXED].index(value), len(free))
    return free[at] + cycle * len(MARKERS)


def color(value: str, among: Sequence[str], dark: bool) -> str:
    """The colour of a category."""
    palette = colors(dark)
    return palette[place(value, among) % len(palette)]


def dash(value: str, among: Sequence[str]) -> str:
    """The dash of a category, by its place among the others."""
    return DASHES[(list(among).index(value) if value in among else 0) % len(DASHES)]


def width_color(bits: float, dark: bool) -> str:
    """The colour of a number of bits, which depends on nothing else."""
    at = bits - 1 if bits <= 16 else 15 + math.log2(bits / 16)
    return _between(min(1.0, max(0.0, at / 17)), WIDTHS[dark])


def marker(value: str, among: Sequence[str], axis: str = "") -> str:
    """The marker of a value of an axis: formats have none that an algorithm has."""
    if axis == "precision" and value.isdecimal():
        return MARKERS[int(value) % len(MARKERS)]
    known = FORMAT_MARKERS if axis == "format" or value in FORMATS else MARKERS
    at = place(value, among)
    return known[(at + at // len(known)) % len(known)]  # where colours begin again they meet other markers


def evenly(values: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of them, evenly spread, the first and the last among them; of one the first."""
    if len(values) <= most:
        return list(values)
    places = [round(i * (len(values) - 1) / max(1, most - 1)) for i in range(most)]
    return [values[i] for i in dict.fromkeys(places)]


def ordered(count: int, dark: bool) -> list[str]:
    """`count` colours for the lines of values that have an order."""
    return [_between(float(at), ORDER[dark]) for at in np.linspace(0, 1, max(count, 1))]


def scale(dark: bool) -> list[list[Any]]:
    """A continuous scale for plotly, of areas: Cividis without the end that the paper would swallow."""
    low, high = (0.25, 1.0) if dark else (0.0, 0.82)
    return [[i / 8, _between(low + (high - low) * i / 8, CIVIDIS)] for i in range(9)]


def _between(at: float, names: Sequence[str]) -> str:
    """The colour at 0 to 1 on the way along `names`."""
    position = at * (len(names) - 1)
    low = min(int(position), len(names) - 2)
    part = position - low
    ends = [[int(name[i : i + 2], 16) for i in (1, 3, 5)] for name in names[low : low + 2]]
    mixed = [round(a + part * (b - a)) for a, b in zip(*ends, strict=True)]
    return "#" + "".join(f"{value:02X}" for value in mixed)


def transparent(name: str, alpha: float) -> str:
    """A colour with an alpha, as rgba(...)."""
    red, green, blue = (int(name[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def layout(dark: bool, **more: Any) -> dict[str, Any]:
    """What every figure's layout has; `more` is laid over it."""
    ink, grid = ("#C9D1D9", "#30363D") if dark else ("#1F2328", "#DDE1E6")
    paper = PAPER[dark]
    axis = {
        "gridcolor": grid, "linecolor": grid, "zeroline": False, "ticks": "outside", "tickcolor": grid,
        "automargin": True, "exponentformat": "power", "minor": {"showgrid": False}, "title": {"font": {"size": SIZE}},
    }  # fmt: skip
    base: dict[str, Any] = {
        "paper_bgcolor": paper,
        "plot_bgcolor": paper,
        "font": {"color": ink, "size": SIZE, "family": FAMILY},
        "colorway": list(colors(dark)),
        "xaxis": dict(axis),
        "yaxis": dict(axis),
        "hoverlabel": {"namelength": -1},
        "legend": {
            "orientation": "h",
            "yref": "container",
            "yanchor": "bottom",
            "y": 0,
            "x": 0,
            "font": {"size": 12},
        },
        "margin": {"l": 66, "r": 16, "t": 28, "b": 48},
        "height": 460,
        "uirevision": "keep",
    }
    return merged(base, more)


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """`second` over `first`, dictionaries in both joined."""
    result = dict(first)
    for key, value in second.items():
        known = result.get(key)
        result[key] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return result
