"""The configurations that two sweeps have in common, and in what else the sweeps differ.

A configuration is a cell's choices without the seed. Two of them match on every axis, but for those in which the sweeps
as wholes differ: all of A is HALP and all of B is LP-SGD, say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lpbench.analysis import tables
from lpbench.errors import ConfigError
from lpbench.store.arrays import null_first
from lpbench.store.schema import CHOICES, further, own_choices

Row = dict[str, Any]
Key = tuple[Any, ...]

MATCHED = [name for name in CHOICES if name != "seed"]
# Numbers that other choices usually decide: the step size is 0.1/L of the problem, the limit follows the algorithm.
FOLLOWERS = (
    "n_samples", "regularization", "k", "mu", "limit", "step_size", "epochs", "steps", "exponent_bits", "inner_steps",
    "average_start",
)  # fmt: skip
_SAME = 9  # significant digits: 0.1/L has other last bits with another LAPACK


@dataclass(frozen=True)
class Configuration:
    """One configuration of both sweeps: the axes on which it matched, and its cells in either, by seed."""

    choices: dict[str, Any]
    a: dict[int, Row]
    b: dict[int, Row]

    @property
    def seeds(self) -> list[int]:
        """The seeds of both."""
        return sorted(self.a.keys() & self.b.keys())

    def label(self, axes: Iterable[str]) -> str:
        """Its overrides on `axes`, and its algorithm, format and precision, where it has them."""
        return overrides(self.choices, axes) or "all cells"

    def statuses(self, axes: Iterable[str]) -> list[dict[str, Any]]:
        """Where it ends otherwise in B: `configuration` (its label), the statuses `a` and `b`, and `seeds`.

        Without a seed of both: the statuses of all cells of either, and None for the seeds.
        """
        found: dict[tuple[str, ...], list[int]] = {}
        for seed in self.seeds:
            found.setdefault((self.a[seed]["status"], self.b[seed]["status"]), []).append(seed)
        if not found:
            sides = ({cell["status"] for cell in cells.values()} for cells in (self.a, self.b))
            found[tuple(", ".join(sorted(statuses)) for statuses in sides)] = []
        return [
            {"configuration": self.label(axes), "a": mine, "b": other, "seeds": seeds or None}
            for (mine, other), seeds in found.items()
            if mine != other
        ]


@dataclass(frozen=True)
class Match:
    """What two sweeps have in common.

    axes              those on which configurations match.
    configurations    of both, in A's order.
    differs           by further axis the values of A and B, each pair once, over the matched configurations.
    only_a, only_b    cells whose configuration the other sweep lacks.
    """

    axes: list[str]
    configurations: list[Configuration]
    differs: dict[str, list[tuple[Any, Any]]]
    only_a: list[Row]
    only_b: list[Row]


def read(
    folder: Path, columns: Iterable[str], metric: str | None = None
) -> tuple[list[Row], int, dict[str, str]]:
    """The cells of a sweep with all choices, `columns` and `metric` (None: their result), how many older ones of the
    same choices it also holds, and what plug-ins declared of it (`schema.further`).

    Another version of an algorithm gives other cells of the same choices; the newest counts. Raises ConfigError where
    there is no cell.
    """
    there, schema = tables.read(folder, [*CHOICES, "asked", "started_at", *columns], metric)
    rows = [dict(zip(there, values, strict=True)) for values in zip(*there.values(), strict=True)]
    more = further(schema)
    if not rows:
        raise ConfigError(f"{folder} has no cells")
    every = [*CHOICES, *own_choices(more)]
    newest: dict[Key, Row] = {}
    for row in sorted(rows, key=lambda row: row["started_at"] or ""):
        newest[key_of(row, every)] = row
    kept = {id(row) for row in newest.values()}
    return [row for row in rows if id(row) in kept], len(rows) - len(kept), more


def key_of(cell: Mapping[str, Any], axes: Iterable[str]) -> Key:
    """The values of a cell on `axes`, floats to so many digits as machines agree on."""
    return tuple(_plain(cell.get(axis)) for axis in axes)


def _plain(value: Any) -> Any:
    return float(f"{value:.{_SAME}g}") if isinstance(value, float) else value


def match(
    a: Sequence[Row], b: Sequence[Row], names: tuple[str, str] = ("A", "B"), every: Sequence[str] = MATCHED
) -> Match:
    """Match the cells of two sweeps, as `read` returns them, on the axes `every`.

    Axes with one value in either sweep (null, where a choice is not read, aside) that differ are what the sweeps
    differ in. Where nothing matches that way, what was asked for by one expression is one value (`0.1/L` of other
    data); where still nothing does, numbers that differ and that the other axes decide are as such wholes. The choices
    of what matched have the expression where it stands for several numbers.
    Raises ConfigError that says on which axes they differ where nothing matches.
    """
    asked = _as_asked(a, b, every)
    for mine, other in ((a, b), asked):
        axes = _common(mine, other, every)
        found = _match(mine, other, axes, every)
        if found.configurations:
            return _told(found, [*mine, *other], [*asked[0], *asked[1]])
    axes = _common(a, b, every)
    strict = list(axes)
    for axis in FOLLOWERS:
        apart = axis in axes and _values(a, axis) != _values(b, axis)
        if apart and all(_decides(cells, axes, axis) for cells in (a, b)):
            axes.remove(axis)
    found = _match(a, b, axes, every)
    if not found.configurations:
        raise ConfigError(_nothing(a, b, strict, names))
    return _told(found, [*a, *b], [*asked[0], *asked[1]])


def _common(a: Sequence[Row], b: Sequence[Row], every: Sequence[str]) -> list[str]:
    """The axes in which the sweeps do not differ as wholes."""
    axes = list(every)
    for axis in every:
        if _differ_as_wholes(a, b, axis) and all(_decides(cells, axes, axis) for cells in (a, b)):
            axes.remove(axis)
    return axes


def _as_asked(a: Sequence[Row], b: Sequence[Row], every: Sequence[str]) -> tuple[list[Row], list[Row]]:
    """The cells with an expression in place of its numbers, where it has several in both sweeps together."""
    cells = [*a, *b]
    columns = {axis: [cell.get(axis) for cell in cells] for axis in (*every, "asked")}
    joined = tables.as_asked(columns, every)
    changed = {axis: values for axis, values in joined.items() if values is not columns[axis]}
    told = [{**cell, **{axis: values[i] for axis, values in changed.items()}} for i, cell in enumerate(cells)]
    return told[: len(a)], told[len(a) :]


def _told(found: Match, cells: Sequence[Row], asked: Sequence[Row]) -> Match:
    """The match with each configuration's choices as they were asked for."""
    of = {id(cell): told for cell, told in zip(cells, asked, strict=True)}
    configurations = [
        replace(one, choices={axis: of[id(next(iter(one.a.values())))].get(axis) for axis in one.choices})
        for one in found.configurations
    ]
    return replace(found, configurations=configurations)


def _differ_as_wholes(a: Sequence[Row], b: Sequence[Row], axis: str) -> bool:
    mine, other = (_values(cells, axis) - {None} for cells in (a, b))
    return len(mine) <= 1 and len(other) <= 1 and mine != other


def _values(cells: Sequence[Row], axis: str) -> set[Any]:
    return {_plain(cell.get(axis)) for cell in cells}


def _decides(cells: Sequence[Row], axes: Sequence[str], axis: str) -> bool:
    """Whether a sweep's configurations differ on `axes` without `axis` wherever they differ on `axes`."""
    others = [name for name in axes if name != axis]
    return len({key_of(cell, others) for cell in cells}) == len({key_of(cell, axes) for cell in cells})


def _match(a: Sequence[Row], b: Sequence[Row], axes: list[str], every: Sequence[str]) -> Match:
    mine, other = (_by_key(cells, axes) for cells in (a, b))
    found = [
        Configuration({axis: cells[0].get(axis) for axis in axes}, by_seed(cells), by_seed(other[key]))
        for key, cells in mine.items()
        if key in other
    ]
    differs = {axis: _pairs(found, axis) for axis in every if axis not in axes}
    return Match(
        axes,
        found,
        {axis: pairs for axis, pairs in differs.items() if pairs},
        [cell for key, cells in mine.items() if key not in other for cell in cells],
        [cell for key, cells in other.items() if key not in mine for cell in cells],
    )


def _by_key(cells: Sequence[Row], axes: Sequence[str]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = {}
    for cell in cells:
        found.setdefault(key_of(cell, axes), []).append(cell)
    return found


def by_seed(cells: Iterable[Row]) -> dict[int, Row]:
    """Cells of one configuration by their seed."""
    return {int(cell["seed"]): cell for cell in cells}


def _pairs(found: Sequence[Configuration], axis: str) -> list[tuple[Any, Any]]:
    """The different values of an axis that stand beside each other."""
    pairs = {}
    for configuration in found:
        x, y = (next(iter(cells.values())).get(axis) for cells in (configuration.a, configuration.b))
        if _plain(x) != _plain(y):
            pairs[_plain(x), _plain(y)] = (x, y)
    return list(pairs.values())


def _nothing(a: Sequence[Row], b: Sequence[Row], axes: Sequence[str], names: tuple[str, str]) -> str:
    """Why nothing matches: the axes without a common value; where there is none, those whose values differ."""
    values = {axis: (_values(a, axis), _values(b, axis)) for axis in axes}
    apart = [axis for axis, (mine, other) in values.items() if not mine & other]
    apart = apart or [axis for axis, (mine, other) in values.items() if mine != other]
    said = [
        f"{axis} ({_listed(values[axis][0])} in {names[0]}, {_listed(values[axis][1])} in {names[1]})"
        for axis in apart
    ]
    return f"{names[0]} and {names[1]} have no configuration in common; they differ in {', '.join(said)}"


def _listed(values: set[Any], most: int = 5) -> str:
    ordered = sorted(values, key=null_first)
    return ", ".join([*(shown_choice(v) for v in ordered[:most]), *(["..."] if len(ordered) > most else [])])


def overrides(choices: Mapping[str, Any], axes: Iterable[str]) -> str:
    """`algorithm=halp format=fixed precision=8`: what is not null on `axes` and on these three."""
    wanted = {*axes, "algorithm", "format", "precision"}
    further = (axis for axis in choices if axis not in MATCHED)
    named = {axis: choices.get(axis) for axis in [*MATCHED, *further] if axis in wanted}
    return " ".join(f"{axis}={shown_choice(value)}" for axis, value in named.items() if value is not None)


def shown_choice(value: Any) -> str:
    """A choice as an override has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)
