"""How fast training in integers is: a step beside the bandwidth of the memory, ratios to float32, gaps by the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..data import speeds
from ..data.speeds import EIGHT, FLOAT, SIZES, Measurement
from . import style
from .curves import Axes, Curve, Key, figure, remark

LIMIT, BYTES, LOOP = "as fast as memory is read", "ratio of bytes", "outer loop"
NUMBERS = [*SIZES]
MOST_TICKS, MOST_TIMES = 6, 3  # of measurements: by their day, and by day and time


def _color(numbers: str, dark: bool) -> str:
    return style.colors(dark)[NUMBERS.index(numbers)] if numbers in NUMBERS else style.soft(dark)


def _keys(pairs: Sequence[str], numbers: Sequence[str], limit: str, dark: bool) -> list[Key]:
    """The colours of numbers, the dashes of algorithms, and of the limit."""
    colors = [Key(one, _color(one, dark)) for one in numbers]
    dashes = [Key(pair, style.soft(dark), style.DASHES[i], style.MARKERS[i]) for i, pair in enumerate(pairs)]
    return [*colors, *dashes, Key(limit, style.soft(dark), style.LIMITS[0], width=1.4)]


def _facet(cores: int, of: Sequence[int]) -> str:
    return f"{cores} core{'s' * (cores > 1)}" if len(of) > 1 else ""


def _axis(dimensions: Sequence[int], y: str, y_log: bool, **more: Any) -> Axes:
    return Axes("dimension d", y, len(dimensions) > 1, y_log, dimensions, **more)


def step_figure(one: Measurement, dark: bool) -> dict[str, Any]:
    """Nanoseconds a coordinate of a step, a panel for one core and for all, each over what reading memory takes."""
    dimensions, used, pairs, numbers = _there(one)
    curves = []
    for cores in used:
        facet = _facet(cores, used)
        for name in numbers:
            for i, pair in enumerate(pairs):
                rows = _rows(one, pair, name, cores)
                called = f"{speeds.algorithm(pair, name)}, {name}"
                curves.append(
                    Curve(
                        [row["dimension"] for row in rows], [row["ns_coordinate"] for row in rows], facet, called,
                        _color(name, dark), style.DASHES[i % len(style.DASHES)], style.MARKERS[i % len(style.MARKERS)],
                        hover=[f"{row['gb_s']:.3g} GB/s" for row in rows],
                    )
                )  # fmt: skip
            ns = limit(one, name, cores)
            ends = [dimensions[0], dimensions[-1]]
            curves.append(
                Curve(
                    ends, [ns, ns], facet, f"{LIMIT}, {name}", _color(name, dark), style.LIMITS[0], width=1.4,
                )
            )  # fmt: skip
    axes = _axis(dimensions, "ns a coordinate", True)
    return _said(figure(curves, axes, dark, keys=_keys(pairs, numbers, LIMIT, dark), equals=False), one, used)


def limit(one: Measurement, numbers: str, cores: int) -> float:
    """Nanoseconds in which a number of the data is read at the bandwidth that a plain loop reached."""
    found: float = SIZES.get(numbers, 1) / one.machine[f"read_gb_s_{cores}"]
    return found


def ratio_figure(one: Measurement, dark: bool) -> dict[str, Any]:
    """float32 over integers against the dimension, beside the ratio of the bytes."""
    dimensions, used, pairs, numbers = _there(one)
    integers = [name for name in numbers if name != FLOAT]
    curves = []
    for cores in used:
        facet = _facet(cores, used)
        for name in integers:
            lines = [(pair, _rows(one, pair, name, cores)) for pair in pairs]
            if cores == 1:
                lines.append((LOOP, [row for row in one.loops if row["numbers"] == name]))
            for i, (pair, rows) in enumerate(lines):
                called = LOOP if pair == LOOP else speeds.algorithm(pair, name)
                curves.append(
                    Curve(
                        [row["dimension"] for row in rows], [row["ratio"] for row in rows], facet, f"{called}, {name}",
                        _color(name, dark), style.DASHES[i % len(style.DASHES)], style.MARKERS[i % len(style.MARKERS)],
                    )
                )  # fmt: skip
            bytes_of = SIZES[FLOAT] / SIZES.get(name, 1)
            curves.append(
                Curve(
                    [dimensions[0], dimensions[-1]], [bytes_of] * 2, facet, f"{BYTES}, {name}", _color(name, dark),
                    style.LIMITS[0], width=1.4, silent=True,
                )
            )  # fmt: skip
    axes = _axis(dimensions, "float32 / integers", False, y_more={"rangemode": "tozero"})
    return _said(
        figure(curves, axes, dark, keys=_keys([*pairs, LOOP], integers, BYTES, dark), equals=False), one, used
    )


def gap_figure(one: Measurement, dark: bool) -> dict[str, Any]:
    """The gap after each outer loop against the milliseconds until then."""
    curves = [
        Curve(
            [1e3 * seconds for seconds, _ in course], [float("nan") if gap is None else gap for _, gap in course], "",
            f"{speeds.algorithm('SVRG, HALP', name)}, {name}", _color(name, dark), "solid",
            style.MARKERS[NUMBERS.index(name) if name in NUMBERS else -1],
        )
        for name, course in one.courses.items()
    ]  # fmt: skip
    return _said(figure(curves, Axes("milliseconds", "objective gap / gap at 0"), dark), one, [1])


def past_figure(
    found: Sequence[Measurement], lines: Mapping[str, Sequence[float | None]], dark: bool
) -> dict[str, Any]:
    """Ratios of one machine over its measurements, which stand in their order."""
    places, palette = list(range(len(found))), style.colors(dark)
    curves = [
        Curve(
            places, [float("nan") if y is None else y for y in values], "", name, palette[i], style.DASHES[i],
            style.MARKERS[i], hover=[speeds.when(one) for one in found],
        )
        for i, (name, values) in enumerate(lines.items())
    ]  # fmt: skip
    days = [speeds.when(one)[5:10] for one in found]
    shown = style.evenly(places, MOST_TICKS)
    texts = [days[i] for i in shown]
    if len(set(texts)) < len(texts):  # with the time, for which a phone has less room
        shown = style.evenly(places, MOST_TIMES)
        texts = [speeds.when(found[i])[5:] for i in shown]
    ticks = {
        "range": [-0.5, len(found) - 0.5], "showgrid": False, "tickvals": shown, "ticktext": texts, "tickangle": 0,
    }  # fmt: skip
    axes = Axes(
        "measured at (UTC)", f"float32 / {EIGHT}", y_log=False, x_more=ticks, y_more={"rangemode": "tozero"}
    )
    return figure(curves, axes, dark, equals=False)


def _said(drawn: dict[str, Any], one: Measurement, used: Sequence[int]) -> dict[str, Any]:
    """A figure that says by itself where and when it was measured: a picture of it has no page around it.

    used   the cores of each panel, whose titles say them where there are several.
    """
    cores = used[0] if len(used) == 1 else None
    drawn["layout"].setdefault("annotations", []).append(remark(speeds.briefly(one, cores)))
    return drawn


def _there(one: Measurement) -> tuple[list[int], list[int], list[str], list[str]]:
    """Dimensions, numbers of cores, pairs of algorithms and types of numbers of the steps."""
    keys = ("dimension", "cores", "algorithm", "numbers")
    dimensions, cores, pairs, numbers = (list(dict.fromkeys(row[key] for row in one.steps)) for key in keys)
    return sorted(dimensions), sorted(cores), pairs, [name for name in NUMBERS if name in numbers]


def _rows(one: Measurement, pair: str, numbers: str, cores: int) -> list[Any]:
    rows = [
        row for row in one.steps if (row["algorithm"], row["numbers"], row["cores"]) == (pair, numbers, cores)
    ]
    return sorted(rows, key=lambda row: row["dimension"])
