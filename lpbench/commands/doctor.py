"""`lpbench doctor`."""

from typing import Annotated

import typer

from lpbench.commands import _options as opt
from lpbench.errors import ExitCode


def command(
    runs_dir: opt.RunsDir = opt.RUNS,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also run the golden trajectories, in Python and compiled.")
    ] = False,
    as_json: opt.Json = False,
    verbose: opt.Verbose = False,
) -> int:
    """Check the installation: versions, cores, cache, disk. Exit code 1 if something essential is broken.

    --deep: does every algorithm in every format give the bits here that it gave where this lpbench was made? Half a
    minute; longer the first time, when kernels are compiled.
    """
    from lpbench.commands._doctor import BROKEN, examine, examine_deeply
    from lpbench.terminal import Table

    checks = [*examine(runs_dir), *(examine_deeply() if deep else ())]
    table = Table(["check", "state", "found"], [list(check) for check in checks])
    table.print(as_json)
    return ExitCode.ERROR if any(row[1] == BROKEN for row in table.rows) else ExitCode.DONE
