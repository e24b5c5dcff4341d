"""What was measured above its proven bound: ringed where it is drawn, and counted in a note.

The ratio is the mean over the seeds of the mean gap over its bound, as `lpbench sweep` and `check` judge it; a bound is
called broken where that is beyond the error of the seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..charts import style
from ..charts.curves import Curve, Key
from ..charts.look import Look
from ..data import choosing
from ..data.sweeps import Group, Sweep

ABOVE = "measured above proven"


def rings(sweep: Sweep, line: Sequence[Group], facet: str, look: Look, x: str, y: str) -> list[Curve]:
    """A ring at each point of a line whose ratio is above 1; none where there is no such point."""
    found = [row for row in line if row["group_id"] in sweep.above and row[y] > 0]
    if not found:
        return []
    hover = [says(sweep.above[row["group_id"]]) for row in found]
    xs, ys = choosing.columns(found, x, y)
    ring = Curve(xs, ys, facet, look.name(found[0]), style.ALARM[look.dark], marker="circle-open", lines=False,
                 width=2.5, size=17, group=ABOVE, hover=hover)  # fmt: skip
    return [ring]


def key(curves: Sequence[Curve], dark: bool) -> list[Key]:
    """The entry of the legend, where a curve is such a ring."""
    there = any(curve.group == ABOVE for curve in curves)
    return [Key(ABOVE, style.ALARM[dark], marker="circle-open", size=11)] if there else []


def notes(sweep: Sweep, shown: Sequence[Group]) -> list[str]:
    """A sentence on the groups that are ringed."""
    found = [sweep.above[row["group_id"]] for row in shown if row["group_id"] in sweep.above]
    if not found:
        return []
    broken = sum(one["broken"] for one in found)
    return [f"Ringed in red: {choosing.plural(len(found), 'point')} whose mean gap is above what is proven of it, "
            f"{verdict(broken, len(found) - broken)}."]  # fmt: skip


def says(record: Mapping[str, Any]) -> str:
    """A group's ratio in words."""
    beyond = "beyond" if record["broken"] else "within"
    return f"measured / proven {record['bound_ratio']:.3g}, {beyond} the error of the seeds"


def verdict(broken: int, within: int) -> str:
    """How many bounds are broken and how many may be by chance, as a clause."""
    beyond = [f"{broken} beyond the error of the seeds: broken"] if broken else []
    it = f"{within} within it" if broken else "within the error of the seeds"
    return "; ".join([*beyond, *([f"{it}: run more seeds"] if within else [])])
