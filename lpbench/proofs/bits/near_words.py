"""The answer about networks in words: what the table is about, what its numbers rest on, and what it comes to."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lpbench.analysis.statistics import Difference
from lpbench.proofs.bits.near import NearAnswers, NearEntry
from lpbench.proofs.bits.said import about, at, by_dimension, missing, place
from lpbench.terminal import Table

_MANY = 1000  # seeds: that many are no advice


def title(found: NearAnswers) -> str:
    """What the table shows."""
    return f"fewest bits {wanted(found)} ({about(found)})"


def wanted(found: NearAnswers) -> str:
    """`whose test error is within 0.01 of full precision's`."""
    metric = found.goal.metric.replace("_", " ")
    if found.goal.within is None:
        return f"whose {metric} is at most {found.goal.target:g}"
    return f"whose {metric} is within {found.goal.within:g} of full precision's"


def table(found: NearAnswers) -> Table:
    """A row a network: the choices that vary, full precision, the bits, and how near these come and one bit less."""
    axes, near = found.axes or ["problem"], found.goal.within is not None
    columns = [
        *axes,
        *(["full precision"] if near else []),
        "bits",
        "90 % interval",
        "difference",
        "one bit less",
    ]
    rows = []
    for entry in found.entries:
        one, bits = entry.search, entry.measured
        row = [entry.chosen(axis) for axis in axes]
        row += [_mean(entry.full, "")] if near else []
        row += [_bits(entry), _interval(entry)]
        row += [_mean(one.against(count) if bits else None, "+") for count in (bits or 0, (bits or 0) - 1)]
        rows.append(row)
    return Table(columns, rows, numbers=frozenset(columns) - {*axes} | {"dimension"}, keys=len(axes))


def _bits(entry: NearEntry) -> str:
    if entry.measured is not None:
        return str(entry.measured)
    return "-" if _unknown(entry) else f"> {entry.case.precisions[-1]}"


def _unknown(entry: NearEntry) -> bool:
    return bool(entry.search.skipped) or entry.search.reference is None


def _interval(entry: NearEntry) -> str:
    """`6`, `6 or 7`, `5 to 8`, `6 or more`."""
    if _unknown(entry):
        return "-"
    low, high = entry.search.interval
    if low is None:
        return f"> {entry.case.precisions[-1]}"
    if high is None:
        return f"{low} or more"
    return f"{low}" if high == low else f"{low} {'or' if high == low + 1 else 'to'} {high}"


def _mean(found: Difference | None, sign: str) -> str:
    """`+0.012 ± 0.004`, to two digits of the error."""
    if found is None or not math.isfinite(found.mean):
        return "-"
    if not found.error > 0:  # none, or not known
        return f"{found.mean:{sign}.3g}"
    digits = max(0, 1 - math.floor(math.log10(found.error)))
    return f"{found.mean:{sign}.{digits}f} ± {found.error:.{digits}f}"


def footnotes(found: NearAnswers) -> list[str]:
    """What the headings mean, what the seeds leave open, and why numbers are missing."""
    seeds = "1 seed, which tells no error" if found.seeds == 1 else f"{found.seeds} seeds"
    metric = found.goal.metric.replace("_", " ")
    lines = [f"bits: by the mean {metric} of {seeds}; ± is the standard error of a difference of means"]
    if found.goal.within is not None:
        full = ", ".join(dict.fromkeys(_full(entry) for entry in found.entries))
        lines.append(f"full precision: {full}, with the same seeds")
    else:
        lines[-1] = f"bits: by the mean {metric} of {seeds} less the target; ± is its standard error"
    lines.append(
        "90 % interval: from the fewest bits that the seeds do not rule out to the fewest that they leave no doubt of"
    )
    return [*lines, *_undecided(found), *missing(found, NearEntry.remarks)]


def _full(entry: NearEntry) -> str:
    choices = entry.search.full.choices
    own = choices["algorithm"] == entry.choices["algorithm"]
    return f"algorithm={choices['algorithm']}" + (" format=none" if own else "")


def _undecided(found: NearAnswers) -> list[str]:
    """Where the seeds do not decide, and how many about would."""
    open_ = [entry for entry in found.entries if not _unknown(entry) and not entry.search.decided]
    if not open_:
        return []
    counts = [entry.search.seeds_to_decide() for entry in open_]
    known = [count for count in counts if count is not None and count > found.seeds]
    line = f"the seeds do not decide{at([place(entry, found) for entry in open_], found)}"
    if not known or len(known) < len(open_) or max(known) > _MANY:
        return [f"{line}: more seeds narrow the interval (--seeds {4 * found.seeds})"]
    return [f"{line}: about {max(known)} seeds would (--seeds {max(known)})"]


def conclusion(found: NearAnswers) -> list[str]:
    """How the bits grow with the width."""
    return by_dimension(found, _grown, lambda entry: "")


def _grown(entries: Sequence[NearEntry]) -> str:
    """`from width 16 to 256, in bits: +2 (by the seeds +1 to +4)`."""
    known = [entry for entry in entries if entry.measured is not None]
    if len(known) < 2:
        return ""
    first, last = known[0], known[-1]
    assert first.measured is not None
    assert last.measured is not None
    said = f"from width {first.choices['dimension']:,} to {last.choices['dimension']:,}, in bits: "
    said += f"{last.measured - first.measured:+d}"
    (low, high), (low_last, high_last) = first.search.interval, last.search.interval
    least = None if low_last is None or high is None else low_last - high
    most = None if high_last is None or low is None else high_last - low
    if least == most is not None:
        return said
    named = {"at least": least, "at most": most}
    ends = [f"{word} {count:+d}" for word, count in named.items() if count is not None]
    return f"{said} (by the seeds {' and '.join(ends) or 'anything'})"
