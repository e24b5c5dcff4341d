"""`lpbench baseline`."""

from enum import StrEnum
from typing import Annotated

import typer

from lpbench.commands import _completion
from lpbench.commands import _options as opt

NEEDS_ARGUMENTS = True


class Action(StrEnum):
    """What to do with a baseline."""

    create = "create"
    update = "update"
    show = "show"
    diff = "diff"
    list = "list"


def command(
    action: Annotated[Action, typer.Argument(help="create, update, show, diff or list.", metavar="ACTION")],
    name: Annotated[
        str | None,
        typer.Argument(help="The baseline's name.", metavar="NAME", autocompletion=_completion.baselines),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="create, update: a grid to run, as for `lpbench sweep`; diff: what with, "
            "another baseline or a sweep.",
            metavar="[OVERRIDES|OTHER]",
            autocompletion=_completion.overrides_and_sweeps,
            callback=opt.each_key_once,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="SWEEP", help="Of a stored sweep.", autocompletion=_completion.sweeps),
    ] = None,
    runs_dir: opt.RunsDir = opt.RUNS,
    config_dir: opt.ConfigDir = None,
    workers: opt.Workers = None,
    as_json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> int:
    """Keep what was measured, for `lpbench check` to compare with.

    lpbench baseline create main --from SWEEP, or with OVERRIDES that are run first; update replaces it, and the
    change is a commit to review: a few kB under runs/baselines. show NAME, diff NAME OTHER, list.
    """  # fmt: skip
    from lpbench.commands import _baseline
    from lpbench.errors import ConfigError

    if action is Action.list:
        return _baseline.show_all(runs_dir, as_json)
    if name is None:
        raise ConfigError(
            f"lpbench baseline {action} needs a name; lpbench baseline list says which there are"
        )
    if action is Action.show:
        return _baseline.show(name, runs_dir, as_json)
    if action is Action.diff:
        return _baseline.diff(name, overrides or [], runs_dir, as_json)
    if source is None:
        source = _baseline.measure(name, overrides or [], action is Action.update, runs_dir, config_dir, workers, quiet,
                                   verbose)  # fmt: skip
    elif overrides:
        raise ConfigError("--from names a stored sweep, overrides a grid to run: give one of them")
    return _baseline.make(name, source, action is Action.update, runs_dir, as_json, quiet)
