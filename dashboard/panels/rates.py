"""What rounding does to each tensor of a setting, as a map of tensors and roles, and over steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lpbench.terminal import Table

from ..charts import heatmap, style
from ..charts.curves import Axes, Curve, figure
from ..charts.grid import arranged, fitting_columns
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
NAME, COLUMN, SHORT = 110, 118, 80  # pixels of names, and of a column, with a word in its boxes and without
VERTICES, LEAST_POINTS = 6_000, 60  # of all lines, and of each
DECIBELS = (60.0, 0.0)  # of the first and the last colour
WHOLE = 0.5  # from that share on an axis goes to 100 %
NEAR = 0.005  # lines of one kind that differ by no more at any step are one
ENDS = ("rate", "mean", "least", "largest")  # columns of the numbers
LARGEST, EMPTY = "largest share", "Empty: does not apply."


@dataclass(frozen=True)
class Shown:
    """A setting with its history.      name   how it differs from the others that are shown."""

    row: Group
    name: str
    history: History


class Line(NamedTuple):
    """One rate of one tensor, by its place in the network."""

    place: int
    rate: Rate


def rates_of(asked: str) -> list[Rate]:
    """The rates that a control asks for."""
    return [*SHARES] if asked == WORST else [RATES[asked]]


def lines(found: History, asked: str, role: str, names: Iterable[str] | None) -> list[Line]:
    """What a figure may show of a history: of one role or all (NO_AXIS), of the tensors called so (None: of all)."""
    wanted = None if names is None else set(names)
    there = [
        i
        for i, one in enumerate(found.tensors)
        if role in (choosing.NO_AXIS, one.role) and (wanted is None or one.name in wanted)
    ]
    return [Line(i, rate) for rate in rates_of(asked) for i in there]


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


def heat(found: History, moment: Moment, asked: str, names: Sequence[str] | None, dark: bool) -> Panel:
    """The map at a moment: a row a tensor, layer by layer, a column a role.

    Boxes say the largest share and what it is of, or the rate that was asked for.
    """
    among = worst_first(found, moment, lines(found, asked, choosing.NO_AXIS, names))
    boxes: dict[tuple[str, str], Line] = {}
    for line in among:
        one = found.tensors[line.place]
        if math.isfinite(moment.numbers[line.rate.name].mean[line.place]):
            boxes.setdefault((one.role, one.name), line)
    order = in_order(found, names)
    first = dict.fromkeys(tensor for _, tensor in boxes)
    kept = [*first][:MOST_ROWS] if len(order) > MOST_ROWS else order
    rows = [tensor for tensor in order if tensor in kept]
    roles = [role for role in ROLES if any(one.role == role for one in found.tensors)]
    data = _numbers(found, moment, rows)
    if not boxes:
        none = f"Nothing of what is recorded says {_title(asked)} at this step."
        return Panel(MAP, None, data, (none,))
    values, texts, hover = {}, {}, {}
    places = {(one.role, one.name): i for i, one in enumerate(found.tensors)}
    for cell, line in boxes.items():
        role, tensor = cell
        if tensor not in kept:
            continue
        value = float(moment.numbers[line.rate.name].mean[line.place])
        values[cell] = value
        word = f" {line.rate.word}" if asked == WORST and value > 0 else ""
        texts[cell] = line.rate.text(value) + word
        hover[cell] = f"<b>{tensor}, {choosing.named(role)}</b>" + _told(moment, places[cell])
    headings = {role: choosing.named(role) for role in roles}
    share = asked == WORST or RATES[asked].share
    drawn = heatmap.figure(
        list(headings.values()),
        rows[::-1],
        {(headings[role], tensor): value for (role, tensor), value in values.items()},
        {},
        ("", "", _scale(asked)),
        dark,
        hover={(headings[role], tensor): said for (role, tensor), said in hover.items()},
        metric=Metric("share", log=False, share=share),
        texts={(headings[role], tensor): said for (role, tensor), said in texts.items()},
        ends=(0.0, 1.0) if share else DECIBELS,
        row=ROW,
    )
    told = drawn["data"][0]["text"]
    drawn["data"][0]["textfont"] = {"size": 11}
    drawn["layout"]["margin"]["r"] = RIGHT
    plain = [[said.partition(" %")[0] + " %" if " %" in said else said for said in row] for row in told]
    drawn["layout"]["meta"] = {
        "least_width": NAME + COLUMN * len(roles),
        "narrow": {"text": plain, "least_width": NAME + SHORT * len(roles)},
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


def _title(asked: str) -> str:
    return LARGEST if asked == WORST else RATES[asked].title


def _scale(asked: str) -> str:
    if asked == WORST:
        return f"{LARGEST} of what goes wrong"
    return RATES[asked].title + ("" if RATES[asked].share else " (dB)")


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
    shown: Sequence[Shown],
    found: History,
    moment: Moment,
    asked: str,
    role: str,
    names: Sequence[str] | None,
    step: int | None,
    log: bool,
    axes: Sequence[str],
    dark: bool,
) -> Panel:
    """A panel for each setting, in it a line for each of the worst tensors of the one whose history is `found`.

    step   where the map is, if not at the end.      axes   what varies in the sweep: the columns of the numbers.
    """
    every = _one_each(worst_first(found, moment, lines(found, asked, role, names)))
    moved = [line for line in every if not line.rate.share or _moves(shown, found, line)]
    alike = _alike(shown, found, moved or every)
    kept = alike[:MOST_LINES]
    if not kept:
        of = "" if role == choosing.NO_AXIS else f" of {choosing.named(role)}"
        return Panel(CURVES, None, notes=(f"Nothing{of} was recorded that says {_title(asked)}.",))
    points = max(LEAST_POINTS, VERTICES // (len(kept) * len(shown)))
    roles = list(dict.fromkeys(found.tensors[same[0].place].role for same in kept))
    drawn, rows = [], []
    for one in shown:
        for at, same in enumerate(kept):
            there = [place for line in same if (place := _place(one.history, found, line)) is not None]
            rate, name = same[0].rate, _called(found, same, asked)
            if there:
                drawn.append(_curve(one, Line(there[0], rate), name, at, roles, points, log, dark))
            for place in there:
                rows += _rows(one, Line(place, rate), axes)
    if not any(len(curve.x) for curve in drawn):
        return Panel(CURVES, None, notes=("No step beyond the first was recorded (yet).",))
    share = kept[0][0].rate.share
    title = "share" if asked == WORST else RATES[asked].title + ("" if share else " (dB)")
    top = max((float(np.max(curve.y, initial=0.0)) for curve in drawn), default=0.0)
    ends = {"range": [-0.02, 1.04]} if share and top >= WHOLE else {"rangemode": "tozero"}
    scales = Axes(
        "steps (parameter updates)",
        title,
        x_log=log,
        y_log=False,
        y_share=share,
        y_more=ends,
    )
    marked = {"type": "line", "xref": "x", "x0": step, "x1": step, "yref": "y domain", "y0": 0, "y1": 1}
    line_of = {"color": style.soft(dark), "dash": "dot", "width": 1.2}
    shapes = [marked | {"line": line_of}] if step and (step > 0 or not log) else []
    plot = figure(drawn, scales, dark, shapes, titles=len(shown) > 1, equals=False)
    if len(kept) == 1:  # a line alone says what it is as well
        plot["layout"]["showlegend"] = True
        arranged(plot, fitting_columns(len(shown)), scales.x, scales.y)
    plot["layout"]["meta"] |= {"click": {"key": "step"}}
    plot["layout"]["hoverdistance"] = -1  # few steps lie far apart, and each can be clicked
    columns = [*axes, "step", *Tensor._fields, *ENDS, "seeds"]
    return Panel(
        CURVES,
        plot,
        Table(columns, rows),
        tuple(_left(found, len(every) - len(moved) if moved else 0, alike)),
    )


def _one_each(among: Sequence[Line]) -> list[Line]:
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


def _alike(shown: Sequence[Shown], found: History, among: Sequence[Line]) -> list[list[Line]]:
    """The lines, those together that are one line to the eye in all settings: of one role and rate."""
    parts: list[list[Line]] = []
    for line in among:
        role = found.tensors[line.place].role
        for part in parts:
            first = part[0]
            same = line.rate is first.rate and role == found.tensors[first.place].role
            if same and all(_near(one.history, found, first, line) for one in shown):
                part.append(line)
                break
        else:
            parts.append([line])
    return parts


def _near(other: History, found: History, first: Line, line: Line) -> bool:
    """Whether two lines of one rate are one in a history; so they are where it has neither."""
    a, b = _place(other, found, first), _place(other, found, line)
    if a is None or b is None:
        return a is b
    mean = other.numbers[line.rate.name].mean
    least = NEAR if line.rate.share else 1.0
    return bool(np.allclose(mean[:, a], mean[:, b], rtol=0, atol=least, equal_nan=True))


def _called(found: History, same: Sequence[Line], asked: str) -> str:
    """`hidden1.weight and 2 more, gradients: to 0`."""
    first = found.tensors[same[0].place]
    more = f" and {len(same) - 1} more" if len(same) > 1 else ""
    word = f": {same[0].rate.word}" if asked == WORST else ""
    return f"{first.name}{more}, {choosing.named(first.role)}{word}"


def _place(other: History, found: History, line: Line) -> int | None:
    """Where the tensor of a line is in another history."""
    wanted = found.tensors[line.place]
    return other.tensors.index(wanted) if wanted in other.tensors else None


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


def _left(found: History, flat: int, alike: Sequence[Sequence[Line]]) -> Iterable[str]:
    """Sentences on the lines that are not drawn: `flat` of 0, and those beyond the first."""
    if flat:
        yield f"{choosing.plural(flat, 'tensor')} of 0 at all steps: not drawn."
    if any(len(same) > 1 for same in alike[:MOST_LINES]):
        yield f"One line for tensors of one role that differ by at most {NEAR * 100:g} points; the numbers have each."
    others = alike[MOST_LINES:]
    if others:
        names = [f"{_called(found, same, WORST)}" for same in others]
        more = " …" if len(names) > MOST_NAMED else ""
        yield (
            f"{MOST_LINES} of {len(alike)} lines, the worst at the step of the map; not drawn: "
            f"{'; '.join(names[:MOST_NAMED])}{more}. Role and Tensors above choose others."
        )
