"""`lpbench check`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _completion
from lpbench.commands import _options as opt
from lpbench.store.address import locate


def command(
    asked: opt.OverridesOrSweep = None,
    baseline: Annotated[
        str,
        typer.Option(
            "--baseline",
            "-b",
            help="The baseline's name, or its folder.",
            autocompletion=_completion.baselines,
        ),
    ] = "main",
    runs_dir: opt.RunsDir = opt.RUNS,
    config_dir: opt.ConfigDir = None,
    workers: opt.Workers = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="Only the first so many seeds of the baseline.")
    ] = None,
    escalate: Annotated[
        bool, typer.Option("--escalate", help="Run more seeds where it is undecided, and of bounds above 1.")
    ] = False,
    allow_missing: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-missing",
            metavar="PATTERN",
            help="Configurations that need not be run: 'algorithm=halp*'.",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="ENV|COMMAND",
            help="Compare speed with the lpbench of this environment or Python, interleaved.",
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            "--history",
            metavar="DIR",
            parser=locate,
            help="Append this check to a history (the dashboard shows RUNS/history).",
        ),
    ] = None,
    markdown: opt.Markdown = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")] = None,
    verdict: Annotated[
        Path | None, typer.Option("--verdict", metavar="FILE", help="Write verdict.json.")
    ] = None,
    github: Annotated[
        bool, typer.Option("--github", help="Annotations and job summary of GitHub Actions.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="List every configuration that is not identical.")
    ] = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Has anything got worse since the baseline?

    lpbench check --baseline main: runs the baseline's grid again and compares. With OVERRIDES another part of it is
    run; with SWEEP stored cells are compared. Exit code 0: no regression; 4: a regression; 5: a proven bound is
    broken; 6: not decidable (cells or baseline missing, another grid); 3: cells that are bad in both.
    """  # fmt: skip
    from lpbench.commands import _check
    from lpbench.errors import ConfigError
    from lpbench.proofs.bounds import names_sweep
    from lpbench.regression import baselines, checking, outputs
    from lpbench.terminal import print_json

    for path in (markdown, junit, verdict):
        opt.check_place(path, ConfigError)
    kept, grid, missing = baselines.load(baseline, runs_dir), asked or [], allow_missing or []
    if names_sweep(grid):
        if escalate:
            raise ConfigError("--escalate runs cells: give overrides, or nothing, in place of a stored sweep")
        result = checking.check_sweep(kept, grid[0], runs_dir, seeds, missing)
    else:
        plan = checking.plan_of(kept, grid, runs_dir, config_dir, seeds=seeds)
        result = _check.run(kept, plan, workers, seeds, missing, escalate, quiet, verbose)
    if reference is not None:
        result.timings = _check.throughput(result, reference, config_dir, quiet)
    if as_json:
        print_json(outputs.verdict(result))
    else:
        _check.show(result, every, quiet)
    _check.write(result, verdict, junit, markdown, github)
    if history is not None:
        _check.keep(result, history)
    return result.exit_code
