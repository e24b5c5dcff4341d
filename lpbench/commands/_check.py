"""What `lpbench check` does with what it found: runs it, prints it, writes it, keeps its history."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpbench.errors import ConfigError, ExitCode
from lpbench.terminal import colored, note, print_json

if TYPE_CHECKING:
    from lpbench.regression.checking import Check
    from lpbench.regression.throughput import Timing


@dataclass(frozen=True)
class Request:
    """What to check against what."""

    baseline: str
    asked: Sequence[str]
    runs_dir: Path
    config_dir: Path | None
    workers: int | None
    seeds: int | None
    escalate: bool
    allow_missing: Sequence[str]
    reference: str | None


@dataclass(frozen=True)
class Files:
    """Where to write what was found."""

    markdown: Path | None
    junit: Path | None
    verdict: Path | None
    history: Path | None
    github: bool

    def probe(self) -> None:
        """Raise ConfigError, before an hour of work, where a file cannot be written."""
        for path in (self.markdown, self.junit, self.verdict):
            if path is not None and not path.parent.is_dir():
                raise ConfigError(f"cannot write {path}: there is no folder {path.parent}")


def check(request: Request, files: Files, every: bool, as_json: bool, quiet: bool, verbose: bool) -> int:
    """Run the check; returns the exit code."""
    from lpbench.regression import outputs

    files.probe()
    result = _run(request, quiet, verbose)
    if as_json:
        print_json(outputs.verdict(result))
    else:
        _print(result, every, quiet)
    write(result, files)
    return result.exit_code


def _run(request: Request, quiet: bool, verbose: bool) -> "Check":
    from lpbench.commands._progress import Progress
    from lpbench.proofs.bounds import names_sweep
    from lpbench.regression import baselines, checking

    baseline = baselines.load(request.baseline, request.runs_dir)
    if names_sweep(request.asked):
        if request.escalate:
            raise ConfigError("--escalate runs cells: give overrides, or nothing, in place of a stored sweep")
        result = checking.check_sweep(
            baseline, request.asked[0], request.runs_dir, request.seeds, request.allow_missing
        )
    else:
        progress = Progress(quiet, verbose)
        try:
            folder, cells = checking.run(
                baseline, request.asked, request.runs_dir, request.config_dir, request.workers, request.seeds,
                progress,
            )  # fmt: skip
            result = checking.check_cells(baseline, folder, cells, request.seeds, request.allow_missing)
            if request.escalate:
                plan = checking.plan_of(baseline, request.asked, request.runs_dir, request.config_dir)
                result = checking.escalate(result, plan, request.workers, progress, request.allow_missing)
        finally:
            progress.close()
        result.golden = checking.golden_findings(result)
    if request.reference is not None:
        result.timings = _throughput(result, request.reference, request.config_dir, quiet)
    return result


def _throughput(result: "Check", reference: str, config_dir: Path | None, quiet: bool) -> "list[Timing]":
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


def _print(result: "Check", every: bool, quiet: bool) -> None:
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
    print(
        colored(
            result.line(), 32 if result.exit_code in (ExitCode.DONE, ExitCode.SOME_BAD) else 31, sys.stdout
        )
    )


def write(result: "Check", files: Files) -> None:
    """Write the files that were asked for; raises StoreError."""
    from lpbench.regression import outputs
    from lpbench.store.files import append_bytes, write_bytes
    from lpbench.terminal import json_bytes

    summary = os.environ.get("GITHUB_STEP_SUMMARY") if files.github else None
    if files.verdict is not None:
        write_bytes(files.verdict, json_bytes(outputs.verdict(result)) + b"\n")
    if files.junit is not None:
        write_bytes(files.junit, outputs.junit(result))
    if files.markdown is not None:
        write_bytes(files.markdown, outputs.markdown(result).encode())
    if summary:
        append_bytes(Path(summary), outputs.markdown(result).encode())
    if files.github:
        for line in outputs.workflow_commands(result):
            print(line, file=sys.stderr)  # as it is: a command of GitHub's log
    if files.history is not None:
        _keep(result, files.history)


def _keep(result: "Check", folder: Path) -> None:
    from lpbench.regression.past import rows, run_name
    from lpbench.store import history

    found: list[dict[str, Any]] = rows(result)
    if found:
        path = history.append(folder, run_name(result), found)
        note(f"history: {path}")
