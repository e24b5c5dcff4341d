"""What the axes of a figure show: their own ranges, or those of the lines on them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

PAD = 0.05  # of the span of an axis without a range of its own
Ends = tuple[float, float]


def numbers(values: Any) -> list[float]:
    """Coordinates as numbers; what is none, is NaN."""
    return [math.nan if value is None else float(value) for value in (() if values is None else values)]


def is_log(axis: Mapping[str, Any]) -> bool:
    return axis.get("type") == "log"


def ends_of(name: str, data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> Ends:
    """What an axis shows, as `x2`: its own range, else that of all lines that share it, with room at both ends."""
    axis = named(layout, name)
    low, high = axis.get("range") or (None, None)
    leads = axis.get("matches") or name
    mates = [one for one in axes_of(layout, name[0]) if (named(layout, one).get("matches") or one) == leads]
    values = [value for one in mates for value in _shown(one, data, layout)]
    log = is_log(axis)
    logs = [
        math.log10(value) if log else value
        for value in values
        if math.isfinite(value) and (value > 0 or not log)
    ]
    least, most = (min(logs), max(logs)) if logs else (0.0, 1.0)
    pad = PAD * (most - least or 1.0)
    found = (least - pad if low is None else low, most + pad if high is None else high)
    return (10 ** found[0], 10 ** found[1]) if log else found


def axes_of(layout: Mapping[str, Any], letter: str) -> list[str]:
    return [name.replace("axis", "") for name in layout if re.fullmatch(rf"{letter}axis\d*", name)]


def named(layout: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The axis `x2`."""
    axis: Mapping[str, Any] = layout[f"{name[0]}axis{name[1:]}"]
    return axis


def _shown(name: str, data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> Iterable[float]:
    """All coordinates on an axis: of lines with the ends of their bars, and of what lies across the panel."""
    letter = name[0]
    for shape in layout.get("shapes", ()):
        if shape.get(f"{letter}ref") == name:
            yield from (float(shape[f"{letter}{end}"]) for end in "01")
    for one in data:
        if one.get(f"{letter}axis", letter) != name:
            continue
        values = numbers(one.get(letter))
        yield from values
        bars = one.get(f"error_{letter}") or {}
        for part, sign in (("array", 1), ("arrayminus", -1)):
            yield from (
                value + sign * more for value, more in zip(values, numbers(bars.get(part)), strict=False)
            )
