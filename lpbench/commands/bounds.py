"""`lpbench bounds`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands._options import (
    ConfigDir,
    Json,
    MaxCells,
    OverridesOrSweep,
    Quiet,
    RunsDir,
    SkipInvalid,
    Verbose,
    Yes,
)


def command(
    overrides: OverridesOrSweep = None,
    config_dir: ConfigDir = None,
    runs_dir: RunsDir = None,
    skip_invalid: SkipInvalid = False,
    max_cells: MaxCells = 20_000,
    yes: Yes = False,
    every: Annotated[bool, typer.Option("--all", help="Every theorem and every constant.")] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Why each theorem that does not apply does not.")
    ] = False,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one row a cell group.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write FILE.json or FILE.csv instead.", show_default=False),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Say what is proven of a grid before it runs, or of a sweep beside what it measured.

    lpbench bounds problem=family_s k=4 dimension=16,256,4096 precision=6,8: the constants of every problem, and
    of all cells that differ in nothing but the seed the tightest proven bound of the mean objective gap. Nothing
    is run. lpbench bounds SWEEP: measured and proven, and e-values; exit code 5 if a bound is broken.
    """
    from lpbench.commands import _bounds
    from lpbench.commands._sweeping import asking_guard
    from lpbench.errors import ConfigError
    from lpbench.proofs.bounds import names_sweep

    kind = _bounds.output_kind(output, as_json, as_csv)
    asked = overrides or []
    if names_sweep(asked):
        if why:
            raise ConfigError(
                "--why needs overrides: a sweep keeps its bounds, and not why there are no others"
            )
        return _bounds.sweep(asked[0], runs_dir or Path("runs"), kind, output, every, quiet)
    guard = asking_guard(max_cells, yes)
    return _bounds.grid(asked, config_dir, skip_invalid, guard, kind, output, every, why, quiet)
