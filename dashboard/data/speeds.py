"""What `lpbench speed` measured as a page sees it: which machine is this one, and what a measurement says in a line."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lpbench.provenance import provenance
from lpbench.store import measurements
from lpbench.store.measurements import Measurement

from .choosing import plural

FLOAT, EIGHT = "float32", "int8"
SIZES = {"float32": 4, "int16": 2, "int8": 1}  # bytes of a number of the data
WIDE = "AVX-512"
NAMED = "those of "  # begins instructions that are known by the name of a processor alone
_FILLING = re.compile(r"\((?:R|TM)\)|\bCPU\b|\bProcessor\b|\b\d+-Core\b|@.*", re.IGNORECASE)
MOST_NAMED = 32  # letters of a processor in a figure

Found = tuple[list[Measurement], list[str]]


def read(runs_dir: Path) -> Found:
    """(the measurements of a folder of sweeps, the oldest first; what could not be read); read anew when a file of them
    appears, goes or changes.
    """
    return _read(runs_dir, tuple((path.name, _changed(path)) for path in measurements.files(runs_dir)))


@functools.lru_cache(maxsize=4)
def _read(runs_dir: Path, stamp: tuple[tuple[str, float], ...]) -> Found:
    return measurements.read(runs_dir)


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # it went, or nobody may look at it: reading says so


def newest(found: Sequence[Measurement]) -> Measurement:
    """The newest of this machine; of another one where there is none of it."""
    here = [one for one in found if one.host == provenance()["host"]]
    return (here or list(found))[-1]


def alike(one: Measurement, found: Sequence[Measurement]) -> list[Measurement]:
    """Those that may stand beside `one`: of its host, processor, instructions, cores, bits, data and dimensions; the
    oldest first.
    """
    return [other for other in found if _settings(other) == _settings(one)]


def _settings(one: Measurement) -> tuple[object, ...]:
    facts = (one.machine[key] for key in ("cpu", "cores", "instructions", "numbers"))
    return (one.host, one.precision, *facts, frozenset(row["dimension"] for row in one.steps))


def when(one: Measurement) -> str:
    """The minute, in UTC."""
    return one.measured_at[:16].replace("T", " ")


def machine(one: Measurement) -> str:
    """Processor, cores and instructions, and whether AVX-512 is among these."""
    facts = one.machine
    said = _compiled(one) + (f" (no {WIDE})" if _wide(one) is False else "")
    return ", ".join([facts["cpu"], plural(facts["cores"], "core"), said])


def briefly(one: Measurement, cores: int | None) -> str:
    """The machine and the day in a line of a figure, with the cores where nothing else there says them."""
    wide = _wide(one)
    said = _compiled(one) if wide is None else WIDE if wide else f"no {WIDE}"
    used = [plural(cores, "core")] if cores else []
    return ", ".join([_short(one.machine["cpu"]), *used, said[:MOST_NAMED], one.measured_at[:10]])


def _short(cpu: str) -> str:
    """A processor without what others are called, too: of `Intel(R) Xeon(R) 8375C CPU @ 2.90GHz` `Intel Xeon 8375C`."""
    return " ".join(_FILLING.sub(" ", cpu).split())[:MOST_NAMED] or cpu[:MOST_NAMED]


def _wide(one: Measurement) -> bool | None:
    """Whether kernels were compiled to AVX-512; None where they were to all that a named processor has."""
    said = one.machine["instructions"]
    return None if said.startswith(NAMED) else WIDE in said


def _compiled(one: Measurement) -> str:
    """The instructions, in words that can stand alone."""
    said: str = one.machine["instructions"]
    return f"instructions of {said.removeprefix(NAMED)}" if said.startswith(NAMED) else said


def algorithm(pair: str, numbers: str) -> str:
    """`SVRG, HALP` is SVRG in float32, HALP in integers."""
    single, _, integer = pair.partition(", ")
    return single if numbers == FLOAT or not integer else integer


def steps(one: Measurement, algorithm: str, cores: int, numbers: str = EIGHT) -> dict[int, float]:
    """float32 over `numbers` by dimension, of a step of one of the algorithms in integers."""
    return {
        row["dimension"]: row["ratio"]
        for row in one.steps
        if row["algorithm"].endswith(algorithm) and (row["cores"], row["numbers"]) == (cores, numbers)
    }


def loops(one: Measurement, numbers: str = EIGHT) -> dict[int, float]:
    """float32 over `numbers` by dimension, of an outer loop."""
    return {row["dimension"]: row["ratio"] for row in one.loops if row["numbers"] == numbers}


def least_gap(one: Measurement, numbers: str = EIGHT) -> tuple[float, float | None] | None:
    """(the least gap that was asked for, float32 over `numbers` of the time to it or None); None without gaps."""
    rows = [row for row in one.gaps if row["numbers"] == numbers]
    return min(((row["gap"], row["ratio"]) for row in rows), default=None, key=lambda pair: pair[0])


def middle(ratios: dict[int, float]) -> float | None:
    """The median over the dimensions."""
    return float(np.median([*ratios.values()])) if ratios else None
