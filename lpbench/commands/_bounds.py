"""The parts of `lpbench bounds`."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpbench.commands._bounds_tables import bounds_table, constants_table, evidence_table, reasons_table
from lpbench.commands._options import check_place
from lpbench.commands._sweeping import invalid_lines, say_evidence
from lpbench.declared.choices import PROBLEM
from lpbench.errors import ConfigError, ExitCode
from lpbench.escaping import csv_of_records
from lpbench.proofs.bounds import Proof, of_sweep, plan_groups, prove
from lpbench.registry import bounds as theorems
from lpbench.store import find_sweep
from lpbench.store.files import write_bytes
from lpbench.terminal import console, first, json_bytes, note, warning
from lpbench.theory.evaluation import theorem

_SUMMARY = ("", "_kind", "_basis", "_earlier", "_dimension_free")
_LISTED = 5  # reasons why cells cannot be run
_QUIET_SECONDS = 5.0  # before a line says what takes so long


@dataclass(frozen=True)
class Output:
    """Where the answer goes: `kind` json, csv, or None for tables; `path` None for stdout."""

    kind: str | None
    path: Path | None

    def write(self, value: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write `value` as JSON, or `rows` as CSV."""
        content = json_bytes(value) if self.kind == "json" else csv_of_records(rows).encode()
        if self.path is None:
            sys.stdout.write(content.decode())
        else:
            write_bytes(self.path, content)
            note(f"written: {self.path}")


def grid(
    overrides: list[str], config_dir: Path | None, skip_invalid: bool, guard: Callable[[int], None], output: Output,
    every: bool, why: bool, quiet: bool,
) -> int:  # fmt: skip
    """What is proven of a grid; exit code 3 where some cells cannot be run."""
    plan = plan_groups(overrides, config_dir, skip_invalid, guard)
    if not quiet:
        for line in invalid_lines(plan):
            note(line)
    with building(quiet) as tell:
        proofs = prove(plan.cells, tell)
    rows = [proof.row() for proof in proofs]
    if output.kind is not None:
        output.write(grid_json(proofs), rows)
    else:
        constants_table(proofs, every).print()
        bounds_table(rows, every).print()
        if why:
            reasons_table(proofs).print()
    errors = Counter(proof.error for proof in proofs if proof.error is not None)
    said = [f"{n} of {len(proofs)} cell groups cannot be run: {error}" for error, n in errors.most_common()]
    for line in first(said, _LISTED, "more reasons"):
        warning(line)
    if output.kind is None and not quiet:
        for line in grid_lines(proofs, every, why):
            note(line)
    return ExitCode.SOME_BAD if errors else ExitCode.DONE


def sweep(name: str, runs_dir: Path, output: Output, every: bool, quiet: bool) -> int:
    """A stored sweep, measured beside proven; exit code 5 where a bound is broken."""
    try:
        folder = find_sweep(name, runs_dir)
    except ConfigError as error:
        raise ConfigError(f"{error} (an override is written KEY=VALUE)") from None
    evidence = of_sweep(folder)
    if output.kind is not None:
        where = {"name": folder.name, "folder": str(folder)}
        output.write({**where, **evidence.summary(), "bounds": evidence.groups}, evidence.groups)
    else:
        evidence_table(evidence, folder.name, every).print()
    if evidence.line() is None and not quiet:
        note("no cell has a proven bound; lpbench bounds OVERRIDES --why says why theorems do not apply")
    say_evidence(evidence, folder.name, folder.parent, quiet, hint=False)
    return ExitCode.BOUND_BROKEN if evidence.broken else ExitCode.DONE


def grid_json(proofs: Sequence[Proof]) -> dict[str, Any]:
    """Constants of each problem, and of each cell group every theorem with its bound or why there is none."""
    problems = {proof.problem_key: proof for proof in proofs if proof.constants}
    constants = [
        {
            "problem_key": key,
            **{name: proof.choices[name] for name in PROBLEM},
            **proof.facts,
            "constants": {
                name: {"value": value, "kind": proof.kinds[name]} for name, value in proof.constants.items()
            },
        }
        for key, proof in problems.items()
    ]
    return {"constants": constants, "bounds": [_group_json(proof) for proof in proofs]}


def _group_json(proof: Proof) -> dict[str, Any]:
    row = proof.row()
    found = {"group_id": proof.group_id, "problem_key": proof.problem_key, **proof.choices}
    found |= {lead + end: row[lead + end] for lead in ("bound", "noise_ball") for end in _SUMMARY}
    found |= {"box_excess": proof.excess, "error": proof.error, "theorems": {}}
    for name in theorems.names():
        known = theorem(name)
        applies = proof.run.bounds.get(name)
        found["theorems"][name] = {
            "form": known.form,
            "bounds": known.judges,
            "bound": row[known.column],
            "certified": None if applies is None else applies.certified,
            "noise_ball": row["noise_ball" + known.column.removeprefix("bound")],
            "refused": row["refused" + known.column.removeprefix("bound")],
        }
    return found


def output_of(path: Path | None, as_json: bool, as_csv: bool) -> Output:
    """Where the options say that the answer goes; raises ConfigError where they do not go together."""
    if as_json and as_csv:
        raise ConfigError("--json and --csv: choose one")
    asked = "json" if as_json else "csv" if as_csv else None
    if path is None:
        return Output(asked, None)
    ending = path.suffix.lstrip(".")
    if asked is None and ending not in ("json", "csv"):
        raise ConfigError(f"--output {path}: the ending must be .json or .csv (or give --json or --csv)")
    check_place(path)
    return Output(asked or ending, path)


def grid_lines(proofs: Sequence[Proof], every: bool, why: bool) -> list[str]:
    """What the tables do not say, and what to do next."""
    lines = [
        "constants: = exact, ≤ and ≥ bounds from that side; by: the theorem (lpbench list bounds); "
        "ball: the bound for T = inf; ratio: earlier / dim-free"
    ]
    silent = [name for name in theorems.names() if all(name not in proof.run.bounds for proof in proofs)]
    if every and silent:
        lines.append(f"theorems that do not apply here: {', '.join(silent)}")
    bare = sum(proof.run.tightest() is None for proof in proofs)
    if bare:
        lines.append(f"{bare} of {len(proofs)} cell groups have no bound")
    kinds = [proof.run.bounds[name] for proof in proofs if (name := proof.run.tightest()) is not None]
    if not all(bound.certified for bound in kinds):
        lines.append(
            "on this path: holds for a run that meets a condition on the way, which the run will show"
        )
    if any(proof.excess for proof in proofs):
        lines.append(
            "w* lies outside the range of a format: the bounds hold with what that costs (box_excess)"
        )
    missing = [] if why else ["--why: why theorems do not apply"]
    missing += [] if every else ["--all: every theorem and constant"]
    return lines + (["; ".join(missing)] if missing else [])


@contextmanager
def building(quiet: bool) -> Iterator[Any]:
    """What to call before each problem is built; shows on a terminal, else after some seconds, how far it is."""
    started = time.monotonic()
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with console(stderr=True).status("composing") as status:
            yield lambda i, count: status.update(f"constants and bounds of problem {i + 1} of {count}")
    else:

        def tell(i: int, count: int) -> None:
            nonlocal started
            if time.monotonic() - started > _QUIET_SECONDS:
                started = time.monotonic()
                note(f"constants and bounds of problem {i + 1} of {count}")

        yield tell
