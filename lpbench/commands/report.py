"""`lpbench report`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True


def command(
    name: opt.Sweep,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write; new or empty.")],
    kind: Annotated[str, typer.Option("--format", help="html, md or pdf.")] = "html",
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that is not empty.")] = False,
    config_dir: opt.ConfigDir = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    verbose: opt.Verbose = False,
) -> int:
    """Write a sweep's figures and tables as a folder that opens offline."""
    from lpbench.dashboard.report.report import write
    from lpbench.registry import load_plugins
    from lpbench.store import find_sweep
    from lpbench.terminal import note

    load_plugins(config_dir)
    written = write(find_sweep(name, runs_dir), output, kind, force)
    note(f"report: {written}")
    return 0
