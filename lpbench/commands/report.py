"""`lpbench report`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _completion
from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Sweeps (default: the one that --view names).",
            metavar="NAME...",
            autocompletion=_completion.sweeps,
        ),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write; new or empty.")],
    view: Annotated[
        list[str] | None,
        typer.Option(
            "--view",
            metavar="ADDRESS",
            help="A view of the dashboard alone, by its address: '/precision?target=1e-3'; repeatable.",
        ),
    ] = None,
    kind: Annotated[str, typer.Option("--format", help="html, md or pdf.")] = "html",
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that is not empty.")] = False,
    config_dir: opt.ConfigDir = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    verbose: opt.Verbose = False,
) -> int:
    """Write figures and tables of a sweep, of several, or of a view, as a folder that opens offline."""
    from lpbench.dashboard.report.report import write
    from lpbench.dashboard.view import of_address
    from lpbench.errors import ConfigError
    from lpbench.registry import load_plugins
    from lpbench.store import find_sweep
    from lpbench.terminal import note

    load_plugins(config_dir)
    views = [of_address(address) for address in view or ()]
    names = names or list(dict.fromkeys(query["sweep"] for _, query in views if query.get("sweep")))
    if not names:
        raise ConfigError(
            "of which sweep? lpbench report NAME, or --view with an address that has sweep=NAME"
        )
    first, *others = [find_sweep(name, runs_dir) for name in names]
    note(f"report: {write(first, output, kind, force, others, views)}")
    return 0
