"""`lpbench resume`."""

from lpbench.commands import _options as opt


def command(
    name: opt.Sweep,
    config_dir: opt.ConfigDir = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    workers: opt.Workers = None,
    fail_fast: opt.FailFast = False,
    max_memory: opt.MaxMemory = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Run what is missing of a sweep: cells that are new, failed or timed out."""
    from lpbench.commands._sweeping import run_and_report
    from lpbench.sweeps.plan import plan_of_sweep

    plan = plan_of_sweep(name, runs_dir, config_dir)
    return run_and_report(plan, workers, False, fail_fast, as_json, quiet, verbose, max_memory)
