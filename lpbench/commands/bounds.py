"""`lpbench bounds`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _options as opt


def command(
    overrides: opt.OverridesOrSweep = None,
    config_dir: opt.ConfigDir = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    skip_invalid: opt.SkipInvalid = False,
    max_cells: opt.MaxCells = 20_000,
    yes: opt.Yes = False,
    every: Annotated[bool, typer.Option("--all", help="Every theorem and every constant.")] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Why each theorem that does not apply does not.")
    ] = False,
    as_json: opt.Json = False,
    as_csv: opt.Csv = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write FILE.json or FILE.csv instead.")
    ] = None,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
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

    where = _bounds.output_of(output, as_json, as_csv)
    asked = overrides or []
    if names_sweep(asked):
        if why:
            raise ConfigError(
                "--why needs overrides: a sweep keeps its bounds, and not why there are no others"
            )
        return _bounds.sweep(asked[0], runs_dir, where, every, quiet)
    guard = asking_guard(max_cells, yes)
    return _bounds.grid(asked, config_dir, skip_invalid, guard, where, every, why, quiet)
