"""What `lpbench check` does with what it found: runs it, prints it, writes it, keeps its history."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lpbench.errors import ExitCode
from lpbench.terminal import colored, note

if TYPE_CHECKING:
    from lpbench.regression.baselines import Baseline
    from lpbench.regression.checking import Check
    from lpbench.regression.throughput import Timing
    from lpbench.sweeps.plan import Plan


def run(
    baseline: "Baseline", plan: "Plan", workers: int | None, seeds: int | None, allow_missing: Sequence[str],
    escalate: bool, quiet: bool, verbose: bool,
) -> "Check":  # fmt: skip
    """Run the cells of `plan`, check them, and look at the golden paths of what they use."""
    from lpbench.commands._progress import Progress
    from lpbench.regression import checking

    with Progress(quiet, verbose) as progress:
        cells = checking.measure(plan, workers, progress)
        result = checking.check_cells(baseline, plan.folder, cells, seeds, allow_missing)
        if escalate:
            result = checking.escalate(result, plan, workers, progress, allow_missing)
    result.golden = checking.golden_findings(result)
    return result


def throughput(result: "Check", reference: str, config_dir: Path | None, quiet: bool) -> "list[Timing]":
    """The speed of one cell of every configuration, beside that of the reference, on this machine."""
    from lpbench.regression import throughput
    from lpbench.regression.workers import parse_reference, workers

    cells = [dict(group.choices) for group in result.groups if group.now and group.choices["status"] == "ok"]
    command = parse_reference(reference)
    if not quiet:
        pairs = f"{throughput.PAIRS} interleaved pairs each"
        note(f"speed: {len(cells)} configurations, {pairs}, beside {' '.join(command)}")
    said = -1

    def on_pair(done: int, total: int) -> None:
        nonlocal said
        share = 10 * done // total
        if share != said and not quiet:
            note(f"speed: {10 * share} % of {total} pairs")
        said = share

    return throughput.compare(cells, lambda: workers(command, config_dir), on_pair=on_pair)


def show(result: "Check", every: bool, quiet: bool) -> None:
    """The table, what stands beside it, and the verdict."""
    from lpbench.regression import outputs

    table = outputs.table(result, every)
    if table is not None:
        table.print()
    for line in outputs.lines(result):
        if not quiet or not line.startswith("note: "):
            note(line)
    worst = outputs.shown(result)
    if worst and not quiet:
        note(f"one of them again: {outputs.reproduce(result, worst[0])}")
    green = result.exit_code in (ExitCode.DONE, ExitCode.SOME_BAD)
    print(colored(result.line(), 32 if green else 31, sys.stdout))


def write(
    result: "Check", verdict: Path | None, junit: Path | None, markdown: Path | None, github: bool
) -> None:
    """Write the files that were asked for; raises StoreError."""
    from lpbench.regression import outputs
    from lpbench.store.files import append_bytes, write_bytes
    from lpbench.terminal import json_bytes

    if verdict is not None:
        write_bytes(verdict, json_bytes(outputs.verdict(result)) + b"\n")
    if junit is not None:
        write_bytes(junit, outputs.junit(result))
    if markdown is not None:
        write_bytes(markdown, outputs.markdown(result).encode())
    if github:
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            append_bytes(Path(summary), outputs.markdown(result).encode())
        for line in outputs.workflow_commands(result):
            print(line, file=sys.stderr)  # as it is: a command of GitHub's log


def keep(result: "Check", folder: Path) -> None:
    """Append the check to the history in `folder`."""
    from lpbench.regression.past import rows, run_name
    from lpbench.store import history

    if found := rows(result):
        note(f"history: {history.append(folder, run_name(result), found)}")
