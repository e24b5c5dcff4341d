"""`lpbench figure`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _completion
from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True


def command(
    what: Annotated[
        str,
        typer.Argument(
            help="The sweep, or the address of a page of the dashboard, as copied from the browser.",
            metavar="SWEEP|ADDRESS",
            autocompletion=_completion.sweeps,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="FILE.pdf, .pgf, .svg, .png or .html; its numbers: FILE.tex, .csv or .parquet.",
        ),
    ],
    controls: Annotated[
        list[str] | None,
        typer.Argument(
            help="Controls of the page as its address has them, or the address.", metavar="KEY=VALUE"
        ),
    ] = None,
    page: Annotated[
        str | None,
        typer.Option("--page", "-p", help="The page, such as Precision.", autocompletion=_completion.pages),
    ] = None,
    panel: Annotated[int, typer.Option("--panel", help="Which figure of the page; the first is 0.")] = 0,
    width: Annotated[
        str | None,
        typer.Option(
            "--width",
            help="Inches, or column (3.25), text (5.5), neurips, iclr, icml, icml-text, ieee, ieee-text "
            "(default: text).",
            autocompletion=_completion.widths,
        ),
    ] = None,
    height: Annotated[
        float | None, typer.Option("--height", help="Inches (default: as fits the panels).")
    ] = None,
    font_size: Annotated[float | None, typer.Option("--font-size", help="Points (default: 8).")] = None,
    caption: Annotated[
        bool | None,
        typer.Option(
            "--caption/--no-caption",
            help="Write the LaTeX figure with caption and label beside it, as FILE.tex (default: unless it is there).",
        ),
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="Of a table: these alone, in this order.", metavar="A,B")
    ] = None,
    config_dir: opt.ConfigDir = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    verbose: opt.Verbose = False,
) -> int:
    """Write one figure of the dashboard for a paper, in true size; or its numbers, as a LaTeX table.

    lpbench figure demo --page Dimension color=precision --width neurips -o dimension.pdf
    """
    from lpbench.commands import _figure

    opt.check_place(output)
    size = _figure.size(output, width, height, font_size)
    chosen = _figure.columns(output, columns)
    view = _figure.view(what, controls or [], page, panel, config_dir, runs_dir)
    more = _figure.places(config_dir, runs_dir)
    return _figure.write(view, size, chosen, more, output, caption)
