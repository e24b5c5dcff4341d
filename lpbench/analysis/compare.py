"""Two stored sweeps: by which factor a metric differs, with its error, by any axes.

Paired by seed, for cells of one seed draw the same samples. The logarithms of the ratios are averaged over the
configurations of a row seed by seed: the seeds are the replicates, and the interval is Student's over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpbench.analysis.matching import MATCHED, Configuration, Match, Row, key_of, match, read, shown_choice
from lpbench.analysis.ratios import READ_BY_VALUE, Sample, logs, paired, shared, unpaired
from lpbench.analysis.tables import ALWAYS, AXES, RESULT, varying
from lpbench.declared.columns import COMPARED
from lpbench.errors import ConfigError, did_you_mean
from lpbench.store import find_sweep
from lpbench.store.arrays import null_first
from lpbench.store.schema import own_choices
from lpbench.terminal import first

if TYPE_CHECKING:
    import pandas

LISTED = 10  # configurations whose status changed, and values of an axis


@dataclass
class Comparison:
    """What `compare_sweeps` found.

    rows        one a combination of `by`: its values; `ratio`, `low`, `high` of B / A; `seeds_a`, `seeds_b`;
                `configurations`; `median_a`, `median_b`; `paired`. None where it cannot be said.
    better      the side of its metric that is: "lower", "higher".
    statuses    configurations that end otherwise in B: `configuration`, `a`, `b`, `seeds` (None: unpaired).
    alone_a, alone_b    cells without a partner.
    bad                 pairs (where nothing pairs: cells) without a number, in no ratio: not ok in A or in B.
    left_out            the same, with a number, but of a seed that another configuration of the row lacks.
    older_a, older_b    cells left aside for newer ones of the same choices.
    """

    a: Path
    b: Path
    metric: str
    better: str | None
    by: list[str]
    match: Match
    rows: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    alone_a: int = 0
    alone_b: int = 0
    bad: int = 0
    left_out: int = 0
    older_a: int = 0
    older_b: int = 0

    def summary(self) -> dict[str, Any]:
        """All but the rows, as plain values."""
        named = ("alone_a", "alone_b", "bad", "left_out", "older_a", "older_b", "statuses")
        return {
            "a": str(self.a),
            "b": str(self.b),
            "metric": self.metric,
            "by": self.by,
            "differs": {
                axis: [{"a": x, "b": y} for x, y in pairs] for axis, pairs in self.match.differs.items()
            },
            **{name: getattr(self, name) for name in named},
        }

    def notes(self) -> list[str]:
        """What differs, what has no partner, whose status changed."""
        lines = []
        a, b = self.a.name, self.b.name
        for axis, pairs in self.match.differs.items():
            said = "; ".join(f"{shown_choice(x)} -> {shown_choice(y)}" for x, y in pairs[:LISTED])
            lines.append(f"compared: {axis} {said}" + ("; ..." if len(pairs) > LISTED else ""))
        if self.alone_a or self.alone_b:
            lines.append(f"without a partner: {self.alone_a} cells of {a}, {self.alone_b} of {b}")
        if any(not row["paired"] for row in self.rows):
            lines.append(
                "the sweeps share no seed there: their noise is independent, and the intervals are wider for it"
            )
        if any(row["ratio"] is not None and row["low"] is None for row in self.rows):
            lines.append("no interval where there is one seed alone: its noise is not known")
        if self.bad:
            lines.append(f"not in any ratio: {self.bad} without a number, not ok in {a} or in {b}")
        if self.left_out:
            lines.append(
                f"not in any ratio: {self.left_out} of a seed that another configuration of the row lacks"
            )
        if self.older_a or self.older_b:
            lines.append(
                f"older cells of the same choices left aside: {self.older_a} of {a}, {self.older_b} of {b}"
            )
        return lines + first(
            [_changed(change) for change in self.statuses], LISTED, "more with another status"
        )


def _changed(change: dict[str, Any]) -> str:
    seeds = "" if change["seeds"] is None else f" (seeds {', '.join(map(str, change['seeds']))})"
    return f"status {change['a']} -> {change['b']}: {change['configuration']}{seeds}"


def compare(
    a: Path | str,
    b: Path | str,
    by: str | Sequence[str] | None = None,
    metric: str | None = None,
    runs_dir: Path | str | None = None,
) -> pandas.DataFrame:
    """Compare two stored sweeps: one row a combination of the axes `by`, with the ratio B / A of a metric.

    a, b      names or paths of sweeps.              by    axes, `"algorithm,precision"` or a list; None: all that vary.
    metric    noise_floor, final_gap, mean_gap, best_gap, of networks test_error, best_test_error, test_loss,
              train_loss; seconds, steps_per_second, or a number that a plug-in recorded. None: the result of the cells,
              noise_floor of convex problems, test_error of networks.
    runs_dir  where sweeps lie (None: runs).

    Columns: `by`; `ratio`, the geometric mean, with a 95 % interval over the seeds in `low`, `high`; `seeds_a`,
    `seeds_b`; `configurations`; `median_a`, `median_b`; `paired`, whether by seed. `attrs` of the frame says in what
    the sweeps differ, which cells have no partner, and whose status differs. Raises ConfigError.

    >>> lpbench.compare("before", "after", by="algorithm,precision")[["algorithm", "precision", "ratio", "low", "high"]]
    """
    import pandas

    found = compare_sweeps(a, b, by, metric, runs_dir)
    frame = pandas.DataFrame(found.rows)
    frame.attrs.update(found.summary())
    return frame


def compare_sweeps(
    a: Path | str,
    b: Path | str,
    by: str | Sequence[str] | None = None,
    metric: str | None = None,
    runs_dir: Path | str | None = None,
) -> Comparison:
    """As `compare`, in plain values."""
    of_a, of_b = (find_sweep(name, runs_dir or "runs") for name in (a, b))
    read_a, read_b = (read(folder, READ_BY_VALUE, metric) for folder in (of_a, of_b))
    (mine, older_a, more), (other, older_b, more_b) = read_a, read_b
    more |= more_b
    metric = metric or _result([*mine, *other])
    better = COMPARED[metric].better if metric in COMPARED else more.get(metric)
    every = [*MATCHED, *own_choices(more)]
    asked = _axes(by, every)
    matched = match(mine, other, (str(a), str(b)), every)
    axes = every_axis(matched) if asked is None else asked
    for axis in axes:
        if axis not in matched.axes:
            raise ConfigError(f"--by {axis}: in this the two sweeps differ as wholes; leave it out")
    found = Comparison(of_a, of_b, metric, better, axes, matched, older_a=older_a, older_b=older_b)
    found.alone_a, found.alone_b = len(matched.only_a), len(matched.only_b)
    for members in _groups(matched.configurations, axes):
        choices = {axis: members[0].choices[axis] for axis in axes}
        found.rows.append({**choices, **_row(found, members)})
    told = every_axis(matched)
    found.statuses = [change for one in matched.configurations for change in one.statuses(told)]
    return found


def _result(cells: Sequence[Row]) -> str:
    names = sorted({cell.get("result") or RESULT for cell in cells})
    if len(names) > 1:
        raise ConfigError(f"the cells have different results, {', '.join(names)}: choose one with --metric")
    return names[0]


def _axes(by: str | Sequence[str] | None, every: Sequence[str]) -> list[str] | None:
    if by is None:
        return None
    axes = [name.strip() for name in (by.split(",") if isinstance(by, str) else by)]
    for axis in axes:
        if axis == "seed":
            raise ConfigError("--by seed: seeds are what the interval is over, not a row")
        if axis not in every:
            raise ConfigError(f"unknown axis {axis!r}.{did_you_mean(axis, every)}")
    return list(dict.fromkeys(axes))


def every_axis(matched: Match) -> list[str]:
    """The axes that tell the matched configurations apart, without those that others decide."""
    columns = {
        axis: [one.choices.get(axis) for one in matched.configurations] for axis in [*MATCHED, *matched.axes]
    }
    rows = [*AXES, *(axis for axis in matched.axes if axis not in MATCHED)]
    told = {*varying(columns, rows), *ALWAYS, "precision"}
    return [axis for axis in [*rows, "precision"] if axis in told and len(set(columns[axis])) > 1]


def _groups(configurations: Sequence[Configuration], axes: Sequence[str]) -> list[list[Configuration]]:
    """The configurations of each row, by the values on `axes`, null first."""
    groups: dict[tuple[Any, ...], list[Configuration]] = {}
    for one in configurations:
        key = tuple(map(null_first, key_of(one.choices, axes)))
        groups.setdefault(key, []).append(one)
    return [groups[key] for key in sorted(groups)]


def _row(found: Comparison, members: Sequence[Configuration]) -> dict[str, Any]:
    """The numbers of a row over the configurations `members`; what they leave out is counted in `found`."""
    by_seed = any(one.seeds for one in members)
    used = [(one, *sides) for one in members if all(sides := _measured(found, one, by_seed))]
    a, b = [x for _, x, _ in used], [y for _, _, y in used]
    if by_seed:
        estimate = paired([{seed: y[seed] - x[seed] for seed in sorted(x)} for _, x, y in used])
    else:
        estimate = unpaired(a, b)
    ratio, low, high = estimate.ratios()
    for samples in (a,) if by_seed else (a, b):
        found.left_out += sum(len(sample) - len(shared(samples)) for sample in samples if shared(samples))
    return {
        "ratio": ratio, "low": low, "high": high, "seeds_a": estimate.seeds[0], "seeds_b": estimate.seeds[1],
        "configurations": len(used), "median_a": _median(found.metric, [one.a for one, *_ in used], a),
        "median_b": _median(found.metric, [one.b for one, *_ in used], b), "paired": by_seed,
    }  # fmt: skip


def _measured(found: Comparison, one: Configuration, by_seed: bool) -> tuple[Sample, Sample]:
    """log10 of the metric in A and in B by seed; `by_seed`: where both were measured."""
    x, y = (logs(cells, found.metric) for cells in (one.a, one.b))
    if not by_seed:
        found.bad += len(one.a) + len(one.b) - len(x) - len(y)
        return x, y
    both = x.keys() & y.keys()
    found.alone_a += len(one.a) - len(one.seeds)
    found.alone_b += len(one.b) - len(one.seeds)
    found.bad += len(one.seeds) - len(both)
    return {seed: x[seed] for seed in both}, {seed: y[seed] for seed in both}


def _median(metric: str, cells: Sequence[Mapping[int, Row]], samples: Sequence[Sample]) -> float | None:
    """Of the metric in the cells that the estimate is of."""
    seeds = shared(samples)
    numbers = [
        of[seed][metric] for of, sample in zip(cells, samples, strict=True) for seed in seeds or sample
    ]
    return float(np.median(numbers)) if numbers else None
