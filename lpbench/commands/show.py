"""`lpbench show`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _completion
from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True


def command(
    what: Annotated[
        str | None,
        typer.Argument(
            help="A sweep, a format, or the choices of a network: its tensors, and what rounds them.",
            metavar="SWEEP|FORMAT|KEY=VALUE",
            autocompletion=_completion.sweeps_and_formats,
        ),
    ] = None,
    rest: Annotated[
        list[str] | None,
        typer.Argument(help="A cell of the sweep, by the start of its cell_id.", metavar="[CELL]"),
    ] = None,
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option("--diff", metavar="A B", help="How two cells of the sweep, or two formats, differ."),
    ] = None,
    bad: Annotated[bool, typer.Option("--bad", help="The cells that failed, diverged or timed out.")] = False,
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="What the table shows (default: the result of the cells)."),
    ] = None,
    pareto: Annotated[
        str | None,
        typer.Option(
            "--pareto",
            metavar="COST",
            help="The Pareto front, groups that nothing beats in result and cost: bytes_per_step, energy_per_step, "
            "arithmetic_energy_per_step, the same of whole runs (energy_per_run), bits_per_value.",
            autocompletion=_completion.costs,
        ),
    ] = None,
    tensors: Annotated[
        bool,
        typer.Option(
            "--tensors", help="Of a network's cell: what rounding does to its tensors, and which suffer."
        ),
    ] = False,
    step: Annotated[
        int | None,
        typer.Option("--step", help="With --tensors: the recorded step nearest to it (default: the last)."),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            "--figure", help="Draw the noise floor or error against precision: FILE.html, .svg, .png or .pdf."
        ),
    ] = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    as_json: opt.Json = False,
    verbose: opt.Verbose = False,
) -> int:
    """Show a sweep, one of its cells, a number format, or what a recipe rounds: show recipe=fp8 problem=cnn.

    A format may have choices of its own: lpbench show 'float(precision=16,exponent_bits=6)'
    """
    from lpbench.commands import _pareto, _show
    from lpbench.errors import ConfigError

    if step is not None and not tensors:
        raise ConfigError("--step says which step --tensors shows")
    of_sweep = bad or tensors or any(option is not None for option in (metric, figure, pareto))
    if what is None:
        if diff is None:
            raise ConfigError("name a sweep or a format, or give --diff FORMAT FORMAT")
        return _show.format_diff(*diff, as_json)
    if "=" in what and "(" not in what.partition("=")[0]:
        if of_sweep or diff is not None:
            raise ConfigError(f"{what} is a choice; cells, metrics and figures belong to a sweep")
        return _show.recipe([what, *(rest or ())], as_json)
    if rest is not None and len(rest) > 1:
        raise ConfigError(f"one cell at a time, got {', '.join(rest)}")
    cell = rest[0] if rest else None
    folder = _show.sweep_or_none(what, runs_dir)
    if folder is None:
        if of_sweep or cell is not None or diff is not None:
            raise ConfigError(f"{what!r} is a format; cells, metrics and figures belong to a sweep")
        return _show.one_format(what, as_json)
    if pareto is not None:
        if cell is not None or diff is not None or bad or tensors or figure is not None:
            raise ConfigError("--pareto is of a whole sweep: give it with --metric and --json alone")
        return _pareto.show(folder, pareto, metric, as_json)
    if figure is not None:
        return _show.draw(folder, figure)
    if diff is not None:
        return _show.cell_diff(folder, *diff, as_json)
    if tensors:
        return _show.tensors(folder, cell, step, as_json)
    if cell is not None:
        return _show.one_cell(folder, cell, as_json)
    return _show.bad_cells(folder, as_json) if bad else _show.sweep(folder, as_json, metric)
