"""The fewest bits whose networks are as good as in full precision, or as good as is asked, by trained networks alone.

Seeds differ, so a number of bits may be near enough by chance, and the answer is an interval beside a number: from the
fewest bits that these seeds do not rule out to the fewest that they leave no doubt of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lpbench import registry
from lpbench.analysis.statistics import Difference, difference
from lpbench.declared.columns import OF_NETWORKS
from lpbench.errors import ConfigError, did_you_mean
from lpbench.proofs.bits.cases import Case
from lpbench.proofs.bits.entries import Combination, Combinations
from lpbench.proofs.bits.measured import FULL, Row, Search, fewest
from lpbench.sweeps.sweep import BAD

if TYPE_CHECKING:
    import pandas

SEEDS = 8
LEVEL = 0.9  # two one-sided tests at 95 %
_ROUNDS = 8  # of one case, about: a bisection, and the walks to both ends of the interval
COUNTS = ("measured", "measured_low", "measured_high")


@dataclass(frozen=True)
class Goal:
    """What bits are to reach.

    metric   a column of `cells`, of which less is better.
    within   how far above that of full precision it may be; None: `target` is the most that it may be.
    """

    metric: str
    within: float | None
    target: float | None

    @property
    def room(self) -> float:
        """What the difference to full precision, or to the target, may be."""
        return 0.0 if self.within is None else self.within


def goal(case: Case, metric: str | None, within: float | None, target: float | None) -> Goal:
    """What is asked of a network. Raises ConfigError where that makes no sense."""
    metric = metric or case.result
    if metric not in OF_NETWORKS:
        raise ConfigError(
            f"{case.choices['problem']} is not judged by {metric}; networks are by {', '.join(OF_NETWORKS)}."
            f"{did_you_mean(metric, OF_NETWORKS)}"
        )
    if (within is None) == (target is None):
        raise ConfigError(
            f"say one of --within 0.01, how near the {metric} of full precision, and --target 0.1, the {metric} itself"
        )
    if within is not None and not (within > 0 and math.isfinite(within)):
        raise ConfigError(f"within must be a positive number, got {within}")
    return Goal(metric, within, target)


@dataclass
class Near(Search):
    """The bisections on one network: to the fewest bits by the means, and to both ends of their interval.

    values   of the metric by bits, a number a seed, inf where one did not end well; those of FULL are compared with.
    """

    goal: Goal
    values: dict[int, np.ndarray] = field(default_factory=dict)

    @cached_property
    def full(self) -> Case:
        """The same in full precision."""
        return self.case.in_full_precision

    def at(self, bits: int) -> Case:
        """Full precision, or the case."""
        return self.full if bits == FULL else self.case

    @property
    def reference(self) -> np.ndarray | float | None:
        """What the values are compared with; None where nothing is there yet, or nothing to compare with."""
        if self.goal.within is None:
            return self.goal.target
        found = self.values.get(FULL)
        return found if found is not None and np.isfinite(found).all() else None

    def against(self, bits: int) -> Difference | None:
        """The metric of so many bits less the reference; None where they are not measured."""
        if bits not in self.values or self.reference is None:
            return None
        return difference(self.values[bits], self.reference, LEVEL)

    def _walk(self, reaches: Callable[[Difference], bool]) -> tuple[int | None, int | None]:
        """(the fewest bits that do, what to measure next to know them); None: none do; nothing."""
        precisions = self.case.precisions
        known = {
            bits: reaches(found)
            for bits in self.values
            if bits != FULL and (found := self.against(bits)) is not None
        }
        low, _, following = fewest(known, precisions[0], precisions[-1], precisions[-1])
        return (low if following is None and known[low] else None), following

    @property
    def _walks(self) -> list[tuple[int | None, int | None]]:
        room = self.goal.room
        return [
            self._walk(lambda found: found.mean <= room),
            self._walk(lambda found: found.low <= room),
            self._walk(lambda found: found.high <= room),
        ]

    def wanted(self) -> list[int]:
        """Full precision, and the next step of each bisection."""
        if FULL in self.values and self.reference is None:
            return []  # it did not end well: there is nothing to be near to
        full = [FULL] if self.goal.within is not None and FULL not in self.values else []
        following = {bits for _, bits in self._walks if bits is not None}
        return full + sorted(
            following - self.values.keys()
        )  # of what is there, full precision tells what follows

    def learn(self, bits: int, rows: Sequence[Row]) -> None:
        """Take note of what the cells of one precision measured."""
        self.bad += [row for row in rows if row["status"] in BAD]
        found = [row[self.goal.metric] if row["status"] == "ok" else None for row in rows]
        self.values[bits] = np.array([math.inf if value is None else value for value in found])

    def rounds(self) -> int:
        """About as many for every case."""
        return _ROUNDS

    @property
    def bits(self) -> int | None:
        """The fewest bits whose mean is near enough; None: none are."""
        return None if self.reference is None else self._walks[0][0]

    @property
    def interval(self) -> tuple[int | None, int | None]:
        """The bits that these seeds leave open; an end that is None is beyond the format's most."""
        return self._walks[1][0], self._walks[2][0]

    @property
    def decided(self) -> bool:
        """Whether the seeds leave one number of bits."""
        low, high = self.interval
        return low == high

    def seeds_to_decide(self) -> int | None:
        """About how many seeds would, if the means stayed where they are; None: that cannot be said."""
        asked = [bits for bits in (self.bits, (self.bits or 0) - 1) if bits]
        found = [one for bits in asked if (one := self.against(bits)) is not None and math.isfinite(one.high)]
        margins = [(one.high - one.mean, abs(self.goal.room - one.mean)) for one in found]
        if not margins or not all(margin for _, margin in margins):
            return None
        return math.ceil(self.seeds * max(half / margin for half, margin in margins) ** 2)


@dataclass
class NearEntry(Combination):
    """One network."""

    search: Near

    @property
    def measured(self) -> int | None:
        """The fewest bits whose mean is near enough."""
        return None if self.search.skipped else self.search.bits

    @property
    def full(self) -> Difference | None:
        """The mean of full precision and its standard error; None where it is not asked for, or did not end well."""
        found = self.search.reference
        return difference(found, 0.0, LEVEL) if isinstance(found, np.ndarray) else None

    def remarks(self) -> list[tuple[str, str]]:
        """(column, why there is no number in it)."""
        one = self.search
        if one.skipped:
            return [("measured", one.skipped)]
        if one.reference is None:
            return [
                ("measured", "the run in full precision did not end well: there is nothing to be near to")
            ]
        if self.measured is not None:
            return []
        most = self.case.precisions[-1]
        found = one.against(most)
        if found is None or not math.isfinite(found.mean):
            return [("measured", f"{most} bits, the most of this format, leave no result")]
        ranged = "limit" in registry.formats.get(self.choices["format"]).reads
        hint = ": is it the range? (limit)" if ranged and found.low > one.goal.room else ""
        more = f"{one.goal.metric} {found.mean:+.3g}"
        return [("measured", f"{most} bits, the most of this format, leave {more}{hint}")]

    def row(self) -> dict[str, Any]:
        """As a row of the table that `lpbench.bits` returns."""
        one, bits = self.search, self.measured
        low, high = (None, None) if one.skipped or one.reference is None else one.interval
        at, below = (one.against(count) if bits else None for count in (bits or 0, (bits or 0) - 1))
        full = None if one.skipped else self.full
        return {
            "metric": one.goal.metric,
            "full_precision": full.mean if full else None,
            "full_precision_error": _number(full.error) if full else None,
            "measured": bits,
            "measured_low": low,
            "measured_high": high,
            "difference": _number(at.mean) if at else None,
            "difference_error": _number(at.error) if at else None,
            "difference_below": _number(below.mean) if below else None,
            "difference_below_error": _number(below.error) if below else None,
            "step_size": self.choices["step_size"],
            "steps": self.choices["steps"],
            "remarks": "; ".join(f"{name}: {reason}" for name, reason in self.remarks()) or None,
        }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


@dataclass(kw_only=True)
class NearAnswers(Combinations[NearEntry]):
    """All networks that were asked about."""

    goal: Goal

    def asked(self) -> dict[str, Any]:
        """What was asked, as JSON has it."""
        return {"metric": self.goal.metric, "within": self.goal.within, "target": self.goal.target}

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a network."""
        return [entry.named(self.axes) | entry.row() for entry in self.entries]

    def frame(self) -> pandas.DataFrame:
        """The rows as a DataFrame; bits are whole numbers or null."""
        import pandas

        return pandas.DataFrame(self.rows()).astype(dict.fromkeys(COUNTS, "Int64"))


def entry_of(case: Case, seeds: int, asked: Goal) -> NearEntry:
    """A network, before anything is measured."""
    choices = dict(case.choices)
    problem = registry.problems.get(choices["problem"])
    located = case.cell(case.precisions[-1]).located
    choices["steps"] = problem.run_length(choices, problem.shape(located).n_samples)
    return NearEntry(case, choices, Near(case, seeds, asked))
