"""What every answer says in the same words: what it is about, what is missing, what ended badly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lpbench.choices.grid import key_of
from lpbench.proofs.bits.entries import Combinations, Entry
from lpbench.terminal import first

_LISTED = 12  # reasons
_PROBLEM = ("problem", "dataset", "dimension")  # what full precision has in common with a combination
_ABOUT = ("problem", "dataset", "dimension", "algorithm", "format")


def about(found: Combinations[Entry]) -> str:
    """What all combinations share: `family_s, lp_sgd, fixed, k=4`."""
    one = found.entries[0]
    shared = [key for key in _ABOUT if key not in found.axes and one.chosen(key) is not None]
    said = [f"d={one.chosen(key):,}" if key == "dimension" else str(one.chosen(key)) for key in shared]
    for text in one.case.texts:
        key = key_of(text)
        own = key in one.case.given and key not in (*_ABOUT, *found.axes)
        if own and all(text in entry.case.texts for entry in found.entries):
            said.append(text)
    return ", ".join(said)


def missing(found: Combinations[Entry], remarks: Callable[[Entry], Iterable[tuple[str, str]]]) -> list[str]:
    """Why there is no number, once for each reason; `remarks` of an entry are (column, why)."""
    where: dict[tuple[str, str], list[str]] = {}
    for entry in found.entries:
        for name, reason in remarks(entry):
            where.setdefault((name, reason), []).append(place(entry, found))
    names: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (name, reason), places in where.items():
        names.setdefault((reason, tuple(places)), []).append(name)
    lines = [f"{', '.join(who)}{at(places, found)}: {reason}" for (reason, places), who in names.items()]
    return first(lines, _LISTED, "more (--json has all)")


def place(entry: Entry, found: Combinations[Entry]) -> str:
    """`dimension=16, k=4`: where an entry is among the others."""
    return ", ".join(f"{axis}={entry.chosen(axis)}" for axis in found.axes)


def at(places: Sequence[str], found: Combinations[Entry]) -> str:
    """` at dimension=16 and 2 more`; nothing where it is everywhere."""
    if len(places) == len(found.entries):
        return ""
    return f" at {places[0]}" + (f" and {len(places) - 1} more" if len(places) > 1 else "")


def bad(found: Combinations[Any]) -> list[str]:
    """The cells that ended badly, a line for each combination and precision."""
    lines: dict[str, None] = {}  # full precision of several is one
    for entry in found.entries:
        ended = entry.search.bad if entry.search is not None else ()
        counts = Counter((row["precision"], row["status"], row["error"], row["format"]) for row in ended)
        for (bits, status, error, form), count in counts.items():
            exact = form == "none"
            axes = [axis for axis in found.axes if not exact or axis in _PROBLEM]
            where = "".join(f", {axis}={entry.chosen(axis)}" for axis in axes)
            how = "in full precision" if exact else f"at {bits} bits"
            why = f" ({error})" if error else ""
            so = "nothing to compare with" if exact else "counted as missing the target"
            lines[f"{count} of {found.seeds} seeds {status} {how}{where}{why}: {so}"] = None
    return list(lines)


def by_dimension(
    found: Combinations[Entry], grown: Callable[[Sequence[Entry]], str], level: Callable[[Entry], str]
) -> list[str]:
    """How the bits grow with the dimension, a line for each combination of the other choices.

    grown, level   say it of several dimensions, ascending, and of one alone.
    """
    others = [axis for axis in found.axes if axis != "dimension"]
    groups: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in found.entries:
        groups.setdefault(tuple(entry.chosen(axis) for axis in others), []).append(entry)
    lines = []
    for key, entries in groups.items():
        if len(entries) == 1 < len(found.entries):
            continue  # at one dimension only: the table says it
        lead = ", ".join(f"{axis}={value}" for axis, value in zip(others, key, strict=True))
        entries = sorted(entries, key=lambda e: e.choices["dimension"])
        said = grown(entries) if len(entries) > 1 else level(entries[0])
        if said:
            lines.append(f"{lead}: {said}" if lead else said)
    return lines
