"""`lpbench sweep`."""

from lpbench.commands import _options as opt


def command(
    overrides: opt.Overrides = None,
    name: opt.Name = "default",
    config_dir: opt.ConfigDir = None,
    runs_dir: opt.RunsDirOrChoice = None,
    workers: opt.Workers = None,
    force: opt.Force = False,
    fail_fast: opt.FailFast = False,
    skip_invalid: opt.SkipInvalid = False,
    max_cells: opt.MaxCells = 20_000,
    max_memory: opt.MaxMemory = None,
    yes: opt.Yes = False,
    dry_run: opt.DryRun = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
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
