"""`lpbench dashboard`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _options as opt
from lpbench.store.address import locate


def command(
    runs: Annotated[
        Path, typer.Argument(help="The folder of sweeps, or its address.", metavar="[RUNS]", parser=locate)
    ] = Path("runs"),
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", min=1, max=65535, help="The port to listen on.")
    ] = 8050,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            help="What readers must show (other addresses than this machine's get one by themselves).",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="A further host name that requests may name; repeatable."),
    ] = None,
    edit: Annotated[
        bool,
        typer.Option("--edit", help="Readers may annotate, rename and delete sweeps; makes a token, too."),
    ] = False,
    url_prefix: Annotated[
        str, typer.Option("--url-prefix", help="Where a proxy shows it, such as /lpbench/.")
    ] = "/",
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="Processes.")] = 1,
    threads: Annotated[int, typer.Option("--threads", min=1, help="Threads of each process.")] = 8,
    config_dir: opt.ConfigDir = None,
    verbose: opt.Verbose = False,
) -> int:
    """Show sweeps in the browser: convergence, precision, dimension, formats, cells."""
    from lpbench.commands import _dashboard
    from lpbench.registry import load_plugins

    load_plugins(config_dir)
    return _dashboard.serve(
        runs, host, port, token, allow_host or [], url_prefix, workers, threads, verbose, edit
    )
