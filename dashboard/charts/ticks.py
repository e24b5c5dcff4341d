"""The ticks of logarithmic axes: one rule for all figures.

From two decades on powers of ten, at most `MOST` or so; below them 1, 2 and 5; below a factor of five round numbers at
equal distances. All have one size, and read as a person writes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

MOST = 6
FEW_DECADES, FACTOR = 2.0, 5.0
LEAST = 2.0  # the factor that an axis spans at least: equal numbers would be seen from afar
ROOM = 1.05  # at both ends of such an axis
SIGNS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LOWEST = 5e-324  # above 0
TICKED = 1e-300  # below it numbers lose their digits
PLAIN = (1e-3, 1e4)  # an axis between them needs no powers of ten


def logarithmic(low: float, high: float, foot: float | None = None) -> dict[str, Any]:
    """What a logarithmic axis from `low` to `high`, both above 0, has in plotly's words.

    There are ticks beyond both ends, for who zooms out. `foot`: where points of 0 stand, below all others.
    A span below LEAST is a range: of a logarithmic axis plotly heeds no `autorangeoptions`.
    """
    more = math.sqrt(max(1.0, LEAST / (high / low)))
    low, high = low / more, high * more
    values = [value for value in _values(low, high) if foot is None or value > math.sqrt(foot * low)]
    plain = PLAIN[0] <= low and high < PLAIN[1]
    texts = [written(value, plain) for value in values]
    if foot is not None:
        values, texts = [foot, *values], ["0", *texts]
    found = {"tickmode": "array", "tickvals": values, "ticktext": texts}
    if more == 1:
        return found
    ends = min(low, foot or low) / ROOM, high * ROOM
    return found | {"range": [math.log10(max(end, LOWEST)) for end in ends]}


def ranged(ends: Sequence[float]) -> dict[str, Any]:
    """The same from the range of an axis, which plotly is given in logarithms."""
    low, high = (10.0**end for end in ends)
    return {**logarithmic(low, high), "range": list(ends)}


def foot(low: float, high: float) -> float:
    """Where points of 0 stand on an axis whose others span `low` to `high`."""
    return max(low / max(1.6, (high / low) ** 0.12), LOWEST)


def _values(low: float, high: float) -> list[float]:
    low, high = max(low, TICKED), max(high, 2 * TICKED)
    first, last = math.log10(low), math.log10(high)
    if high >= low * 10**FEW_DECADES or high / low == math.inf:
        every = max(1, math.ceil((last - first) / MOST))
        powers = range(math.floor(first / every) - 1, math.ceil(last / every) + 2)
        return [10.0 ** (power * every) for power in powers if -307 <= power * every <= 308]
    if high >= low * FACTOR:
        powers = range(math.floor(first) - 2, math.ceil(last) + 3)
        return [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5) if -307 <= power <= 307]
    exact = (high - low) / (MOST - 1)
    power = math.floor(math.log10(exact))
    step = next(digit for digit in (1, 2, 5, 10) if digit * 10.0**power >= exact * (1 - 1e-9))
    unit = step * 10.0**power
    places = range(max(1, math.floor((low - (high - low)) / unit)), math.ceil((2 * high - low) / unit) + 1)
    return [float(f"{place * unit:.12g}") for place in places]


def written(value: float, plain: bool = False) -> str:
    """`2·10⁻⁵`, `10⁸`, `5`; in digits where they are asked for."""
    if (plain and PLAIN[0] <= value < PLAIN[1]) or 1 <= value < 100:
        return f"{value:.10g}"
    digits, _, power = f"{value:.10e}".partition("e")
    factor = f"{float(digits):g}"
    return ("" if factor == "1" else f"{factor}·") + "10" + str(int(power)).translate(SIGNS)
