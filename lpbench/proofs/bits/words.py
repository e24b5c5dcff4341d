"""The answer in words: what the table is about, what its numbers rest on, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence

from lpbench.proofs.bits.answer import Answers, Entry
from lpbench.proofs.bits.proven import OPTIMISTIC, SPLIT, Answer
from lpbench.proofs.bits.said import about, by_dimension, missing
from lpbench.terminal import Table
from lpbench.theory.evaluation import theorem
from lpbench.theory.theorem import DIMENSION_FREE, EARLIER, OTHER

NONE, NO_THEOREM = "none", "-"
_FORMS = {
    DIMENSION_FREE: "dimension-free",
    OTHER: "for this algorithm",
    EARLIER: "earlier, with the dimension",
}


def table(found: Answers) -> Table:
    """A row a combination: the choices that vary, the measured bits, and those by each theorem."""
    axes = found.axes or ["dimension"]
    splits = any(entry.best_split is not None for entry in found.entries)
    measures = any(entry.search is not None for entry in found.entries)
    names = [f"{name}*" if name == OPTIMISTIC else name for name in found.names]
    columns = [*axes, *(["measured"] if measures else []), *names, *(["best split"] if splits else [])]
    rows = []
    for entry in found.entries:
        row = [entry.chosen(axis) for axis in axes]
        row += [_measured(entry)] if measures else []
        row += [_shown(entry.answers.get(name), theorem(name).form != EARLIER) for name in found.names]
        row += [_shown(entry.best_split, True)] if splits else []
        rows.append(row)
    numbers = {"dimension", "measured", *names}
    return Table(columns, rows, numbers=frozenset(numbers))


def title(found: Answers) -> str:
    """What the table shows."""
    return f"fewest bits that reach an objective gap of {found.target:g} ({about(found)})"


def _measured(entry: Entry) -> str:
    if entry.measured is not None:
        exponent = entry.proof.exponent_bits(entry.measured)
        return _bits(entry.measured, None if exponent is None else (exponent, entry.measured - 1 - exponent))
    assert entry.search is not None
    return NO_THEOREM if entry.search.skipped else f"> {entry.case.precisions[-1]}"


def _shown(answer: Answer | None, split: bool) -> str:
    if answer is None:
        return NO_THEOREM
    if answer.bits is None:
        return NONE if answer.hopeless else NO_THEOREM
    return _bits(answer.bits, answer.split if split else None)


def _bits(count: int, split: tuple[int, int] | None) -> str:
    return str(count) if split is None else f"{count} (e{split[0]}m{split[1]})"


def footnotes(found: Answers) -> list[str]:
    """What the headings mean, what was chosen for the user, and why numbers are missing."""
    lines = []
    for form, words in _FORMS.items():
        names = [name for name in found.names if theorem(name).form == form]
        if names:
            lines.append(f"{words}: {', '.join(names)}")
    if SPLIT in found.names:
        lines.append(f"{SPLIT}: the least of theorems 4, 1b and 1c, with e exponent and m mantissa bits; ")
        lines[-1] += "the split is the best by theory unless exponent_bits is given"
    if OPTIMISTIC in found.names:
        lines.append(
            f"* {OPTIMISTIC} with G = sigma is optimistic: away from the optimum gradients are larger"
        )
    algorithms = {entry.case.raw["algorithm"] for entry in found.entries if entry.answers}
    if algorithms - {"halp", "swalp"}:
        lines.append("proofs are about the noise ball, T = inf")
    if "halp" in algorithms:
        lines.append(
            "5c, 5d: the fewest bits with which every outer loop contracts, so that any target is reached"
        )
    if "swalp" in algorithms:
        lines.append(
            "6: the mean over the run of the gap of the average; it falls with the steps at any precision"
        )
    if found.folder is not None:
        lines.append(
            f"measured: the mean noise floor of {found.seeds} seeds, which misses the target with one bit less"
        )
    if found.defaults:
        lines.append(f"defaults: {found.defaults}")
    return lines + missing(found, _remarks)


def _remarks(entry: Entry) -> list[tuple[str, str]]:
    remarks = [(name, reason.removeprefix(f"theorem {name}: ")) for name, reason in entry.remarks()]
    if not entry.answers:
        remarks.append(("proofs", f"no theorem is about format={entry.case.raw['format']}"))
    return remarks


def conclusion(found: Answers) -> list[str]:
    """What it comes to: how the bits grow with the dimension, a line for each combination of the other choices."""
    return by_dimension(found, _grown, _level)


def _parts(entry: Entry) -> dict[str, int | None]:
    best = {form: entry.best(form) for form in (DIMENSION_FREE, OTHER, EARLIER)}
    named = {DIMENSION_FREE: "proven dimension-free", OTHER: "proven", EARLIER: "earlier"}
    found = {"measured": entry.measured}
    return found | {named[form]: pair[1] if pair else None for form, pair in best.items()}


def _level(entry: Entry) -> str:
    parts = [f"{name} {count}" for name, count in _parts(entry).items() if count is not None]
    return f"bits at d = {entry.choices['dimension']:,}: {', '.join(parts)}" if parts else ""


def _grown(entries: Sequence[Entry]) -> str:
    """`from d = 16 to 65,536: measured +0 bits, ...`; a shorter reach, where something is missing, is said."""
    first, last = entries[0].choices["dimension"], entries[-1].choices["dimension"]
    parts = []
    for name in _parts(entries[0]):
        known = [(e.choices["dimension"], count) for e in entries if (count := _parts(e)[name]) is not None]
        if len(known) < 2:
            continue
        (low, start), (high, end) = known[0], known[-1]
        reach = "" if (low, high) == (first, last) else f" ({low:,} to {high:,})"
        parts.append(f"{name} {end - start:+d}{reach}")
    return f"from d = {first:,} to {last:,}, in bits: {', '.join(parts)}" if parts else ""
