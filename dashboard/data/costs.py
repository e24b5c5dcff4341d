"""What groups cost, as axes of figures: columns of `cells` that are counted, and what they rest on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lpbench.declared.columns import COST_UNITS

from . import choosing
from .sweeps import Group

if TYPE_CHECKING:
    from .sweeps import Sweep


def there(sweep: Sweep) -> list[str]:
    """The costs that some group has, and not all the same."""
    return [name for name in COST_UNITS if len({row[name] for row in known(sweep.groups, name)}) > 1]


def known(rows: Iterable[Group], name: str) -> list[Group]:
    """The groups that have a cost."""
    return [row for row in rows if 0 < float(row.get(name) or math.nan) < math.inf]


def title(name: str) -> str:
    """`energy per step (nJ)`; `bytes per step`, whose unit is in its name."""
    said, unit = choosing.named(name), COST_UNITS[name]
    return said if said.startswith(unit) else f"{said} ({unit})"
