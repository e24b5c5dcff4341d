"""`lpbench rename`."""

from typing import Annotated

import typer

from lpbench.commands import _completion
from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True


def command(
    old: Annotated[str, typer.Argument(help="A sweep.", metavar="OLD", autocompletion=_completion.sweeps)],
    new: Annotated[str, typer.Argument(help="What it is to be called.", metavar="NEW")],
    runs_dir: opt.RunsDir = opt.RUNS,
    verbose: opt.Verbose = False,
) -> int:
    """Call a sweep otherwise; its cells stay stored, and whoever asks for the old name is told the new one."""
    from lpbench.store import find_sweep
    from lpbench.store.folder import name_of
    from lpbench.store.moving import rename

    folder = find_sweep(old, runs_dir)
    print(f"{name_of(folder)} is {rename(folder, new).name} now")
    return 0
