"""`lpbench reproduce`."""

from pathlib import Path
from typing import Annotated

import typer

from lpbench.commands import _options as opt


def command(
    claims: Annotated[
        list[str] | None, typer.Argument(help="all, or names of claims; none: list them.", metavar="CLAIMS")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="Values of each statistic (default: 5 or more).")
    ] = None,
    first_seed: Annotated[
        int, typer.Option("--first-seed", min=0, help="Where the seeds begin: fresh ones (default: 0).")
    ] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A smaller form: two values, shorter runs.")] = False,
    path: Annotated[
        Path | None, typer.Option("--path", help="A folder with MNIST's own files, for the claim mnist.")
    ] = None,
    markdown: opt.Markdown = None,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw each claim's figure.")] = True,
    config_dir: opt.ConfigDir = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    workers: opt.Workers = None,
    force: opt.Force = False,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Reproduce what the papers claim, or a claim of your own: run, measure, PASS or FAIL.

    lpbench reproduce lists the claims; lpbench reproduce all runs them, in a few minutes. Cells, figures and claim.json
    lie in RUNS/reproduce/CLAIM; what is stored is not run again. Exit code 4 if a claim fails, 3 if cells did.
    """
    from functools import partial

    from lpbench.claims.reproduce import choose, reproduce
    from lpbench.commands import _reproduce
    from lpbench.errors import ConfigError
    from lpbench.registry import load_plugins
    from lpbench.store.files import write_bytes

    load_plugins(config_dir)
    if not claims:
        return _reproduce.list_claims(as_json)
    opt.check_place(markdown, ConfigError)
    data = None if path is None else str(path)
    chosen, left = choose(claims, data)
    one = partial(
        reproduce, runs_dir=runs_dir, replicates=seeds, quick=quick, workers=workers, force=force, path=data,
        config_dir=config_dir, first_seed=first_seed,
    )  # fmt: skip
    results = _reproduce.run(chosen, one, quiet, verbose)
    if figures:
        _reproduce.draw(results)
    if markdown is not None:
        write_bytes(markdown, _reproduce.as_markdown(results).encode())
    _reproduce.show(results, left, as_json, quiet)
    return _reproduce.exit_code(results)
