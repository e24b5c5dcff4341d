"""What `sweep`, `plan` and `resume` share: the question before large grids, the plan and the end in words."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpbench.analysis.evidence import complaint
from lpbench.errors import ConfigError, ExitCode, TooLarge
from lpbench.store.folder import runs_option
from lpbench.terminal import Table, counted, duration, first, note, print_json, size, until_closed, warning

if TYPE_CHECKING:
    from lpbench.analysis.evidence import Evidence
    from lpbench.analysis.tables import Columns
    from lpbench.sweeps.plan import Plan
    from lpbench.sweeps.sweep import Outcome

_LISTED = 10  # lines about single cells or combinations


def asking_guard(max_cells: int, yes: bool) -> Callable[[int], None]:
    """A guard that asks on a terminal before a grid of more than `max_cells` cells, and refuses elsewhere."""

    def guard(count: int) -> None:
        if count <= max_cells or yes:
            return
        if sys.stdin.isatty() and sys.stderr.isatty():
            print(f"The grid has {count:,} cells. Go on? [y/N] ", end="", file=sys.stderr, flush=True)
            if sys.stdin.readline().strip().lower() in {"y", "yes"}:
                return
            raise ConfigError("nothing was run")
        raise ConfigError(f"the grid has {count:,} cells, more than --max-cells {max_cells}: use --yes")

    return guard


@contextmanager
def memory_option() -> Iterator[None]:
    """What does not fit into memory is refused with the option that lets it run."""
    try:
        yield
    except TooLarge as error:
        raise TooLarge(f"{error}; --max-memory GB allows more") from None


def print_plan(plan: "Plan", as_json: bool, list_cells: bool, max_memory: float | None = None) -> None:
    """The plan on stdout, with an estimate of what the cells that will run cost; raises what `plan.check` does."""
    from lpbench.cells.cost import estimate, memory, notes, warnings

    for line in warnings(plan.todo):
        warning(line)
    expected, remarks, needed = estimate(plan.todo), notes(plan.todo), memory(plan.todo, plan.at_once)[0]
    if as_json:
        print_json(
            {
                "name": plan.name,
                "folder": str(plan.folder),
                "cells": len(plan.cells),
                "reasons": plan.counts,
                "collapsed": plan.collapsed,
                "invalid": [{"overrides": text, "error": message} for text, message in plan.invalid],
                "axes": plan.axes,
                "estimate": {
                    "core_seconds": expected.seconds,
                    "bytes": expected.bytes,
                    "memory": needed,
                    "unknown_cells": expected.unknown,
                },
                "notes": remarks,
                **({"list": _cell_table(plan).records()} if list_cells else {}),
            }
        )
    else:
        if list_cells:
            _cell_table(plan).print()
        for line in plan_lines(plan, expected, remarks, needed):
            print(line)
    plan.check()
    with memory_option():
        plan.check_needs(max_memory)


def plan_lines(plan: "Plan", expected: Any, remarks: list[str], needed: float) -> list[str]:
    """The plan in words."""
    counts = plan.counts
    waiting = {reason: count for reason, count in counts.items() if reason != "stored"}
    todo = sum(waiting.values())
    lines = [f"sweep {plan.name} in {plan.folder}: {len(plan.cells)} cells"]
    for key, values in plan.axes.items():
        shown = ["null" if value is None else str(value) for value in values]
        more = f" ... ({len(shown)} values)" if len(shown) > _LISTED else ""
        lines.append(f"  {key}: {', '.join(shown[:_LISTED])}{more}")
    why = f" ({counted(waiting)})" if waiting else ""
    lines.append(f"stored: {counts.get('stored', 0)}; to run: {todo}{why}")
    if plan.collapsed:
        lines.append(f"collapsed: {plan.collapsed} (they differ from another cell only in what is not read)")
    lines += invalid_lines(plan)
    if todo:
        lines.append(_estimate_line(expected, plan.runtime.get("workers")))
        lines.append(f"memory: about {size(needed)}, {plan.at_once} cells at a time")
    return lines + [f"note: {remark}" for remark in remarks]


def _estimate_line(expected: Any, workers: int | None) -> str:
    from lpbench.executors.base import cores

    count = workers or cores()
    shared = duration(expected.seconds / count)
    text = (
        f"estimate: {duration(expected.seconds)} on one core, {shared} on {count}; "
        f"{size(expected.bytes)} (without compiling kernels and building problems)"
    )
    if expected.unknown:
        text += f"; unknown for {expected.unknown} cells, whose steps depend on constants of their problem"
    return text


def invalid_lines(plan: "Plan") -> list[str]:
    """The combinations that make no sense, the first of them in words."""
    if not plan.invalid:
        return []
    count = len(plan.invalid)
    lines = ["1 combination makes no sense:" if count == 1 else f"{count} combinations make no sense:"]
    said = [f"{overrides}: {message}" for overrides, message in plan.invalid]
    return lines + [f"  {line}" for line in first(said, _LISTED)]


def _cell_table(plan: "Plan") -> Table:
    keys = list(plan.axes)
    rows = [
        [cell.cell_id, reason, *(cell.choices[key] for key in keys)]
        for cell, reason in zip(plan.cells, plan.reasons, strict=True)
    ]
    return Table(["cell_id", "reason", *keys], rows)


def run_and_report(
    plan: "Plan",
    workers: int | None,
    force: bool,
    fail_fast: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    max_memory: float | None = None,
) -> int:
    """Run `plan`, print its noise floors and broken bounds, and return the exit code; raises Interrupted after
    Ctrl-C.
    """
    from lpbench.analysis.evidence import weigh
    from lpbench.cells.cost import warnings
    from lpbench.commands._progress import Progress
    from lpbench.sweeps.sweep import run_plan

    plan.check()
    if plan.invalid and not quiet:  # and they are to be left out
        for line in invalid_lines(plan):
            note(line)
    for line in warnings(plan.todo):
        warning(line)
    with Progress(quiet, verbose) as progress, memory_option():
        outcome = run_plan(plan, workers, force, fail_fast, progress, max_memory).complete()
    bad = {status: count for status, count in outcome.counts.items() if status != "ok"}
    columns, axes = _columns(outcome)
    evidence = weigh(columns, every=False)
    if as_json or not quiet:
        with until_closed():
            _print_floors(outcome, columns, axes, evidence, as_json)
    say_evidence(evidence, plan.name, plan.folder.parent, quiet)
    if bad or not quiet:
        _summary(outcome)
    if evidence.broken:
        return ExitCode.BOUND_BROKEN
    return ExitCode.SOME_BAD if bad else ExitCode.DONE


def _columns(outcome: "Outcome") -> tuple["Columns", list[str]]:
    """What tables and bounds need of the cells of the plan, and their axes."""
    from lpbench.analysis.evidence import COLUMNS
    from lpbench.analysis.tables import axes_of, read

    columns, schema = read(outcome.plan.folder, COLUMNS)
    if len(outcome.statuses) < len(columns["cell_id"]):
        chosen = [i for i, cell_id in enumerate(columns["cell_id"]) if cell_id in outcome.statuses]
        columns = {name: [values[i] for i in chosen] for name, values in columns.items()}
    return columns, axes_of(schema)


def _print_floors(
    outcome: "Outcome", columns: "Columns", axes: list[str], evidence: "Evidence", as_json: bool
) -> None:
    from lpbench.analysis.tables import pivot, results

    records = results(columns, every=axes)
    if as_json:
        plan = outcome.plan
        where = {"name": plan.name, "folder": str(plan.folder)}
        found = {"counts": outcome.counts, "noise_floors": records, "bounds": evidence.summary()}
        print_json({**where, "ran": outcome.ran, **found})
    else:
        pivot(records).print()


def say_evidence(
    evidence: "Evidence", name: str, runs_dir: Path, quiet: bool = False, hint: bool = True
) -> None:
    """On stderr: how the bounds did, in one line, and those that are broken in red, with what to do next."""
    line = evidence.line()
    if line is not None and not quiet:
        note(line)
    where = runs_option(runs_dir)
    said = [f"{complaint(one)}; see: lpbench show {name} {one['cell_id']}{where}" for one in evidence.broken]
    for line in first(said, _LISTED, "more broken bounds"):
        note(line, 31)
    if evidence.broken and hint:
        note(f"all bounds of the sweep: lpbench bounds {name}{where}")


def _summary(outcome: "Outcome") -> None:
    plan = outcome.plan
    from lpbench.commands._progress import cell_line

    for row in outcome.bad[:_LISTED]:
        warning(cell_line(row))
    if outcome.n_bad > _LISTED:
        warning(f"... and {outcome.n_bad - _LISTED} more: lpbench show {plan.name} --bad")
    counts = counted(Counter(outcome.counts).most_common())
    missing = len(plan.cells) - len(outcome.statuses)
    not_run = f", {missing} not run" if missing else ""
    note(f"{len(plan.cells)} cells: {counts}{not_run}; computed now: {outcome.ran}")
    note(f"results: {plan.folder}; next: lpbench show {plan.name}{runs_option(plan.folder.parent)}")
