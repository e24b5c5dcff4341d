"""`lpbench compare`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _completion
from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True


def command(
    a: Annotated[str, typer.Argument(help="A sweep.", metavar="A", autocompletion=_completion.sweeps)],
    b: Annotated[str, typer.Argument(help="Another one.", metavar="B", autocompletion=_completion.sweeps)],
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="AXES", help="Rows: algorithm,precision (default: what varies)."),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            help="noise_floor (default), final_gap, mean_gap, best_gap, seconds, steps_per_second.",
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the rows as csv.")] = None,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", metavar="FILE", help="Draw the ratios: FILE.html, .svg, .png or .pdf."),
    ] = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Set two sweeps side by side: by what factor B differs from A, with its interval.

    Cells pair on all choices, the seed included; where A and B differ throughout (lpbench compare halp svrg), that is
    what is compared. For a gate in CI: lpbench check.
    """  # fmt: skip
    from lpbench.commands import _compare

    return _compare.compare(a, b, by, metric, runs_dir, csv, figure, as_json, quiet)
