"""How large the numbers of tensors are: their exponents as bars, before the range of the format that they go into."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from lpbench.terminal import Table
from lpbench.theory import spacings

from ..charts import spans
from ..data import choosing
from ..data.sweeps import Group, text
from ..data.tensors import EXPONENTS, History, Moment
from ..page import Panel

TITLE = "How large the numbers are"
KEYS = {
    "activations": "activation_format",
    "errors": "error_format",
    "gradients": "gradient_format",
    "momentum": "momentum_format",
    "second_momentum": "momentum_format",
    "master": "master_format",
}
OF_RANGE = ("precision", "exponent_bits", "subnormals", "limit")  # choices
OF_WEIGHTS = ("weights", "master")  # whose floats limit=auto scales; others are as their bias says
UNKNOWN = "The range of {} is not drawn: {}."
FITTED = "each tensor has one of its own (limit=auto)"


def panel(row: Group, found: History, moment: Moment, role: str, rows: Sequence[int], dark: bool) -> Panel:
    """A bar for each of the tensors at `rows`, all of one role: from the least exponent to the largest, with quantiles.

    A number lies between 2^e and 2^(e + 1): the bar covers both.
    """
    said = choosing.named(role)
    low, *quantiles, high = (moment.numbers[name] for name in EXPONENTS)
    ends = [low.low, *(one.mean for one in quantiles), high.high]
    there = [i for i in rows if all(math.isfinite(one[i]) for one in ends)]
    if not there:
        return Panel(TITLE, None, notes=(f"No numbers of {said} were recorded at this step.",))
    names = [found.tensors[i].name for i in there]
    least, q10, q50, q90, largest = (np.asarray([one[i] for i in there]) for one in ends)
    known, why = representable(row, role)
    drawn = spans.figure(names, [(least, largest + 1), (q10, q90 + 1)], q50 + 0.5, known, said, dark)
    data = Table(
        ["tensor", "role", *EXPONENTS],
        [
            [name, role, *(float(one[at]) for one in (least, q10, q50, q90, largest))]
            for at, name in enumerate(names)
        ],
    )
    notes = [
        f"Bars: from the least to the largest magnitude of the non-zero {said} before rounding; thick: from the 10 % "
        "to the 90 % quantile; dot: the median."
        + (" Ends over all seeds, quantiles their means." if moment.seeds > 1 else "")
    ]
    if known:
        outside = "Grey: what the format holds, from its smallest number above 0 to its largest"
        notes.append(f"{outside}; what lies above is clipped, what lies far enough below becomes 0.")
    else:
        notes.append(UNKNOWN.format(said, why))
    return Panel(TITLE, drawn, data, tuple(notes))


def representable(row: Group, role: str) -> tuple[tuple[float, float] | None, str]:
    """The logarithms to base 2 of the smallest and the largest number that tensors of a role are rounded to.

    None where the row does not say, and why, as a clause.
    """
    if role == "operands":
        return None, "each has that of weights, activations or errors"
    name, given = _format(row, role)
    if name == "none":
        return None, "they are not rounded"
    choices: dict[str, Any] = {key: row.get(key) for key in OF_RANGE} | given
    choices = {key: None if text(one) == choosing.NO_AXIS else one for key, one in choices.items()}
    choices["subnormals"] = choices["subnormals"] is None or bool(choices["subnormals"])
    limit, exponent = choices["limit"], choices["exponent_bits"]
    if name == "float" and role not in OF_WEIGHTS and not _number(limit) and exponent:
        limit = spacings.own_limit(int(exponent), int(choices["precision"]) - 1 - int(exponent))
    if name in ("fixed", "float", "log") and not _number(limit):
        return None, FITTED
    try:
        grid = spacings.of_choices({"format": name, **choices}, float(limit or 1.0))
    except (TypeError, ValueError):  # of choices that the row leaves to the format
        grid = None
    if grid is None or not 0 < grid.delta < grid.high < math.inf:
        return (
            None,
            f"the format {name} follows its numbers" if name == "block" else f"nobody knows that of {name}",
        )
    return (math.log2(grid.delta), math.log2(grid.high)), ""


def _format(row: Group, role: str) -> tuple[str, dict[str, Any]]:
    """The name of a role's format, and the choices that it has of its own; `none`: it is not rounded."""
    own = str(row["format"])
    said = "same" if role == "weights" else text(row.get(KEYS[role]))
    if role == "master" and said == "same":
        return "none", {}  # there is no such copy
    found = re.fullmatch(r"(\w+)(?:\((.*)\))?", said)
    if found is None or said == choosing.NO_AXIS:
        return "none", {}
    given = dict(part.split("=", 1) for part in (found[2] or "").split(",") if "=" in part)
    numbers = {key: _read(value) for key, value in given.items() if key != "rounding"}
    if found[1] != "same":
        blank: dict[str, Any] = {"exponent_bits": None, "subnormals": True, "limit": None}
        return found[1], {**blank, **numbers}
    return own, numbers


def _read(value: str) -> Any:
    try:
        return float(value) if "." in value or "e" in value else int(value)
    except ValueError:
        return {"true": True, "false": False}.get(value.lower(), value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and value == value
