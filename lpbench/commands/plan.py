"""`lpbench plan`."""

from typing import Annotated

import typer

from lpbench.commands._options import (
    ConfigDir,
    Force,
    Json,
    MaxMemory,
    Name,
    Overrides,
    RunsDir,
    SkipInvalid,
    Verbose,
)


def command(
    overrides: Overrides = None,
    name: Name = "default",
    config_dir: ConfigDir = None,
    runs_dir: RunsDir = None,
    force: Force = False,
    skip_invalid: SkipInvalid = False,
    max_memory: MaxMemory = None,
    cells: Annotated[
        bool, typer.Option("--cells", help="List every cell with the reason why it runs.")
    ] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Say what a sweep would run, what is stored, and what the rest would cost."""
    from lpbench.commands._sweeping import print_plan
    from lpbench.sweeps.plan import MOST_CELLS, make_plan
    from lpbench.sweeps.sweep import cells_guard

    plan = make_plan(
        overrides or [], name, runs_dir, config_dir, force, skip_invalid, cells_guard(MOST_CELLS)
    )
    print_plan(plan, as_json, cells, max_memory)
    return 0
