"""`lpbench bits`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _completion
from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True


def command(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="KEY=VALUE, KEY=VALUE,VALUE: all but precision and seed; none: the default problem.",
            metavar="[OVERRIDES]...",
            autocompletion=_completion.overrides,
            callback=opt.each_key_once,
        ),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            "--target",
            "-t",
            metavar="EPS",
            help="The objective gap to reach, f(w) - f*; of networks: the metric.",
        ),
    ] = None,
    within: Annotated[
        float | None,
        typer.Option(
            "--within",
            "-W",
            metavar="W",
            help="Of networks: how near to full precision, 0.01: a point of test error; of sums: to the exact ones.",
        ),
    ] = None,
    sums: Annotated[
        str | None,
        typer.Option(
            "--sums",
            metavar="LENGTHS",
            help="Of accumulators: numbers of terms, 256,4096; or the word network, whose products they are of.",
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            help="Of networks: test_error (default), best_test_error, test_loss, train_loss.",
            autocompletion=_completion.metrics_of_networks,
        ),
    ] = None,
    measure: Annotated[bool, typer.Option(help="Run cells; without, formulas only.")] = True,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=1, help="Seeds of each measured point (default: 5, of networks 8)."),
    ] = None,
    max_minutes: Annotated[
        float, typer.Option("--max-minutes", min=0, help="Leave out what takes longer in all, by estimate.")
    ] = 5.0,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Measure everything, however long it takes.")
    ] = False,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", help="Draw bits against dimension: FILE.html, .png, .svg, .pdf."),
    ] = None,
    name: opt.Name = "bits",
    config_dir: opt.ConfigDir = None,
    runs_dir: opt.RunsDirOrChoice = None,
    workers: opt.Workers = None,
    as_json: opt.Json = False,
    csv: opt.Csv = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Say how many bits reach an objective gap, by each theorem and by measurement; or how many a network needs.

    Give the choices as for a sweep, all but precision and seed. Each combination is measured with real cells, by
    bisection over the precision; what is stored is not computed again.

    lpbench bits --target 0.01 problem=family_s k=4 dimension=16,256,4096 --figure bits.html

    lpbench bits --within 0.01 problem=mlp dimension=16,64,256 recipe=all

    With --sums: how many mantissa bits an accumulator needs for sums of so many terms, proven and measured.

    lpbench bits --sums 256,4096,65536 sum_chunk=1,64
    """
    from contextlib import closing

    from lpbench.commands import _bits
    from lpbench.errors import ConfigError
    from lpbench.proofs.bits import find

    if as_json and csv:
        raise ConfigError("choose --json or --csv, not both")
    if figure is not None:
        from lpbench.dashboard.charts.files import check_ending

        check_ending(figure)
        opt.check_place(figure)
    if sums is not None:
        from lpbench.commands import _sums

        if target is not None or metric is not None:
            raise ConfigError("--sums is about accumulators alone: leave out --target and --metric")
        given = overrides or []
        return _sums.report(
            sums,
            within,
            given,
            measure,
            figure,
            as_json,
            csv,
            quiet,
            None if config_dir is None else Path(config_dir),
        )
    minutes = None if yes else max_minutes
    with closing(_bits.Rounds(quiet, verbose)) as rounds:
        found = find(
            target, overrides or [], measure, seeds, minutes, name, runs_dir, workers, config_dir, rounds,
            metric, within,
        )  # fmt: skip
    return _bits.report(found, figure, as_json, csv, quiet)
