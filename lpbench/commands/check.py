"""`lpbench check`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _completion
from lpbench.commands._options import ConfigDir, Json, OverridesOrSweep, Quiet, RunsDir, Verbose, Workers
from lpbench.store.address import locate


def command(
    asked: OverridesOrSweep = None,
    baseline: Annotated[
        str,
        typer.Option(
            "--baseline",
            "-b",
            help="The baseline's name, or its folder.",
            autocompletion=_completion.baselines,
        ),
    ] = "main",
    runs_dir: RunsDir = None,
    config_dir: ConfigDir = None,
    workers: Workers = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds", min=1, help="Only the first so many seeds of the baseline.", show_default=False
        ),
    ] = None,
    escalate: Annotated[
        bool, typer.Option("--escalate", help="Run more seeds where it is undecided, and of bounds above 1.")
    ] = False,
    allow_missing: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-missing",
            metavar="PATTERN",
            show_default=False,
            help="Configurations that need not be run: 'algorithm=halp*'.",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="ENV|COMMAND",
            show_default=False,
            help="Compare speed with the lpbench of this environment or Python, interleaved.",
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            metavar="DIR",
            parser=locate,
            show_default=False,
            help="Append this check to a history (the dashboard shows RUNS/history).",
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", show_default=False, help="Write Markdown, for a comment."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.", show_default=False)
    ] = None,
    verdict: Annotated[
        Path | None, typer.Option("--verdict", metavar="FILE", help="Write verdict.json.", show_default=False)
    ] = None,
    github: Annotated[
        bool, typer.Option("--github", help="Annotations and job summary of GitHub Actions.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="List every configuration that is not identical.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Has anything got worse since the baseline?

    lpbench check --baseline main: runs the baseline's grid again and compares. With OVERRIDES another part of it is
    run; with SWEEP stored cells are compared. Exit code 0: no regression; 4: a regression; 5: a proven bound is
    broken; 6: not decidable (cells or baseline missing, another grid); 3: cells that are bad in both.
    """  # fmt: skip
    from lpbench.commands import _check

    files = _check.Files(markdown, junit, verdict, history, github)
    request = _check.Request(
        baseline, asked or [], runs_dir or Path("runs"), config_dir, workers, seeds, escalate, allow_missing or [],
        reference,
    )  # fmt: skip
    return _check.check(request, files, every, as_json, quiet, verbose)
