"""What every answer has: the combinations that were asked about, and the choices that tell them apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from lpbench.analysis.tables import AXES, varying
from lpbench.declared.choices import CHOICES
from lpbench.declared.kinds import Formula
from lpbench.proofs.bits.cases import Case
from lpbench.proofs.bits.measured import Search

ALWAYS = ("problem", "dimension", "algorithm", "format")


@dataclass
class Combination:
    """One combination.

    choices   resolved.      search   by measurement; None: nothing is measured.
    """

    case: Case
    choices: dict[str, Any]
    search: Search | None

    def chosen(self, key: str) -> Any:
        """A choice as it was made (k=d), or as it came out where nothing was said."""
        asked = self.case.raw.get(key)
        return asked if isinstance(CHOICES[key].kind, Formula) and asked != "auto" else self.choices[key]

    def named(self, axes: Sequence[str]) -> dict[str, Any]:
        """The choices that name it: ALWAYS, and those that vary."""
        return {key: self.chosen(key) for key in dict.fromkeys([*ALWAYS, *axes])}

    @property
    def measured(self) -> int | None:
        """The fewest bits by measurement; None where there are none, or nothing was measured."""
        raise NotImplementedError

    def remarks(self) -> list[tuple[str, str]]:
        """(column, why there is no number in it)."""
        raise NotImplementedError


Entry = TypeVar("Entry", bound=Combination)


@dataclass(kw_only=True)
class Combinations(Generic[Entry]):
    """All combinations.

    axes      the choices that vary among them, in the order of the table.
    folder    the sweep that keeps the cells; None: nothing was measured.      ran   cells computed in this call.
    """

    entries: list[Entry]
    axes: list[str]
    seeds: int
    folder: Path | None = None
    ran: int = 0

    def asked(self) -> dict[str, Any]:
        """What was asked, as JSON has it."""
        raise NotImplementedError

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a combination."""
        raise NotImplementedError


def axes_of(entries: Sequence[Combination]) -> list[str]:
    """The choices that tell the combinations apart, without those that others determine."""
    columns = {name: [entry.chosen(name) for entry in entries] for name in AXES if name in CHOICES}
    columns["precision"] = [None] * len(entries)
    return varying(columns, [name for name in AXES if name in columns])
