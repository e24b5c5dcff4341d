"""`lpbench reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands._options import ConfigDir, Force, Json, Quiet, RunsDir, Verbose, Workers


def command(
    claims: Annotated[
        list[str] | None,
        typer.Argument(
            help="all, or names of claims; none: list them.", metavar="CLAIMS", show_default=False
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds", min=1, help="Values of each statistic (default: 5 or more).", show_default=False
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A smaller form: two values, shorter runs.")] = False,
    path: Annotated[
        Path | None,
        typer.Option(
            "--path", help="A folder with MNIST's own files, for the claim mnist.", show_default=False
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help="Write the results as Markdown.", show_default=False),
    ] = None,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw each claim's figure.")] = True,
    config_dir: ConfigDir = None,
    runs_dir: RunsDir = None,
    workers: Workers = None,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Reproduce what the papers claim, or a claim of your own: run, measure, PASS or FAIL.

    lpbench reproduce lists the claims; lpbench reproduce all runs them, in a few minutes. Cells, figures and claim.json
    lie in RUNS/reproduce/CLAIM; what is stored is not run again. Exit code 4 if a claim fails, 3 if cells did.
    """
    from lpbench.commands import _reproduce
    from lpbench.registry import load_plugins

    load_plugins(config_dir)
    if not claims:
        return _reproduce.list_claims(as_json)
    options = _reproduce.Options(
        runs_dir or Path("runs"), seeds, quick, workers, force, None if path is None else str(path), config_dir,
    )  # fmt: skip
    return _reproduce.run(claims, options, figures, markdown, as_json, quiet, verbose)
