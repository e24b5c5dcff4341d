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
    figure: Annotated[
        Path | None,
        typer.Option(
            "--figure", help="Draw the gap against the clock: FILE.html, .svg, .png or .pdf.", metavar="FILE"
        ),
    ] = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Measure how much faster training in integers is on this machine: float32, int16 and int8 in turns.

    A step and an outer loop by dimension, on one core and on all, beside the bandwidth of the memory; and the time to
    gaps of 1e-2, 1e-4 and 1e-6. Under a minute on two cores; nothing is stored.
    """
    from lpbench.commands import _speed
    from lpbench.commands._progress import Bar
    from lpbench.speed.measure import measure
    from lpbench.terminal import print_json

    asked = _speed.numbers(dimensions)
    _speed.check_figure(figure)
    with Bar(quiet) as progress:
        found = measure(asked, rounds, cores, entries, progress)
    if figure is not None:
        _speed.draw(found, figure)
    if as_json:
        print_json(found.record())
    else:
        _speed.show(found)
    return 0
