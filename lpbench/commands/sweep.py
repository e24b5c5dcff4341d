"""`lpbench sweep`."""

from lpbench.commands._options import (
    ConfigDir,
    DryRun,
    FailFast,
    Force,
    Json,
    MaxCells,
    MaxMemory,
    Name,
    Overrides,
    Quiet,
    RunsDir,
    SkipInvalid,
    Verbose,
    Workers,
    Yes,
)


def command(
    overrides: Overrides = None,
    name: Name = "default",
    config_dir: ConfigDir = None,
    runs_dir: RunsDir = None,
    workers: Workers = None,
    force: Force = False,
    fail_fast: FailFast = False,
    skip_invalid: SkipInvalid = False,
    max_cells: MaxCells = 20_000,
    max_memory: MaxMemory = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Run the cells of a grid that are not stored yet."""
    from lpbench.commands._sweeping import asking_guard, print_plan, run_and_report
    from lpbench.sweeps.plan import make_plan

    guard = asking_guard(max_cells, yes or dry_run)
    plan = make_plan(overrides or [], name, runs_dir, config_dir, force, skip_invalid, guard)
    if dry_run:
        print_plan(plan, as_json, list_cells=False, max_memory=max_memory)
        return 0
    return run_and_report(plan, workers, force, fail_fast, as_json, quiet, verbose, max_memory)
