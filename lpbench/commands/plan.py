"""`lpbench plan`."""

from typing import Annotated

import typer

from lpbench.commands import _options as opt


def command(
    overrides: opt.Overrides = None,
    name: opt.Name = "default",
    config_dir: opt.ConfigDir = None,
    runs_dir: opt.RunsDirOrChoice = None,
    force: opt.Force = False,
    skip_invalid: opt.SkipInvalid = False,
    max_memory: opt.MaxMemory = None,
    cells: Annotated[
        bool, typer.Option("--cells", help="List every cell with the reason why it runs.")
    ] = False,
    as_json: opt.Json = False,
    verbose: opt.Verbose = False,
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
