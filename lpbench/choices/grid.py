"""From overrides to cells: what `lpbench sweep OVERRIDES...` asks for.

The grammar is Hydra's (choice, range, glob, comma lists, +, ++, ~), and each cell is what Hydra's own compose
would give; only the product is ours, since composing every cell would take minutes. Seeds vary fastest: what
the cells of one group share is computed once.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from lpbench.choices import hydra_session, keys
from lpbench.choices.axis import Axis, read_axis, values_of
from lpbench.choices.cell import Cell, CellMaker
from lpbench.choices.hydra_session import Base, Session
from lpbench.declared.choices import GROUPS, RUNTIME
from lpbench.errors import ConfigError

DEFAULT_EXPERIMENT = "default"


@dataclass
class Expansion:
    """The cells of a sweep.

    cells      all different, in the order of the grid, seeds fastest
    invalid    (overrides, message) of each combination that makes no sense; its cells are left out
    collapsed  how many cells of the grid were equal to another one
    runtime    timeout, workers, runs_dir, executor
    axes       the overridden keys that vary among the cells, in the order of the grid, each with its values:
               numbers ascending, others in the order of the grid
    """

    cells: list[Cell] = field(default_factory=list)
    invalid: list[tuple[str, str]] = field(default_factory=list)
    collapsed: int = 0
    runtime: dict[str, Any] = field(default_factory=dict)
    axes: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """One product of axes, with what each choice of its groups composes to."""

    axes: list[Axis]
    bases: dict[tuple[int, ...], Base]

    @property
    def refers(self) -> bool:
        """Whether a key may refer to another one, so that each cell must be resolved by itself."""
        plain = (axis.values for axis in self.axes if not axis.composed)
        values = itertools.chain(*plain)
        return any(base.refers for base in self.bases.values()) or any(map(hydra_session.refers, values))

    def groups(self) -> Iterator[tuple[dict[str, Any], Sequence[Any], list[tuple[Axis, int]]]]:
        """Each combination of all but the seed: its raw choices, its seeds, and of which axis it takes which value."""
        inner = [axis for axis in self.axes if axis.key == "seed" and not (axis.composed or self.refers)]
        outer = [axis for axis in self.axes if axis not in inner]
        for index in itertools.product(*(range(len(axis.values)) for axis in outer)):
            taken = list(zip(outer, index, strict=True))
            base = self.bases[tuple(i for axis, i in taken if axis.composed)]
            raw = base.with_values({axis.key: axis.values[i] for axis, i in taken if not axis.composed})
            yield raw, inner[0].values if inner else (raw.get("seed"),), taken


Guard = Callable[[int], None]  # called with the number of cells; may raise
Look = Callable[[Axis], None]  # called with each override as it was read; may raise


def expand(
    overrides: Sequence[str],
    config_dir: Path | None = None,
    guard: Guard | None = None,
    look: Look | None = None,
    folder: Path | str | None = None,
) -> Expansion:
    """The cells that `overrides` ask for, canonical, without repetition; none at all ask for the experiment `default`.

    `folder`: where relative paths of data files start (None: the working directory).
    `guard` and `look` are called before anything is composed, resolved or made. Combinations that make no
    sense are collected, not raised. Raises ConfigError for what no combination can mend: an override that
    cannot be read, an unknown key, group or name, a value out of range, a `config_dir` that is no folder.
    """
    blocks = read(overrides, config_dir, guard, look)
    expansion = Expansion(runtime=_runtime(blocks))
    maker, seen = CellMaker(folder), set()
    swept = dict.fromkeys(axis.key for block in blocks for axis in block.axes)
    found: dict[str, dict[Any, None]] = {key: {} for key in swept if key in keys.of_cells()}
    for raw, seeds, taken in itertools.chain.from_iterable(block.groups() for block in blocks):
        try:
            cells = maker.cells(raw, seeds)
        except ConfigError as error:
            text = " ".join(axis.texts[i] for axis, i in taken if axis.key != "seed")
            expansion.invalid.append((text or "the defaults", str(error)))
            continue
        choices = cells[0].group.choices
        for key, values in found.items():
            values.update(dict.fromkeys([choices.get(key)] if key != "seed" else (c.seed for c in cells)))
        for cell in cells:
            if cell.cell_id in seen:
                expansion.collapsed += 1
            else:
                seen.add(cell.cell_id)
                expansion.cells.append(cell)
    for key, values in found.items():
        if len(values) > 1:
            numbers = all(isinstance(value, int | float) for value in values)
            expansion.axes[key] = sorted(values) if numbers else list(values)
    return expansion


def _runtime(blocks: Sequence[Block]) -> dict[str, Any]:
    """The run-time choices of all blocks; raises ConfigError if they differ."""
    runtime: dict[str, Any] = {}
    for block in blocks:
        plain = [axis for axis in block.axes if axis.key in RUNTIME and not axis.composed]
        chosen = {axis.key: axis.values[0] for axis in plain}
        for base in block.bases.values():
            raw = base.with_values(chosen)
            for key in RUNTIME:
                value = keys.check(key, raw.get(key))
                if runtime.setdefault(key, value) != value:
                    parts = f"{runtime[key]!r} in one part of the grid and {value!r} in another"
                    raise ConfigError(f"{key} is {parts}")
    return runtime


def read(
    overrides: Sequence[str],
    config_dir: Path | None = None,
    guard: Guard | None = None,
    look: Look | None = None,
) -> list[Block]:
    """The products of axes whose union `overrides` ask for, before any cell is made; raises ConfigError as `expand`."""
    with hydra_session.session(config_dir) as hydra:
        if look is not None:
            for override in overrides:
                look(read_axis(override, hydra))
        lists = _with_experiments(list(overrides) or [f"+experiment={DEFAULT_EXPERIMENT}"], hydra)
        blocks = [_axes(lines, hydra) for lines in lists]
        if guard is not None:
            guard(sum(math.prod(len(axis.values) for axis in axes) for axes in blocks))
        return [_block(axes, hydra) for axes in blocks]


def single(choices: Mapping[str, Any], config_dir: Path | None = None) -> dict[str, Any]:
    """The raw choices of one cell from keyword arguments; null (None) means not given.

    Groups (problem, dataset, algorithm, format) set their yaml's keys, as on the command line.
    Raises ConfigError.
    """
    hydra_session.load(config_dir)
    given = {key: value for key, value in choices.items() if value is not None}
    for key, value in given.items():
        keys.check(key, value)
    groups = tuple(f"{key}={value}" for key, value in given.items() if key in GROUPS)
    base = _base(groups, config_dir, tuple(keys.every()))
    return base.with_values({key: value for key, value in given.items() if key not in GROUPS})


@lru_cache(maxsize=256)
def _base(groups: tuple[str, ...], config_dir: Path | None, known: tuple[str, ...]) -> Base:
    # `known`: a plug-in that comes later brings keys, which have defaults.
    with hydra_session.session(config_dir) as hydra:
        for override in groups:
            hydra.check_option(*override.split("=", 1))
        return hydra.base(groups)


def check_once(overrides: Sequence[str]) -> None:
    """Raise ConfigError for a key that a user gave twice: one of the two would be lost."""
    count = Counter(map(key_of, overrides))
    for key in (key for key, times in count.items() if times > 1 and key != "experiment"):
        both = " and ".join(repr(override) for override in overrides if key_of(override) == key)
        raise ConfigError(f"{key} is given twice: {both}; to sweep write {key}=VALUE,VALUE")


def latest(overrides: Sequence[str]) -> list[str]:
    """`overrides` with the last one of each key alone: what they meant when they were stored by an lpbench that
    took a key twice. Experiments add to one another.
    """
    named = list(map(key_of, overrides))
    last = {key: i for i, key in enumerate(named)}
    return [overrides[i] for i, key in enumerate(named) if key == "experiment" or last[key] == i]


def key_of(override: str) -> str:
    """The key that an override is about."""
    return override.lstrip("+~").partition("=")[0].strip()


def _with_experiments(overrides: list[str], hydra: Session) -> list[list[str]]:
    """The lists of overrides to sweep: each part of an experiment's grid, then the user's own overrides."""
    names: list[str] = []
    own = []
    for override in overrides:
        if key_of(override) == "experiment":
            names += [str(value) for value in values_of(hydra.parse(override), override)]
        else:
            own.append(override)
    if not names:
        return [own]
    lists = []
    for name in names:
        for part in hydra.grid(name):
            if any(line.lstrip("+").startswith("experiment=") for line in part):
                raise ConfigError(f"experiment {name!r}: a grid cannot name another experiment")
            lists.append([f"+experiment={name}", *part, *own])
    return lists


def _axes(overrides: list[str], hydra: Session) -> list[Axis]:
    axes: dict[str, Axis] = {}
    for override in overrides:
        axis = read_axis(override, hydra)
        axes[axis.key] = axis  # a later override of a key replaces an earlier one, and stays in its place
    return list(axes.values())


def _block(axes: list[Axis], hydra: Session) -> Block:
    composed = [axis for axis in axes if axis.composed]
    indices = list(itertools.product(*(range(len(axis.values)) for axis in composed)))
    choices = [[axis.texts[i] for axis, i in zip(composed, index, strict=True)] for index in indices]
    block = Block(axes, dict(zip(indices, hydra.bases(choices), strict=True)))
    for axis in block.axes:
        if axis.key in RUNTIME and len(axis.values) > 1:
            count = len(axis.values)
            raise ConfigError(f"{axis.key} is a run-time choice and cannot be swept, got {count} values")
        added_to = block.bases.values() if axis.added else ()
        there = [keys.check(axis.key, base.values.get(axis.key)) for base in added_to]
        if any(value is not None for value in there):
            raise ConfigError(f"+{axis.key}: the key is there already ({there[0]!r}); leave out the +")
    return block
