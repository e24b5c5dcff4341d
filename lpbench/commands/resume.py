"""`lpbench resume`."""

from lpbench.commands._options import (
    ConfigDir,
    FailFast,
    Json,
    MaxMemory,
    Quiet,
    RunsDir,
    Sweep,
    Verbose,
    Workers,
)


def command(
    name: Sweep,
    config_dir: ConfigDir = None,
    runs_dir: RunsDir = None,
    workers: Workers = None,
    fail_fast: FailFast = False,
    max_memory: MaxMemory = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Run what is missing of a sweep: cells that are new, failed or timed out."""
    from lpbench.commands._sweeping import run_and_report
    from lpbench.sweeps.plan import plan_of_sweep

    plan = plan_of_sweep(name, runs_dir or "runs", config_dir)
    return run_and_report(plan, workers, False, fail_fast, as_json, quiet, verbose, max_memory)
