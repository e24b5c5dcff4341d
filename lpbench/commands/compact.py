"""`lpbench compact`."""

from lpbench.commands._options import Json, RunsDir, Sweep, Verbose


def command(name: Sweep, runs_dir: RunsDir = None, as_json: Json = False, verbose: Verbose = False) -> int:
    """Merge the parts that a killed sweep left into sorted files and the rollup."""
    from lpbench.store import compact, find_sweep
    from lpbench.terminal import print_json

    folder = find_sweep(name, runs_dir or "runs")
    manifest = compact(folder)
    if as_json:
        print_json(manifest)
    else:
        print(f"{folder}: {sum(manifest['counts'].values())} cells, version {manifest['version']}")
    return 0
