"""What `lpbench speed` measured: one small JSON file a measurement, which is never changed after it is written.

A file may be someone else's: what is read has the columns and types named here, or is named as not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lpbench.errors import ConfigError, StoreError
from lpbench.escaping import HALF
from lpbench.store.address import is_folder, locate, make_folder
from lpbench.store.files import read_bytes, replace_bytes
from lpbench.store.folder import is_sweep, runs_option
from lpbench.terminal import json_bytes

FOLDER = "speed"  # under the folder of sweeps
SCHEMA_VERSION = 1
PRECISION = 16  # bits of HALP's offset and of LP-SGD's weights, where no others are asked for
MOST_FILES, MOST_BYTES = 400, 1_000_000  # that are read; a measurement has some 15 kB
MOST_ROWS, MOST_TEXT = 5_000, 300  # of a table; letters of a text

Row = Mapping[str, Any]


class Column(NamedTuple):
    """A column of a table: what people read above it, its type, and whether it may be null. Numbers are above 0."""

    head: str
    kind: type
    nullable: bool = False


STEPS = {
    "dimension": Column("dimension", int), "algorithm": Column("algorithm", str), "numbers": Column("numbers", str),
    "cores": Column("cores", int), "ns_coordinate": Column("ns a coordinate", float),
    "bytes_coordinate": Column("bytes", int), "gb_s": Column("GB/s", float), "ratio": Column("float32 / it", float),
}  # fmt: skip
LOOPS = {
    "dimension": Column("dimension", int), "numbers": Column("numbers", str),
    "loop_ms": Column("outer loop, ms", float), "full_gradient_ms": Column("of it the full gradient, ms", float),
    "ratio": Column("float32 / it", float),
}  # fmt: skip
GAPS = {
    "gap": Column("gap / gap at 0", float), "numbers": Column("numbers", str),
    "loops": Column("outer loops", int, True), "ms": Column("ms", float, True),
    "ratio": Column("float32 / it", float, True),
}  # fmt: skip
NOT_REACHED = "not reached"  # in the place of loops
_MACHINE = {
    "cpu": Column("processor", str), "cores": Column("cores", int), "instructions": Column("instructions", str),
    "last_level_cache": Column("last-level cache", int), "numbers": Column("numbers", int),
}  # fmt: skip
_HEAD = {
    "measured_at": Column("measured at", str), "lpbench_version": Column("lpbench", str),
    "git_commit": Column("commit", str, True), "host": Column("host", str), "precision": Column("precision", int),
    "rounds": Column("rounds", int),
}  # fmt: skip


@dataclass(frozen=True)
class Measurement:
    """One file.

    name         of the file, without its ending; names in the order of the alphabet are in that of time.
    measured_at  UTC, ISO 8601.     precision   bits of HALP's offset and of LP-SGD's weights.
    machine      facts, and `read_gb_s_N` and `copy_gb_s_N` on one core and on all.
    steps, loops, gaps   rows of STEPS, LOOPS and GAPS.
    courses      by type of number, (seconds, gap / gap at 0 or None) after each outer loop.
    """

    name: str
    measured_at: str
    lpbench_version: str
    git_commit: str | None
    host: str
    precision: int
    rounds: int
    machine: Row
    steps: Sequence[Row]
    loops: Sequence[Row]
    gaps: Sequence[Row]
    courses: Mapping[str, Sequence[tuple[float, float | None]]]


def of_record(name: str, record: Any) -> Measurement:
    """The measurement that a file holds; raises ValueError, in words, where that is none."""
    if not isinstance(record, dict) or "schema" not in record:
        raise ValueError("is no measurement of lpbench speed")
    if record["schema"] != SCHEMA_VERSION:
        raise ValueError(f"was written by another lpbench (schema {str(record['schema'])[:20]})")
    machine, cores = _row(record.get("machine"), _MACHINE, "machine"), record["machine"]["cores"]
    bandwidth = {
        f"{way}_gb_s_{used}": Column("GB/s", float) for way in ("read", "copy") for used in (1, cores)
    }
    return Measurement(
        name,
        **_row(record, _HEAD, "it"),
        machine=machine | _row(record["machine"], bandwidth, "machine"),
        courses=_courses(record.get("courses")),
        steps=_rows(record.get("steps"), STEPS, "steps"),
        loops=_rows(record.get("loops"), LOOPS, "loops"),
        gaps=_rows(record.get("gaps"), GAPS, "gaps"),
    )


def table(rows: Sequence[Row], columns: Mapping[str, Column]) -> list[list[Any]]:
    """Rows as people read them: a gap that was not reached says so."""
    return [
        [NOT_REACHED if key == "loops" and row[key] is None else row[key] for key in columns] for row in rows
    ]


def coarse(precision: int, gaps: Sequence[Row]) -> str:
    """Why gaps were not reached in 8 bits, as a sentence; "" where nothing is to be said."""
    if precision > 8 or all(row["loops"] is not None for row in gaps if row["numbers"] != "float32"):
        return ""
    return (
        f"{NOT_REACHED}: rounding HALP's offset to {precision} bits adds noise that grows with dimension and condition "
        "number, and at one of 100 it diverges, however fast its steps are"
    )


def prepare(runs_dir: Path | str) -> Path:
    """The folder that measurements are kept in, made where it is missing.

    Raises ConfigError where a sweep of that name is in its place, StoreError where it cannot be made.
    """
    folder = locate(runs_dir) / FOLDER
    if is_sweep(folder):
        raise ConfigError(
            f"{folder} is a sweep, of before that name was taken: lpbench rename {FOLDER} NEW"
            f"{runs_option(locate(runs_dir))}, or give --no-save"
        )
    make_folder(folder)
    return folder


def keep(record: Mapping[str, Any], folder: Path) -> Path:
    """Write a measurement into a folder that is there, as `<time>-<host>.json`; raises StoreError."""
    time = re.sub(r"[-:]|\+.*", "", str(record["measured_at"]))
    host = re.sub(r"[^A-Za-z0-9._-]+", "-", str(record["host"]))[:60]
    path = folder / f"{time}-{host}.json"
    replace_bytes(path, json_bytes(record))
    return path


def files(runs_dir: Path | str) -> list[Path]:
    """The files of the measurements, the oldest first."""
    folder = locate(runs_dir) / FOLDER
    found = folder.glob("*.json") if is_folder(folder) and not is_sweep(folder) else ()
    return sorted((path for path in found if not HALF.search(path.name)), key=lambda path: path.name)


def read(runs_dir: Path | str) -> tuple[list[Measurement], list[str]]:
    """(the measurements, the oldest first; what could not be read, in words); the newest MOST_FILES of more."""
    there = files(runs_dir)
    found, problems = [], []
    if len(there) > MOST_FILES:
        problems.append(
            f"{len(there) - MOST_FILES} measurements older than the newest {MOST_FILES} are left out"
        )
    for path in there[-MOST_FILES:]:
        try:
            found.append(of_record(path.name.removesuffix(".json"), _read(path)))
        except ValueError as error:
            problems.append(f"{path.name} {error}")
        except (OSError, StoreError) as error:
            problems.append(f"{path.name} cannot be read: {getattr(error, 'strerror', None) or error}")
    return sorted(found, key=lambda one: (one.measured_at, one.name)), problems


def _read(path: Path) -> Any:
    import orjson

    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(f"holds {size:,} bytes, and {MOST_BYTES:,} are the most that are read")
    try:
        return orjson.loads(read_bytes(path))
    except orjson.JSONDecodeError:
        raise ValueError("is damaged: it is no JSON") from None


def _rows(rows: Any, columns: Mapping[str, Column], where: str) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or len(rows) > MOST_ROWS:
        raise ValueError(f"is damaged: {where} must be a list of at most {MOST_ROWS:,} rows")
    return [_row(row, columns, where) for row in rows]


def _row(row: Any, columns: Mapping[str, Column], where: str) -> dict[str, Any]:
    """The columns of a row, and no others."""
    if not isinstance(row, dict):
        raise ValueError(f"is damaged: {where} lacks its columns")
    found = {}
    for key, column in columns.items():
        value = row.get(key)
        if not (column.nullable and value is None) and not _is(value, column.kind):
            raise ValueError(f"is damaged: {key} of {where} must be {_CALLED[column.kind]}")
        found[key] = value
    return found


_CALLED = {
    str: f"a text of at most {MOST_TEXT} letters",
    int: "a whole number above 0",
    float: "a number above 0",
}


def _is(value: Any, kind: type) -> bool:
    if kind is str:
        return isinstance(value, str) and 0 < len(value) <= MOST_TEXT
    numbers = int | float if kind is float else int
    return isinstance(value, numbers) and not isinstance(value, bool) and 0 < value < math.inf


def _courses(courses: Any) -> dict[str, list[tuple[float, float | None]]]:
    points = [point for course in courses.values() for point in course] if _is_course(courses) else None
    if points is None or len(points) > MOST_ROWS:
        raise ValueError(f"is damaged: courses must be lists of (seconds, gap), at most {MOST_ROWS:,}")
    return {name: [(seconds, gap) for seconds, gap in course] for name, course in courses.items()}


def _is_course(courses: Any) -> bool:
    return (
        isinstance(courses, dict)
        and all(isinstance(course, list) for course in courses.values())
        and all(
            isinstance(point, list)
            and len(point) == 2
            and (point[0] == 0 or _is(point[0], float))
            and (point[1] is None or point[1] == 0 or _is(point[1], float))
            for course in courses.values()
            for point in course
        )
    )
