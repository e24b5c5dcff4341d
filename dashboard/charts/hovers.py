"""What a figure says where the pointer is: one box reads all lines of a panel at that x, the uppermost first.

More lines than `MOST` would hide the panel under their box: then the line next to the pointer speaks alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MOST = 8  # lines that one box reads: on a phone, too, it leaves a part of the panel free
DIGITS = ".4~g"  # as in the tables
SHARE = ".2~%"  # of what is a share
NARROW = {"namelength": 20, "font": {"size": 10}}  # of the box on a phone


def layout(lines: int) -> dict[str, Any]:
    """What a figure's layout has for its hover, with so many lines in the fullest of its panels; 0: no lines."""
    if not 0 < lines <= MOST:
        return {"hovermode": "closest"}
    return {"hovermode": "x unified", "hoversort": "value descending"}


def heading(x: str, unit: str) -> str:
    """What stands above the lines in the box: `8 bits`, `steps 100`."""
    return f"%{{x:{DIGITS}}} {unit}" if unit else f"{x.partition(' (')[0]} %{{x:{DIGITS}}}"


def point(y: str, x: str, said: Sequence[str]) -> dict[str, Any]:
    """What is said of the points of a line: their `y`, `x` after it unless empty, and a text each."""
    told = y + (f" at {x}" if x else "")
    if len(set(said)) == 1:  # said once: with each point it would be most of what the browser is sent
        return {"hovertemplate": f"{told}, {said[0]}"}
    each = {"customdata": list(said)} if len(said) else {}
    return {"hovertemplate": told + (", %{customdata}" if each else ""), **each}
