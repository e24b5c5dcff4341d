"""The answer: for each combination what is proven and what is measured, as rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpbench.analysis.tables import RESULT
from lpbench.errors import ConfigError
from lpbench.proofs.bits.cases import Case, read_cases, runtime
from lpbench.proofs.bits.entries import Combination, Combinations, axes_of
from lpbench.proofs.bits.measured import Bisection, Store, search
from lpbench.proofs.bits.near import SEEDS as NEAR_SEEDS
from lpbench.proofs.bits.near import Goal, NearAnswers, entry_of, goal
from lpbench.proofs.bits.proven import MOST, OPTIMISTIC, SPLIT, Answer, Proof
from lpbench.proofs.bits.suited import described, suited
from lpbench.theory.evaluation import theorem
from lpbench.theory.theorem import DIMENSION_FREE, EARLIER, OTHER

if TYPE_CHECKING:
    import pandas

    from lpbench.sweeps.sweep import Event

SEEDS = 5
MINUTES = 5.0
PROVEN = ("step_size", "snapshot")  # the defaults that a noise ball depends on


@dataclass
class Entry(Combination):
    """One combination of a convex problem.

    answers     what each theorem says, by its name.
    best_split  what theorem 4 says of the best exponent bits, where the user chose others; else None.
    """

    search: Bisection | None
    proof: Proof
    answers: dict[str, Answer]
    best_split: Answer | None = None

    def best(self, *forms: str) -> tuple[str, int] | None:
        """The theorem of these forms that needs the fewest bits, and how many."""
        fitting = [
            (name, answer.bits)
            for name, answer in self.answers.items()
            if answer.bits is not None and theorem(name).form in forms
        ]
        return min(fitting, key=lambda pair: pair[1], default=None)

    @property
    def measured(self) -> int | None:
        """The fewest bits by measurement; None where there are none, or nothing was measured."""
        return self.search.bits if self.search is not None and not self.search.skipped else None

    def remarks(self) -> list[tuple[str, str]]:
        """(column, why there is no number in it)."""
        found = [(name, answer.reason) for name, answer in self.answers.items() if answer.bits is None]
        if self.search is None or self.measured is not None:
            return found
        most = self.case.precisions[-1]
        gap = self.search.floors.get(most, math.inf)
        reason = self.search.skipped or f"{most} bits, the most of this format, leave {gap:.3g}"
        return [("measured", reason), *found]

    def row(self, names: Sequence[str]) -> dict[str, Any]:
        """As a row of the table that `lpbench.bits` returns; `names` are the theorems that have a column."""
        headings = ("measured", "measured_gap", "measured_error", "gap_below")
        found: dict[str, Any] = dict.fromkeys(headings)
        if self.search is not None and (bits := self.measured) is not None:
            floors, below = self.search.floors, self.search.floors.get(bits - 1, math.inf)
            known = (bits, floors[bits], self.search.errors[bits], below if math.isfinite(below) else None)
            found = dict(zip(headings, known, strict=True))
        for form in (DIMENSION_FREE, EARLIER):
            best = self.best(form)
            found[form.replace("-", "_")] = None if best is None else best[1]
        for name in names:
            found[column(name)] = self.answers[name].bits if name in self.answers else None
        if self.best_split is not None:
            found["bits_best_split"] = self.best_split.bits
        splits = [one.split for one in self.answers.values() if one.split and one.bits is not None]
        found["split"] = "e{}m{}".format(*splits[0]) if splits else None
        found["step_size"], found["steps"] = self.choices["step_size"], self.choices["steps"]
        found["remarks"] = "; ".join(f"{name}: {reason}" for name, reason in self.remarks()) or None
        return found


@dataclass(kw_only=True)
class Answers(Combinations[Entry]):
    """All combinations of convex problems.

    target    the objective gap.         defaults  what was chosen where the user chose nothing, in words.
    """

    target: float
    defaults: str

    def asked(self) -> dict[str, Any]:
        """What was asked, as JSON has it."""
        return {"target": self.target, "defaults": self.defaults}

    @property
    def names(self) -> list[str]:
        """The theorems that say something of any combination: dimension-free ones, others, earlier ones.

        Of each form first the one that asks for the fewest bits in all, an optimistic one after its equal.
        """
        order, bits = {DIMENSION_FREE: 0, OTHER: 1, EARLIER: 2}, Counter[str]()
        for entry in self.entries:
            for name, answer in entry.answers.items():
                bits[name] += MOST + 1 if answer.bits is None else answer.bits
        return sorted(bits, key=lambda name: (order[theorem(name).form], bits[name], name == OPTIMISTIC))

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a combination."""
        return [entry.named(self.axes) | entry.row(self.names) for entry in self.entries]

    def frame(self) -> pandas.DataFrame:
        """The rows as a DataFrame; bits are whole numbers or null."""
        import pandas

        frame = pandas.DataFrame(self.rows())
        counts = [name for name in frame if name in BITS or str(name).startswith("bits_")]
        return frame.astype(dict.fromkeys(counts, "Int64"))


BITS = ("measured", "dimension_free", "earlier")


def column(name: str) -> str:
    """The column of a theorem: bits_1a_ii for 1a-ii."""
    return theorem(name).column.replace("bound_", "bits_", 1)


def find(
    target: float | None = None,
    overrides: Sequence[str] = (),
    measure: bool = True,
    seeds: int | None = None,
    minutes: float | None = MINUTES,
    name: str = "bits",
    runs_dir: Path | str | None = None,
    workers: int | None = None,
    config_dir: Path | str | None = None,
    on_round: Callable[[str], Callable[[Event], None] | None] | None = None,
    metric: str | None = None,
    within: float | None = None,
) -> Answers | NearAnswers:
    """What `lpbench.bits` returns as a table, with all that is known of it. Arguments as there."""
    if target is not None and not (target > 0 and math.isfinite(target)):
        raise ConfigError(f"target must be a positive number, got {target}")
    if seeds is not None and seeds < 1:
        raise ConfigError(f"seeds must be at least 1, got {seeds}")
    folder = None if config_dir is None else Path(config_dir)
    asked = read_cases(overrides, folder)
    found: Answers | NearAnswers
    if _of_networks(asked):
        if not measure:
            raise ConfigError("nothing is proven of networks: without measuring there is no answer")
        found = _near(asked, goal(asked[0], metric, within, target), seeds or NEAR_SEEDS)
        judged = found.goal.metric
    else:
        found = _proven(asked, _gap(asked[0], metric, within, target), seeds or SEEDS, measure)
        judged = RESULT
    if measure:
        where = runtime(asked) | ({} if runs_dir is None else {"runs_dir": str(runs_dir)})
        store = Store(name, where, None if folder is None else str(folder.absolute()), judged)
        searches = [entry.search for entry in found.entries if entry.search is not None]
        search(searches, store, workers, minutes, on_round)
        found.folder, found.ran = store.folder, store.ran
    return found


def _of_networks(cases: Sequence[Case]) -> bool:
    """Whether networks are asked about; raises ConfigError where others are as well."""
    kinds = {case.result != RESULT for case in cases}
    if len(kinds) > 1:
        raise ConfigError(
            "networks and convex problems are two questions, with two answers: ask for each in a call of its own"
        )
    return True in kinds


def _gap(case: Case, metric: str | None, within: float | None, target: float | None) -> float:
    """The objective gap to reach. Raises ConfigError where something else is asked of convex problems."""
    problem = case.choices["problem"]
    if metric not in (None, RESULT):
        raise ConfigError(
            f"{problem} is judged by its objective gap here, and not by {metric}: leave out --metric"
        )
    if within is not None:
        raise ConfigError(
            f"--within is for networks; {problem} has an objective gap, which is to reach a number: --target 0.01"
        )
    if target is None:
        raise ConfigError("say which objective gap is to be reached: --target 0.01")
    return target


def _near(cases: Sequence[Case], asked: Goal, seeds: int) -> NearAnswers:
    entries = [entry_of(case, seeds, asked) for case in cases]
    return NearAnswers(entries=entries, axes=axes_of(entries), seeds=seeds, goal=asked)


def _proven(cases: Sequence[Case], target: float, seeds: int, measure: bool) -> Answers:
    chosen = [(case, suited(case, target)) for case in cases]
    entries = []
    for case, extra in chosen:
        ready = case.with_choices(extra)
        proof = Proof(ready, target)
        answers = {name: proof.answer(name) for name in proof.names}
        numbers, impossible = _numbers(ready, extra)
        entry = Entry(ready, numbers, None, proof, answers)
        if SPLIT in answers and not ready.splits:
            entry.best_split = Proof(ready.with_choices({"exponent_bits": None}), target).answer(SPLIT)
        if measure:
            best = entry.best(DIMENSION_FREE, EARLIER, OTHER)
            entry.search = Bisection(ready, seeds, best[1] if best else None, proof.exponent_bits, target)
            entry.search.skipped = impossible
        entries.append(entry)
    if not measure:
        chosen = [(case, {k: v for k, v in extra.items() if k in PROVEN}) for case, extra in chosen]
    return Answers(
        entries=entries, axes=axes_of(entries), seeds=seeds, target=target, defaults=described(chosen)
    )


def _numbers(case: Case, extra: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The choices as numbers, and why the run is impossible: by a length that the user did not choose."""
    try:
        return case.resolved(), ""
    except ConfigError as error:
        if "steps" not in extra:
            raise
        return case.resolved(run=False) | {"steps": None}, str(error)
