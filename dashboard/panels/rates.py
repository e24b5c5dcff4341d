"""What rounding does to each tensor of a setting, as a map of tensors and roles, and over steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from lpbench.terminal import Table

from ..charts import heatmap, style
from ..charts.curves import Axes, Curve, figure
from ..charts.grid import LETTER, arranged, fitting_columns
from ..data import choosing
from ..data.metrics import Metric
from ..data.steps import thin
from ..data.sweeps import Group, text
from ..data.tensors import RATES, ROLES, SHARES, History, Moment, Rate, Tensor
from ..page import Panel

MAP, CURVES = "What goes wrong, by tensor and role", "Since when"
WORST = "worst"  # in place of a rate: of each tensor the largest share
MOST_ROWS, MOST_LINES, MOST_NAMED = 40, len(style.LIGHT), 4
ROW, RIGHT = 24, 24  # pixels of a row of the map, and of the margin that the end of its scale needs
COLUMN, SHORT = 118, 80  # pixels of a column, with a word in its boxes and without: a phone scrolls sideways
VERTICES, LEAST_POINTS = 6_000, 60  # of all lines, and of each
DECIBELS = (60.0, 0.0)  # of the first and the last colour
WHOLE = 0.5  # from that share on an axis goes to 100 %
NEAR = {True: 0.005, False: 1.0}  # shares, and decibels: lines that differ by no more at any step are one
ENDS = ("rate", "mean", "least", "largest")  # columns of the numbers
LARGEST, EMPTY = "largest share of what goes wrong", "Empty: does not apply."


@dataclass(frozen=True)
class Shown:
    """A setting with its history.      name   how it differs from the others that are shown."""

    row: Group
    name: str
    history: History


@dataclass(frozen=True)
class Asked:
    """What the reader asks for.

    rate    WORST, or a column.      role   NO_AXIS: all.      names   of tensors; None: all.
    step    where the map is, if not at the end.      log   steps are logarithmic.
    """

    rate: str = WORST
    role: str = choosing.NO_AXIS
    names: Sequence[str] | None = None
    step: int | None = None
    log: bool = False

    @property
    def title(self) -> str:
        """What is shown, as an axis calls it."""
        return "share" if self.rate == WORST else RATES[self.rate].title + ("" if self.share else " (dB)")

    @property
    def share(self) -> bool:
        """Whether that is in per cent."""
        return self.rate == WORST or RATES[self.rate].share

    def lines(self, found: History) -> list[Line]:
        """What a figure may show of a history."""
        rates = SHARES if self.rate == WORST else (RATES[self.rate],)
        there = [
            i
            for i, one in enumerate(found.tensors)
            if self.role in (choosing.NO_AXIS, one.role) and (self.names is None or one.name in self.names)
        ]
        return [Line(i, rate) for rate in rates for i in there]


class Line(NamedTuple):
    """One rate of one tensor, by its place in the network."""

    place: int
    rate: Rate


def worst_first(found: History, moment: Moment, among: Sequence[Line]) -> list[Line]:
    """Those that have a number at any step, the worst at the moment first, then the worst over all steps."""

    def rank(line: Line) -> tuple[float, float]:
        place, rate = line
        over = found.numbers[rate.name].mean[:, place]
        over = over[np.isfinite(over)]
        now = float(moment.numbers[rate.name].mean[place])
        return rate.rank(now), rate.rank(float(over.mean()) if len(over) else math.nan)

    ranked = {line: rank(line) for line in among}
    return sorted((line for line in among if ranked[line] != (math.inf,) * 2), key=ranked.__getitem__)


def ranges(moment: Moment, line: Line) -> str:
    """`12 % (seeds 10 % to 14 %)`."""
    numbers = moment.numbers[line.rate.name]
    mean, low, high = (float(one[line.place]) for one in (numbers.mean, numbers.low, numbers.high))
    said = line.rate.text(mean)
    return f"{said} ({_seeds(line.rate, low, high)})" if moment.seeds > 1 else said


def _seeds(rate: Rate, low: float, high: float) -> str:
    first, last = rate.text(low), rate.text(high)
    return f"all seeds {first}" if first == last else f"seeds {first} to {last}"


def heat(found: History, moment: Moment, asked: Asked, dark: bool) -> Panel:
    """The map at a moment, of all roles: a row a tensor, layer by layer, a column a role.

    Boxes say the largest share and what it is of, or the rate that was asked for.
    """
    among = worst_first(found, moment, replace(asked, role=choosing.NO_AXIS).lines(found))
    boxes: dict[tuple[str, str], Line] = {}
    for line in among:
        one = found.tensors[line.place]
        if math.isfinite(moment.numbers[line.rate.name].mean[line.place]):
            boxes.setdefault((one.role, one.name), line)
    order = in_order(found, asked.names)
    first = dict.fromkeys(tensor for _, tensor in boxes)
    kept = [*first][:MOST_ROWS] if len(order) > MOST_ROWS else order
    rows = [tensor for tensor in order if tensor in kept]
    roles = [role for role in ROLES if any(one.role == role for one in found.tensors)]
    data = _numbers(found, moment, rows)
    if not boxes:
        return Panel(MAP, None, data, (f"Nothing was recorded at this step of: {asked.title}.",))
    values, texts, hover = {}, {}, {}
    places = {(one.role, one.name): i for i, one in enumerate(found.tensors)}
    for cell, line in boxes.items():
        role, tensor = cell
        if tensor not in kept:
            continue
        value = float(moment.numbers[line.rate.name].mean[line.place])
        values[cell] = value
        word = f" {line.rate.word}" if asked.rate == WORST and value > 0 else ""
        texts[cell] = line.rate.text(value) + word
        hover[cell] = f"<b>{tensor}, {choosing.named(role)}</b>" + _told(moment, places[cell])
    headings = {role: choosing.named(role) for role in roles}
    drawn = heatmap.figure(
        list(headings.values()),
        rows[::-1],
        {(headings[role], tensor): value for (role, tensor), value in values.items()},
        {},
        ("", "", LARGEST if asked.rate == WORST else asked.title),
        dark,
        hover={(headings[role], tensor): said for (role, tensor), said in hover.items()},
        metric=Metric("share", log=False, share=asked.share),
        texts={(headings[role], tensor): said for (role, tensor), said in texts.items()},
        ends=(0.0, 1.0) if asked.share else DECIBELS,
        row=ROW,
    )
    told = drawn["data"][0]["text"]
    names_wide = RIGHT + LETTER * style.SIZE * max(map(len, rows))
    drawn["data"][0]["textfont"] = {"size": 11}
    drawn["layout"]["margin"]["r"] = RIGHT
    plain = [[said.partition(" %")[0] + " %" if " %" in said else said for said in row] for row in told]
    drawn["layout"]["meta"] = {
        "least_width": round(names_wide + COLUMN * len(roles)),
        "narrow": {"text": plain, "least_width": round(names_wide + SHORT * len(roles))},
        "click": {"key": "role", "values": roles},
    }
    count = f"{len(rows)} of {len(order)} tensors, the worst: the field Tensors chooses others."
    left = [count] if len(rows) < len(order) else []
    return Panel(MAP, drawn, data, (EMPTY, *left))


def in_order(found: History, names: Sequence[str] | None) -> list[str]:
    """The tensors layer by layer, in the network's order; of a layer what it gives first, then its parameters."""
    layers: dict[str, list[str]] = {}
    for one in found.tensors:
        if names is None or one.name in names:
            layers.setdefault(one.layer, []).append(one.name)
    return [
        tensor
        for layer, own in layers.items()
        for tensor in sorted(dict.fromkeys(own), key=lambda tensor: tensor != layer)
    ]


def _told(moment: Moment, place: int) -> str:
    """All that is known of a tensor in a role, a line each."""
    known = [rate for rate in RATES.values() if math.isfinite(moment.numbers[rate.name].mean[place])]
    said = [f"{rate.title}: {ranges(moment, Line(place, rate))}" for rate in known]
    count = float(moment.numbers["numbers"].mean[place])
    said += [f"of {count:,.0f} numbers that are not 0"] if math.isfinite(count) else []
    return "".join(f"<br>{one}" for one in said)


def _numbers(found: History, moment: Moment, rows: Sequence[str]) -> Table:
    """All that is known of the tensors in `rows`: a row a rate."""
    told = []
    for i, one in enumerate(found.tensors):
        for rate in RATES.values() if one.name in rows else ():
            numbers = moment.numbers[rate.name]
            if math.isfinite(numbers.mean[i]):
                ends = (float(part[i]) for part in (numbers.mean, numbers.low, numbers.high))
                count = choosing.finite(float(moment.numbers["numbers"].mean[i]))
                told.append([*one, rate.name, *ends, count, moment.seeds])
    return Table([*Tensor._fields, *ENDS, "numbers", "seeds"], told)


def curves(
    shown: Sequence[Shown], found: History, moment: Moment, asked: Asked, axes: Sequence[str], dark: bool
) -> Panel:
    """A panel for each setting, in it a line for each of the worst tensors of the one whose history is `found`.

    axes   what varies in the sweep: the columns of the numbers.
    """
    every = one_each(worst_first(found, moment, asked.lines(found)))
    moved = [line for line in every if not line.rate.share or _moves(shown, found, line)]
    kept, others = _alike(shown, found, moved or every)
    if not kept:
        of = "" if asked.role == choosing.NO_AXIS else f" of {choosing.named(asked.role)}"
        return Panel(CURVES, None, notes=(f"Nothing was recorded{of} of: {asked.title}.",))
    points = max(LEAST_POINTS, VERTICES // (len(kept) * len(shown)))
    roles = list(dict.fromkeys(found.tensors[same[0].place].role for same in kept))
    drawn, rows = [], []
    for one in shown:
        for at, same in enumerate(kept):
            there = [place for line in same if (place := _place(one.history, found, line)) is not None]
            rate, name = same[0].rate, _called(found, same, asked.rate == WORST)
            if there:
                drawn.append(_curve(one, Line(there[0], rate), name, at, roles, points, asked.log, dark))
            for place in there:
                rows += _rows(one, Line(place, rate), axes)
    if not any(len(curve.x) for curve in drawn):
        return Panel(CURVES, None, notes=("No step beyond the first was recorded (yet).",))
    top = max(float(np.max(curve.y, initial=0.0)) for curve in drawn)
    ends = {"range": [-0.02, 1.04]} if asked.share and top >= WHOLE else {"rangemode": "tozero"}
    of_y: dict[str, Any] = {"y_log": False, "y_share": asked.share, "y_more": ends}
    scales = Axes("steps (parameter updates)", asked.title, x_log=asked.log, **of_y)
    plot = figure(drawn, scales, dark, _mark(asked, dark), titles=len(shown) > 1, equals=False)
    if len(kept) == 1:  # a line alone says what it is as well
        plot["layout"]["showlegend"] = True
        arranged(plot, fitting_columns(len(shown)), scales.x, scales.y)
    plot["layout"]["meta"] |= {"click": {"key": "step"}}
    plot["layout"]["hoverdistance"] = -1  # few steps lie far apart, and each can be clicked
    data = Table([*axes, "step", *Tensor._fields, *ENDS, "seeds"], rows)
    flat = len(every) - len(moved) if moved else 0
    return Panel(CURVES, plot, data, tuple(_left(found, flat, kept, others)))


def _mark(asked: Asked, dark: bool) -> list[dict[str, Any]]:
    """A line at the step of the map, if that is not the last."""
    if asked.step is None or (asked.log and asked.step == 0):
        return []
    ends = {"xref": "x", "x0": asked.step, "x1": asked.step, "yref": "y domain", "y0": 0, "y1": 1}
    return [{"type": "line", **ends, "line": {"color": style.soft(dark), "dash": "dot", "width": 1.2}}]


def one_each(among: Sequence[Line]) -> list[Line]:
    """Of each tensor the first: its line is of what its box in the map says."""
    found: dict[int, Line] = {}
    for line in among:
        found.setdefault(line.place, line)
    return list(found.values())


def _moves(shown: Sequence[Shown], found: History, line: Line) -> bool:
    """Whether a line is above 0 in any of the settings."""
    places = [(one.history, _place(one.history, found, line)) for one in shown]
    return any(
        np.nanmax(np.nan_to_num(other.numbers[line.rate.name].mean[:, place]), initial=0.0) > 0
        for other, place in places
        if place is not None
    )


def _alike(
    shown: Sequence[Shown], found: History, among: Sequence[Line]
) -> tuple[list[list[Line]], list[Line]]:
    """The first lines, each with those that are one with it to the eye in all settings; and the others."""
    parts: list[list[Line]] = []
    others = []
    for line in among:
        role = found.tensors[line.place].role
        for part in parts:
            same = line.rate is part[0].rate and role == found.tensors[part[0].place].role
            if same and all(_near(one.history, found, part[0], line) for one in shown):
                part.append(line)
                break
        else:
            if len(parts) < MOST_LINES:
                parts.append([line])
            else:
                others.append(line)
    return parts, others


def _near(other: History, found: History, first: Line, line: Line) -> bool:
    """Whether two lines of one rate are one in a history; so they are where it has neither."""
    a, b = _place(other, found, first), _place(other, found, line)
    if a is None or b is None:
        return a is b
    mean = other.numbers[line.rate.name].mean
    apart = np.abs(mean[:, a] - mean[:, b])
    there = np.isfinite(apart)
    return bool(
        np.all(apart[there] <= NEAR[line.rate.share])
        and np.array_equal(np.isfinite(mean[:, a]), np.isfinite(mean[:, b]))
    )


def _called(found: History, same: Sequence[Line], word: bool) -> str:
    """`hidden1.weight and 2 more, gradients: underflow`; the last with `word`."""
    first = found.tensors[same[0].place]
    more = f" and {len(same) - 1} more" if len(same) > 1 else ""
    return f"{first.name}{more}, {choosing.named(first.role)}" + (f": {same[0].rate.word}" if word else "")


def _place(other: History, found: History, line: Line) -> int | None:
    """Where the tensor of a line is in another history."""
    return other.places.get(found.tensors[line.place])


def _curve(
    one: Shown, line: Line, name: str, at: int, roles: Sequence[str], points: int, log: bool, dark: bool
) -> Curve:
    """The line at place `at` of the legend."""
    place, rate = line
    found, numbers = one.history, one.history.numbers[rate.name]
    mean, low, high = (part[:, place] for part in (numbers.mean, numbers.low, numbers.high))
    there = np.flatnonzero(np.isfinite(mean) & (found.steps > 0 if log else True))
    there = there[thin(found.steps[there], points)]
    several = bool((found.seeds > 1).any())
    band: Mapping[str, Any] = {"low": low[there], "high": high[there]} if several else {}
    hover = [_seeds(rate, low[i], high[i]) for i in there] if several else []
    color = style.colors(dark)[at % len(style.colors(dark))]
    dash = style.DASHES[roles.index(found.tensors[place].role) % len(style.DASHES)]
    return Curve(found.steps[there], mean[there], one.name, name, color, dash, hover=hover, width=1.8, **band)


def _rows(one: Shown, line: Line, axes: Sequence[str]) -> list[list[Any]]:
    found, numbers = one.history, one.history.numbers[line.rate.name]
    named, tensor = [text(one.row[axis]) for axis in axes], found.tensors[line.place]
    there = np.isfinite(numbers.mean[:, line.place])
    parts = (part[there, line.place].tolist() for part in (numbers.mean, numbers.low, numbers.high))
    columns = zip(found.steps[there].tolist(), *parts, found.seeds[there].tolist(), strict=True)
    return [[*named, step, *tensor, line.rate.name, *rest] for step, *rest in columns]


def _left(found: History, flat: int, kept: Sequence[Sequence[Line]], others: Sequence[Line]) -> Iterable[str]:
    """Sentences on the lines that are not drawn: `flat` of 0, those that share one, and the `others`."""
    if flat:
        yield f"{choosing.plural(flat, 'tensor')} of 0 at all steps: not drawn."
    if any(len(same) > 1 for same in kept):
        near = "half a point" if kept[0][0].rate.share else f"{NEAR[False]:g} dB"
        yield f"Tensors of one role that differ by {near} at most share a line; the numbers have each."
    if others:
        names = [_called(found, [line], True) for line in others[:MOST_NAMED]]
        more = " …" if len(others) > MOST_NAMED else ""
        yield (
            f"The worst {len(kept)} lines at the step of the map; {choosing.plural(len(others), 'more tensor')} not "
            f"drawn: {'; '.join(names)}{more}. Role and Tensors above choose others."
        )
