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
            help="final_gap, mean_gap, test_loss, seconds ... (default: noise_floor, of networks test_error).",
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
    from lpbench.analysis.compare import compare_sweeps
    from lpbench.commands._compare import table
    from lpbench.escaping import csv_of_records
    from lpbench.store.files import write_bytes
    from lpbench.terminal import note, print_json

    found = compare_sweeps(a, b, by, metric, runs_dir)
    if csv is not None:
        write_bytes(csv, csv_of_records(found.rows).encode())
    if figure is not None:
        from lpbench.dashboard.charts.files import write_panel
        from lpbench.dashboard.panels.ratios import ratios

        write_panel(ratios([found], found.notes()), figure)
    if as_json:
        print_json({**found.summary(), "rows": found.rows})
        return 0
    table(found).print()
    for line in found.notes() if not quiet else ():
        note(line)
    return 0
