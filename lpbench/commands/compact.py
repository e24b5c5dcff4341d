"""`lpbench compact`."""

from lpbench.commands import _options as opt


def command(
    name: opt.Sweep, runs_dir: opt.RunsDir = opt.RUNS, as_json: opt.Json = False, verbose: opt.Verbose = False
) -> int:
    """Merge the parts that a killed sweep left into sorted files and the rollup."""
    from lpbench.store import compact, find_sweep
    from lpbench.terminal import print_json

    folder = find_sweep(name, runs_dir)
    manifest = compact(folder)
    if as_json:
        print_json(manifest)
    else:
        print(f"{folder}: {sum(manifest['counts'].values())} cells, version {manifest['version']}")
    return 0
