"""`lpbench show SWEEP --pareto COST`."""

from collections.abc import Mapping
from pathlib import Path

from lpbench.analysis.costs import with_costs
from lpbench.analysis.pareto import fronts
from lpbench.analysis.tables import axes_of, read
from lpbench.declared.columns import COMPARED, COST_UNITS
from lpbench.declared.declarations import HIGHER, LOWER
from lpbench.declared.energy import assumptions
from lpbench.errors import ConfigError, did_you_mean
from lpbench.store import read_cells
from lpbench.store.schema import further
from lpbench.terminal import Table, note, print_json


def show(folder: Path, cost: str, metric: str | None, as_json: bool) -> int:
    """The front of each problem of a sweep, and what costs rest on; raises ConfigError where there is none."""
    if cost not in COST_UNITS:
        raise ConfigError(f"--pareto: unknown cost {cost!r}.{did_you_mean(cost, COST_UNITS)}")
    _, schema = read(folder, ["status"], metric)  # raises for a metric that there is none of
    cells = with_costs(read_cells(folder))
    columns = {name: cells[name].to_pylist() for name in cells.column_names}
    found = fronts(columns, cost, metric, axes_of(schema), _side(metric, further(schema)) == HIGHER)
    if not found.members:
        good, every = columns["status"].count("ok"), len(columns["status"])
        older = "; an older lpbench stored no costs" if good else ""
        raise ConfigError(
            f"no cell of {folder.name} is ok and has both, {found.metric or 'a result'} and {cost} ({good} of {every} "
            f"are ok{older})"
        )
    said = assumptions(cost)
    if as_json:
        print_json(
            {
                "cost": cost,
                "unit": COST_UNITS[cost],
                "metric": found.metric,
                "assumptions": said,
                "front": found.members,
                "dominated": found.dominated,
            }
        )
        return 0
    unit = COST_UNITS[cost]
    priced = cost if cost.startswith(unit) else f"{cost} ({unit})"
    names = [*found.axes, priced, found.metric]
    rows = [
        [*(record[axis] for axis in found.axes), record[cost], record[found.metric]]
        for record in found.members
    ]
    title = (
        f"Pareto front: {found.metric.replace('_', ' ')} (median over seeds) against {cost.replace('_', ' ')}"
    )
    Table(
        names, rows, title, frozenset(names[len(found.axes) :]) | {"precision", "dimension"}, len(found.axes)
    ).print()
    for line in [_counts(len(found.members), len(found.dominated)), *said]:
        note(line)
    return 0


def _side(metric: str | None, declared: Mapping[str, str]) -> str:
    """Which side of a metric is better: of lpbench's own as they are declared, of a plug-in's as the file says."""
    if metric is None:
        return LOWER
    return (COMPARED[metric].better if metric in COMPARED else declared.get(metric)) or LOWER


def _counts(members: int, dominated: int) -> str:
    whole = members + dominated
    groups, are = "group" if whole == 1 else "groups", "is" if members == 1 else "are"
    return f"{members} of {whole} {groups} {are} on a front: nothing that costs no more is better"
