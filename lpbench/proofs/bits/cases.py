"""The combinations whose bits are counted: everything that the overrides choose but the precision and the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lpbench import registry
from lpbench.algorithms.base import Algorithm
from lpbench.cells.binding import resolve
from lpbench.cells.cost import machine_memory
from lpbench.cells.engine import engine_of
from lpbench.choices import grid, keys
from lpbench.choices.cell import Cell, CellMaker
from lpbench.declared.choices import RUNTIME
from lpbench.errors import ConfigError
from lpbench.networks.roles import KEYS
from lpbench.problems.base import QUADRATIC, Problem
from lpbench.problems.build import build

_MEMORY = 0.5  # of the machine's memory that a problem's data may take
# Of the roles of a network beside its weights, where nothing is rounded.
NOT_ROUNDED = {key: "same" if key == "master_format" else "none" for key in KEYS.values()}
FOUND = ("precision", "seed")  # what is searched, and what is averaged over


@dataclass(frozen=True, eq=False)
class Case:
    """One combination.

    raw         all keys as they were chosen, `precision` and `seed` without meaning.
    texts       the overrides that choose it.
    given       the keys that the user chose; the others may get defaults that suit the question.
    precisions  the bits that the format can have, ascending.
    """

    raw: dict[str, Any]
    texts: tuple[str, ...]
    given: frozenset[str]
    precisions: tuple[int, ...]

    @cached_property
    def choices(self) -> dict[str, Any]:
        """The canonical choices at one of the precisions."""
        return self.cell(min(self.precisions, key=lambda bits: abs(bits - 8))).choices

    @cached_property
    def problem(self) -> Problem:
        """Optimum and constants; without the data where a problem knows them without it."""
        outline = getattr(registry.problems.get(self.choices["problem"]), "outline", None)
        return build(self.choices) if outline is None else outline(self.choices)

    def problem_on(self, reach: float) -> Problem:
        """The problem, with its data where w* lies beyond -reach .. reach: the optimum over the range needs them."""
        if float(np.abs(self.problem.w_star).max(initial=0.0)) <= reach or self.problem.loss == QUADRATIC:
            return self.problem
        if self.too_large:
            raise ConfigError(f"the optimum over -{reach:g} .. {reach:g} cannot be found: {self.too_large}")
        return build(self.choices)

    @property
    def too_large(self) -> str:
        """Why the data would not fit into memory; empty: it does, or its size is not known beforehand."""
        problem = registry.problems.get(self.choices["problem"])
        entries = getattr(problem, "row_entries", None)
        if entries is None:
            return ""
        size = 8.0 * entries(self.choices) * problem.shape(self.choices).n_samples
        return f"its data takes {size / 1e9:.0f} GB of memory" if size > _MEMORY * machine_memory() else ""

    @property
    def result(self) -> str:
        """The column that says how good a cell is: what an engine of its own names, else the noise floor."""
        return engine_of(self.choices).result

    @property
    def in_full_precision(self) -> Case:
        """The same training of a network where nothing is rounded.

        By the algorithm that differs in that alone (`sgd` of `lp_sgd`); where there is none, in `format=none`.
        """
        own = registry.algorithms.get(self.raw["algorithm"])
        exact = next((name for name in registry.algorithms.names() if _exact(name, own)), None)
        chosen = {"algorithm": exact} if exact else {"format": "none", **NOT_ROUNDED}
        kept = tuple(text for text in self.texts if grid.key_of(text) not in chosen)
        return replace(self, texts=kept).with_choices(chosen)

    @property
    def splits(self) -> bool:
        """Whether the bits are to be split into exponent and mantissa as the theory says."""
        free = self.raw["exponent_bits"] in (None, "auto")
        return free and "exponent_bits" in registry.formats.get(self.raw["format"]).reads

    def with_choices(self, chosen: Mapping[str, Any]) -> Case:
        """The same with the keys of `chosen` set; expressions are allowed."""
        texts = tuple(
            f'{key}="{value}"' if isinstance(value, str) and "(" in value else f"{key}={value}"
            for key, value in chosen.items()
        )
        return replace(self, raw={**self.raw, **chosen}, texts=(*self.texts, *texts))

    def cell(self, bits: int, seed: int = 0, exponent_bits: int | None = None) -> Cell:
        """The cell with so many bits (0: of what has none); of a float or log format with so many for the exponent."""
        raw = {**self.raw, "seed": seed} | ({"precision": bits} if bits else {})
        if self.splits:
            raw["exponent_bits"] = exponent_bits
        return CellMaker().cell({key: chosen for key, chosen in raw.items() if key in keys.of_cells()})

    def resolved(self, bits: int | None = None, run: bool = True) -> dict[str, Any]:
        """The choices as numbers; at `bits` where a step size depends on the quantum, else whatever the bits.

        run   False: the length of the run does not matter, and may be impossible.
        """
        choices = self.choices if bits is None else self.cell(bits).choices
        return resolve(choices if run else {**choices, "steps": 1, "epochs": None}, self.problem)

    @cached_property
    def quantum_decides(self) -> bool:
        """Whether the step size depends on the quantum, and so on the bits."""
        return "delta" in keys.names_in("step_size", self.choices["step_size"])


def _exact(name: str, own: type[Algorithm]) -> bool:
    """Whether the algorithm of this name trains networks as `own` does, and does not round."""
    other = registry.algorithms.get(name)
    return other.networks and other.adam == own.adam and other.reads == own.reads - {"format", "limit"}


def read_cases(overrides: Sequence[str], config_dir: Path | None = None) -> list[Case]:
    """The combinations that `overrides` ask for, each once; none at all: the defaults.

    Raises ConfigError where an override cannot be read, chooses the precision or the seed, or where a combination
    makes no sense or does not round.
    """
    for override in overrides:
        key = grid.key_of(override)
        if key in FOUND:
            raise ConfigError(_SEARCHED[key])
    blocks = grid.read(list(overrides) or ["algorithm=lp_sgd"], config_dir)
    defaults = grid.single({}, config_dir)
    cases: dict[str, Case] = {}
    refused = []
    for block in blocks:
        searched = replace(block, axes=[axis for axis in block.axes if axis.key not in FOUND])
        for raw, _, taken in searched.groups():
            texts = tuple(axis.texts[i] for axis, i in taken if axis.key not in RUNTIME)
            changed = {key for key, value in raw.items() if value != defaults.get(key)}
            given = frozenset({axis.key for axis in block.axes} | changed)
            try:
                case = Case(raw, texts, given, _precisions(raw))
                cases.setdefault(case.cell(case.precisions[0]).group_id, case)
            except _Exact as error:
                refused.append(str(error))
            except ConfigError as error:
                raise ConfigError(f"{' '.join(texts)}: {error}" if texts else str(error)) from None
    if not cases:
        raise ConfigError(refused[0])
    return list(cases.values())


def runtime(cases: Sequence[Case]) -> dict[str, Any]:
    """timeout, workers, runs_dir and executor."""
    return {key: keys.check(key, cases[0].raw.get(key)) for key in RUNTIME}


_SEARCHED = {
    "precision": "precision is what is searched for here: leave it out",
    "seed": "every point is a mean over seeds 0 .. N-1: leave out seed, and use --seeds N",
}


class _Exact(ConfigError):
    """There are no bits to count."""


def _precisions(raw: Mapping[str, Any]) -> tuple[int, ...]:
    algorithm, name = registry.algorithms.get(raw["algorithm"]), raw["format"]
    if "format" not in algorithm.reads:
        raise _Exact(f"algorithm {raw['algorithm']} does not round: there are no bits to count")
    number_format = registry.formats.get(name)
    if "precision" not in number_format.reads:
        raise _Exact(f"format {name} has bits of its own: choose fixed, float, log or block, whose bits vary")
    exponent, tried = raw["exponent_bits"], []
    if isinstance(exponent, int):
        tried = [exponent]
    elif (
        "exponent_bits" in number_format.reads
    ):  # free: every split must be possible, that with the longest mantissa too
        tried = [0 if name == "float" and raw["subnormals"] else 1]
    found = []
    for bits in range(2, 65):
        try:
            for value in (None, *tried) if not isinstance(exponent, int) else tried:
                filled = number_format.defaults({**raw, "precision": bits, "exponent_bits": value})
                number_format.from_choices({**raw, **filled}, 1.0)
        except ConfigError as error:
            reason = error
            continue
        found.append(bits)
    if not found:
        raise reason
    return tuple(found)
