"""`lpbench delete`."""

from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True


def command(
    names: opt.Sweeps, yes: opt.Yes = False, runs_dir: opt.RunsDir = opt.RUNS, verbose: opt.Verbose = False
) -> int:
    """Delete sweeps for good, after two questions; what lpbench did not write into their folders stays."""
    from lpbench.commands import _delete
    from lpbench.store import find_sweep

    return _delete.delete(list(dict.fromkeys(find_sweep(name, runs_dir) for name in names)), yes)
