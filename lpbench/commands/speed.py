"""`lpbench speed`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _options as opt


def command(
    dimensions: Annotated[
        str, typer.Option("--dimensions", "-d", help="Multiples of 64.", metavar="D,D,...")
    ] = "1024,4096,16384",
    rounds: Annotated[
        int,
        typer.Option(
            "--rounds", min=1, help="Rounds in which all take turns; of fewer than 9, read nothing."
        ),
    ] = 9,
    cores: Annotated[
        int | None, typer.Option("--cores", min=1, help="Cores at once, beside one (default: all).")
    ] = None,
    entries: Annotated[
        int | None,
        typer.Option(
            "--numbers",
            min=65536,
            help="Numbers of the data (default: int8 fills the last-level cache twice).",
        ),
    ] = None,
    precision: Annotated[
        int,
        typer.Option(
            "--precision", help="Bits of HALP's offset and of LP-SGD's weights, 8 or 16.", metavar="8|16"
        ),
    ] = 16,
    figure: Annotated[
        Path | None,
        typer.Option(
            "--figure", help="Draw the gap against the clock: FILE.html, .svg, .png or .pdf.", metavar="FILE"
        ),
    ] = None,
    save: Annotated[
        bool, typer.Option("--save/--no-save", help="Keep it in RUNS/speed, for the dashboard's page Speed.")
    ] = True,
    runs_dir: opt.RunsDir = opt.RUNS,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Measure how much faster training in integers is on this machine: float32, int16 and int8 in turns.

    A step and an outer loop by dimension, on one core and on all, beside the bandwidth of the memory; and the time to
    gaps of 1e-2, 1e-4 and 1e-6. Under a minute on two cores. What was measured is kept as a file of RUNS/speed.
    """
    from lpbench.commands import _speed
    from lpbench.commands._progress import Bar
    from lpbench.errors import StoreError
    from lpbench.speed.measure import check, measure
    from lpbench.store import measurements
    from lpbench.terminal import note, print_json

    asked = _speed.numbers(dimensions)
    _speed.check_figure(figure)
    check(asked, precision, entries, cores)
    folder = measurements.prepare(runs_dir) if save else None
    with Bar(quiet) as progress:
        found = measure(asked, rounds, cores, entries, progress, precision)
    record, lost = found.record(), None
    if folder is not None:
        try:
            kept = measurements.keep(record, folder)
        except StoreError as error:  # what took a minute is printed all the same
            lost = error
        else:
            if not quiet:
                where = "" if runs_dir == opt.RUNS else f" {runs_dir}"
                note(f"kept: {kept}; beside others: lpbench dashboard{where}, page Speed")
    if as_json:
        print_json(record)
    else:
        _speed.show(found)
    if figure is not None:
        _speed.draw(record, figure)
    if lost is not None:
        raise lost
    return 0
