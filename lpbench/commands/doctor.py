"""`lpbench doctor`."""

from pathlib import Path

from lpbench.commands._options import Json, RunsDir, Verbose


def command(runs_dir: RunsDir = None, as_json: Json = False, verbose: Verbose = False) -> int:
    """Check the installation: versions, cores, cache, disk. Exit code 1 if something essential is broken."""
    from lpbench.commands._doctor import BROKEN, examine
    from lpbench.terminal import Table, print_json

    table = Table(["check", "state", "found"], [list(check) for check in examine(runs_dir or Path("runs"))])
    if as_json:
        print_json(table.records())
    else:
        table.print()
    return 1 if any(row[1] == BROKEN for row in table.rows) else 0
